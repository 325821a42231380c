/*
 * utf8.h: characters in UTF-8, and what is not UTF-8.
 *
 * Source: The Unicode Standard, section 3.9, table 3-7 (well-formed sequences)
 * and "U+FFFD Substitution of Maximal Subparts".
 */
#ifndef LMUTILS_UTF8_H
#define LMUTILS_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

/* U+FFFD, the replacement character. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

enum utf8_status {
	UTF8_VALID,             /* a character */
	UTF8_INVALID,           /* not the beginning of one, whatever follows */
	UTF8_INCOMPLETE,        /* the beginning of one, cut off by the end of s */
};

/*
 * Looks at the character at the start of the n >= 1 bytes of s.  *length gets
 * its bytes; where it is not valid, the bytes of the maximal subpart (at least
 * 1), which one U+FFFD stands for.  *code (may be NULL) is set only if valid.
 */
enum utf8_status utf8_decode(const char *s, size_t n, size_t *length, uint32_t *code);

/* Bytes of the character at the start of valid s; of the one that ends at s[n]. */
size_t utf8_length(const char *s);
size_t utf8_length_before(const char *s, size_t n);

bool utf8_valid(const char *s, size_t n);

/*
 * Adds s to b with U+FFFD for each maximal part of a would-be character.
 * Returns the offset of the first such part, or SIZE_MAX.
 */
size_t utf8_clean(struct bytes *b, const char *s, size_t n);

/*
 * Adds each of n bytes of s as a lone surrogate, U+DC00 to U+DCFF, which no UTF-8 has: so
 * bytes pass through what works on characters.  Source: Python, PEP 383.
 */
void utf8_escape(struct bytes *b, const char *s, size_t n);

/* Adds s, of which what is not UTF-8, and `lost` (a character, or ""), is escaped. */
void utf8_escape_invalid(struct bytes *b, const char *s, size_t n, const char *lost);

/* The byte that such a surrogate at the start of s stands for, or -1: there is none. */
int utf8_escaped(const char *s, size_t n);

/* White space as Unicode has it (White_Space, 25 characters). */
bool utf8_is_space(uint32_t code);

/* Where the white space begins that ends at s[at], and where that ends which begins there. */
size_t utf8_space_before(const char *s, size_t at);
size_t utf8_space_after(const char *s, size_t n, size_t at);

/* \w of regular expressions: letters, marks, decimal digits, connectors. */
bool utf8_is_word(uint32_t code);

#endif
