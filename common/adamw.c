/* adamw.c: from gradients to new weights.  See adamw.h. */
#include <math.h>
#include <stdlib.h>

#include "adamw.h"
#include "elementary.h"
#include "memory.h"
#include "threads.h"

/* Half a turn's cosine is our own, and powers are products: the same bits on every machine. */
static const double pi = 3.14159265358979323846;

static double power(double x, int64_t n)
{
	double y = 1;
	for (; n > 0; n /= 2, x *= x)
		if (n % 2)
			y *= x;
	return y;
}

double adamw_rate(double peak, double least, int64_t step, int64_t warmup, int64_t total)
{
	if (step <= warmup)
		return peak * (double)step / (double)warmup;
	double along = (double)(step - warmup) / (double)(total - warmup);
	return least + (peak - least) * (1 + (double)cos_f32((float)(pi * along))) / 2;
}

#define PIECE ((size_t)1 << 14)         /* weights; sums of squares are added piece by piece */

static size_t pieces_of(size_t n)
{
	return (n + PIECE - 1) / PIECE;
}

struct norming {
	const float *gradients;
	size_t n;
	double *sums;
};

static void norm_piece(void *data, size_t piece, int thread)
{
	const struct norming *j = data;
	double sum = 0;
	(void)thread;
	for (size_t i = piece * PIECE; i < j->n && i < (piece + 1) * PIECE; i++)
		sum += (double)j->gradients[i] * j->gradients[i];
	j->sums[piece] = sum;
}

double gradient_norm(const float *gradients, size_t n)
{
	struct norming j = {gradients, n, mem_array(pieces_of(n), sizeof *j.sums)};
	double sum = 0;
	threads_run(norm_piece, &j, pieces_of(n), (double)n);
	for (size_t p = 0; p < pieces_of(n); p++)
		sum += j.sums[p];
	free(j.sums);
	return sqrt(sum);
}

/* What is the same for all weights of a step. */
struct stepping {
	const struct adamw *a;
	const float *gradients;
	float *w;
	size_t n;               /* of the tensor from `first` on */
	size_t first;
	float keep, scale;      /* what decay leaves; what clipping leaves */
	float step, root;       /* rate / (1 - beta1^step); 1 / sqrt(1 - beta2^step) */
};

static void step_piece(void *data, size_t piece, int thread)
{
	const struct stepping *s = data;
	float beta1 = (float)s->a->beta1, beta2 = (float)s->a->beta2, eps = (float)s->a->eps;
	float new1 = (float)(1 - s->a->beta1), new2 = (float)(1 - s->a->beta2);
	size_t begin = piece * PIECE, n = s->n - begin < PIECE ? s->n - begin : PIECE, at = s->first + begin;
	float *restrict w = s->w + at, *restrict m = s->a->m + at, *restrict v = s->a->v + at;
	const float *restrict gradient = s->gradients + at;
	(void)thread;
	for (size_t i = 0; i < n; i++) {
		float g = gradient[i] * s->scale;
		m[i] = beta1 * m[i] + new1 * g;
		v[i] = beta2 * v[i] + new2 * g * g;
		w[i] = w[i] * s->keep - s->step * m[i] / (sqrtf(v[i]) * s->root + eps);
	}
}

void adamw_step(const struct adamw *a, struct model *model, const float *gradients, double norm, int64_t step,
		double rate)
{
	double clip = a->clip > 0 && a->clip < norm + 1e-6 ? a->clip / (norm + 1e-6) : 1;
	struct stepping s = {
		.a = a, .gradients = gradients, .w = model->weights, .scale = (float)clip,
		.step = (float)(rate / (1 - power(a->beta1, step))),
		.root = (float)(1 / sqrt(1 - power(a->beta2, step))),
	};
	size_t count;
	const struct tensor *t = model_copied(model, &count);
	for (size_t i = 0; i < count; i++) {
		s.first = (size_t)((const float *)t[i].data - model->weights);
		s.n = t[i].bytes / sizeof(float);
		s.keep = (float)(t[i].rank == 2 ? 1 - rate * a->decay : 1);
		threads_run(step_piece, &s, pieces_of(s.n), 2 * (double)s.n);
	}
}
