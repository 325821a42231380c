/*
 * kernels [-t] [seed [count]]: every kernel that this machine can run against
 * the plain one, bit for bit, on random shapes with all their tails; weights end
 * at the end of a mapping.  Prints how many results were compared for each
 * instruction set.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blocks.h"
#include "cli.h"
#include "kernels.h"
#include "memory.h"
#include "numeric.h"
#include "quants.h"
#include "random.h"

static uint64_t seed;
static uint32_t drawn;
static unsigned long compared;

static void usage(FILE *f)
{
	fputs("usage: kernels [seed [count]]\n", f);
}

static uint32_t draw(void)
{
	uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, counter[4] = {drawn++, 0, 0, 0}, out[4];
	philox(key, counter, out);
	return out[0];
}

static size_t below(size_t n)
{
	return draw() % n;
}

/* n bytes that end where nothing may be read. */
static unsigned char *at_the_edge(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (n + page - 1) / page * page;
	unsigned char *p = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p + whole, page, PROT_NONE) != 0)
		die(NULL, "no memory");
	return p + whole - n;
}

static void release(unsigned char *p, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (n + page - 1) / page * page;
	munmap(p + n - whole, whole + page);
}

/*
 * Floats of moderate size; of any, then denormal or infinite too; and such that
 * the product of two is near the smallest normal number.
 */
enum size { MODERATE, ANY, TINY };

static enum size draw_size(void)
{
	static const enum size sizes[8] = {[6] = TINY, [7] = ANY};
	return sizes[below(8)];
}

static float number(enum size size)
{
	uint32_t bits = draw();
	float x;
	if (size != ANY)
		bits = (bits & 0x807fffff) | ((size == TINY ? 58 : 120) + below(12)) << 23;
	memcpy(&x, &bits, sizeof x);
	return x;
}

static void fill_weights(enum dtype type, unsigned char *w, size_t n, enum size size)
{
	const struct quant *q = quant_of(type);
	for (size_t i = 0; i < dtype_bytes(type, n); i++)
		w[i] = (unsigned char)draw();
	if (type == DTYPE_F32 || type == DTYPE_BF16 || type == DTYPE_F16)
		for (size_t i = 0; i < n; i++) {
			float x = number(size);
			if (type == DTYPE_F32)
				memcpy(w + 4 * i, &x, 4);
			else if (type == DTYPE_BF16)
				memcpy(w + 2 * i, (unsigned char *)&x + 2, 2);
			else if (size != ANY)
				w[2 * i + 1] = (unsigned char)((w[2 * i + 1] & 0x83) | 0x2c);
		}
	else if (size != ANY)           /* moderate scales */
		for (size_t i = 0; i < n / q->elements; i++) {
			unsigned char *b = w + i * q->bytes + (type == DTYPE_Q6_K ? 208 : 0);
			b[1] = (unsigned char)((b[1] & 0x83) | 0x2c);
			if (block_has_minimum(type))
				b[3] = (unsigned char)((b[3] & 0x83) | 0x2c);
		}
}

/* Bits equal, or both not a number. */
static void compare(const struct kernels *k, const char *what, const float *a, const float *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(a + i, b + i, sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i])))
			die(k->name, "%s: result %zu of %zu: %a, plain has %a", what, i, n, a[i], b[i]);
	compared += n;
}

