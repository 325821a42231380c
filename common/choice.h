/*
 * choice.h: from a frame's logits to tokens; and the candidates for each and
 * the choice among them, for people and for jq.
 */
#ifndef LMUTILS_CHOICE_H
#define LMUTILS_CHOICE_H

#include "sampling.h"
#include "stream.h"
#include "tokenizer.h"

/* The rows of logits of a frame: whole, or the n best of each row. */
struct scores {
	const int32_t *ids;     /* [m, n]; NULL: the ids are 0 to n - 1 */
	const float *logits;    /* [m, n] */
	const float *lse;       /* [m], log of the sum of e^logit over the vocabulary; NULL: see logits */
	size_t n;
};

/* Finds `logits`, or `top.ids`, `top.logits` and `top.lse`, for m rows; dies without them. */
struct scores choice_scores(const struct frame *f, const struct stream *in, size_t m);

struct choice;

/* Prints the candidates for position pos of a sequence, best first, and which was chosen. */
typedef void choice_show(const struct choice *c, int32_t seq, int32_t pos, int32_t id);

struct choice {
	struct sampling sampling;
	choice_show *show;                      /* called for each choice; may be NULL */
	const struct tokenizer *tokenizer;      /* for pieces; may be NULL */
	struct candidates candidates;           /* of the latest row */
	double lse;                             /* with show: log of the sum of e^logit */
};

/*
 * The token for a place, from row k of the scores.  Dies if the row is unusable
 * (see candidates_load) or no token may come.
 */
struct history_token choice_make(struct choice *c, const struct scores *s, size_t k, struct sampling_place *place,
				 const struct stream *in);

/* What the argument of --show, or NULL, means; exits 2 for another. */
choice_show *choice_show_named(const char *text, bool terminal);

/* To standard output: a table of the ten best, and one JSON object with all. */
choice_show choice_table, choice_json;

void choice_destroy(struct choice *c);

#endif
