/*
 * tokenizer_json.c: reading a tokenizer.json: its model and added tokens.
 *
 * Source: tokenizers, src/tokenizer/serialization.rs and those of its parts.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpe.h"
#include "cli.h"
#include "io.h"
#include "memory.h"
#include "tokenizer_json.h"
#include "tokenizer_lists.h"

bool json_missing(const json_t *value)
{
	return !value || json_is_null(value);
}

const char *string_of(const struct tokenizer *t, const json_t *object, const char *key, size_t *n)
{
	const json_t *value = json_object_get(object, key);
	if (!json_is_string(value))
		die(t->path, "'%s' is not a string", key);
	if (n)
		*n = json_string_length(value);
	return json_string_value(value);
}

struct bytes bytes_of(const struct tokenizer *t, const json_t *object, const char *key)
{
	struct bytes b = {0};
	size_t n;
	const char *s = string_of(t, object, key, &n);
	bytes_add(&b, s, n);
	return b;
}

bool flag_of(const struct tokenizer *t, const json_t *object, const char *key, bool otherwise)
{
	const json_t *value = json_object_get(object, key);
	if (json_missing(value))
		return otherwise;
	if (!json_is_boolean(value))
		die(t->path, "'%s' is neither true nor false", key);
	return json_is_true(value);
}

size_t count_of(const struct tokenizer *t, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		die(t->path, "'%s' is not a count", key);
	return (size_t)json_integer_value(value);
}

int32_t id_of(const struct tokenizer *t, const json_t *value, const char *piece)
{
	json_int_t id = json_integer_value(value);
	if (!json_is_integer(value))
		die(t->path, "the id of '%s' is not an integer", piece);
	if (id < 0 || id > VOCABULARY_ID_MAX)
		die(t->path, "the id of '%s' is %lld, not in [0, %d]", piece, (long long)id, VOCABULARY_ID_MAX);
	return (int32_t)id;
}

const char *tokenizer_special_of(const json_t *config, const char *key, const char *otherwise)
{
	const json_t *token = json_object_get(config, key);
	const char *s = json_string_value(json_is_object(token) ? json_object_get(token, "content") : token);
	return s ? s : otherwise;
}

json_t *tokenizer_side_file(const char *directory, const char *name)
{
	if (!directory)
		return NULL;
	char *path = mem_printf("%s/%s", directory, name);
	json_t *object = NULL;
	if (access(path, F_OK) == 0) {
		size_t n;
		json_error_t error;
		char *file = io_slurp(path, VOCABULARY_FILE_MAX, &n);
		object = json_loadb(file, n, JSON_ALLOW_NUL, &error);
		if (!object)
			die(path, "line %d: %s", error.line, error.text);
		free(file);
	}
	free(path);
	return object;
}

json_t *tokenizer_config(const char *directory)
{
	return tokenizer_side_file(directory, "tokenizer_config.json");
}

_Noreturn void unsupported(const struct tokenizer *t, const char *what, const char *type)
{
	die(t->path, "unsupported %s '%s'", what, type);
}

void load_part(struct tokenizer *t, const json_t *object, const char *what, const struct json_part *table)
{
	const char *type = string_of(t, object, "type", NULL);
	for (; table->type; table++)
		if (strcmp(type, table->type) == 0) {
			table->load(t, object);
			return;
		}
	unsupported(t, what, type);
}

/*
 * BPE.
 */

static struct bytes affix_of(const struct tokenizer *t, const json_t *model, const char *key)
{
	return json_missing(json_object_get(model, key)) ? (struct bytes){0} : bytes_of(t, model, key);
}

static void load_bpe(struct tokenizer *t, const json_t *model, struct long_lists *lists)
{
	if (json_number_value(json_object_get(model, "dropout")) != 0)
		unsupported(t, "model", "BPE with dropout");
	struct bpe *b = mem_zero(1, sizeof *b);
	t->model = bpe_model(b);
	list_vocabulary(&lists->vocabulary, &b->vocabulary);
	b->prefix = affix_of(t, model, "continuing_subword_prefix");
	b->suffix = affix_of(t, model, "end_of_word_suffix");
	list_merges(&lists->merges, b);
	b->byte_fallback = flag_of(t, model, "byte_fallback", false);
	b->fuse_unk = flag_of(t, model, "fuse_unk", false);
	b->ignore_merges = flag_of(t, model, "ignore_merges", false);
	b->unk = -1;
	if (!json_missing(json_object_get(model, "unk_token"))) {
		size_t n;
		const char *unk = string_of(t, model, "unk_token", &n);
		b->unk = vocabulary_find(&b->vocabulary, unk, n);
	}
	vocabulary_find_bytes(&b->vocabulary, b->byte_ids);
}

