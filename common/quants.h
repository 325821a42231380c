/*
 * quants.h: types of numbers that are stored in blocks, some elements together
 * with what scales them.  They occur in GGUF files.
 *
 * An element is scale * q + minimum, or without the minimum, where q has 4 to
 * 8 bits.  In the types of 32 elements a block has one scale, in F16.  In the
 * types of 256, the K-quants, a block is made of 8 or 16 parts, whose scales
 * are small integers themselves, multiples of the block's.
 *
 * Source: ggml, docs/gguf.md (numbers of the types) and ggml-common.h (layout
 * of the blocks), https://github.com/ggml-org/ggml.
 */
#ifndef LMUTILS_QUANTS_H
#define LMUTILS_QUANTS_H

#include <stddef.h>
#include <stdint.h>

#include "safetensors.h"

#define QUANT_BLOCK_MAX 256             /* elements of the largest block */

/* A type as GGUF files know it.  For F32 and its like a block is one element. */
struct quant {
	const char *name;
	uint32_t number;                /* ggml's */
	enum dtype type;
	size_t elements, bytes;         /* of a block */
	/*
	 * The elements of one block as F32, each with the roundings of ggml's
	 * plain C: products first, then sums, none fused.  The block need not
	 * be aligned.  NULL: lmutils cannot calculate with the type.
	 */
	void (*unpack)(enum dtype type, const unsigned char *block, float *x);
};

/* The type of that number, or NULL. */
const struct quant *quant_by_number(uint32_t number);

/* The row of a type; NULL if GGUF files do not have it. */
const struct quant *quant_of(enum dtype type);

/* n elements of a type that has an unpack, n a multiple of its block's. */
void quant_unpack(enum dtype type, const void *data, size_t n, float *x);

#endif
