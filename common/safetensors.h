/*
 * safetensors.h: the safetensors file format, as far as its header goes: 8
 * bytes of little-endian length N, N bytes of JSON, then the tensors' bytes
 * without holes.  Model files and the frames of a stream share this parser.
 *
 * Source: https://github.com/huggingface/safetensors (the format's README).
 */
#ifndef LMUTILS_SAFETENSORS_H
#define LMUTILS_SAFETENSORS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype {
	DTYPE_BOOL, DTYPE_U8, DTYPE_I8, DTYPE_F8_E5M2, DTYPE_F8_E4M3,
	DTYPE_I16, DTYPE_U16, DTYPE_F16, DTYPE_BF16,
	DTYPE_I32, DTYPE_U32, DTYPE_F32,
	DTYPE_I64, DTYPE_U64, DTYPE_F64,
	DTYPE_COUNT,
	/* types that come in blocks, in GGUF files only: see quants.h */
	DTYPE_Q4_0 = DTYPE_COUNT, DTYPE_Q4_1, DTYPE_Q5_0, DTYPE_Q5_1, DTYPE_Q8_0,
	DTYPE_Q2_K, DTYPE_Q3_K, DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K,
	DTYPE_IQ1_S, DTYPE_IQ1_M, DTYPE_IQ2_XXS, DTYPE_IQ2_XS, DTYPE_IQ2_S,
	DTYPE_IQ3_XXS, DTYPE_IQ3_S, DTYPE_IQ4_NL, DTYPE_IQ4_XS,
	DTYPE_TQ1_0, DTYPE_TQ2_0, DTYPE_MXFP4, DTYPE_NVFP4, DTYPE_Q1_0, DTYPE_Q2_0,
};

/* Bytes of one element of a type before DTYPE_COUNT. */
size_t dtype_size(enum dtype type);

/* Bytes of n elements of any type, n a multiple of its block's. */
size_t dtype_bytes(enum dtype type, size_t n);

/* The name that a file's header uses ("BF16"). */
const char *dtype_name(enum dtype type);

#define TENSOR_RANK_MAX 8

/* A named array, C order: the last dimension is contiguous. */
struct tensor {
	char *name;
	enum dtype type;
	int rank;                       /* 0: a scalar */
	size_t shape[TENSOR_RANK_MAX];
	size_t bytes;                   /* product of shape times element size */
	size_t offset;                  /* of its bytes, after the header */
	void *data;                     /* where they are; NULL until known */
	void *owned;                    /* what to free with it, or NULL */
};

/* What a header says: tensors by rising offset, and the string metadata. */
struct safetensors {
	struct tensor *tensors;
	size_t count;
	json_t *metadata;               /* an object of strings, or NULL */
	size_t bytes;                   /* of all tensors together */
};

/*
 * Parses a header of n bytes.  Checked: the JSON is one object without
 * duplicate keys, dtypes and shapes are known and fit, each tensor's bytes are
 * exactly its shape times its element size, and together they cover the data
 * from 0 without hole or overlap; metadata are strings.  On failure returns
 * false and writes the reason into why[size].
 */
bool safetensors_parse(const char *json, size_t n, struct safetensors *st, char *why, size_t size);

/* Orders tensors by falling element size, otherwise as they are, and sets their offsets. */
void safetensors_order(struct tensor *tensors, size_t count);

/*
 * The header for tensors in their order: 8 bytes of length and the JSON, padded
 * with spaces to a multiple of 64.  *length gets the size of all of it.  The
 * caller frees it.
 */
char *safetensors_header(const struct safetensors *st, size_t *length);

/* The same names, types, shapes and metadata, without data. */
struct safetensors safetensors_copy(const struct safetensors *st);

/* True if these are equal, so that their headers are. */
bool safetensors_alike(const struct safetensors *a, const struct safetensors *b);

void safetensors_free(struct safetensors *st);

/* "[2, 3]", in a static buffer that the fifth call after overwrites. */
const char *shape_text(int rank, const size_t *shape);

#endif
