/* bytelevel.c: bytes as characters.  See bytelevel.h. */
#include <stdint.h>

#include "bytelevel.h"
#include "utf8.h"

#define SHIFTED 0x100           /* the first character of a byte that is not printable */
#define SHIFTED_COUNT 68

static bool is_printable(unsigned byte)
{
	return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

void bytelevel_encode(const char *s, size_t n, struct bytes *out)
{
	static char characters[256][2];
	static bool made;
	for (unsigned byte = 0, shifted = SHIFTED; byte < 256 && !made; byte++) {
		unsigned code = is_printable(byte) ? byte : shifted++;
		characters[byte][0] = (char)(code < 0x80 ? code : 0xc0 | code >> 6);
		characters[byte][1] = (char)(code < 0x80 ? 0 : 0x80 | (code & 0x3f));
	}
	made = true;
	for (size_t i = 0; i < n; i++) {
		int escaped = utf8_escaped(s + i, n - i);
		const char *c = characters[escaped < 0 ? (unsigned char)s[i] : escaped];
		bytes_add(out, c, c[1] ? 2 : 1);
		i += escaped < 0 ? 0 : 2;
	}
}

bool bytelevel_decode(const char *s, size_t n, struct bytes *out)
{
	static char shifted[SHIFTED_COUNT];
	static bool made;
	size_t before = out->n, length;
	for (unsigned byte = 0, i = 0; byte < 256 && !made; byte++)
		if (!is_printable(byte))
			shifted[i++] = (char)byte;
	made = true;
	for (size_t i = 0; i < n; i += length) {
		uint32_t code = 0;
		utf8_decode(s + i, n - i, &length, &code);
		char byte = (char)code;
		if (code >= SHIFTED && code < SHIFTED + SHIFTED_COUNT) {
			byte = shifted[code - SHIFTED];
		} else if (code >= SHIFTED || !is_printable(code)) {
			out->n = before;
			return false;
		}
		bytes_add(out, &byte, 1);
	}
	return true;
}
