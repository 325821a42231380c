/*
 * sampling.h: the choice of the next token.
 *
 * A row of logits makes a list of candidates.  Steps change their scores or
 * drop some of them, one step after the other, in the order the user gave
 * them; a draw from the softmax of the scores that are left is the choice.  The
 * numbered steps in sampling.c are those of sample(1).
 *
 * Scores and probabilities are doubles.  Sums run over the list in its order:
 * at first the order of the logits, and by falling score (among equals, rising
 * id) once a step has sorted it.
 */
#ifndef LMUTILS_SAMPLING_H
#define LMUTILS_SAMPLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct candidate {
	int32_t id;
	float logit;            /* as the model gave it */
	double score;           /* the logit after the steps so far */
	double p;               /* softmax of the scores, once computed */
};

struct candidates {
	struct candidate *list; /* [n], room for all logits of a row */
	size_t n;
};

/*
 * The candidates of a row of n logits: ids[i] has logits[i]; with ids NULL, i
 * has.  Those of -infinity are impossible and left out.  NULL, or the reason
 * why the row is unusable: a NaN, an infinite logit, or nothing left.
 */
const char *candidates_load(struct candidates *c, const int32_t *ids, const float *logits, size_t n);

/* Keeps the k best (all, if there are fewer), by falling score and rising id. */
void candidates_best(struct candidates *c, size_t k);

/* p[i] = e^score[i] / sum of e^score. */
void candidates_softmax(struct candidates *c);

/* log of the sum of e^logit over the list. */
double candidates_log_sum_exp(const struct candidates *c);

/*
 * The candidate in whose share of [0, 1) u falls, when each takes as much of it
 * as its p, in the order of the list.  p must have been computed.
 */
const struct candidate *candidates_draw(const struct candidates *c, double u);

/* What a step can be.  A new kind is a new row of the table in sampling.c. */
struct sampling_kind {
	const char *name;       /* of its long option */
	int option;             /* getopt's value */
	double min, max;        /* of the option's argument */
	bool whole;             /* which must be an integer */
	void (*apply)(struct candidates *c, double value);
};

struct sampling_step {
	const struct sampling_kind *kind;
	double value;
};

#define SAMPLING_STEPS_MAX 64

struct sampling {
	struct sampling_step steps[SAMPLING_STEPS_MAX];
	size_t count;
};

/*
 * Adds the step of option c to the end; false if c is not the option of a
 * step.  Exits 2 for a wrong argument or too many steps.
 */
bool sampling_option(struct sampling *s, int c, const char *argument);

/*
 * Applies the steps and computes p of the candidates that are left, one at
 * least.  Without steps only the best is left (greedy).
 */
void sampling_apply(const struct sampling *s, struct candidates *c);

#endif