/* Both kernels of a product on the same operands. */
static void compare_product(const struct kernels *k, enum dtype type, bool exact)
{
	const struct quant *q = quant_of(type);
	enum size size = draw_size();
	bool blocks = q->elements > 1;
	size_t in = (1 + below(below(4) ? 40 : 600 / q->elements + 9)) * q->elements;
	size_t rows = 1 + below(20), n = 1 + below(15), stride = rows + below(3);
	size_t groups = activations_count(in), padded = (in + 31) / 32 * 32, bytes = rows * dtype_bytes(type, in);
	unsigned char *w = at_the_edge(bytes);
	float *x = mem_array(n * in, sizeof *x);
	float *y = mem_array(n * stride, sizeof *y), *plain_y = mem_array(n * stride, sizeof *y);
	fill_weights(type, w, rows * in, size);
	for (size_t i = 0; i < n * in; i++)
		x[i] = below(16) ? number(size) : 0;
	struct product p = {.w = w, .w_bytes = dtype_bytes(type, in), .rows = rows,
		.n = n, .in = in, .y_stride = stride};
	void *room = mem_aligned(1, k->blocks_room(in));
	struct activations *a[2] = {NULL, NULL};
	uint16_t *b[2] = {NULL, NULL};
	const struct kernels *both[2] = {k, &kernels_plain};
	for (int i = 0; i < 2; i++) {
		for (size_t r = 0; r < n; r++) {
			if (blocks) {
				if (!a[i])
					a[i] = mem_aligned(n * groups, sizeof **a);
				memset(a[i] + r * groups, 0, groups * sizeof **a);
				(q->elements == 32 ? both[i]->round_32 : both[i]->round_256)
					(x + r * in, in, a[i] + r * groups);
			} else if (type == DTYPE_BF16 && !exact) {
				if (!b[i])
					b[i] = mem_array(n * padded, sizeof **b);
				memset(b[i] + r * padded, 0, padded * sizeof **b);
				both[i]->round_bf16(x + r * in, in, b[i] + r * padded);
			}
		}
		p.y = i ? plain_y : y;
		for (size_t r = 0; r < n * stride; r++)
			p.y[r] = 7;
		p.x = blocks ? (void *)a[i] : b[i] ? (void *)b[i] : (void *)x;
		p.x_bytes = blocks ? groups * sizeof **a : b[i] ? padded * 2 : in * 4;
		if (blocks)
			both[i]->product_blocks(&p, type, room);
		else if (b[i])
			both[i]->product_bf16(&p);
		else
			both[i]->product_f32(&p, type);
	}
	for (size_t r = 0; blocks && size != ANY && r < n * groups; r++)
		if (memcmp(&a[0][r], &a[1][r], sizeof **a) != 0)
			die(k->name, "activations of %zu differ", in);
	compare(k, q->name, y, plain_y, n * stride);
	for (int i = 0; i < 2; i++) {
		free(a[i]);
		free(b[i]);
	}
	free(room);
	free(x);
	free(y);
	free(plain_y);
	release(w, bytes);
}

static float *numbers(size_t n, enum size size)
{
	float *x = (float *)at_the_edge(n * sizeof *x);
	for (size_t i = 0; i < n; i++)
		x[i] = number(size);
	return x;
}

/* Weighted sums, with the weights in rows or in columns, added to what is there or not. */
static void compare_weighing(const struct kernels *k)
{
	size_t n = 1 + below(15), keys = below(4) ? below(40) : 250 + below(300), d = 1 + below(150), stride = d + below(3);
	enum size size = draw_size();
	bool columns = below(2);
	size_t weights = n * (keys + 1), values = (keys + 1) * stride, sums = n * stride;
	float *w = numbers(weights, size), *v = numbers(values, size), *z = numbers(sums, size), *plain_z = numbers(sums, size);
	struct weighing job = {
		.weights = w, .row = columns ? 1 : keys, .step = columns ? n : 1, .n = n,
		.v = v, .keys = keys, .v_stride = stride, .d = d, .z_stride = stride, .add = below(2),
	};
	memcpy(plain_z, z, sums * sizeof *z);
	job.z = z;
	k->weigh(&job);
	job.z = plain_z;
	kernels_plain.weigh(&job);
	compare(k, "weigh", z, plain_z, sums);
	release((unsigned char *)w, weights * sizeof *w);
	release((unsigned char *)v, values * sizeof *v);
	release((unsigned char *)z, sums * sizeof *z);
	release((unsigned char *)plain_z, sums * sizeof *plain_z);
}

static void compare_gate_backward(const struct kernels *k)
{
	static const enum activation trained[] = {ACTIVATION_SILU, ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_RELU,
		ACTIVATION_RELU_SQUARED, ACTIVATION_LINEAR};
	float in[3][100], out[4][100];
	size_t n = 1 + below(100);
	enum size size = draw_size();
	for (int i = 0; i < 3; i++)
		for (size_t e = 0; e < n; e++)
			in[i][e] = number(size);
	for (size_t a = 0; a < sizeof trained / sizeof *trained; a++) {
		k->gate_backward(trained[a], in[0], in[1], in[2], n, out[0], out[1]);
		kernels_plain.gate_backward(trained[a], in[0], in[1], in[2], n, out[2], out[3]);
		compare(k, "gate_backward", out[0], out[2], n);
		compare(k, "gate_backward", out[1], out[3], n);
	}
}

