/*
 * quantize.h: numbers into the types that quants.h takes numbers out of.  For
 * the tests: each block gets the plainest scale that covers it, which is not
 * the best there is.
 */
#ifndef LMUTILS_TESTS_QUANTIZE_H
#define LMUTILS_TESTS_QUANTIZE_H

#include <math.h>
#include <string.h>

#include "kernels.h"
#include "numeric.h"
#include "quants.h"

/* F16 from F32: round to nearest, ties to even. */
static inline uint16_t f16_round(float x)
{
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
	float size = fabsf(x);
	if (!(size < 65520))                    /* too large, or NaN */
		return sign | (isnan(x) ? 0x7e00 : 0x7c00);
	if (size < 0x1p-14f)                    /* subnormal: steps of 2^-24 */
		return sign | (uint16_t)nearbyintf(size * 0x1p24f);
	bits = (bits & 0x7fffffff) - ((127 - 15) << 23);
	return sign | (uint16_t)((bits + 0xfff + (bits >> 13 & 1)) >> 13);
}

/* Writes x as F16 and returns what was written. */
static inline float put_f16(unsigned char *p, float x)
{
	uint16_t half = f16_round(x);
	float written;
	p[0] = (unsigned char)(half & 0xff);
	p[1] = (unsigned char)(half >> 8);
	unpack_f32(&half, DTYPE_F16, 1, &written);
	return written;
}

static inline int clamp(float x, int low, int high)
{
	float rounded = nearbyintf(x);
	return rounded < (float)low ? low : rounded > (float)high ? high : (int)rounded;
}

static inline float reciprocal(float x)
{
	return x != 0 ? 1 / x : 0;
}

/* The extremes of n numbers: lowest and highest. */
static inline void extremes(const float *x, int n, float *lowest, float *highest)
{
	*lowest = *highest = x[0];
	for (int i = 1; i < n; i++) {
		*lowest = fminf(*lowest, x[i]);
		*highest = fmaxf(*highest, x[i]);
	}
}

/* The number farthest from zero, with its sign. */
static inline float farthest(const float *x, int n)
{
	float lowest, highest;
	extremes(x, n, &lowest, &highest);
	return -lowest > highest ? lowest : highest;
}

/* ---- single numbers ---- */

static inline void pack_f32(const float *x, unsigned char *p)
{
	memcpy(p, x, sizeof *x);
}

static inline void pack_f16(const float *x, unsigned char *p)
{
	put_f16(p, *x);
}

static inline void pack_bf16(const float *x, unsigned char *p)
{
	uint16_t half;
	kernels_plain.round_bf16(x, 1, &half);
	p[0] = (unsigned char)(half & 0xff);
	p[1] = (unsigned char)(half >> 8);
}

/* ---- blocks of 32 ---- */

/* q[32] of 4 or 5 bits: the lower four into nibbles, the fifth, if there is one, into fifth[4]. */
static inline void put_q32(const int *q, unsigned char *nibbles, unsigned char *fifth)
{
	for (int i = 0; i < 16; i++)
		nibbles[i] = (unsigned char)((q[i] & 15) | (q[i + 16] & 15) << 4);
	for (int i = 0; fifth && i < 32; i++)
		fifth[i / 8] = (unsigned char)((i % 8 ? fifth[i / 8] : 0) | (q[i] >> 4) << i % 8);
}

/* d * (q - half): the farthest number becomes -half, the one without a counterpart. */
static inline void quantize_symmetric(const float *x, int half, unsigned char *d, int *q)
{
	float r = reciprocal(put_f16(d, farthest(x, 32) / (float)-half));
	for (int i = 0; i < 32; i++)
		q[i] = clamp(x[i] * r + (float)half, 0, 2 * half - 1);
}

/* d * q + m */
static inline void quantize_affine(const float *x, int levels, unsigned char *d, unsigned char *m, int *q)
{
	float lowest, highest;
	extremes(x, 32, &lowest, &highest);
	float minimum = put_f16(m, lowest);
	float r = reciprocal(put_f16(d, (highest - minimum) / (float)levels));
	for (int i = 0; i < 32; i++)
		q[i] = clamp((x[i] - minimum) * r, 0, levels);
}

static inline void pack_q4_0(const float *x, unsigned char *p)
{
	int q[32];
	quantize_symmetric(x, 8, p, q);
	put_q32(q, p + 2, NULL);
}

static inline void pack_q4_1(const float *x, unsigned char *p)
{
	int q[32];
	quantize_affine(x, 15, p, p + 2, q);
	put_q32(q, p + 4, NULL);
}

static inline void pack_q5_0(const float *x, unsigned char *p)
{
	int q[32];
	quantize_symmetric(x, 16, p, q);
	put_q32(q, p + 6, p + 2);
}

static inline void pack_q5_1(const float *x, unsigned char *p)
{
	int q[32];
	quantize_affine(x, 31, p, p + 2, q);
	put_q32(q, p + 8, p + 4);
}

static inline void pack_q8_0(const float *x, unsigned char *p)
{
	float r = reciprocal(put_f16(p, fabsf(farthest(x, 32)) / 127));
	for (int i = 0; i < 32; i++)
		p[2 + i] = (unsigned char)clamp(x[i] * r, -127, 127);
}

