/* simd_bf16.h: one lane of a product of BF16 numbers, for simd.h. */
#ifndef LMUTILS_SIMD_BF16_H
#define LMUTILS_SIMD_BF16_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* The value of a BF16 number; what is below the smallest normal one counts as zero. */
INLINE float bf16_value(uint16_t b)
{
	uint32_t bits = (uint32_t)(b & 0x7f80 ? b : b & 0x8000) << 16;
	float x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

/*
 * a * b + c rounded once, and zero of the same sign if that, rounded to 24
 * bits, is below the smallest normal number.  A sum in the last half step below
 * that number is rounded up to it by fmaf already; in double it is exact.
 */
INLINE float fma_flushed(float a, float b, float c)
{
	float r = fmaf(a, b, c);
	if (fabsf(r) > FLT_MIN || r != r)
		return r;
	if (fabsf(r) == FLT_MIN && fabs((double)a * b + c) >= FLT_MIN - 0x1p-151)
		return r;
	return copysignf(0, r);
}

#endif
