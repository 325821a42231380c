/* candidates.c: the tokens that may come next, and their scores.  See candidates.h. */
#include <math.h>

#include "candidates.h"
#include "elementary.h"

double score_bounded(double score)
{
	return fmax(fmin(score, SCORE_MAX), -SCORE_MAX);
}

const char *candidates_load(struct candidates *c, const int32_t *ids, const float *logits, size_t n)
{
	c->n = 0;
	c->zero = 0;
	for (size_t i = 0; i < n; i++) {
		if (isnan(logits[i]))
			return "a logit is NaN";
		if (logits[i] == INFINITY)
			return "a logit is infinite";
		if (logits[i] == -INFINITY)
			continue;
		c->list[c->n++] = (struct candidate){
			.id = ids ? ids[i] : (int32_t)i, .logit = logits[i], .score = logits[i],
		};
	}
	return c->n ? NULL : "all logits are -infinity";
}

bool candidate_better(const struct candidate *a, const struct candidate *b)
{
	return a->score > b->score || (a->score == b->score && a->id < b->id);
}

const struct candidate *candidates_top(const struct candidates *c)
{
	const struct candidate *best = c->list;

	for (size_t i = 1; i < c->n; i++)
		if (candidate_better(&c->list[i], best))
			best = &c->list[i];
	return best;
}

/* ---- sorting, as far as it is needed ---- */

/*
 * Sorting stops where enough is sorted: the list is made a heap, whose first
 * candidate is in front, in about n steps; each that is taken off costs log n.
 */
static bool before(const struct candidate *a, const struct candidate *b, double center)
{
	if (center == INFINITY)
		return candidate_better(a, b);
	double x = fabs(a->score - center), y = fabs(b->score - center);
	return x < y || (x == y && a->id < b->id);
}

static void sift_down(struct candidate *heap, size_t n, size_t i, double center)
{
	struct candidate c = heap[i];

	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && before(&heap[child + 1], &heap[child], center))
			child++;
		if (!before(&heap[child], &c, center))
			break;
		heap[i] = heap[child];
	}
	heap[i] = c;
}

static void heap_make(struct candidates *c, double center)
{
	for (size_t i = c->n / 2; i-- > 0;)
		sift_down(c->list, c->n, i, center);
}

/* Moves the first of the n to their end, and returns it. */
static const struct candidate *heap_take(struct candidates *c, size_t n, double center)
{
	struct candidate top = c->list[0];

	c->list[0] = c->list[n - 1];
	c->list[n - 1] = top;
	sift_down(c->list, n - 1, 0, center);
	return &c->list[n - 1];
}

/* Keeps the k that were taken: from the back to the front, the first first. */
static void keep_taken(struct candidates *c, size_t k)
{
	for (size_t i = 0, j = c->n - 1; i < j; i++, j--) {
		struct candidate front = c->list[i];

		c->list[i] = c->list[j];
		c->list[j] = front;
	}
	c->n = k;
}

void candidates_best(struct candidates *c, size_t k)
{
	if (k > c->n)
		k = c->n;
	if (k == 1) {                   /* no heap for the likeliest alone */
		c->list[0] = *candidates_top(c);
		c->n = 1;
		return;
	}
	heap_make(c, INFINITY);
	for (size_t i = 0; i < k; i++)
		heap_take(c, c->n - i, INFINITY);
	keep_taken(c, k);
}

void candidates_nearest(struct candidates *c, double center, double mass)
{
	double sum = 0;
	size_t k = 0;

	heap_make(c, center);
	do
		sum += heap_take(c, c->n - k++, center)->p;
	while (sum < mass && k < c->n);
	keep_taken(c, k);
}

void candidates_above(struct candidates *c, double least)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].score >= least)
			c->list[n++] = c->list[i];
	c->n = n;
}

/*
 * 1. Softmax: p[i] = e^(z[i] - z*) / sum over j of e^(z[j] - z*), with z* the
 * largest score; it cancels, and keeps e^z within what a number can hold.
 */
void candidates_softmax(struct candidates *c)
{
	double max = candidates_top(c)->score, sum = 0;

	for (size_t i = 0; i < c->n; i++) {
		c->list[i].p = exp_f64(c->list[i].score - max);
		sum += c->list[i].p;
	}
	for (size_t i = 0; i < c->n; i++)
		c->list[i].p /= sum;
}

double candidates_log_sum_exp(const struct candidates *c)
{
	double max = -INFINITY, sum = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].logit > max)
			max = c->list[i].logit;
	for (size_t i = 0; i < c->n; i++)
		sum += exp_f64(c->list[i].logit - max);
	return max + log_f64(sum);
}

/* 15. The draw: the first i with p[0] + ... + p[i] > u. */
const struct candidate *candidates_draw(const struct candidates *c, double u)
{
	const struct candidate *last = c->list;
	double sum = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (c->list[i].p == 0)
			continue;
		last = &c->list[i];
		sum += last->p;
		if (sum > u)
			break;
	}
	return last;            /* also if rounding left the sum below u */
}
