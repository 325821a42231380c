/* numeric.c: sums and products through the kernels of this machine.  See numeric.h. */
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "cli.h"
#include "kernels.h"
#include "memory.h"
#include "numeric.h"
#include "quants.h"
#include "threads.h"

/*
 * True if the BF16 product gives the contract's bits: where instructions do it,
 * at the edge of what they flush to zero, makers may differ.
 */
static bool agrees_with_plain(const struct kernels *k)
{
	/* 2^-126 - 2^-75 2^-76 f, for f from 1 to 2.375 in BF16 */
	uint16_t w[32] = {[29] = 0x3f80, [31] = 0x1a00}, x[32] = {[29] = 0x0080};
	float y, plain_y;
	for (uint16_t f = 0; f < 24; f++) {
		x[31] = (uint16_t)(0x9980 + 8 * f);
		struct product p = {.w = (const unsigned char *)w, .w_bytes = sizeof w, .rows = 1,
			.x = x, .x_bytes = sizeof x, .n = 1, .in = 32, .y = &y, .y_stride = 1};
		k->product_bf16(&p);
		p.y = &plain_y;
		kernels_plain.product_bf16(&p);
		if (memcmp(&y, &plain_y, sizeof y) != 0)
			return false;
	}
	return true;
}

#if defined(__x86_64__)
/* F16C, which compilers do not all know by name. */
static bool has_f16c(void)
{
	unsigned a, b, c, d;
	return __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C;
}
#endif

int kernels_available(const struct kernels *have[KERNELS_MAX])
{
	int n = 0;
	have[n++] = &kernels_plain;
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c())
		have[n++] = &kernels_avx2;
	if (n == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni") &&
	    __builtin_cpu_supports("avx512bf16"))
		have[n++] = &kernels_avx512;
#elif defined(__aarch64__)
	have[n++] = &kernels_neon;
	if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP)
		have[n++] = &kernels_dotprod;
#endif
	int good = 1;
	for (int i = 1; i < n; i++)
		if (agrees_with_plain(have[i]))
			have[good++] = have[i];
	return good;
}

const struct kernels *kernels_choose(void)
{
	static const struct kernels *chosen;
	if (chosen)
		return chosen;
	const struct kernels *have[KERNELS_MAX];
	int n = kernels_available(have);
	const char *name = getenv("LM_ISA");
	if (!name || !*name)
		return chosen = have[n - 1];
	for (int i = 0; i < n; i++)
		if (strcmp(name, have[i]->name) == 0)
			return chosen = have[i];
	die("LM_ISA", "'%.20s' is not an instruction set of this program and machine; the best is %s",
	    name, have[n - 1]->name);
}

float dot_f32(const float *a, const float *b, size_t n)
{
	return kernels_choose()->dot_f32(a, b, n);
}

float sum_f32(const float *x, size_t n)
{
	return kernels_choose()->sum_f32(x, n);
}

void add_scaled(float a, const float *x, float *y, size_t n)
{
	kernels_choose()->add_scaled(a, x, y, n);
}

void dot_all(const float *q, size_t n, const float *k, size_t keys, size_t d, float *scores, size_t stride)
{
	kernels_choose()->product_f32(&(struct product){
		.w = (const unsigned char *)k, .w_bytes = d * sizeof *k, .rows = keys,
		.x = q, .x_bytes = d * sizeof *q, .n = n, .in = d, .y = scores, .y_stride = stride,
	}, DTYPE_F32);
}

void weigh(const float *weights, size_t stride, size_t n, const float *v, size_t keys, size_t d, float *z)
{
	weigh_all(&(struct weighing){
		.weights = weights, .row = stride, .step = 1, .n = n,
		.v = v, .keys = keys, .v_stride = d, .d = d, .z = z, .z_stride = d,
	});
}

void weigh_all(const struct weighing *w)
{
	kernels_choose()->weigh(w);
}

float max_f32(const float *x, size_t n)
{
	float max = x[0];
	for (size_t k = 1; k < n; k++)
		max = x[k] > max ? x[k] : max;
	return max;
}

void exp_shifted(const float *x, float shift, float *y, size_t n)
{
	kernels_choose()->exp_shifted(x, shift, y, n);
}

