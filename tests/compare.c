/*
 * compare.c: a stream's tensors against reference values.
 *
 *	compare REFERENCE NAME
 *		prints the I32 tensor NAME of a safetensors file, a row a line
 *	compare REFERENCE NAME TENSOR TOLERANCE < STREAM
 *		compares it with TENSOR of the stream, the rows of all its frames
 *		together: the largest difference, over NAME's largest absolute
 *		value, must be at most TOLERANCE
 *
 * A reference [heads, n, n] is compared with rows [n, heads, keys] of a stream;
 * keys that a row does not have must be 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "io.h"
#include "memory.h"
#include "stream.h"

static void usage(FILE *f)
{
	fputs("usage: compare reference name [tensor tolerance]\n", f);
}

static const struct tensor *find(const struct safetensors *st, const char *name, const char *file)
{
	for (size_t i = 0; i < st->count; i++)
		if (strcmp(st->tensors[i].name, name) == 0)
			return &st->tensors[i];
	die(file, "no tensor '%s'", name);
}

static float element(const struct tensor *t, size_t i)
{
	return t->type == DTYPE_I32 ? (float)((const int32_t *)t->data)[i] : ((const float *)t->data)[i];
}

static void print(const struct tensor *t)
{
	size_t columns = t->rank > 1 ? t->shape[t->rank - 1] : t->bytes / 4;
	for (size_t i = 0; i < t->bytes / 4; i++)
		printf("%d%c", ((const int32_t *)t->data)[i], (i + 1) % columns ? ' ' : '\n');
}

int main(int argc, char **argv)
{
	struct safetensors st;
	char why[256];
	size_t bytes, length = 0;
	cli_start(argv, usage);
	if (argc != 3 && argc != 5)
		cli_usage_error("wrong number of operands");
	char *file = io_slurp(argv[1], (size_t)1 << 30, &bytes);
	for (int i = 7; bytes >= 8 && i >= 0; i--)
		length = length << 8 | (unsigned char)file[i];
	if (bytes < 8 || length > bytes - 8 || !safetensors_parse(file + 8, length, &st, why, sizeof why))
		die(argv[1], "not a safetensors file");
	for (size_t i = 0; i < st.count; i++)
		st.tensors[i].data = file + 8 + length + st.tensors[i].offset;
	const struct tensor *want = find(&st, argv[2], argv[1]);
	if (argc == 3) {
		print(want);
		safetensors_free(&st);
		free(file);
		return cli_finish();
	}

	double tolerance = cli_real("tolerance", argv[4], 0, 1), largest = 0, worst = 0;
	size_t heads = want->rank == 3 ? want->shape[0] : 1, n = want->shape[want->rank == 3];
	size_t columns = want->rank > 1 ? want->shape[want->rank - 1] : 1, row = 0;
	for (size_t i = 0; i < want->bytes / 4; i++)
		largest = fmax(largest, fabs(element(want, i)));

	struct stream in = {.fd = STDIN_FILENO, .name = "stdin"};
	struct frame f;
	while (stream_read(&in, &f)) {
		const struct tensor *t = frame_find(&f, argv[3]);
		if (t) {
			size_t rows = t->rank ? t->shape[0] : 0, keys = t->rank > 1 ? t->shape[t->rank - 1] : 1;
			if (t->rank != want->rank || (heads > 1 && t->shape[1] != heads) || keys > columns ||
			    (want->rank == 2 && keys != columns) || row + rows > n)
				die(argv[2], "%s %s does not fit %s", argv[3], shape_text(t->rank, t->shape),
				    shape_text(want->rank, want->shape));
			for (size_t i = 0; i < rows; i++)
				for (size_t h = 0; h < heads; h++)
					for (size_t k = 0; k < columns; k++) {
						double a = k < keys ? element(t, (i * heads + h) * keys + k) : 0;
						double b = element(want, (h * n + row + i) * columns + k);
						double error = fabs(a - b) / largest;
						worst = error <= worst ? worst : error; /* NaN is worst */
					}
			row += rows;
		}
		frame_free(&f);
	}
	if (row != n)
		die(argv[2], "%zu rows, needs %zu", row, n);
	if (!(worst <= tolerance))
		die(argv[2], "differs by %.3g of the largest value, more than %.3g", worst, tolerance);
	printf("%s %.3g\n", argv[2], worst);
	safetensors_free(&st);
	free(file);
	return cli_finish();
}
