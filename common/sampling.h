/*
 * sampling.h: the choice of the next token.
 *
 * Some tokens may not come at all (constraint.h): they are left out before
 * anything else.  Then steps change the scores of the others or drop some of
 * them, one step after the other, in the order the user gave them, and what is
 * left is drawn from.  The numbered steps in sampling.c and penalty.c are those
 * of sample(1).
 *
 * A choice is a function of the row of logits, the tokens of the sequence so far
 * and (seed, seq, pos); of nothing else.
 */
#ifndef LMUTILS_SAMPLING_H
#define LMUTILS_SAMPLING_H

#include <stdbool.h>

#include "candidates.h"
#include "constraint.h"
#include "history.h"

/* getopt's values of the options that have no letter. */
enum {
	SAMPLING_BIAS = CONSTRAINT_OPTIONS_END, SAMPLING_DRY, SAMPLING_DRYBREAK, SAMPLING_FREQUENCY, SAMPLING_MINP,
	SAMPLING_MIROSTAT, SAMPLING_PRESENCE, SAMPLING_REPETITION, SAMPLING_SIGMA, SAMPLING_TYPICAL, SAMPLING_WINDOW,
	SAMPLING_XTC,
};

#define SAMPLING_STEPS_MAX 64
#define SAMPLING_NUMBERS_MAX 3

struct sampling_step {
	const struct sampling_kind *kind;
	double number[SAMPLING_NUMBERS_MAX];
	struct token_list tokens;
};

struct sampling {
	uint64_t seed;
	struct sampling_step steps[SAMPLING_STEPS_MAX];
	size_t count;
	struct constraint may;
	char **breakers;                /* [breaker_count], of DRY */
	size_t breaker_count;
	bool breakers_given;
};

/* Where in which sequence a token is chosen, and what was chosen for it. */
struct sampling_place {
	int32_t seq, pos;
	const struct history_sequence *history;         /* NULL: not kept */
	size_t from;            /* penalties look at the history's tokens from there on */
	uint32_t draws;         /* random numbers used besides that of the draw */
	double mu;              /* mirostat's state */
};

/*
 * Takes option c; false if it is none of a step or of what may come.  Exits 2
 * for a wrong argument or too many steps.
 */
bool sampling_option(struct sampling *s, int c, const char *argument);

/* Exits 2 for an id that a vocabulary of so many tokens has not. */
void sampling_within(const struct sampling *s, size_t vocab);

/* Does it need a tokenizer?  Must the history be kept? */
bool sampling_needs_tokenizer(const struct sampling *s);
bool sampling_needs_history(const struct sampling *s);

/*
 * Call once after the options; t may be NULL where it is not needed.  Exits 2 if it is, or
 * for a token that it does not have.
 */
void sampling_open(struct sampling *s, const struct tokenizer *t);

/*
 * Chooses one of the candidates, as they were loaded: leaves out what may not
 * come, applies the steps, computes p of those that are left, and draws.
 * Without steps, or with none but penalties and biases, the best is
 * taken (greedy).  NULL if no token may come.
 */
const struct candidate *sampling_choose(const struct sampling *s, struct candidates *c, struct sampling_place *place);

/* As one part of the choice: the steps, and p. */
void sampling_apply(const struct sampling *s, struct candidates *c, struct sampling_place *place);

/* After the choice of a candidate that had p: what mirostat makes of it, place->mu. */
void sampling_learn(const struct sampling *s, struct sampling_place *place, double p);

void sampling_close(struct sampling *s);

#endif
