/*
 * tokenizer_tekken.c: Mistral's tekken.json: the pattern, ranks and special tokens in
 * one file.  The special ones have the first ids, and are never found in a text.
 *
 * Source: mistral-common, tokens/tokenizers/tekken.py.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "io.h"
#include "jsonreader.h"
#include "memory.h"
#include "tokenizer_ranks.h"

struct tekken {
	struct bytes pattern;
	int64_t size, specials;         /* ids; of them those of special tokens */
	struct json_reader names, ranks;        /* "special_tokens" and "vocab"; s is NULL without */
};

/* BOS, of all of Mistral's files. */
#define TEKKEN_BOS 1

static void read_config(struct json_reader *r, struct tekken *k)
{
	size_t n;
	for (reader_enter(r, '{'); reader_more(r, '{');) {
		const char *name = reader_name(r, &n);
		if (reader_is(name, n, "default_vocab_size")) {
			k->size = reader_integer(r);
		} else if (reader_is(name, n, "default_num_special_tokens")) {
			k->specials = reader_integer(r);
		} else if (reader_is(name, n, "pattern")) {
			const char *pattern = reader_string(r, &n);
			k->pattern.n = 0;
			bytes_add(&k->pattern, pattern, n);
		} else {
			reader_skip(r);
		}
	}
}

static void read_tekken(struct json_reader *r, struct tekken *k)
{
	size_t n;
	for (reader_enter(r, '{'); reader_more(r, '{');) {
		const char *name = reader_name(r, &n);
		if (reader_is(name, n, "config")) {
			read_config(r, k);
			continue;
		}
		bool names = reader_is(name, n, "special_tokens"), ranks = reader_is(name, n, "vocab");
		if (reader_peek(r) == '[' && (names || ranks))
			reader_take(r, names ? &k->names : &k->ranks);
		else
			reader_skip(r);
	}
	reader_finish(r);
}

/* An object {"rank": N, key: "text"}; its text goes to *text.  The rank, or -1. */
static int64_t read_token(struct json_reader *r, const char *key, struct bytes *text)
{
	int64_t rank = -1;
	size_t n;
	text->n = 0;
	for (reader_enter(r, '{'); reader_more(r, '{');) {
		const char *name = reader_name(r, &n);
		if (reader_is(name, n, "rank")) {
			rank = reader_integer(r);
		} else if (reader_is(name, n, key)) {
			const char *s = reader_string(r, &n);
			bytes_add(text, s, n);
		} else {
			reader_skip(r);
		}
	}
	return rank;
}

static void add_tekken_ranks(const struct tokenizer *t, struct bpe *b, struct tekken *k)
{
	struct bytes base64 = {0};
	struct json_reader *r = &k->ranks;
	size_t count = 0;
	for (reader_enter(r, '['); reader_more(r, '['); count++) {
		int64_t rank = read_token(r, "token_bytes", &base64);
		if (rank < 0 || base64.n == 0)
			reader_broken(r, "a token without rank or token_bytes");
		if (rank < k->size - k->specials)
			ranks_add(t, b, count, base64.data, base64.n, rank + k->specials);
	}
	bytes_free(&base64);
}

/* Older files do not name the special tokens: the first three are the same in all. */
static void add_tekken_specials(struct tokenizer *t, struct tekken *k)
{
	static const char *const first[] = {"<unk>", "<s>", "</s>"};
	struct bytes *names = mem_zero((size_t)k->specials, sizeof *names), text = {0};
	struct json_reader *r = &k->names;
	if (r->s)
		for (reader_enter(r, '['); reader_more(r, '[');) {
			int64_t rank = read_token(r, "token_str", &text);
			if (rank < 0 || rank >= k->specials)
				reader_broken(r, "special_tokens: a rank that is not in [0, %lld)", (long long)k->specials);
			names[rank].n = 0;
			bytes_add(&names[rank], text.data, text.n);
		}
	for (int32_t id = 0; id < k->specials; id++) {
		char *other = id < 3 ? mem_string(first[id]) : mem_printf("<SPECIAL_%d>", id);
		bool named = names[id].n > 0;
		struct added_token *a = tokenizer_add_token(t, named ? names[id].data : other,
							    named ? names[id].n : strlen(other), id);
		a->special = a->hidden = true;
		bytes_free(&names[id]);
		free(other);
	}
	bytes_free(&text);
	free(names);
	tokenizer_index_added(t);
}

void tokenizer_load_tekken(struct tokenizer *t)
{
	struct tekken k = {.specials = 1000, .size = VOCABULARY_ID_MAX};
	size_t n;
	char *file = io_slurp(t->path, VOCABULARY_FILE_MAX, &n);
	struct json_reader r = {.path = t->path, .s = file, .n = n};
	struct bpe *b = ranks_model(t);
	read_tekken(&r, &k);
	if (!k.pattern.n || !k.ranks.s)
		die(t->path, "not a tekken.json (no config with a 'pattern', or no 'vocab')");
	if (k.specials < 0 || k.specials > VOCABULARY_ID_MAX || k.size < k.specials)
		die(t->path, "default_num_special_tokens or default_vocab_size make no sense");
	add_tekken_ranks(t, b, &k);
	ranks_complete(t, b, k.pattern.data, k.pattern.n);
	add_tekken_specials(t, &k);
	if (k.specials > TEKKEN_BOS)
		ids_add(&t->template, TEKKEN_BOS);
	ids_add(&t->template, TEMPLATE_TEXT);
	bytes_free(&k.pattern);
	free(file);
}
