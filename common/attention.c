/* attention.c: one layer of attention, in the steps of attn(1).  See attention.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attention.h"
#include "cli.h"
#include "elementary.h"
#include "memory.h"
#include "norm.h"
#include "numeric.h"
#include "threads.h"

const char *const attention_points[] = {"q", "k", "v", "scores", "pattern", "z", "out", NULL};

void attention_init(struct attention *a, const struct model *m, size_t layer, size_t context,
		    size_t sequences, bool exact)
{
	const struct config *c = &m->config;
	context = model_context(m, context);
	*a = (struct attention){
		.layer = layer, .d = c->d,
		.heads = c->heads, .kv_heads = c->kv_heads, .head_dim = c->head_dim,
		.scale = c->scale_by_layer ? c->scale / (float)(layer + 1) : c->scale,
		.norm = model_norm(m, SLOT_ATTENTION_NORM, layer),
		.q = model_linear(m, SLOT_Q, layer),
		.k = model_linear(m, SLOT_K, layer),
		.v = model_linear(m, SLOT_V, layer),
		.o = model_linear(m, SLOT_O, layer),
		.exact = exact,
	};
	if (m->family->positions == POSITION_ROTARY)
		rope_init(&a->rope, &c->rope, c->head_dim, c->context, context);
	kv_init(&a->cache, c->kv_heads, c->head_dim, context, sequences);
}

/* Step 3: turn the heads of queries and keys by their rows' positions. */
#define TURNED 32               /* rows a piece */

struct turning {
	const struct attention *a;
	const struct rows *r;
	float *q, *k;
	float direction;
};

static void turn_piece(void *data, size_t piece, int thread)
{
	const struct turning *t = data;
	const struct attention *a = t->a;
	size_t pairs = a->rope.pairs, hd = a->head_dim;
	float *cosines = mem_array(2 * pairs, sizeof *cosines), *sines = cosines + pairs;
	(void)thread;
	for (size_t i = piece * TURNED; i < t->r->n && i < (piece + 1) * TURNED; i++) {
		rope_angles(&a->rope, t->r->pos[i], cosines, sines);
		for (size_t p = 0; p < pairs; p++)
			sines[p] *= t->direction;
		for (size_t h = 0; h < a->heads; h++)
			rope_rotate(&a->rope, cosines, sines, t->q + (i * a->heads + h) * hd);
		for (size_t h = 0; h < a->kv_heads; h++)
			rope_rotate(&a->rope, cosines, sines, t->k + (i * a->kv_heads + h) * hd);
	}
	free(cosines);
}

void attention_turn(const struct attention *a, const struct rows *r, float *q, float *k, int direction)
{
	if (a->rope.pairs == 0)         /* the rows' positions are in x already */
		return;
	threads_run(turn_piece, &(struct turning){a, r, q, k, (float)direction}, (r->n + TURNED - 1) / TURNED,
		    (double)(r->n * (a->heads + a->kv_heads) * a->head_dim) / 2);
}

/* Step 4: keep the rows' keys and values (k may be NULL: values alone). */
static void store(struct attention *a, const struct rows *r, const float *k, const float *v)
{
	size_t hd = a->head_dim, stride = KV_BLOCK * hd;
	for (size_t i = 0; i < r->n; i++) {
		float *to_k, *to_v;
		kv_at(&a->cache, r->seq[i], r->pos[i], &to_k, &to_v);
		for (size_t h = 0; h < a->kv_heads; h++)
			for (size_t e = 0; e < hd; e++) {
				to_k[h * stride + e] = k ? k[(i * a->kv_heads + h) * hd + e] : 0;
				to_v[h * stride + e] = v[(i * a->kv_heads + h) * hd + e];
			}
	}
}

size_t attention_kv_head(const struct attention *a, size_t head)
{
	return head / (a->heads / a->kv_heads);
}

/* Keys of a block that position pos sees: those up to its own. */
static size_t visible(size_t pos, size_t block)
{
	size_t first = block * KV_BLOCK;
	if (pos < first)
		return 0;
	return pos - first < KV_BLOCK ? pos - first + 1 : KV_BLOCK;
}

/* Step 5: scores of n queries with the first keys of a block, in rows of KV_BLOCK. */
static void block_scores(const struct attention *a, const float *q, size_t n, const float *k, size_t keys,
			 float *scores)
{
	dot_all(q, n, k, keys, a->head_dim, scores, KV_BLOCK);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < keys; j++)
			scores[i * KV_BLOCK + j] *= a->scale;
}

