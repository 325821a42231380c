/*
 * fuzz_text.c: for libFuzzer (make fuzz).  Any bytes as text, as a protocol
 * buffer and as a map of characters.
 */
#include <stdint.h>
#include <stdlib.h>

#include "charsmap.h"
#include "protobuf.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(int good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *s = (const char *)data;
	struct bytes clean = {0};
	size_t first = utf8_clean(&clean, s, n);
	check(utf8_valid(clean.data ? clean.data : "", clean.n));
	check((first == SIZE_MAX) == utf8_valid(s, n));
	bytes_free(&clean);

	struct protobuf p = {.at = s, .end = s + n};
	struct protobuf_field f;
	while (protobuf_next(&p, &f))
		check(f.wire != PROTOBUF_BYTES || (f.data >= s && f.data + f.n <= s + n));

	struct charsmap map;
	if (charsmap_load(&map, s, n)) {
		size_t length, m;
		for (size_t i = 0; i < n; i++)
			if (charsmap_match(&map, s + i, n - i, &length, &m))
				check(length <= n - i);
		const char *whole = charsmap_transform(&map, s, n, &m);
		check(!whole || !charsmap_valid(&map) || utf8_valid(whole, m));
		charsmap_free(&map);
	}
	return 0;
}
