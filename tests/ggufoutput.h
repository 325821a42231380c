/*
 * ggufoutput.h: a GGUF file too large for memory, written row by row.  For the
 * tests: pairs are collected, then tensors announced, then their rows come.
 */
#ifndef LMUTILS_TESTS_GGUFOUTPUT_H
#define LMUTILS_TESTS_GGUFOUTPUT_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "ggufwriter.h"
#include "memory.h"
#include "quantize.h"

#define OUTPUT_ALIGNMENT 32     /* what GGUF has unless the pairs say otherwise */

struct output {
	const char *path;
	FILE *file;
	struct bytes pairs, tensors;    /* as they stand in the file */
	size_t pair_count, tensor_count;
	size_t offset;                  /* where the next announced tensor begins */
	size_t written;                 /* bytes of rows and padding so far */
	unsigned char *row;             /* room for one, packed */
};

static inline void output_check(struct output *o, bool good)
{
	if (!good)
		die(o->path, "%s", strerror(errno));
}

/* Announces a tensor [out, in], or a vector [out] where in is 0; it is to be in this type. */
static inline void output_tensor(struct output *o, const char *name, size_t out, size_t in,
				 const struct packed *type)
{
	const struct quant *q = quant_of(type->type);
	size_t width = in ? in : out;
	if (width % q->elements)
		die(name, "rows of %zu elements, must be a multiple of %zu for %s", width, q->elements, q->name);
	put_tensor(&o->tensors, name, out, in, q->number, o->offset);
	o->tensor_count++;
	o->offset += (in ? out : 1) * dtype_bytes(type->type, width);
	o->offset += -o->offset % OUTPUT_ALIGNMENT;
}

/* After the last announcement: opens the file and writes what is known. */
static inline void output_begin(struct output *o, const char *path)
{
	struct bytes b = {0};
	o->path = path;
	put_start(&b, o->tensor_count, o->pair_count);
	bytes_add(&b, o->pairs.data, o->pairs.n);
	bytes_add(&b, o->tensors.data, o->tensors.n);
	put_padding(&b, OUTPUT_ALIGNMENT);
	o->file = fopen(path, "wb");
	output_check(o, o->file && fwrite(b.data, 1, b.n, o->file) == b.n);
	bytes_free(&b);
}

/* The next row of the tensors in the order in which they were announced. */
static inline void output_row(struct output *o, const float *x, size_t n, const struct packed *type)
{
	size_t bytes = dtype_bytes(type->type, n);
	o->row = mem_resize(o->row, bytes, 1);
	quantize(type, x, n, o->row);
	output_check(o, fwrite(o->row, 1, bytes, o->file) == bytes);
	o->written += bytes;
}

/* After the last row of each tensor. */
static inline void output_tensor_end(struct output *o)
{
	for (; o->written % OUTPUT_ALIGNMENT; o->written++)
		output_check(o, putc(0, o->file) != EOF);
}

static inline void output_end(struct output *o)
{
	output_check(o, fclose(o->file) == 0);
	bytes_free(&o->pairs);
	bytes_free(&o->tensors);
	free(o->row);
}

#endif
