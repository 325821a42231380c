/*
 * hash.h: a 64-bit fingerprint of bytes, against mix-ups, not against enemies.
 *
 * FNV-1a (Fowler, Noll, Vo), on 8 bytes at a time, finished by the mixer of
 * SplitMix64 (Steele, Lea, Flood 2014).
 */
#ifndef LMUTILS_HASH_H
#define LMUTILS_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash {
	uint64_t state;
};

struct hash hash_start(void);

/* Adds n bytes and n itself, so that "ab" "c" and "a" "bc" differ. */
void hash_add(struct hash *h, const void *bytes, size_t n);

uint64_t hash_end(const struct hash *h);

#endif
