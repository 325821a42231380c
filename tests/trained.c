/*
 * trained.c: tensors of a training against reference values.
 *
 *	trained REFERENCE PREFIX FILE TOLERANCE
 *
 * compares each F32 tensor NAME of a safetensors file with PREFIX NAME of the
 * reference, in F64, of which none may be missing; one called loss with loss, to
 * 1e-6.  For the prefix "grad." the norm of the difference, relative to the
 * reference's, must be at most TOLERANCE, otherwise every single difference.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "mapping.h"
#include "memory.h"

static void usage(FILE *f)
{
	fputs("usage: trained reference prefix file tolerance\n", f);
}

static const struct tensor *find(const struct safetensors *st, const char *path, const char *name)
{
	for (size_t i = 0; i < st->count; i++)
		if (strcmp(st->tensors[i].name, name) == 0 && st->tensors[i].type == DTYPE_F64)
			return &st->tensors[i];
	die(path, "no tensor '%s' of type F64", name);
}

int main(int argc, char **argv)
{
	struct safetensors reference, own;
	size_t size, start, bad = 0;
	cli_start(argv, usage);
	if (argc != 5)
		cli_usage_error("a reference, a prefix, a file and a tolerance");
	double tolerance = cli_real("tolerance", argv[4], 0, 1), worst = 0;
	map_safetensors(argv[1], &size, &start, &reference);
	map_safetensors(argv[3], &size, &start, &own);
	for (size_t i = 0; i < own.count; i++) {
		const struct tensor *t = &own.tensors[i];
		bool loss = strcmp(t->name, "loss") == 0, norm = strcmp(argv[2], "grad.") == 0;
		char *name = mem_printf("%s%s", loss ? "" : argv[2], t->name);
		const struct tensor *r = find(&reference, argv[1], name);
		double square = 0, reference_square = 0, largest = 0;
		if (r->bytes != 2 * t->bytes)
			die(name, "another size");
		for (size_t k = 0; k < t->bytes / sizeof(float); k++) {
			double difference = ((const float *)t->data)[k] - ((const double *)r->data)[k];
			square += difference * difference;
			reference_square += ((const double *)r->data)[k] * ((const double *)r->data)[k];
			largest = fmax(largest, fabs(difference));
		}
		double error = norm && !loss ? sqrt(square / reference_square) : largest;
		if (!(error <= (loss ? 1e-6 : tolerance)) && ++bad)
			fprintf(stderr, "%s: %g\n", name, error);
		worst = fmax(worst, error);
	}
	size_t expected = 0, seen = 0;
	for (size_t i = 0; i < reference.count; i++)
		expected += strncmp(reference.tensors[i].name, argv[2], strlen(argv[2])) == 0;
	for (size_t i = 0; i < own.count; i++)
		seen += strcmp(own.tensors[i].name, "loss") != 0;
	if (seen != expected)
		die(argv[3], "%zu tensors, the reference has %zu", seen, expected);
	printf("%zu tensors, %.3g\n", own.count, worst);
	if (bad > 0)
		return 1;
	return cli_finish();
}
