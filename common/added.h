/*
 * added.h: added tokens, which are found in a text before anything else is
 * done with it: "<|end|>" and the like.
 *
 * Source: tokenizers, src/tokenizer/added_vocabulary.rs.
 */
#ifndef LMUTILS_ADDED_H
#define LMUTILS_ADDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "prefix.h"

/* The longest added token, in bytes. */
#define ADDED_MAX 4096

struct added_token {
	struct bytes content;
	struct bytes pattern;           /* what is searched for: content, perhaps normalized */
	int32_t id;
	bool single_word;               /* not next to a letter or digit */
	bool lstrip, rstrip;            /* with the white space on its left, right */
	bool normalized;                /* searched for in the normalized text */
	bool special;                   /* text like any other, if texts are taken plainly */
	bool hidden;                    /* never found in a text */
	bool silent;                    /* left out of decoded text, unless asked for */
};

/* The part of a text from start to end: an added token, or -1: text between them. */
struct added_part {
	size_t start, end;
	int32_t id;
};

struct added_parts {
	struct added_part *data;
	size_t n, room;
};

/*
 * Cuts n bytes of s at the tokens of a set, whose values index `tokens`:
 * leftmost first, and of those the longest.  Special ones remain text if
 * `plain`, and those that take white space with them if `exact`.  Parts may overlap where one token's rstrip took the white space
 * that another consists of.
 */
struct added_parts added_find(const struct prefix_set *set, const struct added_token *tokens, bool plain,
			      bool exact, const char *s, size_t n);

#endif
