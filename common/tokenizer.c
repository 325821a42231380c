/* tokenizer.c: text to token ids.  See tokenizer.h. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "gguf.h"
#include "io.h"
#include "memory.h"
#include "tokenizer_parts.h"
#include "utf8.h"

/* The longest text that is encoded, so that 32 bits count its symbols. */
#define TEXT_MAX ((size_t)1 << 29)

static bool is_directory(const char *path)
{
	struct stat s;
	return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static bool is_file(const char *path)
{
	struct stat s;
	return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

/* The tokenizer's file in a directory, or NULL. */
static char *file_in(const char *directory)
{
	static const char *const names[] = {"tokenizer.json", "tokenizer.model"};
	for (size_t i = 0; i < 2; i++) {
		char *path = mem_printf("%s/%s", directory, names[i]);
		if (is_file(path))
			return path;
		free(path);
	}
	return NULL;
}

bool tokenizer_exists(const char *path)
{
	if (!is_directory(path))
		return is_file(path) && !gguf_is(path);         /* whose vocabulary is not read */
	char *file = file_in(path);
	free(file);
	return file != NULL;
}

/* A JSON object, whatever the file's name: its first character says so. */
static bool is_json(const char *path)
{
	FILE *f = fopen(path, "r");
	int c = ' ';
	while (f && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
		c = getc(f);
	if (f)
		fclose(f);
	return c == '{' || c == '[';
}

/* What tokenizer_config.json beside a tokenizer.model says, or otherwise. */
static bool configured(const json_t *config, const char *key, bool otherwise)
{
	const json_t *value = json_object_get(config, key);
	return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

static json_t *load_config(const char *directory)
{
	char *path = mem_printf("%s/tokenizer_config.json", directory);
	json_t *config = NULL;
	if (is_file(path)) {
		size_t n;
		json_error_t error;
		char *file = io_slurp(path, VOCABULARY_FILE_MAX, &n);
		config = json_loadb(file, n, JSON_ALLOW_NUL, &error);
		if (!config)
			die(path, "line %d: %s", error.line, error.text);
		free(file);
	}
	free(path);
	return config;
}

/* directory: where tokenizer_config.json may be, or NULL. */
static void load_sentencepiece(struct tokenizer *t, const char *directory)
{
	struct sentencepiece *sp = t->sentencepiece = sentencepiece_open(t->path);
	json_t *config = directory ? load_config(directory) : NULL;
	t->normalizers = mem_zero(1, sizeof *t->normalizers);
	t->normalizers[t->normalizer_count++] =
		(struct normalizer){.type = NORMALIZER_SENTENCEPIECE, .sentencepiece = sp};
	t->decoders = mem_zero(1, sizeof *t->decoders);
	t->decoders[t->decoder_count++].type = DECODE_SENTENCEPIECE;
	if (sp->bos >= 0 && configured(config, "add_bos_token", true))
		ids_add(&t->template, sp->bos);
	ids_add(&t->template, TEMPLATE_TEXT);
	if (sp->eos >= 0 && configured(config, "add_eos_token", false))
		ids_add(&t->template, sp->eos);
	json_decref(config);
}

struct tokenizer *tokenizer_open(const char *path)
{
	struct tokenizer *t = mem_zero(1, sizeof *t);
	const char *directory = is_directory(path) ? path : NULL;
	t->path = directory ? file_in(directory) : mem_string(path);
	if (!t->path)
		die(path, "no tokenizer.json or tokenizer.model in it");
	if (!directory && gguf_is(path))
		die(path, "the vocabulary of a GGUF file is not supported; give ids (--ids), "
			  "or a tokenizer's own file");
	if (is_json(t->path))
		tokenizer_load_json(t, t->path);
	else
		load_sentencepiece(t, directory);
	return t;
}

void tokenizer_free(struct tokenizer *t)
{
	vocabulary_free(&t->added_vocabulary);
	for (size_t i = 0; i < t->added_count; i++) {
		bytes_free(&t->added[i].content);
		bytes_free(&t->added[i].pattern);
	}
	free(t->added);
	free(t->added_by_id);
	prefix_free(&t->raw);
	prefix_free(&t->normalized);
	for (size_t i = 0; i < t->normalizer_count; i++) {
		bytes_free(&t->normalizers[i].pattern);
		bytes_free(&t->normalizers[i].content);
	}
	free(t->normalizers);
	for (size_t i = 0; i < t->pretokenizer_count; i++)
		bytes_free(&t->pretokenizers[i].replacement);
	free(t->pretokenizers);
	if (t->bpe)
		bpe_free(t->bpe);
	free(t->bpe);
	if (t->sentencepiece)
		sentencepiece_free(t->sentencepiece);
	free(t->template.data);
	for (size_t i = 0; i < t->decoder_count; i++) {
		bytes_free(&t->decoders[i].pattern);
		bytes_free(&t->decoders[i].content);
		free(t->decoders[i].borders);
	}
	free(t->decoders);
	free(t->path);
	free(t);
}

/*
 * Pieces and ids.
 */

static const struct vocabulary *model_vocabulary(const struct tokenizer *t)
{
	return t->bpe ? &t->bpe->vocabulary : &t->sentencepiece->vocabulary;
}

size_t tokenizer_size(const struct tokenizer *t)
{
	size_t model = model_vocabulary(t)->size, added = t->added_vocabulary.size;
	return model > added ? model : added;
}

/* The added token that has this id, or NULL. */
static const struct added_token *added_token(const struct tokenizer *t, int32_t id)
{
	if (id < 0 || (size_t)id >= t->added_vocabulary.size || t->added_by_id[id] < 0)
		return NULL;
	return &t->added[t->added_by_id[id]];
}

const char *tokenizer_piece_bytes(const struct tokenizer *t, int32_t id, size_t *n)
{
	const struct added_token *a = added_token(t, id);
	if (!a)
		return vocabulary_piece(model_vocabulary(t), id, n);
	if (n)
		*n = a->pattern.n;
	return a->pattern.data;
}

const char *tokenizer_piece(const struct tokenizer *t, int32_t id)
{
	return tokenizer_piece_bytes(t, id, NULL);
}

int32_t tokenizer_id(const struct tokenizer *t, const char *piece)
{
	int32_t id = vocabulary_find(&t->added_vocabulary, piece, strlen(piece));
	return id >= 0 ? id : vocabulary_find(model_vocabulary(t), piece, strlen(piece));
}

int32_t tokenizer_mark(const struct tokenizer *t, const char *piece, struct strips *strips)
{
	int32_t id = tokenizer_id(t, piece);
	const struct added_token *a = added_token(t, id);
	*strips = (struct strips){a && a->lstrip, a && a->rstrip};
	return id;
}

bool tokenizer_special(const struct tokenizer *t, int32_t id)
{
	const struct added_token *a = added_token(t, id);
	const struct sentencepiece *sp = t->sentencepiece;
	return (a && a->silent) ||
	       (sp && id >= 0 && (size_t)id < sp->vocabulary.size && sp->types[id] == PIECE_CONTROL);
}

/*
 * Encoding.
 */

void tokenizer_normalize(const struct tokenizer *t, struct text *text)
{
	for (size_t i = 0; i < t->normalizer_count; i++)
		normalizer_apply(&t->normalizers[i], text);
}

/* A normalized text without added tokens: the pre-tokenizers, then the model.  Takes it over. */
static void encode_text(const struct tokenizer *t, struct text text, struct ids *out)
{
	struct text_list list = {0};
	text_list_add(&list, text);
	for (size_t i = 0; i < t->pretokenizer_count; i++)
		pretokenizer_apply(&t->pretokenizers[i], &list);
	for (size_t i = 0; i < list.n; i++) {
		const struct bytes *b = &list.texts[i].bytes;
		if (b->n >= UINT32_MAX / 2)
			die(NULL, "text too long (%zu bytes)", b->n);
		if (t->bpe)
			bpe_encode(t->bpe, b->data, b->n, out);
		else
			sentencepiece_encode(t->sentencepiece, b->data, b->n, out);
	}
	text_list_free(&list);
}

/* The part of a normalized text from start to end. */
static struct text text_part(const struct text *text, size_t start, size_t end)
{
	struct text part = text_new(text->bytes.data + start, end - start, false);
	part.origin = text->origin > start ? text->origin - start : 0;
	return part;
}

/* A raw text without those added tokens that are searched there. */
static void encode_raw(const struct tokenizer *t, struct text text, bool plain, struct ids *out)
{
	tokenizer_normalize(t, &text);
	struct added_parts parts = added_find(&t->normalized, t->added, plain, text.bytes.data, text.bytes.n);
	for (size_t i = 0; i < parts.n; i++) {
		struct added_part *p = &parts.data[i];
		if (p->id >= 0)
			ids_add(out, p->id);
		else
			encode_text(t, text_part(&text, p->start, p->end), out);
	}
	free(parts.data);
	bytes_free(&text.bytes);
}

/* The ids of the text in their place, and unless bare the special tokens around them. */
static void apply_template(const struct tokenizer *t, const struct ids *text, bool bare, struct ids *out)
{
	for (size_t i = 0; i < t->template.n; i++)
		if (t->template.data[i] == TEMPLATE_TEXT)
			for (size_t k = 0; k < text->n; k++)
				ids_add(out, text->data[k]);
		else if (!bare)
			ids_add(out, t->template.data[i]);
}

size_t tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, unsigned flags,
			int32_t **ids, size_t *invalid)
{
	struct bytes clean = {0};
	struct ids found = {0}, all = {0};
	bool plain = flags & TOKENIZE_PLAIN, begins = !(flags & TOKENIZE_INSIDE);
	if (n > TEXT_MAX)
		die(NULL, "text too long (%zu bytes, at most %zu)", n, TEXT_MAX);
	size_t first = utf8_clean(&clean, text, n);
	if (invalid)
		*invalid = first;
	struct added_parts parts = added_find(&t->raw, t->added, plain, clean.data, clean.n);
	for (size_t i = 0; i < parts.n; i++) {
		struct added_part *p = &parts.data[i];
		if (p->id >= 0)
			ids_add(&found, p->id);
		else
			encode_raw(t, text_new(clean.data + p->start, p->end - p->start, p->start == 0 && begins),
				   plain, &found);
	}
	apply_template(t, &found, flags & TOKENIZE_BARE, &all);
	free(parts.data);
	free(found.data);
	bytes_free(&clean);
	*ids = all.data;
	return all.n;
}
