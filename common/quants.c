/* quants.c: types that are stored in blocks.  See quants.h. */
#include <string.h>

#include "blocks.h"
#include "quants.h"

/* ---- single numbers ---- */

static void single_f32(enum dtype type, const unsigned char *p, float *x)
{
	(void)type;
	memcpy(x, p, sizeof *x);
}

static void single_f16(enum dtype type, const unsigned char *p, float *x)
{
	(void)type;
	*x = block_f16(p);
}

static void single_bf16(enum dtype type, const unsigned char *p, float *x)
{
	(void)type;
	uint32_t bits = (uint32_t)p[1] << 24 | (uint32_t)p[0] << 16;
	memcpy(x, &bits, sizeof bits);
}

/* ---- blocks ---- */

static void unpack_32(enum dtype type, const unsigned char *p, float *x)
{
	struct block_32 b = block_read_32(type, p);
	for (int i = 0; i < 32; i++) {
		x[i] = b.d * (float)(b.q[i] - block_offset(type));
		if (block_has_minimum(type))
			x[i] += b.m;
	}
}

static void unpack_256(enum dtype type, const unsigned char *p, float *x)
{
	struct block_256 b = block_read_256(type, p);
	for (int i = 0; i < 256; i++) {
		x[i] = b.d * (float)b.scale[i / 16] * (float)(b.q[i] - block_offset(type));
		if (block_has_minimum(type))
			x[i] -= b.m * (float)b.minimum[i / 32];
	}
}

/* ---- the table ---- */

static const struct quant quants[] = {
	{"F32", 0, DTYPE_F32, 1, 4, single_f32},
	{"F16", 1, DTYPE_F16, 1, 2, single_f16},
	{"BF16", 30, DTYPE_BF16, 1, 2, single_bf16},
	{"Q4_0", 2, DTYPE_Q4_0, 32, 18, unpack_32},
	{"Q4_1", 3, DTYPE_Q4_1, 32, 20, unpack_32},
	{"Q5_0", 6, DTYPE_Q5_0, 32, 22, unpack_32},
	{"Q5_1", 7, DTYPE_Q5_1, 32, 24, unpack_32},
	{"Q8_0", 8, DTYPE_Q8_0, 32, 34, unpack_32},
	{"Q4_K", 12, DTYPE_Q4_K, 256, 144, unpack_256},
	{"Q5_K", 13, DTYPE_Q5_K, 256, 176, unpack_256},
	{"Q6_K", 14, DTYPE_Q6_K, 256, 210, unpack_256},
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
		quant->unpack(type, block, x + i);
}
