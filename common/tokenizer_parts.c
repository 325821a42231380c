/* tokenizer_parts.c: putting a tokenizer together.  See tokenizer_parts.h. */
#include <string.h>

#include "cli.h"
#include "ggufpre.h"
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

void tokenizer_add_around(struct tokenizer *t, const char *piece)
{
	int32_t id = piece ? tokenizer_id(t, piece) : -1;
	if (id >= 0)
		ids_add(&t->template, id);
}

void tokenizer_add_pre(struct tokenizer *t, const struct gguf_pre *pre)
{
	for (size_t i = 0; i < sizeof pre->regexes / sizeof *pre->regexes && pre->regexes[i]; i++)
		tokenizer_add_split(t, pre->regexes[i], strlen(pre->regexes[i]), SPLIT_ISOLATED);
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

int32_t tokenizer_next_id(const struct tokenizer *t, const char *content, size_t n)
{
	const struct vocabulary *added = &t->added_vocabulary, *model = t->model.vocabulary;
	int32_t id = vocabulary_find(added, content, n);
	if (id < 0)
		id = vocabulary_find(model, content, n);
	size_t tokens = t->model.tokens ? t->model.tokens : model->count;
	if (id < 0)
		id = (int32_t)(added->size > tokens ? added->size : tokens);
	if (id > VOCABULARY_ID_MAX)
		die(t->path, "added tokens: more than %d ids", VOCABULARY_ID_MAX + 1);
	return id;
}

struct added_token *tokenizer_add_token(struct tokenizer *t, const char *content, size_t n, int32_t id)
{
	if (n > ADDED_MAX)
		die(t->path, "added token %d: %zu bytes, at most %d are possible", id, n, ADDED_MAX);
	t->added = mem_resize(t->added, t->added_count + 1, sizeof *t->added);
	struct added_token *a = &t->added[t->added_count++];
	*a = (struct added_token){.id = id};
	bytes_add(&a->content, content, n);
	bytes_terminate(&a->content);
	bytes_add(&a->pattern, content, n);
	bytes_terminate(&a->pattern);
	vocabulary_add(&t->added_vocabulary, content, n, id);
	return a;
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
			if (a->special == first && a->pattern.n > 0 && !a->hidden)
				prefix_add(a->normalized ? &t->normalized : &t->raw, a->pattern.data,
					   a->pattern.n, t->added_by_id[a->id]);
		}
	prefix_sort(&t->raw);
	prefix_sort(&t->normalized);
	vocabulary_free(&special);
}
