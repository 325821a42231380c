/*
 * candidates.h: the tokens that may come next, and their scores.
 *
 * A row of logits makes a list of candidates.  Steps (sampling.h) change their
 * scores or drop some of them; a draw from the softmax of the scores that are
 * left is the choice.
 *
 * Scores and probabilities are doubles.  Sums run over the list in its order:
 * at first the order of the logits, and by falling score (among equals, rising
 * id) once a step has sorted it.
 */
#ifndef LMUTILS_CANDIDATES_H
#define LMUTILS_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct candidate {
	int32_t id;
	float logit;            /* as the model gave it */
	double score;           /* the logit after the steps so far, less `zero` */
	double p;               /* softmax of the scores, once computed */
};

struct candidates {
	struct candidate *list; /* [n], room for all logits of a row */
	size_t n;
	double zero;            /* what steps have subtracted from all scores; it matters to no probability */
};

/* Scores stay in [-SCORE_MAX, SCORE_MAX], so that differences of them are numbers. */
#define SCORE_MAX 1e300
double score_bounded(double score);

/*
 * The candidates of a row of n logits: ids[i] has logits[i]; with ids NULL, i
 * has.  Those of -infinity are impossible and left out.  NULL, or the reason
 * why the row is unusable: a NaN, an infinite logit, or nothing left.
 */
const char *candidates_load(struct candidates *c, const int32_t *ids, const float *logits, size_t n);

/* Has a the larger score, or the same and the lower id? */
bool candidate_better(const struct candidate *a, const struct candidate *b);

/* The one with the largest score, and among equals with the lowest id. */
const struct candidate *candidates_top(const struct candidates *c);

/* Keeps the k best (all, if there are fewer), by falling score and rising id. */
void candidates_best(struct candidates *c, size_t k);

/*
 * Keeps those with the score nearest to `center`, among equals with the lowest id,
 * whose p sum up to `mass`: the fewest that do, one at least.  The center INFINITY
 * is above all: the best.
 */
void candidates_nearest(struct candidates *c, double center, double mass);

/* Keeps those with a score of at least `least`, which the best must have. */
void candidates_above(struct candidates *c, double least);

/* p[i] = e^score[i] / sum of e^score. */
void candidates_softmax(struct candidates *c);

/* log of the sum of e^logit over the list. */
double candidates_log_sum_exp(const struct candidates *c);

/*
 * The candidate in whose share of [0, 1) u falls, when each takes as much of it
 * as its p, in the order of the list.  p must have been computed.
 */
const struct candidate *candidates_draw(const struct candidates *c, double u);

#endif
