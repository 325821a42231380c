/* sampling.c: the choice of the next token.  See sampling.h. */
#include <math.h>

#include "cli.h"
#include "elementary.h"
#include "sampling.h"

const char *candidates_load(struct candidates *c, const int32_t *ids, const float *logits, size_t n)
{
	c->n = 0;
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

static bool better(const struct candidate *a, const struct candidate *b)
{
	return a->score > b->score || (a->score == b->score && a->id < b->id);
}

static const struct candidate *best(const struct candidates *c)
{
	const struct candidate *best = c->list;

	for (size_t i = 1; i < c->n; i++)
		if (better(&c->list[i], best))
			best = &c->list[i];
	return best;
}

/*
 * Sorting stops where enough is sorted: the list is made a heap, whose best
 * candidate is in front, in about n steps; each that is taken off costs log n.
 */
static void sift_down(struct candidate *heap, size_t n, size_t i)
{
	struct candidate c = heap[i];

	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && better(&heap[child + 1], &heap[child]))
			child++;
		if (!better(&heap[child], &c))
			break;
		heap[i] = heap[child];
	}
	heap[i] = c;
}

static void heap_make(struct candidates *c)
{
	for (size_t i = c->n / 2; i-- > 0;)
		sift_down(c->list, c->n, i);
}

/* Moves the best of the first n to their end, and returns it. */
static const struct candidate *heap_take(struct candidates *c, size_t n)
{
	struct candidate top = c->list[0];

	c->list[0] = c->list[n - 1];
	c->list[n - 1] = top;
	sift_down(c->list, n - 1, 0);
	return &c->list[n - 1];
}

/* Keeps the k that were taken: from the back to the front, best first. */
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
		c->list[0] = *best(c);
		c->n = 1;
		return;
	}
	heap_make(c);
	for (size_t i = 0; i < k; i++)
		heap_take(c, c->n - i);
	keep_taken(c, k);
}

/*
 * 1. Softmax: p[i] = e^(z[i] - z*) / sum over j of e^(z[j] - z*), with z* the
 * largest score; it cancels, and keeps e^z within what a number can hold.
 */
void candidates_softmax(struct candidates *c)
{
	double max = best(c)->score, sum = 0;

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

/*
 * 2. Temperature: z[i] = (z[i] - z*) / t.  Towards 0, all but the best fall
 * away: 0 is the limit.
 */
static void temperature(struct candidates *c, double t)
{
	double max = best(c)->score;

	if (t == 0) {
		candidates_best(c, 1);
		return;
	}
	for (size_t i = 0; i < c->n; i++)
		c->list[i].score = (c->list[i].score - max) / t;
}

/* 3. Top-k: the k best. */
static void top_k(struct candidates *c, double k)
{
	if (k < (double)c->n)
		candidates_best(c, (size_t)k);
}

/*
 * 4. Top-p: the best whose probabilities first sum up to p.  (Holtzman et al.,
 * "The curious case of neural text degeneration", arXiv:1904.09751.)
 */
static void top_p(struct candidates *c, double p)
{
	double sum = 0;
	size_t k = 0;

	if (p == 1)
		return;
	candidates_softmax(c);
	heap_make(c);
	do
		sum += heap_take(c, c->n - k++)->p;
	while (sum < p && k < c->n);
	keep_taken(c, k);
}

/* 5. The draw: the first i with p[0] + ... + p[i] > u. */
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

static const struct sampling_kind kinds[] = {
	{"temperature", 't', 0, 1e6, false, temperature},
	{"top-k", 'k', 1, INT32_MAX, true, top_k},
	{"top-p", 'p', 0, 1, false, top_p},
};

bool sampling_option(struct sampling *s, int c, const char *argument)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		const struct sampling_kind *k = &kinds[i];
		char option[3] = {'-', (char)k->option, '\0'};

		if (k->option != c)
			continue;
		if (s->count == SAMPLING_STEPS_MAX)
			cli_usage_error("%s: more than %d steps", option, SAMPLING_STEPS_MAX);
		s->steps[s->count++] = (struct sampling_step){
			k, k->whole ? (double)cli_integer(option, argument, (int64_t)k->min, (int64_t)k->max)
				    : cli_real(option, argument, k->min, k->max),
		};
		return true;
	}
	return false;
}

void sampling_apply(const struct sampling *s, struct candidates *c)
{
	for (size_t i = 0; i < s->count; i++)
		s->steps[i].kind->apply(c, s->steps[i].value);
	if (s->count == 0)
		candidates_best(c, 1);
	candidates_softmax(c);
}
