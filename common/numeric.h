/*
 * numeric.h: the sums and products that everything else is made of.
 *
 * The order of every sum is fixed, so that a result has the same bits whatever
 * the number of threads, the vector width, the batch or the machine:
 *
 * f32   16 lanes; lane j adds, by fused multiply-add, the elements k with
 *       k mod 16 = j, ascending; then the halves of the lanes are added
 *       (8, 4, 2, 1).
 * bf16  both operands are BF16; lane j of 16 takes of each 32 elements first
 *       element 2j+1, then 2j, by fused multiply-adds whose inputs and results
 *       are flushed to zero below the smallest normal number; missing elements
 *       of the last 32 count as zero; then the halves as above.  This is what
 *       the instruction vdpbf16ps computes.
 *
 * kernels.c defines these in plain C; it is compiled once more for each
 * instruction set, and the best that the machine has is chosen at start.
 */
#ifndef LMUTILS_NUMERIC_H
#define LMUTILS_NUMERIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"

/* The sum of a[k] * b[k] over n elements, in the order f32. */
float dot_f32(const float *a, const float *b, size_t n);

/* The sum of x[k] over n elements, in the order f32 (products with 1). */
float sum_f32(const float *x, size_t n);

/* The same product in the order bf16. */
float dot_bf16(const uint16_t *a, const uint16_t *b, size_t n);

/* y[k] = fma(a, x[k], y[k]) for n elements. */
void add_scaled(float a, const float *x, float *y, size_t n);

/* The largest of n elements (n >= 1). */
float max_f32(const float *x, size_t n);

/* y[k] = exp(x[k] - shift) for n elements; x may be y. */
void exp_shifted(const float *x, float shift, float *y, size_t n);

/*
 * n elements as F32, exactly: of type F32, F16 or BF16, or whole blocks of a
 * type that quants.h can unpack.
 */
void unpack_f32(const void *data, enum dtype type, size_t n, float *x);

/* BF16 from F32: round to nearest, ties to even; a NaN stays one. */
uint16_t bf16_round(float x);

/*
 * y[n, out] = x[n, in] W[out, in]^T + b.  Weights stay as they are stored: F32,
 * F16 and those in blocks take the order f32.  BF16 takes the order bf16, with x rounded to
 * BF16; with exact it takes the order f32 with x as it is.
 */
void linear(const struct linear *l, const float *x, size_t n, float *y, bool exact);

#endif
