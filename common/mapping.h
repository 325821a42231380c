/* mapping.h: files that are mapped into memory instead of read. */
#ifndef LMUTILS_MAPPING_H
#define LMUTILS_MAPPING_H

#include <stddef.h>

/*
 * Maps a regular file read-only; *size gets its size, and an empty file is
 * NULL.  Dies with the reason if it cannot be had.  From then on, reading what
 * someone has cut off a mapped file ends the program with a line and exit 1.
 */
unsigned char *map_file(const char *path, size_t *size);

void unmap_file(unsigned char *map, size_t size);

#endif
