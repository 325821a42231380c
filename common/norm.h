/*
 * norm.h: normalization, which keeps the residual stream's readers from
 * seeing its growing size.
 */
#ifndef LMUTILS_NORM_H
#define LMUTILS_NORM_H

#include <stddef.h>

/*
 * y[n, d] = x / sqrt(mean(x^2) + eps) * weight, row by row.
 * Zhang and Sennrich, Root Mean Square Layer Normalization, arXiv:1910.07467.
 */
void rmsnorm(const float *x, const float *weight, float eps, size_t n, size_t d, float *y);

#endif