/*
 * Queries that look at the same keys: of up to QUERIES (row, head) pairs, rows
 * of one sequence in ascending order and heads that share a KV head.
 */
#define QUERIES 24

struct queries {
	size_t n, row, rows, head, heads;       /* the first of each, and how many */
	int32_t seq;
};

/* The position of query i. */
static size_t position(const struct rows *r, const struct queries *q, size_t i)
{
	return (size_t)r->pos[q->row + i / q->heads];
}

/* What has been seen of the keys so far: relative to the largest score, which a later block may raise. */
struct softmax {
	float max, sum;
};

/* Adds a block's weighted values to those before it. */
static void merge(struct softmax *s, float block_max, float block_sum, const float *block_z, size_t n, float *z)
{
	float max = block_max > s->max ? block_max : s->max;
	float old_scale = exp_f32(s->max - max), block_scale = exp_f32(block_max - max);
	s->sum = s->sum * old_scale + block_sum * block_scale;
	for (size_t e = 0; e < n; e++)
		z[e] = z[e] * old_scale + block_z[e] * block_scale;
	s->max = max;
}

/*
 * Step 7 in one block: the sum of its values for each query, whose weights are
 * 0 for no key but those that it does not see.  All see the keys of the first.
 */
static void weigh_block(const struct attention *a, const struct rows *r, const struct queries *q, size_t block,
			const float *v, float weights[QUERIES][KV_BLOCK], float *z)
{
	size_t hd = a->head_dim, all = visible(position(r, q, 0), block);
	weigh(weights[0], KV_BLOCK, q->n, v, all, hd, z);
	for (size_t i = 0; i < q->n; i++)
		for (size_t j = all; j < visible(position(r, q, i), block); j++)
			add_scaled(weights[i][j], v + j * hd, z + i * hd, hd);
}

/*
 * Steps 5 to 7 for some queries, block by block.  The scores are those of the
 * queries with the keys, or given (rows of `keys` of them, else NULL), where
 * -inf hides a key; a query that sees no key gives 0.
 */
static void attend(const struct attention *a, const struct rows *r, const struct queries *q, const float *query,
		   const float *given, size_t keys, float *z)
{
	size_t hd = a->head_dim, last = position(r, q, q->n - 1);
	float weights[QUERIES][KV_BLOCK], block_max[QUERIES], block_sum[QUERIES];
	float *block_z = mem_array(q->n * hd, sizeof *block_z);
	struct softmax softmax[QUERIES];
	for (size_t i = 0; i < q->n; i++)
		softmax[i] = (struct softmax){-INFINITY, 0};
	memset(z, 0, q->n * hd * sizeof *z);
	for (size_t b = 0; b * KV_BLOCK <= last; b++) {
		const struct kv_block *block = kv_block(&a->cache, q->seq, b);
		size_t at = attention_kv_head(a, q->head) * KV_BLOCK * hd;
		if (query)
			block_scores(a, query, q->n, block->k + at, visible(last, b), weights[0]);
		for (size_t i = 0; i < q->n; i++) {
			size_t n = visible(position(r, q, i), b);
			if (!query)
				memcpy(weights[i], given + i * keys + b * KV_BLOCK, n * sizeof **weights);
			block_max[i] = n ? max_f32(weights[i], n) : -INFINITY;
			if (block_max[i] == -INFINITY)
				continue;
			exp_shifted(weights[i], block_max[i], weights[i], n);
			block_sum[i] = sum_f32(weights[i], n);
		}
		weigh_block(a, r, q, b, block->v + at, weights, block_z);
		for (size_t i = 0; i < q->n; i++)
			if (block_max[i] != -INFINITY)  /* NaN must come through */
				merge(&softmax[i], block_max[i], block_sum[i], block_z + i * hd, hd, z + i * hd);
	}
	for (size_t i = 0; i < q->n; i++)
		for (size_t e = 0; e < hd && softmax[i].max > -INFINITY; e++)
			z[i * hd + e] /= softmax[i].sum;
	free(block_z);
}

/* The largest position among the rows, and one: the keys of the longest row. */
static size_t longest(const struct rows *r)
{
	size_t keys = 0;
	for (size_t i = 0; i < r->n; i++)
		if ((size_t)r->pos[i] + 1 > keys)
			keys = (size_t)r->pos[i] + 1;
	return keys;
}