void unpack_f32(const void *data, enum dtype type, size_t n, float *x)
{
	if (type == DTYPE_F32)
		memcpy(x, data, n * sizeof *x);
	else if (type == DTYPE_F16)
		kernels_choose()->unpack_f16(data, n, x);
	else if (type == DTYPE_BF16)
		kernels_choose()->unpack_bf16(data, n, x);
	else
		quant_unpack(type, data, n, x);
}

void round_bf16(const float *x, size_t n, uint16_t *b)
{
	kernels_choose()->round_bf16(x, n, b);
}

void activate_all(enum activation activation, const float *x, size_t n, float *y)
{
	kernels_choose()->activate(activation, x, NULL, n, y);
}

void activate_gated(enum activation activation, const float *gate, const float *up, size_t n,
		    float *neurons)
{
	kernels_choose()->activate(activation, gate, up, n, neurons);
}

void gate_backward(enum activation activation, const float *gate, const float *up, const float *dneurons, size_t n,
		   float *dgate, float *dup)
{
	kernels_choose()->gate_backward(activation, gate, up, dneurons, n, dgate, dup);
}

/* ---- the input of matrices ---- */

enum form { FORM_F32, FORM_BF16, FORM_32, FORM_256 };

/* The form of x that a type of weight is multiplied with. */
static enum form form_for(enum dtype type, bool exact)
{
	if (exact || type == DTYPE_F32 || type == DTYPE_F16)
		return FORM_F32;
	if (type == DTYPE_BF16)
		return FORM_BF16;
	return quant_of(type)->elements == 32 ? FORM_32 : FORM_256;
}

static size_t form_bytes(enum form form, size_t in)
{
	switch (form) {
	case FORM_BF16:
		return (in + 31) / 32 * 32 * sizeof(uint16_t);
	case FORM_32:
	case FORM_256:
		return activations_count(in) * sizeof(struct activations);
	default:
		return in * sizeof(float);
	}
}

static void *form_of(const struct input *x, enum form form)
{
	switch (form) {
	case FORM_BF16:
		return x->bf16;
	case FORM_32:
		return x->blocks_32;
	case FORM_256:
		return x->blocks_256;
	default:
		return (void *)x->x;
	}
}

/* Row `piece` of x in another form. */
struct rounding {
	const struct input *x;
	enum form form;
};

static void round_row(void *data, size_t piece, int thread)
{
	const struct rounding *r = data;
	const struct kernels *k = kernels_choose();
	size_t in = r->x->in, bytes = form_bytes(r->form, in);
	const float *x = r->x->x + piece * in;
	unsigned char *to = (unsigned char *)form_of(r->x, r->form) + piece * bytes;
	(void)thread;
	if (r->form == FORM_BF16) {
		k->round_bf16(x, in, (uint16_t *)to);
		memset(to + in * sizeof(uint16_t), 0, bytes - in * sizeof(uint16_t));
	} else if (r->form == FORM_32) {
		k->round_32(x, in, (struct activations *)to);
	} else {
		k->round_256(x, in, (struct activations *)to);
	}
}

/* Makes a form of x, unless it has been made already. */
static void input_round(struct input *x, enum form form)
{
	if (form_of(x, form))
		return;
	void *rows = mem_aligned(x->n, form_bytes(form, x->in));
	if (form == FORM_BF16)
		x->bf16 = rows;
	else if (form == FORM_32)
		x->blocks_32 = rows;
	else
		x->blocks_256 = rows;
	threads_run(round_row, &(struct rounding){x, form}, x->n, (double)(x->n * x->in) / 2);
}

void input_free(struct input *x)
{
	free(x->bf16);
	free(x->blocks_32);
	free(x->blocks_256);
}

/* ---- matrices ---- */

/* A matrix, its rows cut into pieces. */
struct part {
	const struct linear *l;
	float *y;
	size_t rows, pieces;            /* of a piece; how many */
};

/* Several matrices; one room for each thread. */
struct job {
	struct part *parts;
	const struct input *x;
	unsigned char *room;
	size_t room_bytes;
};

#define UNPACKED 4              /* rows unpacked at a time */

#define STRETCH (128 << 10)     /* bytes of weights that are worth reading in one go */

/*
 * Rows of a piece.  For few rows of x, what counts is memory: long stretches,
 * as many for each thread.  For many, which are read again for each piece: that
 * it is neither too small nor too large to be shared well.
 */