/* The loops over one vector. */
static void compare_vectors(const struct kernels *k)
{
	const struct kernels *plain = &kernels_plain;
	size_t n = 1 + below(100);
	float *v[5], r[2];
	enum size size = draw_size();
	for (int i = 0; i < 5; i++) {
		v[i] = mem_array(n, sizeof **v);
		for (size_t e = 0; e < n; e++)
			v[i][e] = number(size);
	}
	float scale = number(size);
	r[0] = k->dot_f32(v[0], v[1], n);
	r[1] = plain->dot_f32(v[0], v[1], n);
	compare(k, "dot_f32", r, r + 1, 1);
	r[0] = k->sum_f32(v[0], n);
	r[1] = plain->sum_f32(v[0], n);
	compare(k, "sum_f32", r, r + 1, 1);
	r[0] = k->max_f32(v[0], n);
	r[1] = plain->max_f32(v[0], n);
	compare(k, "max_f32", r, r + 1, 1);
	memcpy(v[3], v[2], n * sizeof **v);
	k->add_scaled(scale, v[0], v[2], n);
	plain->add_scaled(scale, v[0], v[3], n);
	compare(k, "add_scaled", v[2], v[3], n);
	k->exp_shifted(v[0], scale, v[2], n);
	plain->exp_shifted(v[0], scale, v[3], n);
	compare(k, "exp_shifted", v[2], v[3], n);
	k->unpack_f16((uint16_t *)v[0], n, v[2]);
	plain->unpack_f16((uint16_t *)v[0], n, v[3]);
	compare(k, "unpack_f16", v[2], v[3], n);
	k->unpack_bf16((uint16_t *)v[0], n, v[2]);
	plain->unpack_bf16((uint16_t *)v[0], n, v[3]);
	compare(k, "unpack_bf16", v[2], v[3], n);
	memset(v[2], 0, n * sizeof **v);
	memset(v[3], 0, n * sizeof **v);
	k->round_bf16(v[0], n, (uint16_t *)v[2]);
	plain->round_bf16(v[0], n, (uint16_t *)v[3]);
	compare(k, "round_bf16", v[2], v[3], n);
	for (int activation = ACTIVATION_SILU; activation <= ACTIVATION_LINEAR; activation++)
		for (int gated = 0; gated < 2; gated++) {
			k->activate((enum activation)activation, v[0], gated ? v[1] : NULL, n, v[2]);
			plain->activate((enum activation)activation, v[0], gated ? v[1] : NULL, n, v[3]);
			compare(k, "activate", v[2], v[3], n);
		}
	for (int i = 0; i < 5; i++)
		free(v[i]);
}

int main(int argc, char **argv)
{
	static const enum dtype types[] = {
		DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_Q4_0, DTYPE_Q4_1, DTYPE_Q5_0, DTYPE_Q5_1, DTYPE_Q8_0,
		DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K,
	};
	const struct kernels *have[KERNELS_MAX];
	int n = kernels_available(have);
	cli_start(argv, usage);
	seed = argc > 1 ? (uint64_t)cli_integer("seed", argv[1], 0, INT32_MAX) : 1;
	long count = argc > 2 ? (long)cli_integer("count", argv[2], 1, INT32_MAX) : 100;
	for (int i = 1; i < n; i++) {
		compared = 0;
		for (long c = 0; c < count; c++) {
			compare_vectors(have[i]);
			compare_weighing(have[i]);
			compare_gate_backward(have[i]);
			for (size_t t = 0; t < sizeof types / sizeof *types; t++)
				compare_product(have[i], types[t], false);
			compare_product(have[i], DTYPE_BF16, true);
		}
		printf("%s: %lu results as in plain C\n", have[i]->name, compared);
	}
	return cli_finish();
}