/* Step 5 for all rows as one array [n, heads, keys], -inf where a row does not look. */
static float *all_scores(const struct attention *a, const struct rows *r, const float *q, size_t keys)
{
	size_t count;
	if (!size_muladd(r->n * a->heads, keys, 0, &count))
		die(NULL, "scores of %zu rows are too large", r->n);
	float *scores = mem_array(count, sizeof *scores), *s = scores;
	for (size_t i = 0; i < r->n; i++)
		for (size_t h = 0; h < a->heads; h++, s += keys) {
			size_t pos = (size_t)r->pos[i];
			for (size_t b = 0; b * KV_BLOCK <= pos; b++)
				block_scores(a, q + (i * a->heads + h) * a->head_dim, 1,
					     kv_block(&a->cache, r->seq[i], b)->k + attention_kv_head(a, h) * KV_BLOCK * a->head_dim,
					     visible(pos, b), s + b * KV_BLOCK);
			for (size_t j = pos + 1; j < keys; j++)
				s[j] = -INFINITY;
		}
	return scores;
}

/* Step 6 for all rows: the softmax of each row of scores over the keys it sees. */
static float *all_patterns(const struct attention *a, const struct rows *r, const float *scores, size_t keys)
{
	float *pattern = mem_array(r->n * a->heads * keys, sizeof *pattern), *p = pattern;
	for (size_t i = 0; i < r->n; i++)
		for (size_t h = 0; h < a->heads; h++, p += keys, scores += keys) {
			size_t n = (size_t)r->pos[i] + 1;
			float max = max_f32(scores, n);
			if (max == -INFINITY)
				n = 0;
			exp_shifted(scores, max, p, n);
			float sum = sum_f32(p, n);
			for (size_t j = 0; j < keys; j++)
				p[j] = j < n ? p[j] / sum : 0;
		}
	return pattern;
}

/* Step 7 from a given pattern: values weighed and added in ascending order of keys. */
static void average(const struct attention *a, const struct rows *r, const float *pattern,
		    size_t keys, float *z)
{
	size_t hd = a->head_dim;
	for (size_t i = 0; i < r->n; i++)
		for (size_t h = 0; h < a->heads; h++, pattern += keys, z += hd) {
			for (size_t e = 0; e < hd; e++)
				z[e] = 0;
			for (size_t j = 0; j <= (size_t)r->pos[i]; j++) {
				const struct kv_block *b = kv_block(&a->cache, r->seq[i], j / KV_BLOCK);
				const float *v = b->v + (attention_kv_head(a, h) * KV_BLOCK + j % KV_BLOCK) * hd;
				add_scaled(pattern[j], v, z, hd);
			}
		}
}

/* Everything of one application: what it works on, and the values so far. */
struct pass {
	struct attention *a;
	struct frame *f;
	const struct stream *in;
	struct taps *taps;
	struct rows r;
	float *q, *k, *v;       /* [n, heads, head_dim]; [n, kv_heads, head_dim] */
	float *z;               /* [n, heads, head_dim] */
};

static void give(struct pass *p, int point, const float *value, size_t m, size_t k)
{
	taps_give(p->taps, p->f, "attn", p->a->layer, point, value, p->r.n, m, k);
}

static float *take(struct pass *p, int point, size_t m, size_t *k)
{
	return taps_take(p->f, p->in, "attn", p->a->layer, attention_points[point], p->r.n, m, k);
}

/* --until q, k or v leaves all three; scores and pattern are of no use without v. */
unsigned attention_leaves(int until)
{
	unsigned v = 1u << ATTENTION_V;
	if (until < 0)
		return 0;
	if (until <= ATTENTION_V)
		return 1u << ATTENTION_Q | 1u << ATTENTION_K | v;
	return until <= ATTENTION_PATTERN ? 1u << until | v : 1u << until;
}

/* True if --until stops before or at this point, where its value is needed. */
static bool stops(const struct pass *p, int point)
{
	return p->taps->until >= 0 && p->taps->until <= point;
}