static size_t piece_rows(const struct weight *w, const struct input *x)
{
	size_t threads = (size_t)threads_count(), pieces, rows;
	if (x->n >= 32)
		return 96;
	pieces = w->out * dtype_bytes(w->type, w->in) / STRETCH / threads * threads;
	pieces = pieces < threads ? threads : pieces;
	rows = (w->out + pieces - 1) / pieces;
	return (rows + 7) / 8 * 8;      /* whole strips of the kernels */
}

/* Rows that are unpacked to F32 first. */
static void product_unpacked(const struct kernels *k, struct product p, enum dtype type, float *rows)
{
	size_t end = p.rows, bytes = p.w_bytes;
	const unsigned char *w = p.w;
	float *y = p.y;
	p.w = (const unsigned char *)rows;
	p.w_bytes = p.in * sizeof *rows;
	for (size_t o = 0; o < end; o += UNPACKED) {
		p.rows = end - o < UNPACKED ? end - o : UNPACKED;
		for (size_t r = 0; r < p.rows; r++)
			quant_unpack(type, w + (o + r) * bytes, p.in, rows + r * p.in);
		p.y = y + o;
		k->product_f32(&p, DTYPE_F32);
	}
}

/* Rows o to o + rows - 1 of a matrix. */
static void linear_rows(const struct job *j, const struct linear *l, float *y, size_t o, size_t rows, void *room)
{
	const struct kernels *k = kernels_choose();
	const struct weight *w = &l->w;
	enum form form = form_for(w->type, j->x->exact);
	struct product p = {
		.w_bytes = dtype_bytes(w->type, w->in), .rows = rows,
		.x = form_of(j->x, form), .x_bytes = form_bytes(form, w->in), .n = j->x->n, .in = w->in,
		.y = y + o, .y_stride = w->out,
	};
	p.w = (const unsigned char *)w->data + o * p.w_bytes;
	if (form == FORM_BF16)
		k->product_bf16(&p);
	else if (form != FORM_F32)
		k->product_blocks(&p, w->type, room);
	else if (w->type == DTYPE_F32 || w->type == DTYPE_F16 || w->type == DTYPE_BF16)
		k->product_f32(&p, w->type);
	else
		product_unpacked(k, p, w->type, room);
	for (size_t i = 0; l->bias && i < p.n; i++)
		for (size_t r = 0; r < rows; r++)
			p.y[i * p.y_stride + r] += l->bias[o + r];
}

static void job_piece(void *data, size_t piece, int thread)
{
	const struct job *j = data;
	const struct part *part = j->parts;
	for (; piece >= part->pieces; part++)
		piece -= part->pieces;
	size_t o = piece * part->rows, rest = part->l->w.out - o;
	linear_rows(j, part->l, part->y, o, rest < part->rows ? rest : part->rows,
		    j->room + (size_t)thread * j->room_bytes);
}

/* Bytes of room that a thread needs for a matrix. */
static size_t room_for(enum dtype type, const struct input *x)
{
	enum form form = form_for(type, x->exact);
	if (form == FORM_32 || form == FORM_256)
		return kernels_choose()->blocks_room(x->in);
	return quant_of(type)->elements > 1 ? UNPACKED * x->in * sizeof(float) : 0;
}

void linear_all(const struct linear *const *l, float *const *y, size_t count, struct input *x)
{
	struct job j = {.parts = mem_array(count, sizeof *j.parts), .x = x};
	size_t pieces = 0;
	double work = 0;        /* nanoseconds, roughly: 32 products in each */
	for (size_t i = 0; i < count; i++) {
		const struct weight *w = &l[i]->w;
		size_t room = room_for(w->type, x), rows = piece_rows(w, x);
		j.room_bytes = room > j.room_bytes ? room : j.room_bytes;
		j.parts[i] = (struct part){l[i], y[i], rows, (w->out + rows - 1) / rows};
		pieces += j.parts[i].pieces;
		work += (double)w->out * (double)x->in * (double)x->n / 32;
		if (x->n > 0)
			input_round(x, form_for(w->type, x->exact));
	}
	j.room_bytes = (j.room_bytes + 63) / 64 * 64;
	j.room = mem_aligned((size_t)threads_count(), j.room_bytes);
	if (x->n > 0)           /* a prompt's early rows want no logits: do not go through W for them */
		threads_run(job_piece, &j, pieces, work);
	free(j.room);
	free(j.parts);
}

void linear(const struct linear *l, struct input *x, float *y)
{
	linear_all(&l, &y, 1, x);
}
