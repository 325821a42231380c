/* base64.c: bytes written as letters.  See base64.h. */
#include <stdint.h>
#include <string.h>

#include "base64.h"

static int digit_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *digit = c ? strchr(digits, c) : NULL;
	return digit ? (int)(digit - digits) : -1;
}

bool base64_decode(const char *s, size_t n, struct bytes *out)
{
	if (n == 0 || n % 4 != 0)
		return false;
	size_t padding = s[n - 1] != '=' ? 0 : s[n - 2] != '=' ? 1 : 2;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t group = 0;
		size_t bytes = i + 4 < n ? 3 : 3 - padding;
		for (size_t k = 0; k < 4; k++) {
			int digit = k <= bytes ? digit_of(s[i + k]) : 0;
			if (digit < 0)
				return false;
			group = group << 6 | (uint32_t)digit;
		}
		char three[3] = {(char)(group >> 16), (char)(group >> 8), (char)group};
		bytes_add(out, three, bytes);
	}
	return true;
}
