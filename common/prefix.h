/*
 * prefix.h: a set of strings, and which of them a text begins with.
 */
#ifndef LMUTILS_PREFIX_H
#define LMUTILS_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty set. */
struct prefix_set {
	struct prefix *prefixes;
	size_t count, room;
	size_t first[257];      /* prefixes that begin with byte c: from first[c] to first[c + 1] */
};

/* Adds n >= 1 bytes of s, which must outlive the set, and what it stands for. */
void prefix_add(struct prefix_set *set, const char *s, size_t n, int32_t value);

/* Call once after all were added.  Of equal strings the first added remains. */
void prefix_sort(struct prefix_set *set);

/* The longest member that the n bytes of s begin with: its length and value; or false. */
bool prefix_match(const struct prefix_set *set, const char *s, size_t n, size_t *length,
		  int32_t *value);

void prefix_free(struct prefix_set *set);

#endif
