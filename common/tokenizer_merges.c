/*
 * tokenizer_merges.c: a tokenizer from vocab.json and merges.txt, as byte-level models
 * had them before tokenizer.json.  What these leave open, the class that
 * tokenizer_config.json names decides.
 *
 * Source: transformers, src/transformers/models/{gpt2,roberta,qwen2}/tokenization_*.py.
 */
#include <stdlib.h>
#include <string.h>

#include "bpe.h"
#include "bytelevel.h"
#include "cli.h"
#include "ggufpre.h"
#include "io.h"
#include "memory.h"
#include "tokenizer_json.h"
#include "tokenizer_lists.h"

struct class {
	const char *names;              /* of tokenizer_class, separated by spaces; the first row is for none */
	const char *pre;                /* how text is cut, by the name of ggufpre.h */
	bool composed;                  /* characters are composed first (NFC) */
	const char *specials[6];        /* unless the configuration names them */
	const char *first, *last;       /* put around a text, or NULL */
};

static const struct class classes[] = {
	{
		.names = "GPT2Tokenizer GPT2TokenizerFast CodeGenTokenizer CodeGenTokenizerFast",
		.pre = "gpt-2", .specials = {"<|endoftext|>"},
	},
	{
		.names = "GPTNeoXTokenizer GPTNeoXTokenizerFast",
		.pre = "gpt-2", .composed = true, .specials = {"<|endoftext|>"},
	},
	{
		.names = "RobertaTokenizer RobertaTokenizerFast BartTokenizer BartTokenizerFast LongformerTokenizer "
			 "LEDTokenizer",
		.pre = "gpt-2", .specials = {"<s>", "<pad>", "</s>", "<unk>", "<mask>"},
		.first = "<s>", .last = "</s>",
	},
	{
		.names = "Qwen2Tokenizer Qwen2TokenizerFast",
		.pre = "qwen2", .composed = true, .specials = {"<|endoftext|>"},
	},
};

static const struct class *class_of(const struct tokenizer *t, const json_t *config)
{
	const char *name = json_string_value(json_object_get(config, "tokenizer_class"));
	if (!name)
		return &classes[0];
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (words_have(classes[i].names, name, strlen(name)))
			return &classes[i];
	unsupported(t, "tokenizer_class (without a tokenizer.json)", name);
}

static void load_merges(const char *path, struct bpe *b)
{
	size_t n, rank = 0;
	char *file = io_slurp(path, VOCABULARY_FILE_MAX, &n), *line = file, *end;
	for (; line < file + n; line = end + 1) {
		end = memchr(line, '\n', (size_t)(file + n - line));
		if (!end)
			end = file + n;
		size_t length = (size_t)(end - line);
		if (length > 0 && line[length - 1] == '\r')
			length--;
		if (length > 0 && (length < 8 || memcmp(line, "#version", 8) != 0))
			list_merge(path, b, rank++, line, length);
	}
	free(file);
}

/*
 * Added tokens.  Some are listed with their ids, in tokenizer_config.json's
 * "added_tokens_decoder" and in added_tokens.json; others are only called special, there
 * and in special_tokens_map.json.
 */

struct listed {
	json_int_t id;
	json_t *token;          /* {"content": "<s>", ...} or "<s>" */
	bool special;           /* unless the token itself says */
};

/* What the files beside a tokenizer say. */
struct added_files {
	const json_t *config;           /* each may be NULL */
	json_t *map, *added;
};

/* A token is {"content": "<s>", ...} as in tokenizer.json, or "<s>" alone. */
static const char *content_of(const json_t *token, size_t *n)
{
	const json_t *content = json_is_object(token) ? json_object_get(token, "content") : token;
	*n = json_is_string(content) ? json_string_length(content) : 0;
	return json_string_value(content);
}

/* Adds a token, unless it is there already. */
static void add_token(struct tokenizer *t, const json_t *token, bool special)
{
	size_t n;
	const char *s = content_of(token, &n);
	if (n == 0 || vocabulary_find(&t->added_vocabulary, s, n) >= 0)
		return;
	if (t->sentencepiece && vocabulary_find(t->model.vocabulary, s, n) >= 0)
		return;         /* what a tokenizer.model has, it knows how to take */
	struct added_token *a = tokenizer_add_token(t, s, n, tokenizer_next_id(t, s, n));
	a->special = special;
	if (json_is_object(token)) {
		a->special = flag_of(t, token, "special", special);
		a->single_word = flag_of(t, token, "single_word", false);
		a->lstrip = flag_of(t, token, "lstrip", false);
		a->rstrip = flag_of(t, token, "rstrip", false);
	}
}

