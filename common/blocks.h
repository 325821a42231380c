/*
 * blocks.h: what is in a block of 32 or 256 elements: small integers, and the
 * scales that make numbers of them.
 *
 * Source: ggml-common.h (layout of the blocks), https://github.com/ggml-org/ggml.
 */
#ifndef LMUTILS_BLOCKS_H
#define LMUTILS_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "safetensors.h"

/* d (q - offset) + m, the offset being the type's */
struct block_32 {
	float d, m;
	uint8_t q[32];
};

/*
 * 8 parts of 32 elements.  d scale (q - offset) - m minimum; the two halves of
 * a part have a scale each.
 */
struct block_256 {
	float d, m;
	int8_t scale[16], minimum[8];
	uint8_t q[256];
};

/* What is subtracted from the stored, unsigned q of a type. */
static inline int block_offset(enum dtype type)
{
	switch (type) {
	case DTYPE_Q4_0:
		return 8;
	case DTYPE_Q5_0:
		return 16;
	case DTYPE_Q8_0:
		return 128;
	case DTYPE_Q6_K:
		return 32;
	default:
		return 0;
	}
}

/* Bits of the stored q of a type. */
static inline int block_bits(enum dtype type)
{
	switch (type) {
	case DTYPE_Q5_0:
	case DTYPE_Q5_1:
	case DTYPE_Q5_K:
		return 5;
	case DTYPE_Q6_K:
		return 6;
	case DTYPE_Q8_0:
		return 8;
	default:
		return 4;
	}
}

/* True if the elements of a type have a minimum. */
static inline bool block_has_minimum(enum dtype type)
{
	return type == DTYPE_Q4_1 || type == DTYPE_Q5_1 || type == DTYPE_Q4_K || type == DTYPE_Q5_K;
}

/* Bytes of a block. */
static inline size_t block_bytes(enum dtype type)
{
	switch (type) {
	case DTYPE_Q4_0:
		return 18;
	case DTYPE_Q4_1:
		return 20;
	case DTYPE_Q5_0:
		return 22;
	case DTYPE_Q5_1:
		return 24;
	case DTYPE_Q8_0:
		return 34;
	case DTYPE_Q4_K:
		return 144;
	case DTYPE_Q5_K:
		return 176;
	case DTYPE_Q6_K:
		return 210;
	default:
		return 0;
	}
}

/* F16: 1 sign, 5 exponent, 10 mantissa bits; all values are exact in F32. */
static inline float f16_value(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = h & 0x7fff, bits;
	float value = (float)rest * 0x1p-24f;                   /* denormal */
	memcpy(&bits, &value, sizeof bits);
	if (rest >= 0x7c00)                                     /* infinity, quiet NaN */
		bits = (rest << 13) + (224u << 23) + (rest > 0x7c00 && rest < 0x7e00 ? 0x400000 : 0);
	else if (rest >= 0x0400)
		bits = (rest << 13) + (112u << 23);
	bits |= sign;
	memcpy(&value, &bits, sizeof value);
	return value;
}

/* An F16 number in little endian. */
static inline float block_f16(const unsigned char *p)
{
	return f16_value((uint16_t)(p[0] | p[1] << 8));
}

/* ---- blocks of 32 ----
 *
 * d and m are F16.  The 32 q of 4 bits are in 16 bytes: 0 to 15 in the lower
 * halves, 16 to 31 in the upper ones.  A fifth bit of each is in 4 bytes more,
 * the lowest bit of each byte first.
 */
static inline void block_nibbles(const unsigned char *q, const unsigned char *fifth, uint8_t *to)
{
	for (int i = 0; i < 16; i++) {
		to[i] = q[i] & 15;
		to[i + 16] = q[i] >> 4;
	}
	for (int i = 0; fifth && i < 32; i++)
		to[i] |= (fifth[i / 8] >> (i % 8) & 1) << 4;
}

