/* normalizer.c: the first step of a tokenizer.  See normalizer.h. */
#include <string.h>

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

void normalizer_apply(const struct normalizer *n, struct text *t)
{
	switch (n->type) {
	case NORMALIZER_PREPEND:
		text_prepend(t, n->content.data, n->content.n);
		break;
	case NORMALIZER_REPLACE:
		text_replace(t, n->pattern.data, n->pattern.n, n->content.data, n->content.n);
		break;
	case NORMALIZER_SENTENCEPIECE: {
		struct bytes normalized = {0};
		sentencepiece_normalize(n->sentencepiece, t->bytes.data, t->bytes.n, &normalized);
		bytes_free(&t->bytes);
		t->bytes = normalized;
		break;
	}
	}
}
