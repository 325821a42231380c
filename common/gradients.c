/* gradients.c: the way back through each part of the model.  See gradients.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elementary.h"
#include "gradients.h"
#include "memory.h"
#include "numeric.h"
#include "threads.h"

static size_t pieces_of(size_t n, size_t each)
{
	return (n + each - 1) / each;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- matrices ---- */

/* Rows of W, and of x, a piece. */
#define WEIGHT_ROWS 48
#define INPUT_ROWS 96

struct matrix {
	const struct linear_gradient *g;
	const float *x, *dy;
	size_t n;
	float *dx;
	bool add;
	size_t w_pieces;        /* the first make dW, the others dx */
};

static void input_piece(const struct matrix *m, size_t i)
{
	const struct weight *w = &m->g->l->w;
	weigh_all(&(struct weighing){
		.weights = m->dy + i * w->out, .row = w->out, .step = 1, .n = smaller(INPUT_ROWS, m->n - i),
		.v = w->data, .keys = w->out, .v_stride = w->in, .d = w->in,
		.z = m->dx + i * w->in, .z_stride = w->in, .add = m->add,
	});
}

static void weight_piece(const struct matrix *m, size_t o)
{
	const struct weight *w = &m->g->l->w;
	size_t rows = smaller(WEIGHT_ROWS, w->out - o);
	weigh_all(&(struct weighing){
		.weights = m->dy + o, .row = 1, .step = w->out, .n = rows,
		.v = m->x, .keys = m->n, .v_stride = w->in, .d = w->in,
		.z = m->g->dw + o * w->in, .z_stride = w->in, .add = true,
	});
	for (size_t i = 0; m->g->db && i < m->n; i++)
		for (size_t k = o; k < o + rows; k++)
			m->g->db[k] += m->dy[i * w->out + k];
}

static void matrix_piece(void *data, size_t piece, int thread)
{
	const struct matrix *m = data;
	(void)thread;
	if (piece < m->w_pieces)
		weight_piece(m, piece * WEIGHT_ROWS);
	else
		input_piece(m, (piece - m->w_pieces) * INPUT_ROWS);
}

void linear_backward(const struct linear_gradient *g, const float *x, const float *dy, size_t n, float *dx, bool add)
{
	const struct weight *w = &g->l->w;
	struct matrix m = {g, x, dy, n, dx, add, pieces_of(w->out, WEIGHT_ROWS)};
	threads_run(matrix_piece, &m, m.w_pieces + (dx ? pieces_of(n, INPUT_ROWS) : 0), (double)n * (double)(w->out * w->in) / 16);
}

/* ---- normalization ---- */

#define NORM_ROWS 128           /* a piece; their part of dw is summed by itself first */

struct normalizing {
	const struct norm *w;
	const float *x, *dy;
	size_t n, d;
	float *dx, *parts;      /* parts[pieces, d] of dw */
};

/* e[d] is room for dy w. */
static void norm_row(const struct norm *w, const float *x, const float *dy, size_t d, float *dx, float *dw, float *e)
{
	float s = norm_scale(w, x, d);
	for (size_t k = 0; k < d; k++)
		dw[k] += dy[k] * (x[k] * s);
	for (size_t k = 0; k < d; k++)
		e[k] = dy[k] * w->weight[k];
	float product = dot_f32(e, x, d) * s / (float)d;
	for (size_t k = 0; k < d; k++)
		dx[k] += s * (e[k] - x[k] * s * product);
}

static void norm_piece(void *data, size_t piece, int thread)
{
	const struct normalizing *j = data;
	float *dw = j->parts + piece * j->d, *e = mem_array(j->d, sizeof *e);
	(void)thread;
	memset(dw, 0, j->d * sizeof *dw);
	for (size_t i = piece * NORM_ROWS; i < j->n && i < (piece + 1) * NORM_ROWS; i++)
		norm_row(j->w, j->x + i * j->d, j->dy + i * j->d, j->d, j->dx + i * j->d, dw, e);
	free(e);
}

