/* memory.c: allocation that does not fail.  See memory.h. */
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "memory.h"

bool size_muladd(size_t a, size_t b, size_t c, size_t *out)
{
	size_t product, sum;
	if (__builtin_mul_overflow(a, b, &product) || __builtin_add_overflow(product, c, &sum) ||
	    sum > SIZE_MAX / 2)
		return false;
	*out = sum;
	return true;
}

void mem_keep(void)
{
	mallopt(M_MMAP_THRESHOLD, 1 << 28);
	mallopt(M_TRIM_THRESHOLD, 1 << 28);
}

void mem_return(void)
{
	malloc_trim(1 << 16);
}

static size_t product(size_t count, size_t size)
{
	size_t bytes;
	if (!size_muladd(count, size, 0, &bytes))
		die(NULL, "out of memory (%zu elements of %zu bytes)", count, size);
	return bytes ? bytes : 1;
}

static void *checked(void *p, size_t bytes)
{
	if (!p)
		die(NULL, "out of memory (%zu bytes)", bytes);
	return p;
}

void *mem_array(size_t count, size_t size)
{
	size_t bytes = product(count, size);
	return checked(malloc(bytes), bytes);
}

void *mem_zero(size_t count, size_t size)
{
	size_t bytes = product(count, size);
	return checked(calloc(bytes, 1), bytes);
}

void *mem_resize(void *p, size_t count, size_t size)
{
	size_t bytes = product(count, size);
	return checked(realloc(p, bytes), bytes);
}

void *mem_aligned(size_t count, size_t size)
{
	size_t bytes = product(count, size), rounded;
	if (!size_muladd(1, bytes, 63, &rounded))
		die(NULL, "out of memory (%zu bytes)", bytes);
	return checked(aligned_alloc(64, rounded & ~(size_t)63), bytes);
}

char *mem_string(const char *s)
{
	return checked(strdup(s), strlen(s) + 1);
}

char *mem_printf(const char *format, ...)
{
	char *s = NULL;
	va_list args;
	va_start(args, format);
	int n = vasprintf(&s, format, args);
	va_end(args);
	return checked(n < 0 ? NULL : s, 0);
}
