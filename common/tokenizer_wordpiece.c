/*
 * tokenizer_wordpiece.c: a tokenizer from a vocab.txt of BERT: a piece a line, whose
 * number, from 0, is its id.  What it leaves open, tokenizer_config.json decides.
 *
 * Source: transformers, src/transformers/models/bert/tokenization_bert*.py.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "io.h"
#include "mapping.h"
#include "memory.h"
#include "tokenizer_json.h"
#include "utf8.h"
#include "wordpiece.h"

/* Where a list without the name of one is looked at, in bytes. */
#define BEGINNING ((size_t)64 << 10)

/* The line at s, of the n bytes there: without its end in *length, and with it. */
static size_t line_bytes(const char *s, size_t n, size_t *length)
{
	const char *end = memchr(s, '\n', n);
	*length = end ? (size_t)(end - s) : n;
	size_t bytes = *length + (end != NULL);
	if (*length > 0 && s[*length - 1] == '\r')
		--*length;
	return bytes;
}

bool tokenizer_wordpiece_is(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n, length;
	bool found = false;
	if (strcmp(slash ? slash + 1 : path, "vocab.txt") == 0)
		return true;
	unsigned char *map = map_file(path, &n);
	bool text = n > 0 && map[0] != '\n' && !memchr(map, '\0', n < BEGINNING ? n : BEGINNING);
	for (size_t at = 0; text && !found && at < n && at < BEGINNING;) {
		const char *line = (const char *)map + at;
		at += line_bytes(line, n - at < BEGINNING ? n - at : BEGINNING, &length);
		found = length == 5 && memcmp(line, "[UNK]", 5) == 0;
	}
	unmap_file(map, n);
	return found;
}

static void load_lines(const struct tokenizer *t, struct wordpiece *w)
{
	size_t n, length;
	int32_t id = 0;
	char *file = io_slurp(t->path, VOCABULARY_FILE_MAX, &n);
	for (size_t at = 0; at < n; id++) {
		const char *line = file + at;
		at += line_bytes(line, n - at, &length);
		if (!utf8_valid(line, length))
			die(t->path, "line %d: not UTF-8", id + 1);
		if (id > VOCABULARY_ID_MAX)
			die(t->path, "more than %d lines", VOCABULARY_ID_MAX + 1);
		vocabulary_add(&w->vocabulary, line, length, id);
	}
	free(file);
	if (id == 0)
		die(t->path, "no pieces");
	wordpiece_complete(w, t->path);
}

/* Other classes than BERT's and its like have other steps. */
static void check_class(const struct tokenizer *t, const json_t *config)
{
	static const char *const names[] = {
		"BertTokenizer", "ConvBertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "LayoutLMTokenizer",
		"LxmertTokenizer", "MobileBertTokenizer", "SqueezeBertTokenizer",
	};
	const char *name = json_string_value(json_object_get(config, "tokenizer_class"));
	for (size_t i = 0; name && i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i]);
		if (strncmp(name, names[i], n) == 0 && (name[n] == '\0' || strcmp(name + n, "Fast") == 0))
			return;
	}
	if (name)
		unsupported(t, "tokenizer_class (without a tokenizer.json)", name);
}

void tokenizer_add_bert_split(struct tokenizer *t)
{
	tokenizer_add_split(t, "\\s", 2, SPLIT_REMOVED);
	tokenizer_add_split(t, TOKENIZER_PUNCTUATION, strlen(TOKENIZER_PUNCTUATION), SPLIT_ISOLATED);
}

void tokenizer_add_bert(struct tokenizer *t, const struct bert *bert)
{
	tokenizer_add_normalizer(t, NORMALIZER_BERT)->bert = *bert;
	tokenizer_add_bert_split(t);
	struct decode_step *d = tokenizer_add_decoder(t, DECODE_WORDPIECE);
	bytes_add(&d->pattern, "##", 2);
	d->cleanup = true;
}

void tokenizer_load_wordpiece(struct tokenizer *t, const char *directory)
{
	json_t *config = directory ? tokenizer_config(directory) : NULL;
	struct wordpiece *w = wordpiece_new();
	struct bert bert = {.clean = true};
	check_class(t, config);
	t->model = wordpiece_model(w);
	load_lines(t, w);
	const char *unk = tokenizer_special_of(config, "unk_token", "[UNK]"), *specials[] = {
		unk, tokenizer_special_of(config, "sep_token", "[SEP]"), tokenizer_special_of(config, "pad_token", "[PAD]"),
		tokenizer_special_of(config, "cls_token", "[CLS]"), tokenizer_special_of(config, "mask_token", "[MASK]"),
	};
	w->unk.n = 0;
	bytes_add(&w->unk, unk, strlen(unk));
	bert.chinese = flag_of(t, config, "tokenize_chinese_chars", true);
	bert.lowercase = flag_of(t, config, "do_lower_case", true);
	bert.strip_accents = flag_of(t, config, "strip_accents", bert.lowercase);
	tokenizer_add_bert(t, &bert);
	tokenizer_load_specials(t, directory, config, specials, sizeof specials / sizeof *specials);
	tokenizer_add_around(t, specials[3]);
	ids_add(&t->template, TEMPLATE_TEXT);
	tokenizer_add_around(t, specials[1]);
	json_decref(config);
}