void norm_backward(const struct norm *w, const float *x, const float *dy, size_t n, size_t d, float *dx, float *dw)
{
	size_t pieces = pieces_of(n, NORM_ROWS);
	struct normalizing j = {w, x, dy, n, d, dx, mem_array(pieces * d, sizeof *dw)};
	threads_run(norm_piece, &j, pieces, (double)(n * d));
	for (size_t p = 0; p < pieces; p++)
		for (size_t k = 0; k < d; k++)
			dw[k] += j.parts[p * d + k];
	free(j.parts);
}

/* ---- attention ---- */

#define QUERIES 48              /* rows of a head that go together */

/* A sequence among the rows. */
struct span {
	size_t first, n;
};

struct attending {
	const struct attention *a;
	const struct rows *r;
	const struct span *spans;
	const float *q, *z, *dz;
	float *dq, *dk, *dv;
};

/* Room for QUERIES rows of a head with all their keys. */
struct room {
	float *q, *dz, *dq;     /* [QUERIES, head_dim] */
	float *p, *dp;          /* [QUERIES, keys] */
	float *dk, *dv;         /* [keys, head_dim] */
};

/* n rows of hd elements, from rows that lie so far apart to such. */
static void copy_rows(const float *from, size_t from_stride, float *to, size_t to_stride, size_t n, size_t hd)
{
	for (size_t i = 0; i < n; i++)
		memcpy(to + i * to_stride, from + i * from_stride, hd * sizeof *to);
}

/* Rows of a with the vectors of `keys` keys, block by block as the layer keeps them. */
static void with_keys(const struct attending *w, int32_t seq, size_t kv_head, bool values, const float *rows, size_t n,
		      size_t keys, float *products, size_t stride)
{
	size_t hd = w->a->head_dim;
	for (size_t j = 0; j < keys; j += KV_BLOCK) {
		const struct kv_block *b = kv_block(&w->a->cache, seq, j / KV_BLOCK);
		dot_all(rows, n, (values ? b->v : b->k) + kv_head * KV_BLOCK * hd, smaller(KV_BLOCK, keys - j), hd,
			products + j, stride);
	}
}

/* Row i's softmax over its keys, the first `sees` of them, and then its dS in place of dP. */
static void softmax_backward(float *p, float *dp, size_t sees, size_t keys, float scale, float d)
{
	for (size_t j = 0; j < sees; j++)
		p[j] *= scale;
	exp_shifted(p, max_f32(p, sees), p, sees);
	float over = 1 / sum_f32(p, sees);
	for (size_t j = 0; j < sees; j++) {
		p[j] *= over;
		dp[j] = p[j] * (dp[j] - d) * scale;
	}
	memset(p + sees, 0, (keys - sees) * sizeof *p);
	memset(dp + sees, 0, (keys - sees) * sizeof *dp);
}

/* QUERIES rows of one head from row i of their sequence on. */
static void attend_backward(const struct attending *w, const struct span *s, size_t head, size_t i, struct room *room)
{
	const struct attention *a = w->a;
	size_t hd = a->head_dim, stride = a->heads * hd, n = smaller(QUERIES, s->n - i), keys = i + n;
	size_t kv_head = attention_kv_head(a, head), at = (s->first + i) * stride + head * hd;
	int32_t seq = w->r->seq[s->first];
	copy_rows(w->q + at, stride, room->q, hd, n, hd);
	copy_rows(w->dz + at, stride, room->dz, hd, n, hd);
	with_keys(w, seq, kv_head, false, room->q, n, keys, room->p, s->n);
	with_keys(w, seq, kv_head, true, room->dz, n, keys, room->dp, s->n);
	for (size_t row = 0; row < n; row++)
		softmax_backward(room->p + row * s->n, room->dp + row * s->n, i + row + 1, keys, a->scale,
				 dot_f32(room->dz + row * hd, w->z + at + row * stride, hd));
	for (size_t j = 0; j < keys; j += KV_BLOCK)     /* dq = dS k */
		weigh_all(&(struct weighing){
			.weights = room->dp + j, .row = s->n, .step = 1, .n = n,
			.v = kv_block(&a->cache, seq, j / KV_BLOCK)->k + kv_head * KV_BLOCK * hd,
			.keys = smaller(KV_BLOCK, keys - j), .v_stride = hd, .d = hd,
			.z = room->dq, .z_stride = hd, .add = j > 0,
		});
	struct weighing by_key = {      /* dk += dS^T q */
		.weights = room->dp, .row = 1, .step = s->n, .n = keys,
		.v = room->q, .keys = n, .v_stride = hd, .d = hd, .z = room->dk, .z_stride = hd, .add = true,
	};
	weigh_all(&by_key);
	by_key.weights = room->p;       /* dv += P^T dz */
	by_key.v = room->dz;
	by_key.z = room->dv;
	weigh_all(&by_key);
	copy_rows(room->dq, hd, w->dq + at, stride, n, hd);
}