static inline struct block_32 block_read_32(enum dtype type, const unsigned char *p)
{
	struct block_32 b = {.d = block_f16(p)};
	switch (type) {
	case DTYPE_Q4_0:        /* d[2] q[16] */
		block_nibbles(p + 2, NULL, b.q);
		break;
	case DTYPE_Q4_1:        /* d[2] m[2] q[16] */
		b.m = block_f16(p + 2);
		block_nibbles(p + 4, NULL, b.q);
		break;
	case DTYPE_Q5_0:        /* d[2] fifth[4] q[16] */
		block_nibbles(p + 6, p + 2, b.q);
		break;
	case DTYPE_Q5_1:        /* d[2] m[2] fifth[4] q[16] */
		b.m = block_f16(p + 2);
		block_nibbles(p + 8, p + 4, b.q);
		break;
	default:                /* Q8_0: d[2] q[32], signed: shifted to be unsigned */
		for (int i = 0; i < 32; i++)
			b.q[i] = p[2 + i] ^ 0x80;
		break;
	}
	return b;
}

/* ---- blocks of 256 ---- */

/*
 * Q4_K and Q5_K: part j of 8 has a scale and a minimum of 6 bits each, in 12
 * bytes: those of parts 0 to 3 in the lower 6 bits of bytes 0 to 3 (scales)
 * and 4 to 7 (minima).  Bytes 8 to 11 hold the lower 4 bits for parts 4 to 7,
 * scales below minima; their upper 2 bits are in what the first 8 bytes have
 * left over.
 */
static inline void block_scales(const unsigned char *s, struct block_256 *b)
{
	for (int j = 0; j < 8; j++) {
		int scale = s[j & 3] & 63, minimum = s[4 + (j & 3)] & 63;
		if (j >= 4) {
			scale = (s[j + 4] & 15) | s[j - 4] >> 6 << 4;
			minimum = s[j + 4] >> 4 | s[j] >> 6 << 4;
		}
		b->scale[2 * j] = b->scale[2 * j + 1] = (int8_t)scale;
		b->minimum[j] = (int8_t)minimum;
	}
}

/* Each 32 bytes hold two parts, one in the lower halves, the next in the upper ones. */
static inline void block_parts(const unsigned char *q, uint8_t *to)
{
	for (int i = 0; i < 128; i++) {
		to[i / 32 * 64 + i % 32] = q[i] & 15;
		to[i / 32 * 64 + 32 + i % 32] = q[i] >> 4;
	}
}

static inline struct block_256 block_read_256(enum dtype type, const unsigned char *p)
{
	struct block_256 b = {.d = 0};
	if (type == DTYPE_Q6_K) {
		/*
		 * q[128] upper[64] scales[16] d[2].  Either half of the block
		 * has 64 bytes of q, for 4 parts: the lower halves of bytes 0 to
		 * 31, those of 32 to 63, and the upper halves of both; and 32
		 * bytes with two more bits for each of the 4.
		 */
		b.d = block_f16(p + 208);
		memcpy(b.scale, p + 192, sizeof b.scale);
		for (int i = 0; i < 256; i++) {
			int half = i / 128, part = i / 32 % 4, k = i % 32;
			int q = p[half * 64 + part % 2 * 32 + k] >> (part < 2 ? 0 : 4) & 15;
			b.q[i] = (uint8_t)(q | (p[128 + half * 32 + k] >> (2 * part) & 3) << 4);
		}
		return b;
	}
	b.d = block_f16(p);
	b.m = block_f16(p + 2);
	block_scales(p + 4, &b);
	if (type == DTYPE_Q4_K) {       /* d[2] m[2] scales[12] q[128] */
		block_parts(p + 16, b.q);
		return b;
	}
	/* Q5_K, d[2] m[2] scales[12] fifth[32] q[128]: bit j of byte i is part j's */
	block_parts(p + 48, b.q);
	for (int i = 0; i < 256; i++)
		b.q[i] |= (p[16 + i % 32] >> (i / 32) & 1) << 4;
	return b;
}

#endif