/* Steps 1 and 2, or q, k and v from the frame. */
static void project(struct pass *p)
{
	struct attention *a = p->a;
	size_t n = p->r.n, hd = a->head_dim;
	if (p->taps->from >= 0) {
		p->q = take(p, ATTENTION_Q, a->heads, &hd);
		p->k = take(p, ATTENTION_K, a->kv_heads, &hd);
		p->v = take(p, ATTENTION_V, a->kv_heads, &hd);
		give(p, ATTENTION_V, p->v, a->kv_heads, hd);
		return;
	}
	float *normed = mem_aligned(n * a->d, sizeof *normed);
	p->q = mem_aligned(n * a->q.w.out, sizeof *p->q);
	p->k = mem_aligned(n * a->k.w.out, sizeof *p->k);
	p->v = mem_aligned(n * a->v.w.out, sizeof *p->v);
	normalize(&a->norm, p->r.x, n, a->d, normed);
	struct input x = {.x = normed, .n = n, .in = a->d, .exact = a->exact};
	linear_all((const struct linear *[]){&a->q, &a->k, &a->v}, (float *[]){p->q, p->k, p->v}, 3, &x);
	input_free(&x);
	free(normed);
	give(p, ATTENTION_Q, p->q, a->heads, hd);
	give(p, ATTENTION_K, p->k, a->kv_heads, hd);
	give(p, ATTENTION_V, p->v, a->kv_heads, hd);
}

/* The rows from `row` on that can go together: of one sequence. */
static size_t rows_together(const struct rows *r, size_t row, size_t most)
{
	size_t n = 1;
	while (n < most && row + n < r->n && r->seq[row + n] == r->seq[row])
		n++;
	return n;
}

/* All queries of some rows in groups that look at the same keys; the caller frees them. */
static struct queries *all_queries(const struct attention *a, const struct rows *r, size_t *count)
{
	size_t shared = a->heads / a->kv_heads, heads = shared < QUERIES ? shared : QUERIES;
	struct queries *all = mem_array(r->n * a->heads, sizeof *all);
	*count = 0;
	for (size_t row = 0, rows; row < r->n; row += rows) {
		rows = rows_together(r, row, QUERIES / heads);
		for (size_t head = 0, n; head < a->heads; head += n) {
			size_t left = shared - head % shared;
			n = left < heads ? left : heads;
			all[(*count)++] = (struct queries){rows * n, row, rows, head, n, r->seq[row]};
		}
	}
	return all;
}

/* Steps 5 to 7 from q, or from scores of so many keys a row. */
struct attending {
	const struct attention *a;
	const struct rows *r;
	const struct queries *queries;
	const float *q, *scores;
	size_t keys;
	float *z;
};

/* What a group of queries has of n elements for each row and head, side by side. */
static void gather(const struct attending *w, const struct queries *q, const float *from, size_t n, float *to)
{
	size_t heads = w->a->heads;
	for (size_t i = 0; i < q->rows; i++)
		memcpy(to + i * q->heads * n, from + ((q->row + i) * heads + q->head) * n, q->heads * n * sizeof *to);
}

static void attend_piece(void *data, size_t piece, int thread)
{
	const struct attending *w = data;
	const struct queries *q = &w->queries[piece];
	const struct attention *a = w->a;
	size_t width = w->q ? a->head_dim : w->keys, hd = a->head_dim;
	float *input = mem_array(q->n * width, sizeof *input), *z = mem_array(q->n * hd, sizeof *z);
	(void)thread;
	gather(w, q, w->q ? w->q : w->scores, width, input);
	attend(a, w->r, q, w->q ? input : NULL, w->q ? NULL : input, w->keys, z);
	for (size_t i = 0; i < q->rows; i++)
		memcpy(w->z + ((q->row + i) * a->heads + q->head) * hd, z + i * q->heads * hd,
		       q->heads * hd * sizeof *z);
	free(input);
	free(z);
}

static void attend_all(const struct attention *a, const struct rows *r, const float *q, const float *scores, size_t keys,
		       float *z)
{
	size_t count;
	struct queries *queries = all_queries(a, r, &count);
	double products = 0;
	for (size_t i = 0; i < r->n; i++)
		products += 2.0 * (r->pos[i] + 1) * (double)(a->heads * a->head_dim);
	threads_run(attend_piece, &(struct attending){a, r, queries, q, scores, keys, z}, count, products / 20);
	free(queries);
}

void attention_mix(struct attention *a, const struct rows *r, float *q, float *k, const float *v, float *z)
{
	attention_turn(a, r, q, k, 1);
	store(a, r, k, v);
	attend_all(a, r, q, NULL, 0, z);
}