/* Calls use for each token that a file calls special, by its part or (in_lists) in a list. */
static void each_special(const json_t *file, bool in_lists, void (*use)(void *context, const json_t *token), void *context)
{
	static const char *const keys[] = {
		"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
	};
	static const char *const lists[] = {"additional_special_tokens", "extra_special_tokens"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		use(context, json_object_get(file, keys[i]));
	for (size_t i = 0; in_lists && i < sizeof lists / sizeof *lists; i++) {
		json_t *list = json_object_get(file, lists[i]), *token;
		const char *name;
		size_t k;
		json_array_foreach(list, k, token)
			use(context, token);
		json_object_foreach(list, name, token)
			use(context, token);
	}
}

static void use_special(void *context, const json_t *token)
{
	add_token(context, token, true);
}

/* Whether a token is called special somewhere. */
struct wanted {
	const char *s;
	size_t n;
	bool found;
};

static void use_wanted(void *context, const json_t *token)
{
	struct wanted *w = context;
	size_t n;
	const char *s = content_of(token, &n);
	w->found |= n > 0 && n == w->n && memcmp(s, w->s, n) == 0;
}

static bool is_called_special(const struct added_files *files, const char *s)
{
	struct wanted w = {s, strlen(s), false};
	each_special(files->config, true, use_wanted, &w);
	each_special(files->map, false, use_wanted, &w);
	return w.found;
}

static int by_id(const void *left, const void *right)
{
	const struct listed *a = left, *b = right;
	return (a->id > b->id) - (a->id < b->id);
}

/* Adds those that have ids, in the order of these. */
static void add_listed(struct tokenizer *t, const struct added_files *files)
{
	json_t *decoder = json_object_get(files->config, "added_tokens_decoder"), *value;
	struct listed *list = mem_array(json_object_size(decoder) + json_object_size(files->added), sizeof *list);
	const char *key;
	size_t n = 0;
	json_object_foreach(decoder, key, value)
		list[n++] = (struct listed){strtoll(key, NULL, 10), json_incref(value), true};
	json_object_foreach(files->added, key, value)
		list[n++] = (struct listed){json_integer_value(value), json_string(key), is_called_special(files, key)};
	if (n > 0)
		qsort(list, n, sizeof *list, by_id);
	for (size_t i = 0; i < n; i++) {
		add_token(t, list[i].token, list[i].special);
		json_decref(list[i].token);
	}
	free(list);
}

void tokenizer_load_specials(struct tokenizer *t, const char *directory, const json_t *config,
			     const char *const *otherwise, size_t count)
{
	struct added_files files = {.config = config};
	if (!json_object_get(config, "added_tokens_decoder")) {         /* else the older files do not count */
		files.map = tokenizer_side_file(directory, "special_tokens_map.json");
		files.added = tokenizer_side_file(directory, "added_tokens.json");
	}
	add_listed(t, &files);
	each_special(files.config, true, use_special, t);
	each_special(files.map, true, use_special, t);
	for (size_t i = 0; i < count && otherwise[i]; i++) {
		json_t *name = json_string(otherwise[i]);
		add_token(t, name, true);
		json_decref(name);
	}
	json_decref(files.map);
	json_decref(files.added);
	tokenizer_index_added(t);
}

void tokenizer_load_merges(struct tokenizer *t, const char *directory)
{
	size_t n;
	json_t *config = tokenizer_config(directory);
	const struct class *class = class_of(t, config);
	const struct gguf_pre *pre = gguf_pre_find((struct gguf_string){class->pre, strlen(class->pre)});
	struct bpe *b = mem_zero(1, sizeof *b);
	char *merges = mem_printf("%s/merges.txt", directory), *file = io_slurp(t->path, VOCABULARY_FILE_MAX, &n);
	struct json_reader r = {.path = t->path, .s = file, .n = n};
	t->model = bpe_model(b);
	b->unk = -1;
	list_vocabulary(&r, &b->vocabulary);
	load_merges(merges, b);
	if (class->composed)
		tokenizer_add_normalizer(t, NORMALIZER_FORM)->composed = true;
	if (flag_of(t, config, "add_prefix_space", false))
		bytes_add(&tokenizer_add_pretokenizer(t, PRETOKENIZER_PREFIX)->content, " ", 1);
	tokenizer_add_pre(t, pre);
	tokenizer_add_pretokenizer(t, PRETOKENIZER_BYTE_LEVEL);
	tokenizer_add_decoder(t, DECODE_BYTE_LEVEL);
	tokenizer_load_specials(t, directory, config, class->specials, sizeof class->specials / sizeof *class->specials);
	bool bos = !class->first && flag_of(t, config, "add_bos_token", false);
	tokenizer_add_around(t, bos ? tokenizer_special_of(config, "bos_token", class->specials[0]) : class->first);
	ids_add(&t->template, TEMPLATE_TEXT);
	tokenizer_add_around(t, class->last);
	json_decref(config);
	free(merges);
	free(file);
}
