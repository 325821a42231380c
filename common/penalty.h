/*
 * penalty.h: lower scores for what the text has said before.
 *
 * The tokens that count are the last n of a sequence, in order.  The numbered
 * steps in penalty.c are those of sample(1).
 */
#ifndef LMUTILS_PENALTY_H
#define LMUTILS_PENALTY_H

#include "candidates.h"
#include "history.h"
#include "tokentext.h"

/* Of tokens that are there, a score above 0 is divided by theta, any other multiplied. */
void penalty_repetition(struct candidates *c, const struct history_token *tokens, size_t n, double theta);

/* Lowers the scores of tokens that are there: by alpha, or by alpha for each time. */
void penalty_presence(struct candidates *c, const struct history_token *tokens, size_t n, double alpha);
void penalty_frequency(struct candidates *c, const struct history_token *tokens, size_t n, double alpha);

/* "Don't repeat yourself": what it takes to go on with a repetition. */
struct dry {
	double multiplier, base;
	size_t allowed;                 /* tokens that may be repeated for nothing */
	char *const *breakers;          /* texts no repetition reaches across, */
	size_t breaker_count;
	const struct token_texts *texts;        /* and the texts of tokens to find them in; NULL: without breakers */
};

void penalty_dry(struct candidates *c, const struct history_token *tokens, size_t n, const struct dry *dry);

#endif
