/*
 * pretokenizer.h: the second step of a tokenizer, which cuts a text into the
 * pieces that the model then treats one by one.
 *
 * Source: tokenizers, src/pre_tokenizers.
 */
#ifndef LMUTILS_PRETOKENIZER_H
#define LMUTILS_PRETOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"
#include "normalizer.h"

enum pretokenizer_type {
	/*
	 * A space becomes `replacement`, which is also put before a text that
	 * does not begin with it: before every one, the one that begins the
	 * input, or none.  With split, each replacement begins a piece.
	 */
	PRETOKENIZER_METASPACE,
};

enum prepend_scheme { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER };

struct pretokenizer {
	enum pretokenizer_type type;
	struct bytes replacement;       /* one character */
	enum prepend_scheme prepend;
	bool split;
};

/* What a text is cut into; all zero is nothing. */
struct text_list {
	struct text *texts;
	size_t n, room;
};

/* Takes over the text; one that is empty is left out. */
void text_list_add(struct text_list *list, struct text t);
void text_list_free(struct text_list *list);

/* Cuts each of the texts further, in place. */
void pretokenizer_apply(const struct pretokenizer *p, struct text_list *list);

#endif
