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
 * blocks of 32
 *       The activations are rounded to 8-bit integers, 32 of them with a scale
 *       dx = max |x| / 127: x times 1 / dx, to the nearest, ties to even; where
 *       dx would not be a normal number, all are zero.  The sum of their
 *       products with the q of a block of weights (offset taken off) is an
 *       exact integer.  8 lanes; block b goes to lane b mod 8, ascending: by
 *       fused multiply-add the integer times (d dx), then, if the type has
 *       minima, m times (dx times the sum of the 32 integers).  Lanes are added
 *       ascending.  Missing blocks of the last 8 count as zero.
 * blocks of 256
 *       The activations are rounded with one scale dx for 256.  Both sums over
 *       a block, of products with scale q and with minimum, are exact integers.
 *       8 lanes, block b in lane b mod 8: the first times (d dx), then the
 *       second times (-m dx).  Lanes are added ascending.
 *
 * In both, a block of activations whose largest |x| is more than 5 times the
 * root mean square of its row (its square, in F32, more than 25 times the
 * product of the row with itself by the row's length) would lose too much of its other elements: what
 * its rounding has left over is rounded as well, with a scale of its own, and
 * multiplied like a further block, in the lane of the first, after all blocks.
 *
 * A row of activations that holds an infinity or a NaN gives NaN where it meets
 * a block.  (A NaN is a NaN everywhere; its other bits mean nothing.)  kernels.c defines all this in plain C; it is compiled once more for
 * each instruction set, and the best that the machine has is chosen at start.
 */
#ifndef LMUTILS_NUMERIC_H
#define LMUTILS_NUMERIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels.h"
#include "model.h"

/* The sum of a[k] * b[k] over n elements, in the order f32. */
float dot_f32(const float *a, const float *b, size_t n);

/* The sum of x[k] over n elements, in the order f32 (products with 1). */
float sum_f32(const float *x, size_t n);

/* y[k] = fma(a, x[k], y[k]) for n elements. */
void add_scaled(float a, const float *x, float *y, size_t n);

/*
 * scores[i, j] = q[i] . k[j] in the order f32, for n queries and `keys` keys of
 * d elements each; rows of scores lie `stride` elements apart.
 */
void dot_all(const float *q, size_t n, const float *k, size_t keys, size_t d, float *scores, size_t stride);

/*
 * z[i] = the sum over j of weights[i, j] v[j], for n queries and `keys` vectors
 * of d elements each, by fused multiply-adds in ascending order of j, from 0.
 */
void weigh(const float *weights, size_t stride, size_t n, const float *v, size_t keys, size_t d, float *z);

/* The same, with what is weighed and the sums anywhere: kernels.h. */
void weigh_all(const struct weighing *w);

/* The largest of n elements (n >= 1). */
float max_f32(const float *x, size_t n);

/* y[k] = exp(x[k] - shift) for n elements; x may be y. */
void exp_shifted(const float *x, float shift, float *y, size_t n);

/*
 * n elements as F32, exactly: of type F32, F16 or BF16, or whole blocks of a
 * type that quants.h can unpack.
 */
void unpack_f32(const void *data, enum dtype type, size_t n, float *x);

/* b[k] = x[k] to the nearest BF16, ties to even, for n elements. */
void round_bf16(const float *x, size_t n, uint16_t *b);

/* y[k] = activation(x[k]) for n elements. */
void activate_all(enum activation activation, const float *x, size_t n, float *y);

/* neurons[k] = activation(gate[k]) * up[k] for n elements. */
void activate_gated(enum activation activation, const float *gate, const float *up, size_t n,
		    float *neurons);

/*
 * Back through activate_gated: from the gradient of neurons those of gate and
 * up, dneurons * up * activation'(gate) and dneurons * activation(gate).
 */
void gate_backward(enum activation activation, const float *gate, const float *up, const float *dneurons, size_t n,
		   float *dgate, float *dup);

/*
 * n rows of activations x[n, in], the input of one or several matrices, and
 * what has been made of it for their types of weights.
 */
struct input {
	const float *x;
	size_t n, in;
	bool exact;                     /* F32 activations with every type of weight */
	uint16_t *bf16;
	struct activations *blocks_32, *blocks_256;
};

void input_free(struct input *input);

/*
 * y[n, out] = x[n, in] W[out, in]^T + b.  Weights stay as they are stored; F32
 * and F16 take the order f32, BF16 and blocks their own.  With exact, all
 * take the order f32, with x as it is.
 */
void linear(const struct linear *l, struct input *x, float *y);

/* The same for several matrices at once. */
void linear_all(const struct linear *const *l, float *const *y, size_t count, struct input *x);

#endif
