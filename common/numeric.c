/* numeric.c: sums and products through the kernels of this machine.  See numeric.h. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "kernels.h"
#include "memory.h"
#include "numeric.h"
#include "quants.h"

const struct kernels *kernels_choose(void)
{
	static const struct kernels *chosen;
	if (chosen)
		return chosen;
	const struct kernels *have[3] = {&kernels_plain};
	int n = 1;
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		have[n++] = &kernels_avx2;
	if (n == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl"))
		have[n++] = &kernels_avx512;
#endif
	const char *name = getenv("LM_ISA");
	if (!name || !*name)
		return chosen = have[n - 1];
	for (int i = 0; i < n; i++)
		if (strcmp(name, have[i]->name) == 0)
			return chosen = have[i];
	die("LM_ISA", "'%.20s' is not an instruction set of this program and machine; the best is %s",
	    name, have[n - 1]->name);
}

float dot_f32(const float *a, const float *b, size_t n)
{
	return kernels_choose()->dot_f32(a, b, n);
}

float sum_f32(const float *x, size_t n)
{
	return kernels_choose()->sum_f32(x, n);
}

float dot_bf16(const uint16_t *a, const uint16_t *b, size_t n)
{
	return kernels_choose()->dot_bf16(a, b, n);
}

void add_scaled(float a, const float *x, float *y, size_t n)
{
	kernels_choose()->add_scaled(a, x, y, n);
}

float max_f32(const float *x, size_t n)
{
	float max = x[0];
	for (size_t k = 1; k < n; k++)
		max = x[k] > max ? x[k] : max;
	return max;
}

void exp_shifted(const float *x, float shift, float *y, size_t n)
{
	kernels_choose()->exp_shifted(x, shift, y, n);
}

void unpack_f32(const void *data, enum dtype type, size_t n, float *x)
{
	if (type == DTYPE_F32)
		memcpy(x, data, n * sizeof *x);
	else if (type == DTYPE_F16)
		kernels_choose()->unpack_f16(data, n, x);
	else if (type == DTYPE_BF16)
		kernels_choose()->unpack_bf16(data, n, x);
	else
		quant_unpack(type, data, n, x);
}

uint16_t bf16_round(float x)
{
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	if ((bits & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(bits >> 16 | 0x40);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The row of W with each row of x, in the order bf16. */
static void linear_bf16(const struct linear *l, const float *x, size_t n, float *y)
{
	const struct weight *w = &l->w;
	uint16_t *rounded = mem_array(n * w->in, sizeof *rounded);
	for (size_t k = 0; k < n * w->in; k++)
		rounded[k] = bf16_round(x[k]);
	for (size_t o = 0; o < w->out; o++) {
		const uint16_t *row = (const uint16_t *)w->data + o * w->in;
		for (size_t i = 0; i < n; i++)
			y[i * w->out + o] = dot_bf16(row, rounded + i * w->in, w->in);
	}
	free(rounded);
}

/* The same in the order f32; a row that is not F32 is unpacked first. */
static void linear_f32(const struct linear *l, const float *x, size_t n, float *y)
{
	const struct weight *w = &l->w;
	size_t bytes = dtype_bytes(w->type, w->in);
	float *unpacked = mem_array(w->in, sizeof *unpacked);
	for (size_t o = 0; o < w->out; o++) {
		const void *row = (const char *)w->data + o * bytes;
		if (w->type != DTYPE_F32) {
			unpack_f32(row, w->type, w->in, unpacked);
			row = unpacked;
		}
		for (size_t i = 0; i < n; i++)
			y[i * w->out + o] = dot_f32(row, x + i * w->in, w->in);
	}
	free(unpacked);
}

void linear(const struct linear *l, const float *x, size_t n, float *y, bool exact)
{
	if (n == 0)
		return;         /* a prompt's early rows want no logits: do not go through W for them */
	if (l->w.type == DTYPE_BF16 && !exact)
		linear_bf16(l, x, n, y);
	else
		linear_f32(l, x, n, y);
	for (size_t i = 0; l->bias && i < n; i++)
		for (size_t o = 0; o < l->w.out; o++)
			y[i * l->w.out + o] += l->bias[o];
}
