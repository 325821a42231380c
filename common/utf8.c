/* utf8.c: characters in UTF-8.  See utf8.h. */
#include <string.h>

#include <utf8proc.h>

#include "utf8.h"

enum utf8_status utf8_decode(const char *s, size_t n, size_t *length, uint32_t *code)
{
	const unsigned char *c = (const unsigned char *)s;
	*length = 1;
	if (c[0] < 0x80) {
		if (code)
			*code = c[0];
		return UTF8_VALID;
	}
	if (c[0] < 0xc2 || c[0] > 0xf4)
		return UTF8_INVALID;
	size_t bytes = c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
	/* The second byte's range rules out long forms, surrogates and > 10FFFF. */
	unsigned char low = c[0] == 0xe0 ? 0xa0 : c[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = c[0] == 0xed ? 0x9f : c[0] == 0xf4 ? 0x8f : 0xbf;
	uint32_t value = c[0] & (0x7f >> bytes);
	for (size_t i = 1; i < bytes; i++) {
		if (i == n)
			return UTF8_INCOMPLETE;
		if (c[i] < low || c[i] > high)
			return UTF8_INVALID;
		value = value << 6 | (c[i] & 0x3f);
		low = 0x80;
		high = 0xbf;
		*length = i + 1;
	}
	if (code)
		*code = value;
	return UTF8_VALID;
}

size_t utf8_length(const char *s)
{
	unsigned char c = (unsigned char)*s;
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

size_t utf8_length_before(const char *s, size_t n)
{
	size_t length = 1;
	while (length < n && ((unsigned char)s[n - length] & 0xc0) == 0x80)
		length++;
	return length;
}

bool utf8_valid(const char *s, size_t n)
{
	size_t length;
	for (size_t i = 0; i < n; i += length)
		if (utf8_decode(s + i, n - i, &length, NULL) != UTF8_VALID)
			return false;
	return true;
}

size_t utf8_clean(struct bytes *b, const char *s, size_t n)
{
	size_t first = SIZE_MAX, done = 0, length;
	for (size_t i = 0; i < n; i += length) {
		if (utf8_decode(s + i, n - i, &length, NULL) == UTF8_VALID)
			continue;
		if (first == SIZE_MAX)
			first = i;
		bytes_add(b, s + done, i - done);
		bytes_add(b, UTF8_REPLACEMENT, 3);
		done = i + length;
	}
	bytes_add(b, s + done, n - done);
	return first;
}

void utf8_escape(struct bytes *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char byte = (unsigned char)s[i];
		bytes_add(b, (char[]){(char)0xed, (char)(0xb0 | byte >> 6), (char)(0x80 | (byte & 0x3f))}, 3);
	}
}

void utf8_escape_invalid(struct bytes *b, const char *s, size_t n, const char *lost)
{
	size_t length, lost_bytes = strlen(lost);
	for (size_t i = 0; i < n; i += length)
		if (utf8_decode(s + i, n - i, &length, NULL) != UTF8_VALID ||
		    (length == lost_bytes && memcmp(s + i, lost, length) == 0))
			utf8_escape(b, s + i, length);
		else
			bytes_add(b, s + i, length);
}

int utf8_escaped(const char *s, size_t n)
{
	const unsigned char *c = (const unsigned char *)s;
	if (n < 3 || c[0] != 0xed || c[1] < 0xb0)
		return -1;
	return (c[1] << 6 & 0xff) | (c[2] & 0x3f);
}

bool utf8_is_space(uint32_t c)
{
	return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
	       c == 0x205f || c == 0x3000;
}

size_t utf8_space_before(const char *s, size_t at)
{
	while (at > 0) {
		size_t n = utf8_length_before(s, at), length;
		uint32_t code = 0;
		utf8_decode(s + at - n, n, &length, &code);
		if (!utf8_is_space(code))
			break;
		at -= n;
	}
	return at;
}

size_t utf8_space_after(const char *s, size_t n, size_t at)
{
	while (at < n) {
		size_t length;
		uint32_t code = 0;
		utf8_decode(s + at, n - at, &length, &code);
		if (!utf8_is_space(code))
			break;
		at += length;
	}
	return at;
}

bool utf8_is_word(uint32_t c)
{
	switch (utf8proc_category((utf8proc_int32_t)c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
	case UTF8PROC_CATEGORY_ME:
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_PC:
		return true;
	default:
		/* Joiners, and circled and squared letters, which are alphabetic too. */
		return c == 0x200c || c == 0x200d || (c >= 0x24b6 && c <= 0x24e9) ||
		       (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) ||
		       (c >= 0x1f170 && c <= 0x1f189);
	}
}
