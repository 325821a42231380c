/* initial.c: where training begins.  See initial.h. */
#include <math.h>

#include "elementary.h"
#include "initial.h"
#include "random.h"

static const float pi = 3.14159265f;

/* A normal number from two uniform ones: Box and Muller, 1958. */
static float normal(uint64_t seed, int32_t tensor, int32_t place)
{
	float radius = sqrtf(-2 * log_f32((float)(1 - random_uniform(seed, tensor, place, 0))));
	return radius * cos_f32(2 * pi * (float)random_uniform(seed, tensor, place, 1));
}

static void fill(float *x, size_t n, float value)
{
	for (size_t i = 0; i < n; i++)
		x[i] = value;
}

static void scale(const struct linear *l, float factor)
{
	float *w = (float *)l->w.data;
	for (size_t i = 0; i < l->w.out * l->w.in; i++)
		w[i] *= factor;
}

void initial_weights(struct training *t, uint64_t seed, double std)
{
	size_t count, layers = t->m->config.layers;
	const struct tensor *tensors = model_copied(t->m, &count);
	for (size_t i = 0; i < count; i++) {
		float *x = tensors[i].data;
		size_t n = tensors[i].bytes / sizeof *x;
		fill(x, n, 0);
		for (size_t k = 0; tensors[i].rank == 2 && k < n; k++)
			x[k] = (float)std * normal(seed, (int32_t)i, (int32_t)k);
	}
	for (size_t l = 0; l < layers; l++) {
		fill((float *)t->attention[l].norm.weight, t->m->config.d, 1);
		fill((float *)t->feedforward[l].norm.weight, t->m->config.d, 1);
		scale(&t->attention[l].o, 1 / sqrtf(2 * (float)layers));
		scale(&t->feedforward[l].down, 1 / sqrtf(2 * (float)layers));
	}
	fill((float *)t->unembedding.norm.weight, t->m->config.d, 1);
}
