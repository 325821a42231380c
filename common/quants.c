/* quants.c: types that are stored in blocks.  See quants.h. */
#include <string.h>

#include "quants.h"

/* ---- what blocks are made of ---- */

static float from_bits(uint32_t bits)
{
	float x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

/* F16, little endian: a sign, 5 bits of exponent, 10 of fraction. */
static float f16(const unsigned char *p)
{
	uint32_t sign = (uint32_t)(p[1] >> 7) << 31, exponent = p[1] >> 2 & 31;
	uint32_t fraction = (uint32_t)(p[1] & 3) << 8 | p[0];
	if (exponent == 31)                     /* infinity and NaN */
		return from_bits(sign | 0x7f800000 | fraction << 13);
	if (exponent == 0)                      /* zero and subnormals: steps of 2^-24 */
		return sign ? -0x1p-24f * (float)fraction : 0x1p-24f * (float)fraction;
	return from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

static int low(unsigned char byte)
{
	return byte & 15;
}

static int high(unsigned char byte)
{
	return byte >> 4;
}

/* Bit i of the bits that begin at p, the lowest of each byte first. */
static int bit(const unsigned char *p, int i)
{
	return p[i / 8] >> (i % 8) & 1;
}

/* ---- single numbers ---- */

static void single_f32(const unsigned char *p, float *x)
{
	memcpy(x, p, sizeof *x);
}

static void single_f16(const unsigned char *p, float *x)
{
	*x = f16(p);
}

static void single_bf16(const unsigned char *p, float *x)
{
	*x = from_bits((uint32_t)p[1] << 24 | (uint32_t)p[0] << 16);
}

/* ---- blocks of 32 ----
 *
 * d and m are F16.  The 32 q of 4 bits are in 16 bytes: 0 to 15 in the lower
 * halves, 16 to 31 in the upper ones.  A fifth bit of each is in 32 bits more.
 */

/* d[2] q[16]: d * (q - 8) */
static void unpack_q4_0(const unsigned char *p, float *x)
{
	const unsigned char *q = p + 2;
	float d = f16(p);
	for (int i = 0; i < 16; i++) {
		x[i] = d * (float)(low(q[i]) - 8);
		x[i + 16] = d * (float)(high(q[i]) - 8);
	}
}

/* d[2] m[2] q[16]: d * q + m */
static void unpack_q4_1(const unsigned char *p, float *x)
{
	const unsigned char *q = p + 4;
	float d = f16(p), m = f16(p + 2);
	for (int i = 0; i < 16; i++) {
		x[i] = d * (float)low(q[i]) + m;
		x[i + 16] = d * (float)high(q[i]) + m;
	}
}

/* d[2] fifth[4] q[16]: d * (q - 16) */
static void unpack_q5_0(const unsigned char *p, float *x)
{
	const unsigned char *fifth = p + 2, *q = p + 6;
	float d = f16(p);
	for (int i = 0; i < 16; i++) {
		x[i] = d * (float)(low(q[i]) + 16 * bit(fifth, i) - 16);
		x[i + 16] = d * (float)(high(q[i]) + 16 * bit(fifth, i + 16) - 16);
	}
}

/* d[2] m[2] fifth[4] q[16]: d * q + m */
static void unpack_q5_1(const unsigned char *p, float *x)
{
	const unsigned char *fifth = p + 4, *q = p + 8;
	float d = f16(p), m = f16(p + 2);
	for (int i = 0; i < 16; i++) {
		x[i] = d * (float)(low(q[i]) + 16 * bit(fifth, i)) + m;
		x[i + 16] = d * (float)(high(q[i]) + 16 * bit(fifth, i + 16)) + m;
	}
}

/* d[2] q[32], signed: d * q */
static void unpack_q8_0(const unsigned char *p, float *x)
{
	const unsigned char *q = p + 2;
	float d = f16(p);
	for (int i = 0; i < 32; i++)
		x[i] = d * (float)(int8_t)q[i];
}

/* ---- blocks of 256 ---- */

/*
 * Q4_K and Q5_K: part j of 8 has a scale and a minimum of 6 bits each, in 12
 * bytes: those of parts 0 to 3 in the lower 6 bits of bytes 0 to 3 (scales)
 * and 4 to 7 (minima).  Bytes 8 to 11 hold the lower 4 bits for parts 4 to 7,
 * scales below minima; their upper 2 bits are in what the first 8 bytes have
 * left over.
 */
static void part_scales(const unsigned char *s, int j, int *scale, int *minimum)
{
	if (j < 4) {
		*scale = s[j] & 63;
		*minimum = s[j + 4] & 63;
	} else {
		*scale = low(s[j + 4]) | s[j - 4] >> 6 << 4;
		*minimum = high(s[j + 4]) | s[j] >> 6 << 4;
	}
}

/*
 * d[2] m[2] scales[12] q[128]: d * scale * q - m * minimum.  Each 32 bytes of q
 * hold two parts, one in the lower halves, the next in the upper ones.
 */
static void unpack_q4_k(const unsigned char *p, float *x)
{
	const unsigned char *scales = p + 4, *q = p + 16;
	float d = f16(p), m = f16(p + 2);
	for (int j = 0; j < 8; j++) {
		int scale, minimum;
		part_scales(scales, j, &scale, &minimum);
		float ds = d * (float)scale, mm = m * (float)minimum;
		for (int i = 0; i < 32; i++) {
			unsigned char byte = q[j / 2 * 32 + i];
			x[j * 32 + i] = ds * (float)(j % 2 ? high(byte) : low(byte)) - mm;
		}
	}
}

/*
 * d[2] m[2] scales[12] fifth[32] q[128]: as Q4_K, with a fifth bit of element i
 * of part j, which is bit j of byte i.
 */
static void unpack_q5_k(const unsigned char *p, float *x)
{
	const unsigned char *scales = p + 4, *fifth = p + 16, *q = p + 48;
	float d = f16(p), m = f16(p + 2);
	for (int j = 0; j < 8; j++) {
		int scale, minimum;
		part_scales(scales, j, &scale, &minimum);
		float ds = d * (float)scale, mm = m * (float)minimum;
		for (int i = 0; i < 32; i++) {
			unsigned char byte = q[j / 2 * 32 + i];
			int n = (j % 2 ? high(byte) : low(byte)) + 16 * (fifth[i] >> j & 1);
			x[j * 32 + i] = ds * (float)n - mm;
		}
	}
}

/*
 * q[128] upper[64] scales[16] d[2]: d * scale * (q - 32), with a signed scale
 * for each 16 elements.  Either half of the block has 64 bytes of q, for 4
 * times 32 elements: the lower halves of bytes 0 to 31, those of 32 to 63, and
 * the upper halves of both; and 32 bytes with two more bits for each of the 4.
 */
static void unpack_q6_k(const unsigned char *p, float *x)
{
	float d = f16(p + 208);
	for (int j = 0; j < 8; j++) {           /* 32 elements each */
		int half = j / 4, quarter = j % 4;
		const unsigned char *q = p + half * 64 + quarter % 2 * 32;
		const unsigned char *upper = p + 128 + half * 32, *scales = p + 192 + j * 2;
		for (int i = 0; i < 32; i++) {
			int n = quarter < 2 ? low(q[i]) : high(q[i]);
			n |= (upper[i] >> (2 * quarter) & 3) << 4;
			x[j * 32 + i] = d * (float)(int8_t)scales[i / 16] * (float)(n - 32);
		}
	}
}

/* ---- the table ---- */

static const struct quant quants[] = {
	{"F32", 0, DTYPE_F32, 1, 4, single_f32},
	{"F16", 1, DTYPE_F16, 1, 2, single_f16},
	{"BF16", 30, DTYPE_BF16, 1, 2, single_bf16},
	{"Q4_0", 2, DTYPE_Q4_0, 32, 18, unpack_q4_0},
	{"Q4_1", 3, DTYPE_Q4_1, 32, 20, unpack_q4_1},
	{"Q5_0", 6, DTYPE_Q5_0, 32, 22, unpack_q5_0},
	{"Q5_1", 7, DTYPE_Q5_1, 32, 24, unpack_q5_1},
	{"Q8_0", 8, DTYPE_Q8_0, 32, 34, unpack_q8_0},
	{"Q4_K", 12, DTYPE_Q4_K, 256, 144, unpack_q4_k},
	{"Q5_K", 13, DTYPE_Q5_K, 256, 176, unpack_q5_k},
	{"Q6_K", 14, DTYPE_Q6_K, 256, 210, unpack_q6_k},
	/* known by size only */
	{"Q2_K", 10, DTYPE_Q2_K, 256, 84, NULL},
	{"Q3_K", 11, DTYPE_Q3_K, 256, 110, NULL},
	{"IQ2_XXS", 16, DTYPE_IQ2_XXS, 256, 66, NULL},
	{"IQ2_XS", 17, DTYPE_IQ2_XS, 256, 74, NULL},
	{"IQ3_XXS", 18, DTYPE_IQ3_XXS, 256, 98, NULL},
	{"IQ1_S", 19, DTYPE_IQ1_S, 256, 50, NULL},
	{"IQ4_NL", 20, DTYPE_IQ4_NL, 32, 18, NULL},
	{"IQ3_S", 21, DTYPE_IQ3_S, 256, 110, NULL},
	{"IQ2_S", 22, DTYPE_IQ2_S, 256, 82, NULL},
	{"IQ4_XS", 23, DTYPE_IQ4_XS, 256, 136, NULL},
	{"IQ1_M", 29, DTYPE_IQ1_M, 256, 56, NULL},
	{"TQ1_0", 34, DTYPE_TQ1_0, 256, 54, NULL},
	{"TQ2_0", 35, DTYPE_TQ2_0, 256, 66, NULL},
	{"MXFP4", 39, DTYPE_MXFP4, 32, 17, NULL},
	{"NVFP4", 40, DTYPE_NVFP4, 64, 36, NULL},
	{"Q1_0", 41, DTYPE_Q1_0, 128, 18, NULL},
	{"Q2_0", 42, DTYPE_Q2_0, 64, 18, NULL},
	{"I8", 24, DTYPE_I8, 1, 1, NULL},
	{"I16", 25, DTYPE_I16, 1, 2, NULL},
	{"I32", 26, DTYPE_I32, 1, 4, NULL},
	{"I64", 27, DTYPE_I64, 1, 8, NULL},
	{"F64", 28, DTYPE_F64, 1, 8, NULL},
};

#define QUANTS (sizeof quants / sizeof *quants)

const struct quant *quant_by_number(uint32_t number)
{
	for (size_t i = 0; i < QUANTS; i++)
		if (quants[i].number == number)
			return &quants[i];
	return NULL;
}

const struct quant *quant_of(enum dtype type)
{
	for (size_t i = 0; i < QUANTS; i++)
		if (quants[i].type == type)
			return &quants[i];
	return NULL;
}

void quant_unpack(enum dtype type, const void *data, size_t n, float *x)
{
	const struct quant *quant = quant_of(type);
	const unsigned char *block = data;
	for (size_t i = 0; i < n; i += quant->elements, block += quant->bytes)
		quant->unpack(block, x + i);
}
