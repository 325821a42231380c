/*
 * fuzz_blocks.c: the unpacking and the products of weights in blocks, whose
 * bytes are the input: no byte beyond them is read, and every instruction set
 * gives the bits of plain C.
 *
 * Input: type, blocks a row, rows of activations, then the rows of weights.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "memory.h"
#include "quants.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static float *multiply(const struct kernels *k, const struct quant *q, const unsigned char *w, size_t rows, size_t in,
		       size_t n)
{
	size_t count = activations_count(in);
	struct activations *a = mem_aligned(n * count, sizeof *a);
	float *x = mem_array(in, sizeof *x), *y = mem_array(n * rows, sizeof *y);
	void *room = mem_aligned(1, k->blocks_room(in));
	for (size_t i = 0; i < n; i++) {
		for (size_t e = 0; e < in; e++)
			x[e] = (float)((int)(e * 37 + i * 101) % 255 - 127) * (e % 97 ? 0.01f : 1);
		(q->elements == 32 ? k->round_32 : k->round_256)(x, in, a + i * count);
	}
	struct product p = {.w = w, .w_bytes = dtype_bytes(q->type, in), .rows = rows, .x = a,
		.x_bytes = count * sizeof *a, .n = n, .in = in, .y = y, .y_stride = rows};
	k->product_blocks(&p, q->type, room);
	free(a);
	free(x);
	free(room);
	return y;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const enum dtype types[] = {DTYPE_Q4_0, DTYPE_Q4_1, DTYPE_Q5_0, DTYPE_Q5_1, DTYPE_Q8_0,
		DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K};
	const struct kernels *have[KERNELS_MAX];
	int sets = kernels_available(have);
	if (size < 3)
		return 0;
	const struct quant *q = quant_of(types[data[0] % 8]);
	size_t blocks = 1 + data[1] % 20, n = 1 + data[2] % 9, in = blocks * q->elements;
	size_t row = blocks * q->bytes, rows = (size - 3) / row;
	if (rows == 0)
		return 0;
	unsigned char *w = mem_array(rows * row, 1);
	memcpy(w, data + 3, rows * row);
	float *x = mem_array(in, sizeof *x);
	quant_unpack(q->type, w, in, x);
	float *plain = multiply(&kernels_plain, q, w, rows, in, n);
	for (int i = 1; i < sets; i++) {
		float *y = multiply(have[i], q, w, rows, in, n);
		for (size_t k = 0; k < n * rows; k++)
			if (memcmp(y + k, plain + k, sizeof *y) != 0 && !(isnan(y[k]) && isnan(plain[k])))
				abort();
		free(y);
	}
	free(plain);
	free(x);
	free(w);
	return 0;
}