static const struct {
	const char *type;
	void (*load)(struct tokenizer *t, const json_t *model, struct long_lists *lists);
} models[] = {
	{"BPE", load_bpe},
	{"Unigram", tokenizer_json_unigram},
	{"WordPiece", tokenizer_json_wordpiece},
};

/* Older files do not say which model it is: what belongs to it does, in this order. */
static const char *model_type(const struct tokenizer *t, const json_t *model)
{
	if (json_object_get(model, "type"))
		return string_of(t, model, "type", NULL);
	if (json_object_get(model, "merges"))
		return "BPE";
	if (json_object_get(model, "continuing_subword_prefix"))
		return "WordPiece";
	if (json_is_array(json_object_get(model, "vocab")))
		return "Unigram";
	unsupported(t, "model", "without type and merges");
}

static void load_model(struct tokenizer *t, const json_t *model, struct long_lists *lists)
{
	if (!json_is_object(model))
		die(t->path, "not a tokenizer.json (no 'model')");
	const char *type = model_type(t, model);
	for (size_t i = 0; i < sizeof models / sizeof *models; i++)
		if (strcmp(type, models[i].type) == 0) {
			models[i].load(t, model, lists);
			return;
		}
	unsupported(t, "model", type);
}

/*
 * Added tokens.
 */

static void load_added_token(struct tokenizer *t, const json_t *object)
{
	size_t n;
	const char *content = string_of(t, object, "content", &n);
	if (n == 0)
		return;
	struct added_token *a = tokenizer_add_token(t, content, n, tokenizer_next_id(t, content, n));
	a->single_word = flag_of(t, object, "single_word", false);
	a->lstrip = flag_of(t, object, "lstrip", false);
	a->rstrip = flag_of(t, object, "rstrip", false);
	a->normalized = flag_of(t, object, "normalized", true);
	a->special = flag_of(t, object, "special", false);
	if (!a->normalized)
		return;
	struct text pattern = text_new(content, n, true);
	tokenizer_normalize(t, false, &pattern);
	if (pattern.bytes.n > ADDED_MAX)
		die(t->path, "added token %d: %zu bytes when normalized", a->id, pattern.bytes.n);
	bytes_terminate(&pattern.bytes);
	bytes_free(&a->pattern);
	a->pattern = pattern.bytes;
}

static void load_added_tokens(struct tokenizer *t, const json_t *tokens)
{
	size_t i;
	const json_t *token;
	if (!json_missing(tokens) && !json_is_array(tokens))
		die(t->path, "'added_tokens' is not a list");
	json_array_foreach(tokens, i, token)
		load_added_token(t, token);
	tokenizer_index_added(t);
}

void tokenizer_load_json(struct tokenizer *t)
{
	size_t n;
	json_error_t error;
	struct bytes rest = {0};
	char *file = io_slurp(t->path, VOCABULARY_FILE_MAX, &n);
	struct long_lists lists = lists_find(t->path, file, n, &rest);
	json_t *root = json_loadb(rest.data, rest.n, JSON_ALLOW_NUL, &error);
	bytes_free(&rest);
	if (!root)
		die(t->path, "line %d: %s", error.line, error.text);
	tokenizer_json_normalizer(t, root);
	tokenizer_json_pretokenizer(t, root);
	load_model(t, json_object_get(root, "model"), &lists);
	free(file);
	load_added_tokens(t, json_object_get(root, "added_tokens"));
	ids_add(&t->template, TEMPLATE_TEXT);
	tokenizer_json_postprocessor(t, root);
	tokenizer_json_decoder(t, root);
	json_decref(root);
}
