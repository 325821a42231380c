/* bert.c: what BERT does to a text.  See bert.h. */
#include <utf8proc.h>

#include "bert.h"
#include "normalizer.h"
#include "utf8.h"

static void map_clean(uint32_t c, const char *s, size_t n, struct bytes *out)
{
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
	bool white = c == '\t' || c == '\n' || c == '\r';
	if (!white && (c == 0 || c == 0xfffd || category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
		       category == UTF8PROC_CATEGORY_CO))
		return;
	if (white || utf8_is_space(c))
		bytes_add(out, " ", 1);
	else
		bytes_add(out, s, n);
}

/* The blocks of Chinese characters, one of them without its first part, as tokenizers has it. */
static bool is_chinese(uint32_t c)
{
	return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
	       (c >= 0x2a700 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) ||
	       (c >= 0x2f800 && c <= 0x2fa1f);
}

static void map_chinese(uint32_t c, const char *s, size_t n, struct bytes *out)
{
	size_t space = is_chinese(c);
	bytes_add(out, " ", space);
	bytes_add(out, s, n);
	bytes_add(out, " ", space);
}

static void map_marks(uint32_t c, const char *s, size_t n, struct bytes *out)
{
	if (utf8proc_category((utf8proc_int32_t)c) != UTF8PROC_CATEGORY_MN)
		bytes_add(out, s, n);
}

void bert_normalize(const struct bert *b, struct text *t)
{
	if (b->clean)
		text_map(t, map_clean);
	if (b->chinese)
		text_map(t, map_chinese);
	if (b->strip_accents) {
		text_form(t, false, false);
		text_map(t, map_marks);
	}
	if (b->lowercase)
		text_map(t, map_lowercase);
}
