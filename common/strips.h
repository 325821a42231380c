/*
 * strips.h: weights in blocks as vectors: 8 rows of a matrix at a time, a row a
 * lane.
 *
 * The 32 bytes of a block, or of a part of a block of 256, are turned so that
 * lane j of q[v] has elements 4 v to 4 v + 3 of row j: what i_dot multiplies
 * with four activations, the same for all rows.  So no sum ever crosses lanes.
 */
#ifndef LMUTILS_STRIPS_H
#define LMUTILS_STRIPS_H

#include "blocks.h"
#include "simd.h"

#define STRIP 8                 /* rows */

/* A block of each row: d (q - offset) + m. */
struct strip_32 {
	struct i8x32 q[8];
	struct f32x8 d, m;
};

/* The scales of a block of 256: small ones of the halves of its 8 parts, and minima. */
struct strip_scales {
	struct i32x8 low[8], high[8], minimum[8];
	struct f32x8 d, m;
};

/* 32 bytes of each row. */
INLINE void strip_bytes(const unsigned char *p, size_t stride, struct i8x32 q[8])
{
	q_rows(p, stride, q);
	q_rows(p + 16, stride, q + 4);
}

/* 16 bytes of each row: elements 0 to 15 in their lower halves, 16 to 31 in the upper. */
INLINE void strip_nibbles(const unsigned char *p, size_t stride, struct i8x32 q[8])
{
	struct i8x32 bytes[4];
	q_rows(p, stride, bytes);
	UNROLL
	for (int v = 0; v < 4; v++) {
		q[v] = q_bits(bytes[v], 0, 4);
		q[v + 4] = q_bits(bytes[v], 4, 4);
	}
}

/* 4 bytes of each row: a fifth bit for each element. */
INLINE void strip_fifth(const unsigned char *p, size_t stride, struct i8x32 q[8])
{
	struct i32x8 bits = i_rows(p, stride);
	UNROLL
	for (int v = 0; v < 8; v++)
		q[v] = q_above(q[v], q_spread(i_right(bits, 4 * v)));
}

/* The blocks at p, p + stride ...; the layouts are those of blocks.h. */
INLINE void strip_load_32(enum dtype type, const unsigned char *p, size_t stride, struct strip_32 *s)
{
	struct i32x8 first = i_rows(p, stride);
	s->d = f8_from_f16(first, false);
	s->m = block_has_minimum(type) ? f8_from_f16(first, true) : f8_set(0);
	switch (type) {
	case DTYPE_Q4_0:
		strip_nibbles(p + 2, stride, s->q);
		break;
	case DTYPE_Q4_1:
		strip_nibbles(p + 4, stride, s->q);
		break;
	case DTYPE_Q5_0:
		strip_nibbles(p + 6, stride, s->q);
		strip_fifth(p + 2, stride, s->q);
		break;
	case DTYPE_Q5_1:
		strip_nibbles(p + 8, stride, s->q);
		strip_fifth(p + 4, stride, s->q);
		break;
	default:                /* Q8_0 */
		strip_bytes(p + 2, stride, s->q);
		UNROLL
		for (int v = 0; v < 8; v++)
			s->q[v] = q_offset(s->q[v]);
	}
}

/* The scales of the blocks of 256 at p, p + stride ... */
INLINE void strip_load_scales(enum dtype type, const unsigned char *p, size_t stride, struct strip_scales *s)
{
	struct i8x32 words[4];
	if (type == DTYPE_Q6_K) {
		q_rows(p + 192, stride, words);
		UNROLL
		for (int j = 0; j < 8; j++) {
			struct i32x8 two_parts = i_from_bytes(words[j / 2]);
			s->low[j] = i_byte(two_parts, j % 2 * 2);
			s->high[j] = i_byte(two_parts, j % 2 * 2 + 1);
			s->minimum[j] = i_set(0);
		}
		s->d = f8_rows_f16(p + 208, stride);
		s->m = f8_set(0);
		return;
	}
	q_rows(p, stride, words);
	struct i32x8 first = i_from_bytes(words[0]), scales = i_from_bytes(words[1]);
	struct i32x8 minima = i_from_bytes(words[2]), rest = i_from_bytes(words[3]);
	UNROLL
	for (int j = 0; j < 4; j++) {
		struct i32x8 low = i_and(i_right(rest, 8 * j), 15), high = i_and(i_right(rest, 8 * j + 4), 15);
		s->low[j] = i_and(i_right(scales, 8 * j), 63);
		s->minimum[j] = i_and(i_right(minima, 8 * j), 63);
		s->low[j + 4] = i_or(low, i_left(i_and(i_right(scales, 8 * j + 6), 3), 4));
		s->minimum[j + 4] = i_or(high, i_left(i_and(i_right(minima, 8 * j + 6), 3), 4));
	}
	UNROLL
	for (int j = 0; j < 8; j++)
		s->high[j] = s->low[j];
	s->d = f8_from_f16(first, false);
	s->m = f8_mul(f8_from_f16(first, true), f8_set(-1));
}

/* Part j of the blocks of 256. */
INLINE void strip_load_part(enum dtype type, const unsigned char *p, size_t stride, int j, struct i8x32 q[8])
{
	int half = j / 4, part = j % 4;
	struct i8x32 upper[8];
	if (type == DTYPE_Q6_K) {
		strip_bytes(p + half * 64 + part % 2 * 32, stride, q);
		strip_bytes(p + 128 + half * 32, stride, upper);
	} else {
		strip_bytes(p + (type == DTYPE_Q4_K ? 16 : 48) + j / 2 * 32, stride, q);
		if (type == DTYPE_Q5_K)
			strip_bytes(p + 16, stride, upper);
	}
	UNROLL
	for (int v = 0; v < 8; v++) {
		if (type == DTYPE_Q6_K)
			q[v] = q_above(q_bits(q[v], part < 2 ? 0 : 4, 4), q_bits(upper[v], 2 * part, 2));
		else
			q[v] = q_bits(q[v], j % 2 ? 4 : 0, 4);
		if (type == DTYPE_Q5_K)
			q[v] = q_above(q[v], q_bits(upper[v], j, 1));
	}
}

#endif
