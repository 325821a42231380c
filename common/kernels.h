/*
 * kernels.h: the inner loops, once for each instruction set.  numeric.h says
 * what they compute; only numeric.c and attention's own loops call them.
 */
#ifndef LMUTILS_KERNELS_H
#define LMUTILS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "family.h"
#include "safetensors.h"

/* 32 activations of a row as 8-bit integers. */
struct activations {
	float d;                        /* what q is to be multiplied with; the same for a block of 256 */
	float s;                        /* d times the sum of q; blocks of 32 only */
	int32_t sum[2];                 /* of either half of q */
	int32_t block;                  /* of the row, counted in the type's blocks; -1 ends the list */
	int8_t q[32];
};

/*
 * So many for a row of n: its blocks, then those of them that are rounded a
 * second time, and the end.
 */
static inline size_t activations_count(size_t n)
{
	return 2 * (n / 32) + 1;
}

/* y[i, o] = x[i, in] . w[o, in] for n rows of x and `rows` rows of w. */
struct product {
	const unsigned char *w;
	size_t w_bytes, rows;           /* bytes from row to row */
	const void *x;                  /* F32, BF16 or activations */
	size_t x_bytes, n;
	size_t in;
	float *y;
	size_t y_stride;                /* elements from row to row */
};

/*
 * z[i] = the sum over j of weights[i, j] v[j], by fused multiply-adds in ascending
 * order of j, for n rows of z and `keys` vectors v of d elements.  weights[i, j] is
 * weights[i * row + j * step]; v[j] and z[i] lie v_stride and z_stride elements
 * apart.  With add, the sums go on from what z holds.
 */
struct weighing {
	const float *weights;
	size_t row, step;
	size_t n;
	const float *v;
	size_t keys, v_stride, d;
	float *z;
	size_t z_stride;
	bool add;
};

struct kernels {
	const char *name;
	float (*dot_f32)(const float *a, const float *b, size_t n);
	float (*sum_f32)(const float *x, size_t n);
	void (*add_scaled)(float a, const float *x, float *y, size_t n);
	void (*weigh)(const struct weighing *w);
	void (*exp_shifted)(const float *x, float shift, float *y, size_t n);
	void (*unpack_f16)(const uint16_t *h, size_t n, float *x);
	void (*unpack_bf16)(const uint16_t *b, size_t n, float *x);
	void (*round_bf16)(const float *x, size_t n, uint16_t *b);
	/* factors may be NULL */
	void (*activate)(enum activation activation, const float *x, const float *factors, size_t n,
			 float *neurons);
	void (*gate_backward)(enum activation activation, const float *gate, const float *up, const float *dneurons,
			      size_t n, float *dgate, float *dup);
	/* n activations in blocks of 32 (256), n a multiple of that; see numeric.h */
	void (*round_32)(const float *x, size_t n, struct activations *a);
	void (*round_256)(const float *x, size_t n, struct activations *a);
	/* in the order f32, with w of that type: F32, F16 or BF16 */
	void (*product_f32)(const struct product *p, enum dtype type);
	/* x BF16, of a length that is a multiple of 32, zeros at the end */
	void (*product_bf16)(const struct product *p);
	/* w in blocks; room for so many bytes, aligned to 64 */
	void (*product_blocks)(const struct product *p, enum dtype type, void *room);
	size_t (*blocks_room)(size_t in);
};

extern const struct kernels kernels_plain, kernels_avx2, kernels_avx512, kernels_neon, kernels_dotprod;

/* Those this machine can run, the best last, and how many. */
#define KERNELS_MAX 4
int kernels_available(const struct kernels *have[KERNELS_MAX]);

/* The best for this machine, or the one $LM_ISA names; dies if it cannot be had. */
const struct kernels *kernels_choose(void);

#endif
