/*
 * fuzz_regex.c: for libFuzzer (make fuzz).  Any text as a regular expression:
 * it is translated and compiled, or refused with a reason.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "regex.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char why[200] = "";
	struct bytes pattern = {0};
	utf8_clean(&pattern, (const char *)data, n);
	struct regex *r = regex_compile(pattern.n ? pattern.data : "", pattern.n, why, sizeof why);
	if (!r && strlen(why) == 0)
		abort();
	regex_free(r);
	bytes_free(&pattern);
	return 0;
}
