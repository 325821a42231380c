/* tokenizer.c: text to token ids.  See tokenizer.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "gguf.h"
#include "jsonreader.h"
#include "mapping.h"
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
	static const char *const names[] = {
		"tokenizer.json", "tokenizer.model", "spiece.model", "tekken.json", "vocab.json", "vocab.txt",
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
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
		return is_file(path);
	char *file = file_in(path);
	free(file);
	return file != NULL;
}

/* The kinds of JSON that a tokenizer's file can be. */
enum json_kind { JSON_NONE, JSON_TOKENIZER, JSON_TEKKEN, JSON_VOCABULARY };

/* Which one a file is, whatever its name: its first member says so. */
static enum json_kind json_kind(const char *path)
{
	enum json_kind kind = JSON_NONE;
	size_t size, n;
	unsigned char *map = map_file(path, &size);
	struct json_reader r = {.path = path, .s = (const char *)map, .n = size};
	char bracket = reader_peek(&r);
	if (bracket == '{' || bracket == '[')
		kind = JSON_TOKENIZER;
	if (bracket == '{') {
		reader_enter(&r, '{');
		const char *name = reader_more(&r, '{') ? reader_name(&r, &n) : NULL;
		char value = reader_peek(&r);
		if (name && (reader_is(name, n, "config") || (reader_is(name, n, "vocab") && value == '[')))
			kind = JSON_TEKKEN;
		else if (name && value >= '0' && value <= '9')
			kind = JSON_VOCABULARY;
	}
	bytes_free(&r.decoded);
	unmap_file(map, size);
	return kind;
}

static void load_beside(struct tokenizer *t)
{
	char *slash = strrchr(t->path, '/');
	char *directory = slash ? mem_printf("%.*s", (int)(slash - t->path), t->path) : mem_string(".");
	tokenizer_load_merges(t, directory);
	free(directory);
}

static void load_json(struct tokenizer *t, enum json_kind kind)
{
	if (kind == JSON_TEKKEN)
		tokenizer_load_tekken(t);
	else if (kind == JSON_VOCABULARY)
		load_beside(t);
	else
		tokenizer_load_json(t);
}

struct tokenizer *tokenizer_open(const char *path)
{
	struct tokenizer *t = mem_zero(1, sizeof *t);
	const char *directory = is_directory(path) ? path : NULL;
	t->path = directory ? file_in(directory) : mem_string(path);
	if (!t->path)
		die(path, "no tokenizer.json, tokenizer.model, spiece.model, tekken.json, vocab.json or vocab.txt in it");
	enum json_kind kind;
	if (gguf_is(t->path))
		tokenizer_load_gguf(t);
	else if (tokenizer_wordpiece_is(t->path))
		tokenizer_load_wordpiece(t, directory);
	else if ((kind = json_kind(t->path)) != JSON_NONE)
		load_json(t, kind);
	else if (tokenizer_ranks_is(t->path))
		tokenizer_load_ranks(t);
	else
		tokenizer_load_sentencepiece(t, directory);
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
	for (size_t i = 0; i < t->normalizer_count; i++)
		normalizer_free(&t->normalizers[i]);
	free(t->normalizers);
	for (size_t i = 0; i < t->pretokenizer_count; i++)
		pretokenizer_free(&t->pretokenizers[i]);
	free(t->pretokenizers);
	t->model.free(t->model.state);
	free(t->template.data);
	for (size_t i = 0; i < t->decoder_count; i++) {
		bytes_free(&t->decoders[i].pattern);
		bytes_free(&t->decoders[i].content);
		free(t->decoders[i].borders);
		normalizer_free(&t->decoders[i].rewrite);
	}
	free(t->decoders);
	free(t->path);
	free(t);
}

/*
 * Pieces and ids.
 */

size_t tokenizer_size(const struct tokenizer *t)
{
	size_t model = t->model.vocabulary->size, added = t->added_vocabulary.size;
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
		return vocabulary_piece(t->model.vocabulary, id, n);
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
	return id >= 0 ? id : vocabulary_find(t->model.vocabulary, piece, strlen(piece));
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
	if (!a && t->model.tokens) {    /* another id of an added token's piece */
		size_t n;
		const char *piece = tokenizer_piece_bytes(t, id, &n);
		a = added_token(t, piece ? vocabulary_find(&t->added_vocabulary, piece, n) : -1);
		return a && a->special;
	}
	return (a && a->silent) ||
	       (sp && id >= 0 && (size_t)id < sp->vocabulary.size && sp->types[id] == PIECE_CONTROL);
}

