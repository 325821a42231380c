/*
 * bytelevel.h: bytes as characters.  A byte-level tokenizer's pieces are
 * strings of bytes; so that they can be read, and stand in a JSON file, each
 * byte is written as one character: the printable ones of Latin-1 as
 * themselves, and the others, in order, as U+0100 to U+0143: a space is 'Ġ', a
 * newline 'Ċ'.
 *
 * Source: OpenAI's GPT-2, bytes_to_unicode in src/encoder.py.
 */
#ifndef LMUTILS_BYTELEVEL_H
#define LMUTILS_BYTELEVEL_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"

/* How GPT-2 cuts text before: contractions, words, numbers, other characters, white space. */
#define BYTELEVEL_PATTERN \
	"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/* Adds the character of each of n bytes; an escaped one (utf8_escape) is one. */
void bytelevel_encode(const char *s, size_t n, struct bytes *out);

/* Adds the byte of each character of valid UTF-8; false, and nothing is added, if one stands for none. */
bool bytelevel_decode(const char *s, size_t n, struct bytes *out);

#endif
