/*
 * kernels.c: the inner loops in plain C, written so that a compiler can make
 * vector instructions of them without changing a bit: 16 lanes, and no sum
 * across lanes until the end.  The Makefile compiles this file once for each
 * instruction set, with ISA set to its name.  See numeric.h for the orders.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "elementary.h"
#include "kernels.h"

#define LANES 16

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define STRING_(a) #a
#define STRING(a) STRING_(a)

static float add_lanes(float *lane)
{
	for (int half = LANES / 2; half > 0; half /= 2)
		for (int j = 0; j < half; j++)
			lane[j] += lane[j + half];
	return lane[0];
}

static float dot_f32(const float *a, const float *b, size_t n)
{
	float lane[LANES] = {0};
	size_t k = 0;
	for (; k + LANES <= n; k += LANES)
		for (int j = 0; j < LANES; j++)
			lane[j] = fmaf(a[k + j], b[k + j], lane[j]);
	for (int j = 0; k < n; k++, j++)
		lane[j] = fmaf(a[k], b[k], lane[j]);
	return add_lanes(lane);
}

static float sum_f32(const float *x, size_t n)
{
	float lane[LANES] = {0};
	size_t k = 0;
	for (; k + LANES <= n; k += LANES)
		for (int j = 0; j < LANES; j++)
			lane[j] += x[k + j];
	for (int j = 0; k < n; k++, j++)
		lane[j] += x[k];
	return add_lanes(lane);
}

static float from_bits(uint32_t bits)
{
	float x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

/* What is below the smallest normal number becomes zero, of the same sign. */
static float flush(float x)
{
	return fabsf(x) < FLT_MIN ? copysignf(0, x) : x;
}

static float bf16_value(uint16_t b)
{
	return flush(from_bits((uint32_t)b << 16));
}

static float dot_bf16(const uint16_t *a, const uint16_t *b, size_t n)
{
	float lane[LANES] = {0};
	uint16_t rest[2][2 * LANES] = {{0}};
	for (size_t k = 0; k < n; k += 2 * LANES, a += 2 * LANES, b += 2 * LANES) {
		if (n - k < 2 * LANES) {
			memcpy(rest[0], a, (n - k) * sizeof *a);
			memcpy(rest[1], b, (n - k) * sizeof *b);
			a = rest[0];
			b = rest[1];
		}
		for (int j = 0; j < LANES; j++) {
			float odd = flush(fmaf(bf16_value(a[2 * j + 1]), bf16_value(b[2 * j + 1]), lane[j]));
			lane[j] = flush(fmaf(bf16_value(a[2 * j]), bf16_value(b[2 * j]), odd));
		}
	}
	return add_lanes(lane);
}

static void add_scaled(float a, const float *x, float *y, size_t n)
{
	for (size_t k = 0; k < n; k++)
		y[k] = fmaf(a, x[k], y[k]);
}

static void exp_shifted(const float *x, float shift, float *y, size_t n)
{
	for (size_t k = 0; k < n; k++)
		y[k] = exp_f32(x[k] - shift);
}

/* Half precision: 1 sign, 5 exponent, 10 mantissa bits; all values are exact in F32. */
static void unpack_f16(const uint16_t *h, size_t n, float *x)
{
	for (size_t k = 0; k < n; k++) {
		uint32_t sign = (uint32_t)(h[k] & 0x8000) << 16, rest = h[k] & 0x7fff;
		float normal = from_bits((rest << 13) + (112u << 23));
		float special = from_bits((rest << 13) + (224u << 23));         /* inf, NaN */
		float denormal = (float)rest * 0x1p-24f;
		float value = rest < 0x0400 ? denormal : rest < 0x7c00 ? normal : special;
		uint32_t bits;
		memcpy(&bits, &value, sizeof bits);
		x[k] = from_bits(bits | sign);
	}
}

static void unpack_bf16(const uint16_t *b, size_t n, float *x)
{
	for (size_t k = 0; k < n; k++)
		x[k] = from_bits((uint32_t)b[k] << 16);
}

const struct kernels JOIN(kernels_, ISA) = {
	.name = STRING(ISA),
	.dot_f32 = dot_f32,
	.sum_f32 = sum_f32,
	.dot_bf16 = dot_bf16,
	.add_scaled = add_scaled,
	.exp_shifted = exp_shifted,
	.unpack_f16 = unpack_f16,
	.unpack_bf16 = unpack_bf16,
};
