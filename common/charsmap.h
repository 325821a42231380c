/*
 * charsmap.h: the precompiled map of characters with which SentencePiece
 * normalizes text (NFKC and the like): strings, and what each becomes.
 *
 * The map is a 32-bit length, a double-array trie of that many bytes, and the
 * replacements, each ended by NUL.  Source: sentencepiece, src/normalizer.cc;
 * the trie's units are those of darts-clone, include/darts.h.
 */
#ifndef LMUTILS_CHARSMAP_H
#define LMUTILS_CHARSMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct charsmap {
	uint32_t *units;        /* the trie; NULL: a map that changes nothing */
	size_t unit_count;
	char *strings;          /* the replacements */
	size_t strings_bytes;
};

/* Reads a map of n bytes; false if its length does not fit. */
bool charsmap_load(struct charsmap *map, const char *blob, size_t n);

/*
 * The longest key that the n bytes of s begin with: its length, and its
 * replacement of *m bytes; or NULL.
 */
const char *charsmap_match(const struct charsmap *map, const char *s, size_t n, size_t *length,
			   size_t *m);

/*
 * What a whole string of n bytes becomes, as the tokenizers library has it: the
 * replacement, of *m bytes, of the shortest key that it begins with; or NULL.
 */
const char *charsmap_transform(const struct charsmap *map, const char *s, size_t n, size_t *m);

/* Whether all replacements are UTF-8. */
bool charsmap_valid(const struct charsmap *map);

void charsmap_free(struct charsmap *map);

#endif
