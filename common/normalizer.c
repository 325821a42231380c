/* normalizer.c: the first step of a tokenizer.  See normalizer.h. */
#include <string.h>
#include <utf8proc.h>

#include "bytelevel.h"
#include "cli.h"
#include "normalform.h"
#include "normalizer.h"
#include "utf8.h"

/* A text may grow to so many bytes; NFKC alone makes eleven of one. */
#define LIMIT_MIN ((size_t)1 << 16)
#define LIMIT_PER_BYTE 64

struct text text_new(const char *s, size_t n, bool begins)
{
	struct text t = {0};
	bytes_add(&t.bytes, s, n);
	t.origin = begins && n ? utf8_length(s) : 0;
	t.limit = LIMIT_MIN + LIMIT_PER_BYTE * n;
	return t;
}

void text_check(const struct text *t, size_t n)
{
	if (n > t->limit)
		die(NULL, "a text becomes more than %zu bytes long when it is normalized", t->limit);
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
		text_check(t, replaced.n);
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
	size_t done = 0, start, end, origin = t->origin;
	while (regex_next(&search, &start, &end)) {
		bytes_add(&replaced, t->bytes.data + done, start - done);
		bytes_add(&replaced, n->content.data, n->content.n);
		text_check(t, replaced.n);
		done = end;
		if (end > 0 && end <= t->origin)
			origin += n->content.n - (end - start);
		else if (start < t->origin)
			origin -= t->origin - start;
	}
	bytes_add(&replaced, t->bytes.data + done, t->bytes.n - done);
	bytes_free(&t->bytes);
	t->bytes = replaced;
	t->origin = origin;
}

void text_map(struct text *t, text_mapping *map)
{
	struct bytes mapped = {0};
	const char *s = t->bytes.data;
	size_t length, origin = 0;
	for (size_t i = 0; i < t->bytes.n; i += length) {
		uint32_t code = 0;
		utf8_decode(s + i, t->bytes.n - i, &length, &code);
		map(code, s + i, length, &mapped);
		if (i < t->origin)
			origin = mapped.n;
	}
	text_become(t, mapped);
	t->origin = origin;
}

/* İ is the one character that becomes two. */
void map_lowercase(uint32_t code, const char *s, size_t n, struct bytes *out)
{
	utf8proc_uint8_t character[4];
	utf8proc_int32_t lower = utf8proc_tolower((utf8proc_int32_t)code);
	if (code == 0x130)
		bytes_add(out, "i\xcc\x87", 3);
	else if (lower == (utf8proc_int32_t)code)
		bytes_add(out, s, n);
	else
		bytes_add(out, (const char *)character, (size_t)utf8proc_encode_char(lower, character));
}

static void map_accents(uint32_t code, const char *s, size_t n, struct bytes *out)
{
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
	if (category != UTF8PROC_CATEGORY_MN && category != UTF8PROC_CATEGORY_MC && category != UTF8PROC_CATEGORY_ME)
		bytes_add(out, s, n);
}

/* As the neural machine translation of TensorFlow had it, which SentencePiece took over. */
static void map_nmt(uint32_t c, const char *s, size_t n, struct bytes *out)
{
	if ((c >= 0x01 && c <= 0x08) || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f)
		return;
	if (c == 0x09 || c == 0x0a || c == 0x0c || c == 0x0d || c == 0x1680 || (c >= 0x200b && c <= 0x200f) ||
	    c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd)
		bytes_add(out, " ", 1);
	else
		bytes_add(out, s, n);
}

static void strip(const struct normalizer *n, struct text *t)
{
	struct bytes stripped = {0};
	size_t start = n->left ? utf8_space_after(t->bytes.data, t->bytes.n, 0) : 0;
	size_t end = n->right ? utf8_space_before(t->bytes.data, t->bytes.n) : t->bytes.n;
	if (start < end)
		bytes_add(&stripped, t->bytes.data + start, end - start);
	bytes_free(&t->bytes);
	t->bytes = stripped;
	t->origin = t->origin > start ? t->origin - start : 0;
	if (t->origin > stripped.n)
		t->origin = stripped.n;
}

void text_spell_bytes(struct text *t)
{
	struct bytes spelled = {0};
	bytelevel_encode(t->bytes.data, t->origin, &spelled);
	size_t origin = spelled.n;
	bytelevel_encode(t->bytes.data + t->origin, t->bytes.n - t->origin, &spelled);
	text_become(t, spelled);
	t->origin = origin;
}

void text_form(struct text *t, bool composed, bool compatibility)
{
	struct bytes form = {0}, first = {0};
	normalform(t->bytes.data, t->bytes.n, composed, compatibility, &form);
	normalform(t->bytes.data, t->origin, composed, compatibility, &first);
	text_become(t, form);
	if (first.n > 0 && first.n <= form.n && memcmp(form.data, first.data, first.n) == 0)
		t->origin = first.n;
	bytes_free(&first);
}

/* Where the grapheme cluster ends that begins at s. */
static size_t cluster_length(const char *s, size_t n)
{
	utf8proc_int32_t state = 0;
	uint32_t code = 0, before;
	size_t end, length;
	utf8_decode(s, n, &end, &code);
	for (; end < n; end += length) {
		before = code;
		utf8_decode(s + end, n - end, &length, &code);
		if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)before, (utf8proc_int32_t)code, &state))
			break;
	}
	return end;
}

#define CLUSTER_MAX 5   /* bytes of a cluster that is looked up whole */

/* Clusters by the map as a whole if they are short and it knows them, else character by character. */
static void apply_charsmap(const struct charsmap *map, struct text *t)
{
	struct bytes mapped = {0};
	const char *s = t->bytes.data;
	size_t length, m, origin = 0;
	for (size_t at = 0, end = 0; at < t->bytes.n; at += length) {
		bool begins = at == end;
		if (begins)
			end += cluster_length(s + at, t->bytes.n - at);
		length = end - at;
		const char *found = begins && length <= CLUSTER_MAX ? charsmap_transform(map, s + at, length, &m) : NULL;
		if (!found) {
			length = utf8_length(s + at);
			found = charsmap_transform(map, s + at, length, &m);
		}
		bytes_add(&mapped, found ? found : s + at, found ? m : length);
		if (at < t->origin)
			origin = mapped.n;
	}
	text_become(t, mapped);
	if (origin > 0)
		t->origin = origin;     /* else what is first now comes from there, as tokenizers has it */
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
		text_form(t, n->composed, n->compatibility);
		break;
	case NORMALIZER_LOWERCASE:
		text_map(t, map_lowercase);
		break;
	case NORMALIZER_STRIP_ACCENTS:
		text_map(t, map_accents);
		break;
	case NORMALIZER_NMT:
		text_map(t, map_nmt);
		break;
	case NORMALIZER_BERT:
		bert_normalize(&n->bert, t);
		break;
	case NORMALIZER_PRECOMPILED:
		apply_charsmap(&n->charsmap, t);
		break;
	case NORMALIZER_STRIP:
		strip(n, t);
		break;
	case NORMALIZER_BYTE_LEVEL:
		text_spell_bytes(t);
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
	charsmap_free(&n->charsmap);
}
