/* normalform.c: the normalization forms of Unicode.  See normalform.h. */
#include <stdlib.h>
#include <utf8proc.h>

#include "cli.h"
#include "memory.h"
#include "normalform.h"
#include "utf8.h"

#define DECOMPOSED_MAX 32       /* characters that one is taken apart into: 18 at most */

/* A character and its place, so that a sort can be stable. */
struct mark {
	utf8proc_int32_t code;
	int class;
	size_t at;
};

static int compare_marks(const void *left, const void *right)
{
	const struct mark *a = left, *b = right;
	return a->class != b->class ? (a->class > b->class) - (a->class < b->class) : (a->at > b->at) - (a->at < b->at);
}

static int class_of(utf8proc_int32_t code)
{
	return code < 0x300 ? 0 : utf8proc_get_property(code)->combining_class;
}

/* Brings each run of combining marks into order of their classes. */
static void order_marks(utf8proc_int32_t *codes, size_t n)
{
	struct mark *marks = NULL;
	size_t end, room = 0;
	for (size_t i = 0; i < n; i = end + (end == i)) {
		for (end = i; end < n && class_of(codes[end]) != 0; end++)
			;
		if (end - i < 2)
			continue;
		if (end - i > room) {
			room = 2 * (end - i);
			marks = mem_resize(marks, room, sizeof *marks);
		}
		for (size_t k = 0; k < end - i; k++)
			marks[k] = (struct mark){codes[i + k], class_of(codes[i + k]), k};
		qsort(marks, end - i, sizeof *marks, compare_marks);
		for (size_t k = 0; k < end - i; k++)
			codes[i + k] = marks[k].code;
	}
	free(marks);
}

static bool is_ascii(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x80)
			return false;
	return true;
}

void normalform(const char *s, size_t n, bool composed, bool compatibility, struct bytes *out)
{
	utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0);
	utf8proc_int32_t *codes = NULL;
	utf8proc_ssize_t count = 0;
	size_t room = 0, length;
	if (is_ascii(s, n)) {
		bytes_add(out, s, n);
		return;
	}
	for (size_t i = 0; i < n; i += length) {
		uint32_t code = 0;
		utf8_decode(s + i, n - i, &length, &code);
		if ((size_t)count + DECOMPOSED_MAX > room) {
			room = 2 * room + 64 + DECOMPOSED_MAX;
			codes = mem_resize(codes, room, sizeof *codes);
		}
		utf8proc_ssize_t more = utf8proc_decompose_char((utf8proc_int32_t)code, codes + count, DECOMPOSED_MAX,
								options, NULL);
		if (more < 0 || more > DECOMPOSED_MAX)
			die(NULL, "U+%04X cannot be taken apart", (unsigned)code);
		count += more;
	}
	order_marks(codes, (size_t)count);
	if (composed)
		count = utf8proc_normalize_utf32(codes, count, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	for (utf8proc_ssize_t i = 0; i < count; i++) {
		utf8proc_uint8_t character[4];
		utf8proc_ssize_t bytes = utf8proc_encode_char(codes[i], character);
		bytes_add(out, (const char *)character, (size_t)bytes);
	}
	free(codes);
}
