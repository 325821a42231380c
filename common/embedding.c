/* embedding.c: embedding and unembedding.  See embedding.h. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "elementary.h"
#include "embedding.h"
#include "memory.h"
#include "norm.h"
#include "numeric.h"

void embedding_init(struct embedding *e, const struct model *m)
{
	*e = (struct embedding){.tokens = model_linear(m, SLOT_EMBEDDING, 0)};
	if (model_has(m, SLOT_POSITIONS))
		e->positions = model_linear(m, SLOT_POSITIONS, 0);
}

void embedding_destroy(struct embedding *e)
{
	linear_free(&e->tokens);
	linear_free(&e->positions);
}

/* Row i of a matrix as F32. */
static void unpack_row(const struct weight *w, int32_t i, float *x)
{
	unpack_f32((const char *)w->data + (size_t)i * dtype_bytes(w->type, w->in), w->type, w->in, x);
}

/* Dies unless all rows' ids and positions have a row in their matrix. */
static void check_rows(const struct rows *r, const struct stream *in, const char *what, const int32_t *values,
		       const struct weight *w)
{
	for (size_t i = 0; i < r->n; i++)
		if (values[i] < 0 || (size_t)values[i] >= w->out)
			die(in->name, "frame %lu: row %zu: %s %d, must be in [0, %zu]", in->frames, i, what,
			    values[i], w->out - 1);
}

void embedding_apply(const struct embedding *e, struct frame *f, const struct stream *in)
{
	const struct weight *tokens = &e->tokens.w, *positions = &e->positions.w;
	struct rows r = frame_rows(f, in, NEED_IDS | (positions->data ? NEED_POS : 0));
	if (!r.ids)
		return;
	check_rows(&r, in, "id", r.ids, tokens);
	if (positions->data)
		check_rows(&r, in, "position", r.pos, positions);
	float *x = frame_put2(f, "x", DTYPE_F32, r.n, tokens->in);
	for (size_t i = 0; i < r.n; i++)
		unpack_row(tokens, r.ids[i], x + i * tokens->in);
	float *place = mem_array(tokens->in, sizeof *place);
	for (size_t i = 0; positions->data && i < r.n; i++) {
		unpack_row(positions, r.pos[i], place);
		for (size_t k = 0; k < tokens->in; k++)
			x[i * tokens->in + k] += place[k];
	}
	free(place);
}

void unembedding_init(struct unembedding *u, const struct model *m, bool exact)
{
	*u = (struct unembedding){
		.norm = model_norm(m, SLOT_FINAL_NORM, 0),
		.head = model_linear(m, SLOT_UNEMBEDDING, 0),
		.exact = exact,
	};
}

void unembedding_destroy(struct unembedding *u)
{
	norm_free(&u->norm);
	linear_free(&u->head);
}

struct candidate {
	float logit;
	int32_t id;
};

/* True if a goes before b. */
static bool better(struct candidate a, struct candidate b)
{
	return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

static int by_rank(const void *a, const void *b)
{
	const struct candidate *s = a, *t = b;
	return better(*t, *s) - better(*s, *t);
}

/* The k best of a row, best first, kept meanwhile as a heap with the worst on top. */
static void best_of(const float *logits, size_t vocab, size_t k, struct candidate *heap)
{
	size_t n = 0;
	for (size_t id = 0; id < vocab; id++) {
		struct candidate c = {logits[id], (int32_t)id};
		size_t at;
		if (n < k) {
			for (at = n++; at > 0 && better(heap[(at - 1) / 2], c); at = (at - 1) / 2)
				heap[at] = heap[(at - 1) / 2];
		} else if (better(c, heap[0])) {
			size_t child;
			for (at = 0; (child = 2 * at + 1) < n; at = child) {
				if (child + 1 < n && better(heap[child], heap[child + 1]))
					child++;
				if (!better(c, heap[child]))
					break;
				heap[at] = heap[child];
			}
		} else {
			continue;
		}
		heap[at] = c;
	}
	qsort(heap, n, sizeof *heap, by_rank);
}

static float log_sum_exp(const float *logits, size_t n)
{
	float *e = mem_array(n, sizeof *e), max = max_f32(logits, n);
	exp_shifted(logits, max, e, n);
	float lse = max + log_f32(sum_f32(e, n));
	free(e);
	return lse;
}

static void keep_best(struct frame *f, const float *logits, size_t m, size_t vocab, size_t k)
{
	int32_t *ids = frame_put2(f, "top.ids", DTYPE_I32, m, k);
	float *top = frame_put2(f, "top.logits", DTYPE_F32, m, k);
	float *lse = frame_put1(f, "top.lse", DTYPE_F32, m);
	struct candidate *heap = mem_array(k, sizeof *heap);
	for (size_t i = 0; i < m; i++, logits += vocab) {
		best_of(logits, vocab, k, heap);
		for (size_t j = 0; j < k; j++) {
			ids[i * k + j] = heap[j].id;
			top[i * k + j] = heap[j].logit;
		}
		lse[i] = log_sum_exp(logits, vocab);
	}
	free(heap);
}

void unembedding_apply(const struct unembedding *u, struct frame *f, const struct stream *in, size_t best)
{
	struct rows r = frame_rows(f, in, NEED_X);
	size_t d = u->head.w.in, vocab = u->head.w.out, m = 0;
	if (!r.x)
		return;
	if (r.d != d)
		die(in->name, "frame %lu: x has %zu elements a row, this model's residual stream %zu",
		    in->frames, r.d, d);
	/* steps 1 and 2: the wanted rows, normalized */
	float *normed = mem_aligned(r.n * d, sizeof *normed);
	for (size_t i = 0; i < r.n; i++)
		if (!r.want || r.want[i])
			normalize(&u->norm, r.x + i * d, 1, d, normed + m++ * d);
	/* step 3: their product with each token's vector */
	static const char *const replaced[] = {"logits", "top.ids", "top.logits", "top.lse"};
	for (size_t i = 0; i < sizeof replaced / sizeof *replaced; i++)
		frame_drop(f, replaced[i]);
	struct input x = {.x = normed, .n = m, .in = d, .exact = u->exact};
	if (best == 0 || best > vocab) {
		linear(&u->head, &x, frame_put2(f, "logits", DTYPE_F32, m, vocab));
	} else {
		float *logits = mem_aligned(m * vocab, sizeof *logits);
		linear(&u->head, &x, logits);
		keep_best(f, logits, m, vocab, best);
		free(logits);
	}
	input_free(&x);
	free(normed);
	frame_drop(f, "x");
}
