/*
 * normalizer.h: the first step of a tokenizer, which makes texts that should
 * mean the same look the same.  A tokenizer has a list of them, in order.
 *
 * Source: tokenizers, src/normalizers and src/tokenizer/normalizer.rs.
 */
#ifndef LMUTILS_NORMALIZER_H
#define LMUTILS_NORMALIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "bert.h"
#include "bytes.h"
#include "charsmap.h"
#include "regex.h"
#include "sentencepiece.h"

/*
 * A part of the input on its way to the model.  origin: how many of its first
 * bytes come from the first character of the whole input; where it is not 0,
 * the part is where the input begins.
 */
struct text {
	struct bytes bytes;
	size_t origin;
	size_t limit;           /* of its bytes: what no normalizer that has a purpose exceeds */
};

/* A text of n bytes of s, which begins the input or not. */
struct text text_new(const char *s, size_t n, bool begins);

/* Dies if n bytes are more than the text may have. */
void text_check(const struct text *t, size_t n);

/* Puts n bytes of s before a text that is not empty. */
void text_prepend(struct text *t, const char *s, size_t n);

/* Replaces the whole text by another, which is taken over. */
void text_become(struct text *t, struct bytes bytes);

/* Replaces each occurrence of a pattern (n >= 1 bytes), from left to right. */
void text_replace(struct text *t, const char *pattern, size_t n, const char *content, size_t m);

/* Brings a text into a normal form: normalform.h. */
void text_form(struct text *t, bool composed, bool compatibility);

/* A character for each byte: bytelevel.h. */
void text_spell_bytes(struct text *t);

/* Appends to out what becomes of one character of n bytes, which may be nothing. */
typedef void text_mapping(uint32_t code, const char *s, size_t n, struct bytes *out);

/* Applies a mapping to each character. */
void text_map(struct text *t, text_mapping *map);

/* Each character in lower case. */
text_mapping map_lowercase;

enum normalizer_type {
	NORMALIZER_PREPEND,             /* content before the text */
	NORMALIZER_REPLACE,             /* content for each pattern */
	NORMALIZER_REPLACE_REGEX,       /* content for each match of regex */
	NORMALIZER_FORM,                /* NFC and its kin: normalform.h */
	NORMALIZER_LOWERCASE,           /* character by character */
	NORMALIZER_STRIP,               /* no white space at the left, right */
	NORMALIZER_STRIP_ACCENTS,       /* no marks */
	NORMALIZER_NMT,                 /* no control characters; spaces for some others */
	NORMALIZER_BERT,                /* bert.h */
	NORMALIZER_PRECOMPILED,         /* grapheme clusters or characters by the map */
	NORMALIZER_BYTE_LEVEL,          /* a character for each byte: bytelevel.h */
	NORMALIZER_SENTENCEPIECE,       /* all that a tokenizer.model does */
};

struct normalizer {
	enum normalizer_type type;
	struct bytes pattern, content;
	struct regex *regex;
	bool composed, compatibility;
	bool left, right;
	struct bert bert;
	struct charsmap charsmap;
	const struct sentencepiece *sentencepiece;
};

/* exact: only what decoding undoes (spaces that are written otherwise, mostly). */
void normalizer_apply(const struct normalizer *n, bool exact, struct text *t);
void normalizer_free(struct normalizer *n);

#endif
