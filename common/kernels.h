/*
 * kernels.h: the inner loops, once for each instruction set.  Only numeric.c
 * calls them; numeric.h says what they compute.
 */
#ifndef LMUTILS_KERNELS_H
#define LMUTILS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

struct kernels {
	const char *name;
	float (*dot_f32)(const float *a, const float *b, size_t n);
	float (*sum_f32)(const float *x, size_t n);
	float (*dot_bf16)(const uint16_t *a, const uint16_t *b, size_t n);
	void (*add_scaled)(float a, const float *x, float *y, size_t n);
	void (*exp_shifted)(const float *x, float shift, float *y, size_t n);
	void (*unpack_f16)(const uint16_t *h, size_t n, float *x);
	void (*unpack_bf16)(const uint16_t *b, size_t n, float *x);
};

extern const struct kernels kernels_plain, kernels_avx2, kernels_avx512;

/* The best for this machine, or the one $LM_ISA names; dies if it cannot be had. */
const struct kernels *kernels_choose(void);

#endif
