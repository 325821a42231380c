/*
 * fuzz_header.c: for libFuzzer (make fuzz).  The header of a frame or model file
 * from outside: what is accepted must come out the same when it is written and
 * read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rope.h"
#include "safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(int good)
{
	if (!good)
		abort();
}

/* As a model's configuration. */
static void configuration(const char *text, size_t n)
{
	struct rope_config c;
	struct rope r;
	char why[80];
	json_t *json = json_loadb(text, n, 0, NULL);
	if (json && json_is_object(json) && rope_parse(&c, json, 10000, 512, why, sizeof why)) {
		rope_init(&r, &c, 16, 512, 1024);
		rope_free(&r);
	}
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct safetensors a, b;
	char why[256];
	configuration((const char *)data, n);
	if (!safetensors_parse((const char *)data, n, &a, why, sizeof why)) {
		check(strlen(why) > 0);
		return 0;
	}
	size_t length, end = 0;
	for (size_t i = 0; i < a.count; i++) {
		check(a.tensors[i].offset == end);
		end += a.tensors[i].bytes;
	}
	check(end == a.bytes);
	safetensors_order(a.tensors, a.count);
	char *header = safetensors_header(&a, &length);
	check(length % 64 == 0);
	check(safetensors_parse(header + 8, length - 8, &b, why, sizeof why));
	check(a.count == b.count && a.bytes == b.bytes);
	free(header);
	safetensors_free(&a);
	safetensors_free(&b);
	return 0;
}
