/* norm.c: normalization.  See norm.h. */
#include <math.h>

#include "norm.h"
#include "numeric.h"

void rmsnorm(const float *x, const float *weight, float eps, size_t n, size_t d, float *y)
{
	for (size_t i = 0; i < n; i++, x += d, y += d) {
		float mean_square = dot_f32(x, x, d) / (float)d;
		float scale = 1 / sqrtf(mean_square + eps);
		for (size_t k = 0; k < d; k++)
			y[k] = x[k] * scale * weight[k];
	}
}
