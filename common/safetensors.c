/* safetensors.c: parsing and writing safetensors headers.  See safetensors.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "quants.h"
#include "safetensors.h"

static const struct {
	const char *name;
	size_t size;
} dtypes[DTYPE_COUNT] = {
	[DTYPE_BOOL] = {"BOOL", 1}, [DTYPE_U8] = {"U8", 1}, [DTYPE_I8] = {"I8", 1},
	[DTYPE_F8_E5M2] = {"F8_E5M2", 1}, [DTYPE_F8_E4M3] = {"F8_E4M3", 1},
	[DTYPE_I16] = {"I16", 2}, [DTYPE_U16] = {"U16", 2},
	[DTYPE_F16] = {"F16", 2}, [DTYPE_BF16] = {"BF16", 2},
	[DTYPE_I32] = {"I32", 4}, [DTYPE_U32] = {"U32", 4}, [DTYPE_F32] = {"F32", 4},
	[DTYPE_I64] = {"I64", 8}, [DTYPE_U64] = {"U64", 8}, [DTYPE_F64] = {"F64", 8},
};

size_t dtype_size(enum dtype type)
{
	return dtypes[type].size;
}

size_t dtype_bytes(enum dtype type, size_t n)
{
	if (type < DTYPE_COUNT)
		return n * dtypes[type].size;
	const struct quant *quant = quant_of(type);
	return n / quant->elements * quant->bytes;
}

const char *dtype_name(enum dtype type)
{
	return type < DTYPE_COUNT ? dtypes[type].name : quant_of(type)->name;
}

static bool dtype_parse(const char *name, enum dtype *type)
{
	for (int i = 0; i < DTYPE_COUNT; i++)
		if (strcmp(name, dtypes[i].name) == 0) {
			*type = (enum dtype)i;
			return true;
		}
	return false;
}

const char *shape_text(int rank, const size_t *shape)
{
	static char texts[4][TENSOR_RANK_MAX * 22 + 3];
	static int turn;
	char *text = texts[turn++ % 4], *p = text;
	*p++ = '[';
	for (int i = 0; i < rank; i++)
		p += sprintf(p, "%s%zu", i ? ", " : "", shape[i]);
	strcpy(p, "]");
	return text;
}

static int by_offset(const void *a, const void *b)
{
	const struct tensor *s = a, *t = b;
	if (s->offset != t->offset)
		return s->offset < t->offset ? -1 : 1;
	/* An empty tensor comes before the one that begins at the same place. */
	return (s->bytes > t->bytes) - (s->bytes < t->bytes);
}

static bool offset_parse(json_t *value, size_t *out)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*out = (size_t)json_integer_value(value);
	return true;
}

/* One entry of the header; its name and what it says go into t. */
static bool tensor_parse(const char *name, json_t *entry, struct tensor *t, char *why, size_t size)
{
	json_t *type = json_object_get(entry, "dtype"), *shape = json_object_get(entry, "shape");
	json_t *offsets = json_object_get(entry, "data_offsets");
	if (!json_is_string(type) || !json_is_array(shape) || !json_is_array(offsets) ||
	    json_array_size(offsets) != 2 || json_object_size(entry) != 3) {
		snprintf(why, size, "tensor '%.80s': needs dtype, shape and data_offsets, no more", name);
		return false;
	}
	if (!dtype_parse(json_string_value(type), &t->type)) {
		snprintf(why, size, "tensor '%.80s': unknown dtype '%.20s'", name, json_string_value(type));
		return false;
	}
	if (json_array_size(shape) > TENSOR_RANK_MAX) {
		snprintf(why, size, "tensor '%.80s': %zu dimensions (at most %d)", name,
			 json_array_size(shape), TENSOR_RANK_MAX);
		return false;
	}
	t->rank = (int)json_array_size(shape);
	t->bytes = dtype_size(t->type);
	for (int i = 0; i < t->rank; i++)
		if (!offset_parse(json_array_get(shape, (size_t)i), &t->shape[i]) ||
		    !size_muladd(t->bytes, t->shape[i], 0, &t->bytes)) {
			snprintf(why, size, "tensor '%.80s': impossible shape", name);
			return false;
		}
	size_t end;
	if (!offset_parse(json_array_get(offsets, 0), &t->offset) ||
	    !offset_parse(json_array_get(offsets, 1), &end) ||
	    end < t->offset || end - t->offset != t->bytes) {
		snprintf(why, size, "tensor '%.80s': %s %s is %zu bytes, data_offsets say otherwise", name,
			 dtype_name(t->type), shape_text(t->rank, t->shape), t->bytes);
		return false;
	}
	t->name = mem_string(name);
	return true;
}

static bool metadata_parse(json_t *metadata, char *why, size_t size)
{
	const char *key;
	json_t *value;
	if (!json_is_object(metadata)) {
		snprintf(why, size, "__metadata__ is not an object");
		return false;
	}
	json_object_foreach(metadata, key, value)
		if (!json_is_string(value)) {
			snprintf(why, size, "metadata '%.80s' is not a string", key);
			return false;
		}
	return true;
}

