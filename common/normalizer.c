/* normalizer.c: the first step of a tokenizer.  See normalizer.h. */
#include <string.h>
#include <utf8proc.h>

#include "bytelevel.h"
#include "normalform.h"
#include "normalizer.h"
#include "utf8.h"

struct text text_new(const char *s, size_t n, bool begins)
{
	struct text t = {0};
	bytes_add(&t.bytes, s, n);
	t.origin = begins && n ? utf8_length(s) : 0;
	return t;
}

void text_prepend(struct text *t, const char *s, size_t n)
{
	if (t->bytes.n == 0)
		return;
	struct bytes longer = {0};
	bytes_add(&longer, s, n);
	bytes_add(&longer, t->bytes.data, t->bytes.n);
	bytes_free(&t->bytes);
	t->bytes = longer;
	if (t->origin)
		t->origin += n;
}

void text_become(struct text *t, struct bytes bytes)
{
	bytes_free(&t->bytes);
	t->bytes = bytes;
	if (t->origin)
		t->origin = bytes.n ? utf8_length(bytes.data) : 0;
}

void text_replace(struct text *t, const char *pattern, size_t n, const char *content, size_t m)
{
	struct bytes replaced = {0};
	const char *s = t->bytes.data, *match;
	size_t done = 0, old_origin = t->origin;
	if (t->bytes.n < n)
		return;
	while (t->bytes.n - done >= n && (match = memmem(s + done, t->bytes.n - done, pattern, n))) {
		size_t at = (size_t)(match - s);
		bytes_add(&replaced, s + done, at - done);
		bytes_add(&replaced, content, m);
		done = at + n;
		/* The new bytes come from where the last of the old ones came from. */
		if (done <= old_origin)
			t->origin += m - n;
		else if (at < old_origin)
			t->origin -= old_origin - at;
	}
	bytes_add(&replaced, s + done, t->bytes.n - done);
	bytes_free(&t->bytes);
	t->bytes = replaced;
}

static void replace_matches(const struct normalizer *n, struct text *t)
{
	struct bytes replaced = {0};
	struct regex_search search = regex_search(n->regex, t->bytes.data, t->bytes.n);
	size_t done = 0, start, end;
	while (regex_next(&search, &start, &end)) {
		bytes_add(&replaced, t->bytes.data + done, start - done);
		bytes_add(&replaced, n->content.data, n->content.n);
		done = end;
	}
	bytes_add(&replaced, t->bytes.data + done, t->bytes.n - done);
	text_become(t, replaced);
}

/* İ is the one character that becomes two. */
static void add_lowercase(uint32_t code, struct bytes *out)
{
	utf8proc_uint8_t character[4];
	if (code == 0x130) {
		bytes_add(out, "i\xcc\x87", 3);
		return;
	}
	utf8proc_ssize_t n = utf8proc_encode_char(utf8proc_tolower((utf8proc_int32_t)code), character);
	bytes_add(out, (const char *)character, (size_t)n);
}

static bool is_mark(uint32_t code)
{
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
	return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
}

/* Character by character: lower case, or no marks. */
static void map_characters(bool lowercase, struct text *t)
{
	struct bytes mapped = {0};
	const char *s = t->bytes.data;
	size_t length;
	for (size_t i = 0; i < t->bytes.n; i += length) {
		uint32_t code = 0;
		utf8_decode(s + i, t->bytes.n - i, &length, &code);
		if (lowercase)
			add_lowercase(code, &mapped);
		else if (!is_mark(code))
			bytes_add(&mapped, s + i, length);
	}
	text_become(t, mapped);
}

static void strip(const struct normalizer *n, struct text *t)
{
	struct bytes stripped = {0};
	size_t start = n->left ? utf8_space_after(t->bytes.data, t->bytes.n, 0) : 0;
	size_t end = n->right ? utf8_space_before(t->bytes.data, t->bytes.n) : t->bytes.n;
	if (start < end)
		bytes_add(&stripped, t->bytes.data + start, end - start);
	text_become(t, stripped);
	if (start > 0)
		t->origin = 0;
}

static bool is_undone(enum normalizer_type type)
{
	return type == NORMALIZER_PREPEND || type == NORMALIZER_REPLACE || type == NORMALIZER_BYTE_LEVEL ||
	       type == NORMALIZER_SENTENCEPIECE;
}

void normalizer_apply(const struct normalizer *n, bool exact, struct text *t)
{
	struct bytes normalized = {0};
	if (t->bytes.n == 0 || (exact && !is_undone(n->type)))
		return;
	switch (n->type) {
	case NORMALIZER_PREPEND:
		text_prepend(t, n->content.data, n->content.n);
		break;
	case NORMALIZER_REPLACE:
		text_replace(t, n->pattern.data, n->pattern.n, n->content.data, n->content.n);
		break;
	case NORMALIZER_REPLACE_REGEX:
		replace_matches(n, t);
		break;
	case NORMALIZER_FORM:
		normalform(t->bytes.data, t->bytes.n, n->composed, n->compatibility, &normalized);
		text_become(t, normalized);
		break;
	case NORMALIZER_LOWERCASE:
	case NORMALIZER_STRIP_ACCENTS:
		map_characters(n->type == NORMALIZER_LOWERCASE, t);
		break;
	case NORMALIZER_STRIP:
		strip(n, t);
		break;
	case NORMALIZER_BYTE_LEVEL:
		bytelevel_encode(t->bytes.data, t->bytes.n, &normalized);
		text_become(t, normalized);
		break;
	case NORMALIZER_SENTENCEPIECE:
		sentencepiece_normalize(n->sentencepiece, exact, t->bytes.data, t->bytes.n, &normalized);
		bytes_free(&t->bytes);
		t->bytes = normalized;
		break;
	}
}

void normalizer_free(struct normalizer *n)
{
	bytes_free(&n->pattern);
	bytes_free(&n->content);
	regex_free(n->regex);
}
