/*
 * memory.h: allocation that does not return NULL, and the checked arithmetic
 * with which every size that comes from a file or a stream is computed.
 */
#ifndef LMUTILS_MEMORY_H
#define LMUTILS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* *out = a * b + c; false, with *out untouched, if that exceeds SIZE_MAX / 2. */
bool size_muladd(size_t a, size_t b, size_t c, size_t *out);

/*
 * Room for count elements of size bytes each; dies with "out of memory" when
 * there is none or the product does not fit.  mem_array does not clear,
 * mem_zero does, mem_resize keeps the old content (p may be NULL).
 */
void *mem_array(size_t count, size_t size);
void *mem_zero(size_t count, size_t size);
void *mem_resize(void *p, size_t count, size_t size);

/* As mem_array, on a multiple of 64 bytes; free() releases it. */
void *mem_aligned(size_t count, size_t size);

char *mem_string(const char *s);

/* printf into a fresh string. */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * For a program that frees and allocates the same large arrays again for every
 * frame: keeps what is freed, up to 256 MB, instead of giving it to the kernel.
 */
void mem_keep(void);

/* Gives all that was kept to the kernel. */
void mem_return(void);

#endif
