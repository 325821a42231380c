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
		.names = "GPT2Tokenizer GPT2TokenizerFast CodeGenTokenizer GPTNeoXTokenizer WhisperTokenizer",
		.pre = "gpt-2", .specials = {"<|endoftext|>"},
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

static bool has_name(const char *names, const char *name)
{
	size_t n = strlen(name);
	for (const char *at = names; (at = strstr(at, name)); at += n)
		if ((at == names || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

static const struct class *class_of(const struct tokenizer *t, const json_t *config)
{
	const char *name = json_string_value(json_object_get(config, "tokenizer_class"));
	if (!name)
		return &classes[0];
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (has_name(classes[i].names, name))
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
 * Special tokens: {"content": "<s>", ...} as tokenizer.json has them, or "<s>"
 * alone, or the content of one that was already added.
 */
static void add_special(struct tokenizer *t, const json_t *token)
{
	const json_t *content = json_is_object(token) ? json_object_get(token, "content") : token;
	const char *s = json_string_value(content);
	size_t n = s ? json_string_length(content) : 0;
	if (n == 0 || vocabulary_find(&t->added_vocabulary, s, n) >= 0)
		return;
	struct added_token *a = tokenizer_add_token(t, s, n, tokenizer_next_id(t, s, n));
	a->special = !json_is_object(token) || flag_of(t, token, "special", true);
	if (json_is_object(token)) {
		a->single_word = flag_of(t, token, "single_word", false);
		a->lstrip = flag_of(t, token, "lstrip", false);
		a->rstrip = flag_of(t, token, "rstrip", false);
	}
}

void tokenizer_load_specials(struct tokenizer *t, const json_t *config, const char *const *otherwise, size_t count)
{
	static const char *const keys[] = {
		"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
	};
	json_t *decoder = json_object_get(config, "added_tokens_decoder"), *token;
	const json_t *more = json_object_get(config, "additional_special_tokens");
	const char *id;
	size_t i;
	json_object_foreach(decoder, id, token)
		add_special(t, token);
	for (i = 0; i < sizeof keys / sizeof *keys; i++)
		add_special(t, json_object_get(config, keys[i]));
	json_array_foreach(more, i, token)
		add_special(t, token);
	for (i = 0; i < count && otherwise[i]; i++)
		if (tokenizer_id(t, otherwise[i]) >= 0) {
			json_t *name = json_string(otherwise[i]);
			add_special(t, name);
			json_decref(name);
		}
	tokenizer_index_added(t);
}

static void add_around(struct tokenizer *t, const char *piece)
{
	int32_t id = piece ? tokenizer_id(t, piece) : -1;
	if (id >= 0)
		ids_add(&t->template, id);
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
	for (size_t i = 0; i < sizeof pre->regexes / sizeof *pre->regexes && pre->regexes[i]; i++)
		tokenizer_add_split(t, pre->regexes[i], strlen(pre->regexes[i]), SPLIT_ISOLATED);
	tokenizer_add_pretokenizer(t, PRETOKENIZER_BYTE_LEVEL);
	tokenizer_add_decoder(t, DECODE_BYTE_LEVEL);
	tokenizer_load_specials(t, config, class->specials, sizeof class->specials / sizeof *class->specials);
	add_around(t, class->first);
	ids_add(&t->template, TEMPLATE_TEXT);
	add_around(t, class->last);
	json_decref(config);
	free(merges);
	free(file);
}
