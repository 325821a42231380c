/*
 * trie.h: a set of strings, walked through byte by byte: which of them a text
 * begins with, for vocabularies of a hundred thousand pieces.
 */
#ifndef LMUTILS_TRIE_H
#define LMUTILS_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty one. */
struct trie {
	struct trie_edge *edges;        /* hash table by (node, byte) */
	size_t count, room;             /* edges; a power of 2 */
};

/* The node where all walks begin. */
#define TRIE_ROOT 0

/* Adds n >= 1 bytes of s and the id >= 0 they stand for; the later of two equal strings counts. */
void trie_add(struct trie *t, const char *s, size_t n, int32_t id);

/*
 * One step: from *node by a byte to the next node; false if no string goes on
 * so.  *id gets what the string that ends there stands for, or -1.
 */
bool trie_step(const struct trie *t, uint32_t *node, char byte, int32_t *id);

void trie_free(struct trie *t);

#endif
