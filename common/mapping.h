/* mapping.h: files that are mapped into memory instead of read. */
#ifndef LMUTILS_MAPPING_H
#define LMUTILS_MAPPING_H

#include "safetensors.h"

/*
 * Maps a regular file read-only; *size gets its size, and an empty file is
 * NULL.  Dies with the reason if it cannot be had.  From then on, reading what
 * someone has cut off a mapped file ends the program with a line and exit 1.
 */
unsigned char *map_file(const char *path, size_t *size);

void unmap_file(unsigned char *map, size_t size);

/*
 * Maps a whole safetensors file; its tensors point into the mapping.  *header gets the
 * bytes before them.  Dies if it is broken.
 */
unsigned char *map_safetensors(const char *path, size_t *size, size_t *header, struct safetensors *st);

#endif
