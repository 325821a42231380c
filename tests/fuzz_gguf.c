/*
 * fuzz_gguf.c: for libFuzzer (make fuzz).  A GGUF file from outside: all that
 * is accepted can be read to its last byte, and its blocks unpacked.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gguf.h"
#include "quants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(int good)
{
	if (!good)
		abort();
}

static void read_value(const struct gguf_value *v, const uint8_t *end)
{
	const unsigned char *at = v->at;
	for (size_t i = 0; i < v->count; i++) {
		int64_t integer;
		double real;
		if (v->type == GGUF_STRING) {
			struct gguf_string s = gguf_next_string(&at);
			check(at <= end && s.n <= (size_t)(end - v->at));
			check(!memchr(s.bytes, '\0', s.n) || s.n > 0);
		} else if (v->type != GGUF_ARRAY && gguf_integer_at(v, i, &integer)) {
			check(gguf_real_at(v, i, &real));
		} else if (v->type != GGUF_ARRAY) {
			gguf_real_at(v, i, &real);
		}
	}
}

static void read_tensor(const struct tensor *t, const uint8_t *data, size_t n)
{
	const uint8_t *bytes = t->data;
	const struct quant *quant = quant_of(t->type);
	float x[QUANT_BLOCK_MAX];
	check(quant != NULL && strcmp(dtype_name(t->type), quant->name) == 0);
	check(bytes >= data && bytes <= data + n && t->bytes <= (size_t)(data + n - bytes));
	check(t->bytes % quant->bytes == 0);
	for (size_t i = 0; quant->unpack && i < t->bytes; i += quant->bytes)
		quant->unpack(quant->type, bytes + i, x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct gguf g;
	char why[512];
	if (!gguf_parse(data, n, &g, why, sizeof why)) {
		check(strlen(why) > 0 && !strchr(why, '\n'));
		return 0;
	}
	for (size_t i = 0; i < g.pair_count; i++) {
		struct gguf_string key = g.pairs[i].key;
		char text[65536];
		memcpy(text, key.bytes, key.n);
		text[key.n] = '\0';
		check(gguf_equal(key, text));
		check(gguf_find(&g, text) == &g.pairs[i].value);
		read_value(&g.pairs[i].value, data + n);
	}
	for (size_t i = 0, end = 0; i < g.tensor_count; i++) {
		struct tensor *t = &g.tensors[i];
		check(t->offset >= end);
		end = t->offset + t->bytes;
		read_tensor(t, data, n);
	}
	gguf_clear(&g);
	return 0;
}
