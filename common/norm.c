/* norm.c: normalization.  See norm.h. */
#include <math.h>
#include <stdlib.h>

#include "norm.h"
#include "numeric.h"

static void subtract_mean(const float *x, size_t d, float *y)
{
	float mean = sum_f32(x, d) / (float)d;
	for (size_t k = 0; k < d; k++)
		y[k] = x[k] - mean;
}

void normalize(const struct norm *w, const float *x, size_t n, size_t d, float *y)
{
	for (size_t i = 0; i < n; i++, x += d, y += d) {
		const float *from = x;
		if (w->kind == NORM_LAYER) {
			subtract_mean(x, d, y);
			from = y;
		}
		float mean_square = dot_f32(from, from, d) / (float)d;
		float scale = 1 / sqrtf(mean_square + w->eps);
		for (size_t k = 0; k < d; k++)
			y[k] = from[k] * scale * w->weight[k];
		for (size_t k = 0; w->bias && k < d; k++)
			y[k] += w->bias[k];
	}
}

void norm_free(struct norm *w)
{
	free(w->weight);
	free(w->bias);
}
