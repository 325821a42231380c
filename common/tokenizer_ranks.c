/*
 * tokenizer_ranks.c: byte-level BPE as ranks: every token's bytes in base64, in the
 * order in which they were made; two symbols merge if what they spell is a token.
 *
 * Sources: tiktoken, tiktoken/load.py and tiktoken_ext/openai_public.py; the
 * tokenizers of Llama 3 (llama-models, tokenizer.py) and of Qwen (tokenization_qwen.py),
 * which have such files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "bpe.h"
#include "bytelevel.h"
#include "cli.h"
#include "io.h"
#include "memory.h"
#include "tokenizer_ranks.h"

/* Special tokens: count of them, whose ids and, for a %d in the text, numbers rise by 1. */
struct special {
	const char *text;
	int32_t id, count, number;
};

/* What a file of ranks does not say of itself; how many it has tells which it is. */
struct encoding {
	const char *name;
	size_t ranks;
	const char *regex;
	struct special specials[14];
	int32_t bos;            /* 0: none */
	bool composed;          /* characters are composed first (NFC) */
};

#define SPACES "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define GPT2 "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+\\z|\\s+(?!\\S)|\\s"
#define CONTRACTION "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"

static const struct encoding encodings[] = {
	{
		.name = "r50k_base (GPT-2)", .ranks = 50256, .regex = GPT2,
		.specials = {{"<|endoftext|>", 50256, 1, 0}},
	},
	{
		.name = "p50k_base", .ranks = 50280, .regex = GPT2,
		.specials = {{"<|endoftext|>", 50256, 1, 0}},
	},
	{
		.name = "cl100k_base", .ranks = 100256,
		.regex = "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
			 "\\s+\\z|\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
		.specials = {
			{"<|endoftext|>", 100257, 1, 0}, {"<|fim_prefix|>", 100258, 1, 0},
			{"<|fim_middle|>", 100259, 1, 0}, {"<|fim_suffix|>", 100260, 1, 0},
			{"<|endofprompt|>", 100276, 1, 0},
		},
	},
	{
		.name = "o200k_base", .ranks = 199998,
		.regex = "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" CONTRACTION "?|[^\\r\\n\\p{L}\\p{N}]?"
			 UPPER "+" LOWER "*" CONTRACTION "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES,
		.specials = {{"<|endoftext|>", 199999, 1, 0}, {"<|endofprompt|>", 200018, 1, 0}},
	},
	{
		.name = "Llama 3", .ranks = 128000,
		.regex = CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES,
		.specials = {
			{"<|begin_of_text|>", 128000, 1, 0}, {"<|end_of_text|>", 128001, 1, 0},
			{"<|reserved_special_token_%d|>", 128002, 2, 0}, {"<|finetune_right_pad_id|>", 128004, 1, 0},
			{"<|step_id|>", 128005, 1, 0}, {"<|start_header_id|>", 128006, 1, 0},
			{"<|end_header_id|>", 128007, 1, 0}, {"<|eom_id|>", 128008, 1, 0},
			{"<|eot_id|>", 128009, 1, 0}, {"<|python_tag|>", 128010, 1, 0},
			{"<|reserved_special_token_%d|>", 128011, 245, 2},
		},
		.bos = 128000,
	},
	{
		.name = "Qwen", .ranks = 151643,
		.regex = CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES,
		.specials = {
			{"<|endoftext|>", 151643, 1, 0}, {"<|im_start|>", 151644, 1, 0},
			{"<|im_end|>", 151645, 1, 0}, {"<|extra_%d|>", 151646, 205, 0},
		},
		.composed = true,
	},
};

/*
 * What tekken.json shares.
 */

void ranks_add(const struct tokenizer *t, struct bpe *b, size_t line, const char *base64, size_t n, int64_t id)
{
	struct bytes bytes = {0}, piece = {0};
	if (!base64_decode(base64, n, &bytes))
		die(t->path, "token %zu: not base64", line);
	if (id < 0 || id > VOCABULARY_ID_MAX)
		die(t->path, "token %zu: the id is not in [0, %d]", line, VOCABULARY_ID_MAX);
	bytelevel_encode(bytes.data, bytes.n, &piece);
	if (vocabulary_find(&b->vocabulary, piece.data, piece.n) >= 0)
		die(t->path, "token %zu is there twice", line);
	if (vocabulary_piece(&b->vocabulary, (int32_t)id, NULL))
		die(t->path, "token %zu: another one has the id %lld", line, (long long)id);
	vocabulary_add(&b->vocabulary, piece.data, piece.n, (int32_t)id);
	bytes_free(&bytes);
	bytes_free(&piece);
}