/*
 * Encoding.
 */

void tokenizer_normalize(const struct tokenizer *t, bool exact, struct text *text)
{
	for (size_t i = 0; i < t->normalizer_count; i++) {
		normalizer_apply(&t->normalizers[i], exact, text);
		text_check(text, text->bytes.n);
	}
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
		t->model.encode(t->model.state, b->data, b->n, out);
	}
	text_list_free(&list);
}

/* The part of a normalized text from start to end. */
static struct text text_part(const struct text *text, size_t start, size_t end)
{
	struct text part = text_new(text->bytes.data + start, end - start, false);
	if (text->origin > start)
		part.origin = (text->origin < end ? text->origin : end) - start;
	return part;
}

/* A raw text without those added tokens that are searched there. */
static void encode_raw(const struct tokenizer *t, struct text text, bool plain, bool exact, struct ids *out)
{
	tokenizer_normalize(t, exact, &text);
	struct added_parts parts = added_find(&t->normalized, t->added, plain, exact, text.bytes.data, text.bytes.n);
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

/* True if the tokenizer's pieces are strings of bytes, so that no byte is lost. */
static bool is_byte_level(const struct tokenizer *t)
{
	for (size_t i = 0; i < t->normalizer_count; i++)
		if (t->normalizers[i].type == NORMALIZER_BYTE_LEVEL)
			return true;
	for (size_t i = 0; i < t->pretokenizer_count; i++)
		if (t->pretokenizers[i].type == PRETOKENIZER_BYTE_LEVEL)
			return true;
	return false;
}

/*
 * The text with all escaped that would be lost.  A blank may be written as U+2581, which
 * is then no character of the text; and those that begin a text may get lost with the
 * blank that a Metaspace puts there.
 */
static void escape(const struct tokenizer *t, bool begins, const char *text, size_t n, struct bytes *out)
{
	size_t blanks = 0;
	bool byte_level = is_byte_level(t);
	while (begins && !byte_level && t->pretokenizer_count > 0 && blanks < n && text[blanks] == ' ')
		blanks++;
	utf8_escape(out, text, blanks);
	utf8_escape_invalid(out, text + blanks, n - blanks, byte_level ? "" : SENTENCEPIECE_SPACE);
}

/* Dies unless the ids spell the text. */
static void check_bytes(const struct tokenizer *t, const struct ids *ids, bool begins, const char *text, size_t n)
{
	struct decoder *d = decoder_new(t, DECODE_SPECIAL | DECODE_BYTES | (begins ? DECODE_BEGINS : 0));
	size_t done = 0, length;
	for (size_t i = 0; i <= ids->n; i++) {
		const char *s = i < ids->n ? decoder_next(d, ids->data[i], &length) : decoder_end(d, &length);
		for (size_t k = 0; k < length; k++, done++)
			if (done == n || s[k] != text[done])
				die(t->path, "cannot keep all bytes: at offset %zu the text would come back changed", done);
	}
	if (done < n)
		die(t->path, "cannot keep all bytes: what is at offset %zu would be lost", done);
	decoder_free(d);
}

size_t tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, unsigned flags,
			int32_t **ids, size_t *invalid)
{
	struct bytes clean = {0};
	struct ids found = {0}, all = {0};
	bool exact = flags & TOKENIZE_BYTES, plain = exact || (flags & TOKENIZE_PLAIN);
	bool begins = !(flags & TOKENIZE_INSIDE);
	size_t first = SIZE_MAX;
	if (n > TEXT_MAX)
		die(NULL, "text too long (%zu bytes, at most %zu)", n, TEXT_MAX);
	if (exact)
		escape(t, begins, text, n, &clean);
	else
		first = utf8_clean(&clean, text, n);
	if (invalid)
		*invalid = first;
	struct added_parts parts = added_find(&t->raw, t->added, plain, exact, clean.data, clean.n);
	for (size_t i = 0; i < parts.n; i++) {
		struct added_part *p = &parts.data[i];
		if (p->id >= 0)
			ids_add(&found, p->id);
		else
			encode_raw(t, text_new(clean.data + p->start, p->end - p->start, p->start == 0 && begins),
				   plain, exact, &found);
	}
	if (exact)
		check_bytes(t, &found, begins, text, n);
	apply_template(t, &found, flags & TOKENIZE_BARE, &all);
	free(parts.data);
	free(found.data);
	bytes_free(&clean);
	*ids = all.data;
	return all.n;
}