/* Steps 3 to 7 as they always run, with the scores and pattern for the curious. */
static void mix(struct pass *p)
{
	struct attention *a = p->a;
	size_t keys = longest(&p->r);
	attention_turn(a, &p->r, p->q, p->k, 1);
	store(a, &p->r, p->k, p->v);
	if (taps_want(p->taps, ATTENTION_SCORES) || taps_want(p->taps, ATTENTION_PATTERN)) {
		float *scores = all_scores(a, &p->r, p->q, keys);
		float *pattern = all_patterns(a, &p->r, scores, keys);
		give(p, ATTENTION_SCORES, scores, a->heads, keys);
		give(p, ATTENTION_PATTERN, pattern, a->heads, keys);
		free(scores);
		free(pattern);
	}
	if (stops(p, ATTENTION_PATTERN))
		return;
	attend_all(a, &p->r, p->q, NULL, 0, p->z);
}

/* Steps 6 and 7 from scores or a pattern in the frame, and the values beside them. */
static void mix_given(struct pass *p)
{
	struct attention *a = p->a;
	size_t hd = a->head_dim, keys = SIZE_MAX;
	p->v = take(p, ATTENTION_V, a->kv_heads, &hd);
	give(p, ATTENTION_V, p->v, a->kv_heads, hd);
	store(a, &p->r, NULL, p->v);
	float *given = take(p, p->taps->from, a->heads, &keys);
	if (keys < longest(&p->r))
		die(p->in->name, "frame %lu: attn.%zu.%s has %zu keys, its rows see %zu", p->in->frames,
		    a->layer, attention_points[p->taps->from], keys, longest(&p->r));
	if (p->taps->from == ATTENTION_SCORES) {
		if (taps_want(p->taps, ATTENTION_PATTERN)) {
			float *pattern = all_patterns(a, &p->r, given, keys);
			give(p, ATTENTION_PATTERN, pattern, a->heads, keys);
			free(pattern);
		}
		if (!stops(p, ATTENTION_PATTERN))
			attend_all(a, &p->r, NULL, given, keys, p->z);
	} else {
		average(a, &p->r, given, keys, p->z);
	}
	free(given);
}

/* Step 8: mix the heads, add to the residual stream. */
static void add_output(struct pass *p)
{
	struct attention *a = p->a;
	size_t n = p->r.n;
	float *out;
	if (p->taps->from == ATTENTION_OUT) {
		out = take(p, ATTENTION_OUT, a->d, NULL);
	} else {
		out = mem_aligned(n * a->d, sizeof *out);
		struct input z = {.x = p->z, .n = n, .in = a->o.w.in, .exact = a->exact};
		linear(&a->o, &z, out);
		input_free(&z);
		give(p, ATTENTION_OUT, out, a->d, 0);
	}
	if (!stops(p, ATTENTION_OUT)) {
		float *x = frame_find(p->f, "x")->data;
		for (size_t k = 0; k < n * a->d; k++)
			x[k] += out[k];
	}
	free(out);
}

void attention_apply(struct attention *a, struct frame *f, const struct stream *in, struct taps *taps)
{
	struct taps none = {.points = attention_points, .from = -1, .until = -1};
	struct pass p = {.a = a, .f = f, .in = in, .taps = taps ? taps : &none};
	p.r = frame_rows(f, in, NEED_SEQ | NEED_POS | NEED_X);
	kv_prepare(&a->cache, f, in, &p.r);
	if (p.r.n == 0)
		return;
	if (p.r.d != a->d)
		die(in->name, "frame %lu: x has %zu elements a row, this model's residual stream %zu",
		    in->frames, p.r.d, a->d);
	p.z = mem_aligned(p.r.n * a->q.w.out, sizeof *p.z);
	int from = p.taps->from;
	if (from <= ATTENTION_V) {
		project(&p);
		if (!stops(&p, ATTENTION_V))
			mix(&p);
	} else if (from <= ATTENTION_PATTERN) {
		mix_given(&p);
	} else if (from == ATTENTION_Z) {
		size_t hd = a->head_dim;
		free(p.z);
		p.z = take(&p, ATTENTION_Z, a->heads, &hd);
	}
	if (!stops(&p, ATTENTION_PATTERN)) {
		if (from < ATTENTION_Z)
			give(&p, ATTENTION_Z, p.z, a->heads, a->head_dim);
		if (!stops(&p, ATTENTION_Z))
			add_output(&p);
	}
	free(p.q);
	free(p.k);
	free(p.v);
	free(p.z);
}

void attention_destroy(struct attention *a)
{
	kv_destroy(&a->cache);
	rope_free(&a->rope);
	norm_free(&a->norm);
	linear_free(&a->q);
	linear_free(&a->k);
	linear_free(&a->v);
	linear_free(&a->o);
}
