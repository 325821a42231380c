/*
 * bytes.h: strings and lists of ids that grow.
 */
#ifndef LMUTILS_BYTES_H
#define LMUTILS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty one.  data is NULL until something was added. */
struct bytes {
	char *data;
	size_t n, room;
};

/* Adds n bytes of s at the end; s must not lie within b. */
void bytes_add(struct bytes *b, const char *s, size_t n);

/* A NUL after the end, which n does not count. */
void bytes_terminate(struct bytes *b);

void bytes_free(struct bytes *b);

/* Whether n >= 1 bytes of s are one of the words of a list, which single spaces part. */
bool words_have(const char *words, const char *s, size_t n);

/* Token ids; all zero is an empty list. */
struct ids {
	int32_t *data;
	size_t n, room;
};

void ids_add(struct ids *list, int32_t id);

#endif
