/*
 * quants.c: the unpacking of block types.
 *
 *	quants FILE...  compares with values that ggml computed: of each
 *	                FILE, TYPE.safetensors, the blocks raw must be unpacked
 *	                to values, bit for bit (a NaN to a NaN)
 *	quants bits     a fingerprint of what each type makes of random blocks
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "hash.h"
#include "io.h"
#include "memory.h"
#include "quants.h"

static void usage(FILE *f)
{
	fputs("usage: quants file ... | bits\n", f);
}

static const struct tensor *find(const struct safetensors *st, const char *name, const char *file)
{
	for (size_t i = 0; i < st->count; i++)
		if (strcmp(st->tensors[i].name, name) == 0)
			return &st->tensors[i];
	die(file, "no tensor '%s'", name);
}

static const struct quant *find_type(const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	for (uint32_t i = 0; i < 256; i++) {
		const struct quant *q = quant_by_number(i);
		if (q && strncmp(name, q->name, strlen(q->name)) == 0 && name[strlen(q->name)] == '.')
			return q;
	}
	die(path, "no such type");
}

static void compare(const char *path)
{
	struct safetensors st;
	char why[256];
	size_t size, length = 0, wrong = 0;
	const struct quant *quant = find_type(path);
	char *file = io_slurp(path, (size_t)1 << 30, &size);
	for (int i = 7; size >= 8 && i >= 0; i--)
		length = length << 8 | (unsigned char)file[i];
	if (size < 8 || length > size - 8 || !safetensors_parse(file + 8, length, &st, why, sizeof why))
		die(path, "not a safetensors file");
	const struct tensor *raw = find(&st, "raw", path), *values = find(&st, "values", path);
	size_t blocks = raw->shape[0], n = blocks * quant->elements;
	if (raw->rank != 2 || raw->shape[1] != quant->bytes || values->bytes != n * sizeof(float))
		die(path, "blocks of %zu bytes and %zu elements, not %zu and %zu", raw->shape[1],
		    values->bytes / sizeof(float) / blocks, quant->bytes, quant->elements);
	if (!quant->unpack) {
		printf("%s: no unpack, its blocks have the right size\n", quant->name);
	} else {
		unsigned char *odd = mem_array(raw->bytes + 1, 1);      /* no block aligned */
		float *x = mem_array(n, sizeof *x), want;
		memcpy(odd + 1, file + 8 + length + raw->offset, raw->bytes);
		quant_unpack(quant->type, odd + 1, n, x);
		for (size_t i = 0; i < n; i++) {
			memcpy(&want, file + 8 + length + values->offset + i * sizeof want, sizeof want);
			if (memcmp(&want, &x[i], sizeof want) != 0 && !(isnan(want) && isnan(x[i])) && wrong++ < 5)
				warn(path, "block %zu, element %zu: %.9g, must be %.9g", i / quant->elements,
				     i % quant->elements, x[i], want);
		}
		if (wrong)
			die(path, "%zu of %zu elements are wrong", wrong, n);
		printf("%s: %zu blocks, %zu elements\n", quant->name, blocks, n);
		free(odd);
		free(x);
	}
	safetensors_free(&st);
	free(file);
}

static void bits(void)
{
	for (uint32_t number = 0; number < 256; number++) {
		const struct quant *quant = quant_by_number(number);
		if (!quant || !quant->unpack)
			continue;
		struct hash hash = hash_start();
		uint64_t state = number;
		for (int block = 0; block < 1000; block++) {
			unsigned char raw[1024];
			float x[QUANT_BLOCK_MAX];
			for (size_t i = 0; i < quant->bytes; i++) {     /* Knuth's MMIX generator */
				state = state * 6364136223846793005u + 1442695040888963407u;
				raw[i] = (unsigned char)(state >> 56);
			}
			quant->unpack(quant->type, raw, x);
			for (size_t i = 0; i < quant->elements; i++)
				if (isnan(x[i]))
					x[i] = 0;
			hash_add(&hash, x, quant->elements * sizeof *x);
		}
		printf("%s %016llx\n", quant->name, (unsigned long long)hash_end(&hash));
	}
}

int main(int argc, char **argv)
{
	cli_start(argv, usage);
	if (argc < 2)
		cli_usage_error("no operands");
	if (strcmp(argv[1], "bits") == 0)
		bits();
	else
		for (int i = 1; i < argc; i++)
			compare(argv[i]);
	return cli_finish();
}
