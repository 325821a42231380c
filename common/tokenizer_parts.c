/* tokenizer_parts.c: putting a tokenizer together.  See tokenizer_parts.h. */
#include <string.h>

#include "cli.h"
#include "memory.h"
#include "tokenizer_parts.h"

struct normalizer *tokenizer_add_normalizer(struct tokenizer *t, enum normalizer_type type)
{
	t->normalizers = mem_resize(t->normalizers, t->normalizer_count + 1, sizeof *t->normalizers);
	struct normalizer *n = &t->normalizers[t->normalizer_count++];
	*n = (struct normalizer){.type = type};
	return n;
}

struct pretokenizer *tokenizer_add_pretokenizer(struct tokenizer *t, enum pretokenizer_type type)
{
	t->pretokenizers = mem_resize(t->pretokenizers, t->pretokenizer_count + 1, sizeof *t->pretokenizers);
	struct pretokenizer *p = &t->pretokenizers[t->pretokenizer_count++];
	*p = (struct pretokenizer){.type = type};
	return p;
}

struct decode_step *tokenizer_add_decoder(struct tokenizer *t, enum decode_type type)
{
	t->decoders = mem_resize(t->decoders, t->decoder_count + 1, sizeof *t->decoders);
	struct decode_step *d = &t->decoders[t->decoder_count++];
	*d = (struct decode_step){.type = type};
	return d;
}

struct regex *tokenizer_regex(const struct tokenizer *t, const char *regex, size_t n)
{
	char why[200];
	struct regex *r = regex_compile(regex, n, why, sizeof why);
	if (!r)
		die(t->path, "unsupported regex '%.*s': %s", n < 300 ? (int)n : 300, regex, why);
	return r;
}

struct pretokenizer *tokenizer_add_split(struct tokenizer *t, const char *regex, size_t n,
					 enum split_behavior behavior)
{
	struct pretokenizer *p = tokenizer_add_pretokenizer(t, PRETOKENIZER_SPLIT);
	p->regex = tokenizer_regex(t, regex, n);
	p->behavior = behavior;
	return p;
}

/*
 * A token is special if any with its content is, and silent if its pattern is
 * the content of a special one.  Of equal patterns those of special ones win.
 */
void tokenizer_index_added(struct tokenizer *t)
{
	struct vocabulary special = {0};
	t->added_by_id = mem_array(t->added_vocabulary.size, sizeof *t->added_by_id);
	memset(t->added_by_id, 0xff, t->added_vocabulary.size * sizeof *t->added_by_id);
	for (size_t i = 0; i < t->added_count; i++) {
		const struct added_token *a = &t->added[i];
		t->added_by_id[a->id] = (int32_t)i;
		if (a->special)
			vocabulary_add(&special, a->content.data, a->content.n, 0);
	}
	for (size_t i = 0; i < t->added_count; i++) {
		struct added_token *a = &t->added[i];
		a->special = vocabulary_find(&special, a->content.data, a->content.n) >= 0;
		a->silent = vocabulary_find(&special, a->pattern.data, a->pattern.n) >= 0;
	}
	for (int first = 1; first >= 0; first--)
		for (size_t i = 0; i < t->added_count; i++) {
			const struct added_token *a = &t->added[i];
			if (a->special == first && a->pattern.n > 0)
				prefix_add(a->normalized ? &t->normalized : &t->raw, a->pattern.data,
					   a->pattern.n, t->added_by_id[a->id]);
		}
	prefix_sort(&t->raw);
	prefix_sort(&t->normalized);
	vocabulary_free(&special);
}
