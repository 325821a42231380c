/* ggufwriter.h: the parts of a GGUF file, appended to a buffer.  For the tests. */
#ifndef LMUTILS_TESTS_GGUFWRITER_H
#define LMUTILS_TESTS_GGUFWRITER_H

#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "gguf.h"

static inline void put(struct bytes *b, uint64_t x, size_t n)
{
	for (; n-- > 0; x >>= 8)
		bytes_add(b, (char[]){(char)(x & 0xff)}, 1);
}

static inline void put_string(struct bytes *b, const char *s)
{
	put(b, strlen(s), 8);
	bytes_add(b, s, strlen(s));
}

static inline void put_f32(struct bytes *b, float x)
{
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	put(b, bits, 4);
}

static inline void put_start(struct bytes *b, uint64_t tensors, uint64_t pairs)
{
	bytes_add(b, "GGUF", 4);
	put(b, 3, 4);
	put(b, tensors, 8);
	put(b, pairs, 8);
}

static inline void put_key(struct bytes *b, const char *key, enum gguf_type type)
{
	put_string(b, key);
	put(b, type, 4);
}

static inline void put_key_u32(struct bytes *b, const char *key, uint32_t x)
{
	put_key(b, key, GGUF_U32);
	put(b, x, 4);
}

static inline void put_key_f32(struct bytes *b, const char *key, float x)
{
	put_key(b, key, GGUF_F32);
	put_f32(b, x);
}

static inline void put_key_string(struct bytes *b, const char *key, const char *s)
{
	put_key(b, key, GGUF_STRING);
	put_string(b, s);
}

/* A tensor [out, in], or [out] where in is 0. */
static inline void put_tensor(struct bytes *b, const char *name, size_t out, size_t in, uint32_t type,
			      uint64_t offset)
{
	put_string(b, name);
	put(b, in ? 2 : 1, 4);
	if (in)
		put(b, in, 8);
	put(b, out, 8);
	put(b, type, 4);
	put(b, offset, 8);
}

static inline void put_padding(struct bytes *b, size_t alignment)
{
	while (b->n % alignment)
		bytes_add(b, "", 1);
}

#endif
