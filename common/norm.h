/*
 * norm.h: normalization, which keeps the residual stream's readers from
 * seeing its growing size.
 */
#ifndef LMUTILS_NORM_H
#define LMUTILS_NORM_H

#include <stddef.h>

#include "family.h"

struct norm {
	enum norm_kind kind;
	float eps;
	const float *weight;            /* [d] */
	const float *bias;              /* [d], or NULL */
	void *owned[2];                 /* weight and bias, where they are not where the file is mapped; else NULL */
};

/*
 * y[n, d], row by row:
 * NORM_RMS     x / sqrt(mean(x^2) + eps) * weight
 *              Zhang and Sennrich, Root Mean Square Layer Normalization, arXiv:1910.07467.
 * NORM_LAYER   x' / sqrt(mean(x'^2) + eps) * weight, where x' = x - mean(x)
 *              Ba, Kiros and Hinton, Layer Normalization, arXiv:1607.06450.
 * And the bias, where there is one, is added.
 */
void normalize(const struct norm *w, const float *x, size_t n, size_t d, float *y);

/* 1 / sqrt(mean(x^2) + eps) of a row x[d]: what NORM_RMS multiplies it with, besides the weight. */
float norm_scale(const struct norm *w, const float *x, size_t d);

void norm_free(struct norm *w);

#endif
