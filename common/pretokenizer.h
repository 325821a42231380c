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
	 * A space becomes `content`, which is also put before a text that
	 * does not begin with it: before every one, the one that begins the
	 * input, or none.  With split, each content begins a piece.
	 */
	PRETOKENIZER_METASPACE,
	PRETOKENIZER_SPLIT,             /* cut at the matches of regex, or at those of pattern */
	PRETOKENIZER_PREFIX,            /* content before each text that does not begin with it */
	PRETOKENIZER_FIXED_LENGTH,      /* pieces of `length` characters */
	PRETOKENIZER_BYTE_LEVEL,        /* a character for each byte: bytelevel.h */
};

enum prepend_scheme { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER };

/* What becomes of the matches at which a text is cut. */
enum split_behavior {
	SPLIT_ISOLATED,                 /* each is a piece */
	SPLIT_REMOVED,
	SPLIT_CONTIGUOUS,               /* those in a row are one piece */
	SPLIT_WITH_PREVIOUS,            /* the end of the piece before it */
	SPLIT_WITH_NEXT,                /* the start of the piece after it */
};

struct pretokenizer {
	enum pretokenizer_type type;
	struct bytes content;           /* of a Metaspace, one character */
	enum prepend_scheme prepend;
	bool split;
	struct regex *regex;            /* or NULL, */
	struct bytes pattern;           /* and then a plain string */
	enum split_behavior behavior;
	size_t length;
	bool invert;                    /* what is between the matches counts as the matches */
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

void pretokenizer_free(struct pretokenizer *p);

#endif
