/*
 * vocabulary.h: the pieces of a tokenizer and their ids, both ways.
 */
#ifndef LMUTILS_VOCABULARY_H
#define LMUTILS_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

/* The largest id there may be, far beyond any vocabulary in use. */
#define VOCABULARY_ID_MAX ((1 << 24) - 1)

/* The largest file a tokenizer is read from. */
#define VOCABULARY_FILE_MAX ((size_t)1 << 30)

/* All zero is an empty one. */
struct vocabulary {
	struct vocabulary_entry *entries;
	size_t count, entries_room;
	struct vocabulary_slot *slots;  /* hash table of the entries */
	size_t slots_room;              /* a power of 2 */
	uint32_t *by_id;                /* 1 + an entry, or 0 */
	size_t size, by_id_room;        /* size: one more than the largest id */
	struct bytes text;              /* all pieces, each ended by NUL */
};

/*
 * Gives a piece of n bytes an id in [0, VOCABULARY_ID_MAX]; one that is there
 * already gets the new id, and keeps its old id as a second way to its text.
 */
void vocabulary_add(struct vocabulary *v, const char *piece, size_t n, int32_t id);

/* Makes the ids that pieces no longer have as if they had never been. */
void vocabulary_forget(struct vocabulary *v);

/* The id of a piece, or -1. */
int32_t vocabulary_find(const struct vocabulary *v, const char *piece, size_t n);

/* The same, in less time where it is `guess`. */
int32_t vocabulary_guess(const struct vocabulary *v, const char *piece, size_t n, int32_t guess);

/* The ids of "<0x00>" to "<0xFF>", or -1. */
void vocabulary_find_bytes(const struct vocabulary *v, int32_t ids[256]);

/*
 * The piece of an id, ended by NUL, and its length in *n (may be NULL), or
 * NULL.  Valid until something is added.
 */
const char *vocabulary_piece(const struct vocabulary *v, int32_t id, size_t *n);

void vocabulary_free(struct vocabulary *v);

/* A 64-bit hash of n bytes. */
uint64_t hash_bytes(const char *s, size_t n);

/* A 64-bit hash of a number: every bit of it depends on every bit of x. */
uint64_t hash_number(uint64_t x);

#endif