/* ---- blocks of 256 ---- */

/* Scales and minima of 6 bits, eight of each, into 12 bytes: see part_scales in quants.c. */
static inline void put_part_scales(unsigned char *s, const int *scale, const int *minimum)
{
	for (int j = 0; j < 4; j++) {
		s[j] = (unsigned char)(scale[j] | scale[j + 4] >> 4 << 6);
		s[j + 4] = (unsigned char)(minimum[j] | minimum[j + 4] >> 4 << 6);
		s[j + 8] = (unsigned char)((scale[j + 4] & 15) | (minimum[j + 4] & 15) << 4);
	}
}

/* d * scale * q - m * minimum, for each 32 a scale and a minimum. */
static inline void quantize_parts(const float *x, int levels, unsigned char *p, int *q)
{
	float scales[8], minima[8], d = 0, m = 0;
	int scale[8], minimum[8];
	for (int j = 0; j < 8; j++) {
		float lowest, highest;
		extremes(x + 32 * j, 32, &lowest, &highest);
		minima[j] = fmaxf(-lowest, 0);
		scales[j] = fmaxf(highest + minima[j], 0) / (float)levels;
		d = fmaxf(d, scales[j] / 63);
		m = fmaxf(m, minima[j] / 63);
	}
	d = put_f16(p, d);
	m = put_f16(p + 2, m);
	for (int j = 0; j < 8; j++) {
		scale[j] = clamp(scales[j] * reciprocal(d), 0, 63);
		minimum[j] = clamp(minima[j] * reciprocal(m), 0, 63);
		float r = reciprocal(d * (float)scale[j]);
		for (int i = 32 * j; i < 32 * (j + 1); i++)
			q[i] = clamp((x[i] + m * (float)minimum[j]) * r, 0, levels);
	}
	put_part_scales(p + 4, scale, minimum);
}

/* The lower four bits of q[256]: two parts of 32 in each 32 bytes. */
static inline void put_parts(const int *q, unsigned char *p)
{
	for (int i = 0; i < 128; i++) {
		const int *pair = q + i / 32 * 64 + i % 32;
		p[i] = (unsigned char)((pair[0] & 15) | (pair[32] & 15) << 4);
	}
}

static inline void pack_q4_k(const float *x, unsigned char *p)
{
	int q[256];
	quantize_parts(x, 15, p, q);
	put_parts(q, p + 16);
}

static inline void pack_q5_k(const float *x, unsigned char *p)
{
	int q[256];
	quantize_parts(x, 31, p, q);
	memset(p + 16, 0, 32);
	for (int i = 0; i < 256; i++)
		p[16 + i % 32] |= (unsigned char)((q[i] >> 4) << i / 32);
	put_parts(q, p + 48);
}

/* d * scale * (q - 32), for each 16 a scale. */
static inline void pack_q6_k(const float *x, unsigned char *p)
{
	float d = put_f16(p + 208, fabsf(farthest(x, 256)) / 31 / 127);
	memset(p, 0, 192);
	for (int j = 0; j < 16; j++) {
		int scale = clamp(fabsf(farthest(x + 16 * j, 16)) / 31 * reciprocal(d), 0, 127);
		float r = reciprocal(d * (float)scale);
		p[192 + j] = (unsigned char)scale;
		for (int i = 16 * j; i < 16 * (j + 1); i++) {
			int q = clamp(x[i] * r + 32, 0, 63), half = i / 128, quarter = i / 32 % 4;
			p[half * 64 + i % 64] |= (unsigned char)((q & 15) << (quarter < 2 ? 0 : 4));
			p[128 + half * 32 + i % 32] |= (unsigned char)(q >> 4 << 2 * quarter);
		}
	}
}

/* ---- the table ---- */

static const struct packed {
	enum dtype type;
	uint32_t file_type;             /* general.file_type of a file mostly of this type */
	void (*pack)(const float *x, unsigned char *block);
} packed[] = {
	{DTYPE_F32, 0, pack_f32}, {DTYPE_F16, 1, pack_f16}, {DTYPE_BF16, 32, pack_bf16},
	{DTYPE_Q4_0, 2, pack_q4_0}, {DTYPE_Q4_1, 3, pack_q4_1}, {DTYPE_Q5_0, 8, pack_q5_0},
	{DTYPE_Q5_1, 9, pack_q5_1}, {DTYPE_Q8_0, 7, pack_q8_0}, {DTYPE_Q4_K, 14, pack_q4_k},
	{DTYPE_Q5_K, 16, pack_q5_k}, {DTYPE_Q6_K, 18, pack_q6_k},
};

/* The row of the type of that name ("Q4_1"), or NULL. */
static inline const struct packed *packed_of(const char *name)
{
	for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
		if (strcmp(quant_of(packed[i].type)->name, name) == 0)
			return &packed[i];
	return NULL;
}

/* n numbers, a multiple of the type's block, into the type. */
static inline void quantize(const struct packed *type, const float *x, size_t n, unsigned char *out)
{
	const struct quant *q = quant_of(type->type);
	for (size_t i = 0; i < n; i += q->elements, out += q->bytes)
		type->pack(x + i, out);
}

#endif