struct bpe *ranks_model(struct tokenizer *t)
{
	struct bpe *b = mem_zero(1, sizeof *b);
	b->unk = -1;
	b->spelled = b->ignore_merges = true;
	t->model = bpe_model(b);
	return b;
}

void ranks_complete(struct tokenizer *t, const struct bpe *b, const char *regex, size_t n)
{
	for (int i = 0; i < 256; i++) {
		char byte = (char)i;
		struct bytes piece = {0};
		bytelevel_encode(&byte, 1, &piece);
		if (vocabulary_find(&b->vocabulary, piece.data, piece.n) < 0)
			die(t->path, "no token for the byte 0x%02x", (unsigned)i);
		bytes_free(&piece);
	}
	tokenizer_add_split(t, regex, n, SPLIT_ISOLATED);
	tokenizer_add_pretokenizer(t, PRETOKENIZER_BYTE_LEVEL);
	tokenizer_add_decoder(t, DECODE_BYTE_LEVEL);
}

/*
 * A file of ranks: lines of base64, a space and the rank, which is the id.
 */

/* One line: the base64 is its first n bytes; false if it is not of this kind. */
static bool parse_line(const char *line, size_t length, size_t *n, int64_t *rank)
{
	const char *space = memchr(line, ' ', length);
	size_t digits = 0;
	if (!space)
		return false;
	*n = (size_t)(space - line);
	*rank = 0;
	for (const char *c = space + 1; c < line + length; c++, digits++) {
		if (*c < '0' || *c > '9' || digits == 9)
			return false;
		*rank = 10 * *rank + (*c - '0');
	}
	return digits > 0;
}

static size_t line_length(const char *s, size_t n)
{
	const char *end = memchr(s, '\n', n);
	return end ? (size_t)(end - s) : n;
}

bool tokenizer_ranks_is(const char *path)
{
	char start[1024];
	struct bytes bytes = {0};
	int64_t rank;
	size_t n = 0;
	FILE *f = fopen(path, "r");
	size_t got = f ? fread(start, 1, sizeof start, f) : 0;
	if (f)
		fclose(f);
	bool is = parse_line(start, line_length(start, got), &n, &rank) && base64_decode(start, n, &bytes);
	bytes_free(&bytes);
	return is;
}

static void add_special(struct tokenizer *t, const struct special *special)
{
	for (int32_t i = 0; i < special->count; i++) {
		const char *number = strstr(special->text, "%d");
		char *text = !number ? mem_string(special->text) :
			     mem_printf("%.*s%d%s", (int)(number - special->text), special->text, special->number + i,
					number + 2);
		tokenizer_add_token(t, text, strlen(text), special->id + i)->special = true;
		free(text);
	}
}

static const struct encoding *encoding_of(const struct tokenizer *t, size_t ranks)
{
	const size_t count = sizeof encodings / sizeof *encodings;
	char *known = mem_string("");
	for (size_t i = 0; i < count; i++)
		if (encodings[i].ranks == ranks) {
			free(known);
			return &encodings[i];
		} else {
			char *more = mem_printf("%s%s%s: %zu", known, i ? ", " : "", encodings[i].name, encodings[i].ranks);
			free(known);
			known = more;
		}
	die(t->path, "%zu ranks; what to cut text at is known for these only: %s", ranks, known);
}

void tokenizer_load_ranks(struct tokenizer *t)
{
	size_t n, length, lines = 0;
	struct bpe *b = ranks_model(t);
	char *file = io_slurp(t->path, VOCABULARY_FILE_MAX, &n);
	for (size_t at = 0; at < n; at += length + 1) {
		size_t base64;
		int64_t rank;
		length = line_length(file + at, n - at);
		lines++;
		if (!parse_line(file + at, length, &base64, &rank))
			die(t->path, "line %zu: not a token in base64 and its rank", lines);
		ranks_add(t, b, lines, file + at, base64, rank);
	}
	free(file);
	const struct encoding *e = encoding_of(t, b->vocabulary.count);
	if (e->composed)
		tokenizer_add_normalizer(t, NORMALIZER_FORM)->composed = true;
	ranks_complete(t, b, e->regex, strlen(e->regex));
	for (const struct special *s = e->specials; s->text; s++)
		add_special(t, s);
	tokenizer_index_added(t);
	for (size_t i = 0; i < t->added_count; i++)
		t->added[i].silent = false;     /* tiktoken decodes special tokens like any other */
	if (e->bos)
		ids_add(&t->template, e->bos);
	ids_add(&t->template, TEMPLATE_TEXT);
}
