/*
 * groups.h: weights in blocks as vectors: 256 elements at a time, 8 blocks of
 * 32 or the 8 parts of a block of 256.
 *
 * They are turned so that the four bytes that one lane of i_dot multiplies, and
 * all that is added to that lane, belong to one block: bytes 4 v to 4 v + 3 of
 * block L are lane L of the v-th 32 bytes, 0 <= v < 8.  The activations lie in
 * the same order (struct activations), so no sum across lanes is needed before
 * the block's is complete.
 */
#ifndef LMUTILS_GROUPS_H
#define LMUTILS_GROUPS_H

#include "blocks.h"
#include "kernels.h"
#include "simd.h"

struct group_32 {
	struct i8x64 q[4];              /* v = 0 and 1, 2 and 3 ... */
	struct f32x8 d, m;
};

struct group_256 {
	struct i8x64 q[4];
	int32_t low[8], high[8];        /* scales of the halves of the parts */
	int32_t minimum[8];
	float d, m;
};

/* Where byte i of block L goes. */
static inline size_t group_place(size_t L, size_t i)
{
	return i / 4 * 32 + L * 4 + i % 4;
}

#if defined(__AVX512F__) && !ISA_IS_PLAIN
#include "groups_avx512.h"
#else

/* The first `count` of 8 blocks, the others being zero. */
INLINE struct group_32 group_load_32(enum dtype type, const unsigned char *p, size_t count)
{
	uint8_t q[256] = {0};
	float d[8] = {0}, m[8] = {0};
	struct group_32 g;
	for (size_t L = 0; L < count; L++, p += block_bytes(type)) {
		struct block_32 b = block_read_32(type, p);
		for (size_t i = 0; i < 32; i++)
			q[group_place(L, i)] = b.q[i];
		d[L] = b.d;
		m[L] = b.m;
	}
	for (int i = 0; i < 4; i++)
		g.q[i] = q_load(q + 64 * i);
	g.d = f_load_8(d);
	g.m = f_load_8(m);
	return g;
}

INLINE struct group_256 group_load_256(enum dtype type, const unsigned char *p)
{
	struct block_256 b = block_read_256(type, p);
	uint8_t q[256];
	struct group_256 g = {.d = b.d, .m = b.m};
	for (size_t i = 0; i < 256; i++)
		q[group_place(i / 32, i % 32)] = b.q[i];
	for (int i = 0; i < 4; i++)
		g.q[i] = q_load(q + 64 * i);
	for (int L = 0; L < 8; L++) {
		g.low[L] = b.scale[2 * L];
		g.high[L] = b.scale[2 * L + 1];
		g.minimum[L] = b.minimum[L];
	}
	return g;
}

#endif

#endif
