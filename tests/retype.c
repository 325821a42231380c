/*
 * retype.c: a GGUF model with all matrices in another type.
 *
 *	retype IN.gguf TYPE OUT.gguf
 *
 * Vectors become F32.  All metadata is copied but general.file_type, which says
 * the new type.  Numbers go through F32: from a type of few bits to one of many
 * the model stays the same.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "ggufoutput.h"
#include "memory.h"

static void usage(FILE *f)
{
	fputs("usage: retype in.gguf type out.gguf\n", f);
}

/* Bytes of the value in the file. */
static size_t value_bytes(const struct gguf_value *v, const char *path)
{
	static const size_t sizes[GGUF_TYPES] = {
		[GGUF_U8] = 1, [GGUF_I8] = 1, [GGUF_U16] = 2, [GGUF_I16] = 2, [GGUF_U32] = 4, [GGUF_I32] = 4,
		[GGUF_F32] = 4, [GGUF_BOOL] = 1, [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8,
	};
	const unsigned char *at = v->at;
	if (v->type == GGUF_ARRAY)
		die(path, "an array of arrays, which is not supported");
	for (size_t i = 0; v->type == GGUF_STRING && i < v->count; i++)
		gguf_next_string(&at);
	return v->type == GGUF_STRING ? (size_t)(at - v->at) : v->count * sizes[v->type];
}

static void copy_pair(struct output *o, const struct gguf_pair *pair, const char *path)
{
	const struct gguf_value *v = &pair->value;
	put(&o->pairs, pair->key.n, 8);
	bytes_add(&o->pairs, pair->key.bytes, pair->key.n);
	if (v->array)
		put(&o->pairs, GGUF_ARRAY, 4);
	put(&o->pairs, v->type, 4);
	if (v->array)
		put(&o->pairs, v->count, 8);
	bytes_add(&o->pairs, (const char *)v->at, value_bytes(v, path));
	o->pair_count++;
}

static void copy_pairs(struct output *o, const struct gguf *g, const struct packed *type)
{
	static const char *const replaced[] = {"general.file_type", "general.alignment"};
	for (size_t i = 0; i < g->pair_count; i++) {
		bool keep = true;
		for (size_t k = 0; k < sizeof replaced / sizeof *replaced; k++)
			keep = keep && !gguf_equal(g->pairs[i].key, replaced[k]);
		if (keep)
			copy_pair(o, &g->pairs[i], g->path);
	}
	put_key_u32(&o->pairs, "general.file_type", type->file_type);
	o->pair_count++;
}

static const struct packed *new_type(const struct tensor *t, const struct packed *type)
{
	return t->rank == 2 ? type : packed_of("F32");
}

static void announce(struct output *o, const struct gguf *g, const struct packed *type)
{
	for (size_t i = 0; i < g->tensor_count; i++) {
		const struct tensor *t = &g->tensors[i];
		if (t->rank != 1 && t->rank != 2)
			die(t->name, "has %d dimensions, not 1 or 2", t->rank);
		if (!quant_of(t->type)->unpack)
			die(t->name, "type %s is not supported", quant_of(t->type)->name);
		output_tensor(o, t->name, t->shape[0], t->rank == 2 ? t->shape[1] : 0, new_type(t, type));
	}
}

static void copy_tensor(struct output *o, const struct tensor *t, const struct packed *type)
{
	size_t rows = t->rank == 2 ? t->shape[0] : 1, width = t->shape[t->rank - 1];
	size_t bytes = dtype_bytes(t->type, width);
	float *x = mem_array(width, sizeof *x);
	for (size_t i = 0; i < rows; i++) {
		quant_unpack(t->type, (const char *)t->data + i * bytes, width, x);
		output_row(o, x, width, new_type(t, type));
	}
	output_tensor_end(o);
	free(x);
}

int main(int argc, char **argv)
{
	static const struct option table[] = {{0}};
	struct output o = {0};
	cli_start(argv, usage);
	cli_option(argc, argv, table);
	if (argc - optind != 3)
		cli_usage_error("needs a file, a type and a file");
	const struct packed *type = packed_of(argv[optind + 1]);
	if (!type)
		cli_usage_error("no type '%s'", argv[optind + 1]);
	struct gguf *g = gguf_open(argv[optind]);
	if (g->next)
		die(g->path, "a split model, which is not supported");
	copy_pairs(&o, g, type);
	announce(&o, g, type);
	output_begin(&o, argv[optind + 2]);
	for (size_t i = 0; i < g->tensor_count; i++)
		copy_tensor(&o, &g->tensors[i], type);
	output_end(&o);
	gguf_close(g);
	return cli_finish();
}