/* One KV head of a sequence, with all query heads that look at it. */
static void attend_piece(void *data, size_t piece, int thread)
{
	const struct attending *w = data;
	const struct attention *a = w->a;
	const struct span *s = &w->spans[piece / a->kv_heads];
	size_t hd = a->head_dim, kv_head = piece % a->kv_heads, n = s->n;
	float *memory = mem_aligned(3 * QUERIES * hd + 2 * QUERIES * n + 2 * n * hd, sizeof *memory);
	struct room room = {.q = memory, .dz = room.q + QUERIES * hd, .dq = room.dz + QUERIES * hd};
	room.p = room.dq + QUERIES * hd;
	room.dp = room.p + QUERIES * n;
	room.dk = room.dp + QUERIES * n;
	room.dv = room.dk + n * hd;
	(void)thread;
	memset(room.dk, 0, 2 * n * hd * sizeof *room.dk);
	for (size_t head = 0; head < a->heads; head++)
		for (size_t i = 0; attention_kv_head(a, head) == kv_head && i < n; i += QUERIES)
			attend_backward(w, s, head, i, &room);
	size_t stride = a->kv_heads * hd, at = s->first * stride + kv_head * hd;
	copy_rows(room.dk, hd, w->dk + at, stride, n, hd);
	copy_rows(room.dv, hd, w->dv + at, stride, n, hd);
	free(memory);
}

void attention_backward(const struct attention *a, const struct rows *r, const float *q, const float *z,
			const float *dz, float *dq, float *dk, float *dv)
{
	struct span *spans = mem_array(r->n, sizeof *spans);
	size_t count = 0;
	double products = 0;
	for (size_t i = 0, n; i < r->n; i += n) {
		for (n = 1; i + n < r->n && r->seq[i + n] == r->seq[i]; n++)
			;
		spans[count++] = (struct span){i, n};
		products += 2.5 * (double)n * (double)n * (double)(a->heads * a->head_dim);
	}
	threads_run(attend_piece, &(struct attending){a, r, spans, q, z, dz, dq, dk, dv}, count * a->kv_heads,
		    products / 10);
	free(spans);
}

/* ---- the two ends ---- */

void embedding_backward(const int32_t *ids, const float *dx, size_t n, size_t d, float *dw)
{
	for (size_t i = 0; i < n; i++)
		add_scaled(1, dx + i * d, dw + (size_t)ids[i] * d, d);
}

struct losing {
	float *logits;
	const int32_t *targets;
	size_t n, vocab;
	float scale;
	double *losses;         /* [n] */
};

#define LOSS_ROWS 8

static void loss_piece(void *data, size_t piece, int thread)
{
	const struct losing *w = data;
	(void)thread;
	for (size_t i = piece * LOSS_ROWS; i < w->n && i < (piece + 1) * LOSS_ROWS; i++) {
		float *p = w->logits + i * w->vocab, max = max_f32(p, w->vocab), target = p[w->targets[i]] - max;
		exp_shifted(p, max, p, w->vocab);
		float sum = sum_f32(p, w->vocab), scale = w->scale / sum;
		w->losses[i] = log_f32(sum) - target;
		for (size_t k = 0; k < w->vocab; k++)
			p[k] *= scale;
		p[w->targets[i]] -= w->scale;
	}
}

double loss_backward(float *logits, const int32_t *targets, size_t n, size_t vocab, float scale)
{
	struct losing w = {logits, targets, n, vocab, scale, mem_array(n, sizeof *w.losses)};
	double sum = 0;
	threads_run(loss_piece, &w, pieces_of(n, LOSS_ROWS), (double)(n * vocab));
	for (size_t i = 0; i < n; i++)
		sum += w.losses[i];
	free(w.losses);
	return sum;
}
