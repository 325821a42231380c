/*
 * constraint.h: which tokens may come next at all, whatever their scores.
 *
 * The text is what was made behind the tokens that were given (history.h), as
 * the bytes its tokens stand for amid other text (tokenizer_text).
 */
#ifndef LMUTILS_CONSTRAINT_H
#define LMUTILS_CONSTRAINT_H

#include "automaton.h"
#include "candidates.h"
#include "history.h"
#include "tokenlist.h"
#include "tokentext.h"

/* getopt's values of its options. */
enum { CONSTRAINT_BAN = 512, CONSTRAINT_FIRST, CONSTRAINT_REGEX, CONSTRAINT_OPTIONS_END };

struct constraint {
	struct token_list ban;          /* these never */
	struct token_list first;        /* these, in this order, at the start of the text */
	struct automaton *regex;        /* the whole text must match it; NULL: any text */
	struct token_texts *texts;      /* needed for regex */
	const int32_t *eos;             /* [eos_count], tokens that end a text; set by the caller */
	size_t eos_count;
};

/* Takes option c; false if it is another.  Exits 2 for a wrong argument. */
bool constraint_option(struct constraint *may, int c, const char *argument);

/* Exits 2 for an id that a vocabulary of so many tokens has not. */
void constraint_within(const struct constraint *may, size_t vocab);

/* Tokens that are named by their pieces: are there any; look them up. */
bool constraint_has_names(const struct constraint *may);
void constraint_resolve(struct constraint *may, const struct tokenizer *t);

/* Leaves the candidates that may come; it may be none.  q: needed for first and regex. */
void constraint_apply(const struct constraint *may, struct candidates *c, const struct history_sequence *q);

/* True if after this token the text matches and can't go on, and no token may come to end it. */
bool constraint_completes(const struct constraint *may, const struct history_sequence *q, int32_t id);

/* May a text end with this token, or, for -1, as it is? */
bool constraint_matches(const struct constraint *may, const struct history_sequence *q, int32_t id);

void constraint_destroy(struct constraint *may);

#endif
