/* norm.c: normalization.  See norm.h. */
#include <math.h>
#include <stdlib.h>

#include "norm.h"
#include "numeric.h"
#include "threads.h"

static void subtract_mean(const float *x, size_t d, float *y)
{
	float mean = sum_f32(x, d) / (float)d;
	for (size_t k = 0; k < d; k++)
		y[k] = x[k] - mean;
}

float norm_scale(const struct norm *w, const float *x, size_t d)
{
	return 1 / sqrtf(dot_f32(x, x, d) / (float)d + w->eps);
}

static void normalize_row(const struct norm *w, const float *x, size_t d, float *y)
{
	const float *from = x;
	if (w->kind == NORM_LAYER) {
		subtract_mean(x, d, y);
		from = y;
	}
	float scale = norm_scale(w, from, d);
	for (size_t k = 0; k < d; k++)
		y[k] = from[k] * scale * w->weight[k];
	for (size_t k = 0; w->bias && k < d; k++)
		y[k] += w->bias[k];
}

#define ROWS 32                 /* a piece for a thread */

struct job {
	const struct norm *w;
	const float *x;
	size_t n, d;
	float *y;
};

static void normalize_piece(void *data, size_t piece, int thread)
{
	const struct job *j = data;
	(void)thread;
	for (size_t i = piece * ROWS; i < j->n && i < (piece + 1) * ROWS; i++)
		normalize_row(j->w, j->x + i * j->d, j->d, j->y + i * j->d);
}

void normalize(const struct norm *w, const float *x, size_t n, size_t d, float *y)
{
	threads_run(normalize_piece, &(struct job){w, x, n, d, y}, (n + ROWS - 1) / ROWS, (double)(n * d) / 2);
}

void norm_free(struct norm *w)
{
	free(w->owned[0]);
	free(w->owned[1]);
}
