/*
 * replace.h: files that are there whole or not at all.
 *
 * What is written goes to a temporary file beside the one to be; that takes its
 * place in one step, after its bytes are on the disk.  Whenever the program or
 * the machine stops, the old file or the new one is there.
 */
#ifndef LMUTILS_REPLACE_H
#define LMUTILS_REPLACE_H

#include <stddef.h>

#include "safetensors.h"

struct replacement {
	char *path, *temporary;
	int fd;
};

/* All of these die with the path and the reason. */
struct replacement replace_begin(const char *directory, const char *name);
void replace_write(struct replacement *r, const void *bytes, size_t n);
void replace_end(struct replacement *r);

/* A whole safetensors file: the tensors of st, whose offsets are set by this, and its metadata. */
void replace_safetensors(const char *directory, const char *name, struct safetensors *st);

/* A copy of a file under the same name; false if there is none. */
bool replace_copy(const char *from, const char *to, const char *name);

#endif