bool safetensors_parse(const char *json, size_t n, struct safetensors *st, char *why, size_t size)
{
	json_error_t error;
	*st = (struct safetensors){0};
	json_t *header = json_loadb(json, n, JSON_REJECT_DUPLICATES, &error);
	if (!header) {
		snprintf(why, size, "header: %.160s", error.text);
		return false;
	}
	if (!json_is_object(header)) {
		snprintf(why, size, "header is not an object");
		goto fail;
	}
	st->tensors = mem_zero(json_object_size(header), sizeof *st->tensors);
	const char *name;
	json_t *entry;
	json_object_foreach(header, name, entry) {
		if (strcmp(name, "__metadata__") == 0) {
			if (!metadata_parse(entry, why, size))
				goto fail;
			st->metadata = json_incref(entry);
		} else if (tensor_parse(name, entry, &st->tensors[st->count], why, size)) {
			st->count++;
		} else {
			goto fail;
		}
	}
	qsort(st->tensors, st->count, sizeof *st->tensors, by_offset);
	for (size_t i = 0; i < st->count; i++) {
		struct tensor *t = &st->tensors[i];
		if (t->offset != st->bytes) {
			snprintf(why, size, "tensor '%.80s' begins at %zu, the one before it ends at %zu",
				 t->name, t->offset, st->bytes);
			goto fail;
		}
		if (!size_muladd(1, st->bytes, t->bytes, &st->bytes)) {
			snprintf(why, size, "tensors too large");
			goto fail;
		}
	}
	json_decref(header);
	return true;
fail:
	json_decref(header);
	safetensors_free(st);
	return false;
}

static int by_element_size(const void *a, const void *b)
{
	const struct tensor *s = a, *t = b;
	size_t m = dtype_size(s->type), n = dtype_size(t->type);
	if (m != n)
		return m > n ? -1 : 1;
	/* offset holds the old order here: qsort alone is not stable */
	return (s->offset > t->offset) - (s->offset < t->offset);
}

void safetensors_order(struct tensor *tensors, size_t count)
{
	for (size_t i = 0; i < count; i++)
		tensors[i].offset = i;
	if (count > 1)
		qsort(tensors, count, sizeof *tensors, by_element_size);
	for (size_t i = 0, end = 0; i < count; end += tensors[i++].bytes)
		tensors[i].offset = end;
}

struct safetensors safetensors_copy(const struct safetensors *st)
{
	struct safetensors copy = *st;
	copy.tensors = mem_array(st->count, sizeof *copy.tensors);
	for (size_t i = 0; i < st->count; i++) {
		copy.tensors[i] = st->tensors[i];
		copy.tensors[i].name = mem_string(st->tensors[i].name);
		copy.tensors[i].data = copy.tensors[i].owned = NULL;
	}
	copy.metadata = json_copy(st->metadata);
	return copy;
}

/* True if two objects of strings have the same members in the same order. */
static bool same_in_order(json_t *a, json_t *b)
{
	void *i = json_object_iter(a), *j = json_object_iter(b);
	for (; i && j; i = json_object_iter_next(a, i), j = json_object_iter_next(b, j))
		if (strcmp(json_object_iter_key(i), json_object_iter_key(j)) != 0 ||
		    !json_equal(json_object_iter_value(i), json_object_iter_value(j)))
			return false;
	return !i && !j;
}

bool safetensors_alike(const struct safetensors *a, const struct safetensors *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct tensor *s = &a->tensors[i], *t = &b->tensors[i];
		if (s->type != t->type || s->rank != t->rank || strcmp(s->name, t->name) != 0 ||
		    memcmp(s->shape, t->shape, (size_t)s->rank * sizeof *s->shape) != 0)
			return false;
	}
	return same_in_order(a->metadata, b->metadata);
}

char *safetensors_header(const struct safetensors *st, size_t *length)
{
	json_t *header = json_object();
	if (st->metadata && json_object_size(st->metadata))
		json_object_set(header, "__metadata__", st->metadata);
	for (size_t i = 0; i < st->count; i++) {
		const struct tensor *t = &st->tensors[i];
		json_t *shape = json_array();
		for (int k = 0; k < t->rank; k++)
			json_array_append_new(shape, json_integer((json_int_t)t->shape[k]));
		json_object_set_new(header, t->name,
			json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype_name(t->type), "shape", shape,
				  "data_offsets", (json_int_t)t->offset, (json_int_t)(t->offset + t->bytes)));
	}
	size_t n = json_dumpb(header, NULL, 0, JSON_COMPACT);
	*length = (8 + n + 63) / 64 * 64;
	char *bytes = mem_array(*length, 1);
	memset(bytes, ' ', *length);
	json_dumpb(header, bytes + 8, n, JSON_COMPACT);
	json_decref(header);
	for (int i = 0; i < 8; i++)
		bytes[i] = (char)((*length - 8) >> (8 * i));
	return bytes;
}

void safetensors_free(struct safetensors *st)
{
	for (size_t i = 0; i < st->count; i++) {
		free(st->tensors[i].name);
		free(st->tensors[i].owned);
	}
	free(st->tensors);
	json_decref(st->metadata);
	*st = (struct safetensors){0};
}
