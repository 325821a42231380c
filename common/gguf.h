/*
 * gguf.h: the GGUF file format, version 3 (and 2, which has the same layout):
 *
 *	"GGUF", version u32, tensors u64, pairs u64
 *	pairs of metadata:  key string, type u32, value
 *	tensors:            name string, rank u32, dimensions u64[rank],
 *	                    type u32, offset u64
 *	zeros, up to a multiple of the alignment (general.alignment, else 32)
 *	the tensors' bytes, each at its offset from here
 *
 * A string is a length u64 and its bytes, without a NUL.  An array is the type
 * of its elements u32, their number u64, and the elements.  All is little
 * endian.  Dimensions stand with the contiguous one first; struct tensor has it
 * last, as everywhere else in lmutils.
 *
 * A large model may be split over files NAME-00001-of-0000N.gguf, of which the
 * first has the metadata.
 *
 * Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
 */
#ifndef LMUTILS_GGUF_H
#define LMUTILS_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "safetensors.h"

/* Types of metadata, as they are numbered in files. */
enum gguf_type {
	GGUF_U8, GGUF_I8, GGUF_U16, GGUF_I16, GGUF_U32, GGUF_I32, GGUF_F32, GGUF_BOOL,
	GGUF_STRING, GGUF_ARRAY, GGUF_U64, GGUF_I64, GGUF_F64,
	GGUF_TYPES
};

/* Bytes in the file; no NUL follows, and any may be among them. */
struct gguf_string {
	const char *bytes;
	size_t n;
};

/* A value, or an array of values, where it lies in the file. */
struct gguf_value {
	enum gguf_type type;            /* of each element; GGUF_ARRAY: arrays of arrays */
	bool array;
	size_t count;                   /* elements; 1 unless an array */
	const unsigned char *at;        /* the first element */
};

struct gguf_pair {
	struct gguf_string key;
	struct gguf_value value;
};

/* A file.  Strings and tensors point into its bytes. */
struct gguf {
	char *path;
	unsigned char *map;
	size_t size, header;            /* bytes of the file; of what is before the tensors' */
	struct gguf_pair *pairs;        /* by key */
	size_t pair_count;
	struct tensor *tensors;         /* by rising offset (from the end of the header) */
	size_t tensor_count;
	struct gguf *next;              /* the next file of a split model, or NULL */
};

/*
 * Parses a file of n bytes, which the result points into.  Checked: everything
 * lies within the n bytes; keys and names are unique, not empty, printable
 * ASCII, and of at most 65535 and 64 bytes; types are known; truth values are 0
 * or 1; arrays are nested at most 4 deep; a tensor has at most 4 dimensions,
 * the contiguous one a multiple of its type's block, an offset that is a
 * multiple of the alignment, and shares no byte with another.  Memory is at
 * most 8 times n.  On failure returns false and writes the reason into
 * why[size].
 */
bool gguf_parse(const unsigned char *bytes, size_t n, struct gguf *g, char *why, size_t size);

/* What gguf_parse allocated. */
void gguf_clear(struct gguf *g);

/*
 * Maps a file read-only, and with it the others of a split model; the first
 * must be named.  Dies on a file that is missing, broken or not supported.
 */
struct gguf *gguf_open(const char *path);
void gguf_close(struct gguf *g);

/* True if the name ends in .gguf or the file begins with "GGUF". */
bool gguf_is(const char *path);

/* The value of a key, or NULL. */
const struct gguf_value *gguf_find(const struct gguf *g, const char *key);

/*
 * Element i < count as a number; false if it is not one, or if an integer was
 * wanted, has a fraction or is beyond int64_t.
 */
bool gguf_integer_at(const struct gguf_value *v, size_t i, int64_t *out);
bool gguf_real_at(const struct gguf_value *v, size_t i, double *out);

/*
 * The strings of an array one after the other, without copying: *at begins as
 * v->at, and is moved to the next string.  To be called at most v->count times.
 */
struct gguf_string gguf_next_string(const unsigned char **at);

/*
 * The single value of a key.  False, with *out untouched, where the file does
 * not have the key; dies where the value is of another type, or outside of
 * [min, max], or not finite.
 */
bool gguf_integer(const struct gguf *g, const char *key, int64_t min, int64_t max, int64_t *out);
bool gguf_real(const struct gguf *g, const char *key, double *out);
bool gguf_bool(const struct gguf *g, const char *key, bool *out);
bool gguf_text(const struct gguf *g, const char *key, struct gguf_string *out);

/*
 * The array of a key, whose elements are strings or (string false) numbers;
 * NULL where there is none.  Dies where the value is of another type.
 */
const struct gguf_value *gguf_array(const struct gguf *g, const char *key, bool string);

/* True if the two are the same bytes. */
bool gguf_equal(struct gguf_string a, const char *b);

#endif
