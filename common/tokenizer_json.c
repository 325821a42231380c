/*
 * tokenizer_json.c: reading a tokenizer.json.
 *
 * Source: tokenizers, src/tokenizer/serialization.rs and those of its parts.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "io.h"
#include "memory.h"
#include "tokenizer_parts.h"
#include "utf8.h"

/* The deepest that a Sequence may lie within another. */
#define DEPTH_MAX 16

static bool is_null(const json_t *value)
{
	return !value || json_is_null(value);
}

/* The string of a key; dies if there is none. */
static const char *string_of(const struct tokenizer *t, const json_t *object, const char *key, size_t *n)
{
	const json_t *value = json_object_get(object, key);
	if (!json_is_string(value))
		die(t->path, "'%s' is not a string", key);
	if (n)
		*n = json_string_length(value);
	return json_string_value(value);
}

static struct bytes bytes_of(const struct tokenizer *t, const json_t *object, const char *key)
{
	struct bytes b = {0};
	size_t n;
	const char *s = string_of(t, object, key, &n);
	bytes_add(&b, s, n);
	return b;
}

/* The one character that the string of a key is. */
static struct bytes character_of(const struct tokenizer *t, const json_t *object, const char *key)
{
	struct bytes b = bytes_of(t, object, key);
	if (b.n == 0 || utf8_length(b.data) != b.n)
		die(t->path, "'%s' is not one character", key);
	return b;
}

static bool flag_of(const struct tokenizer *t, const json_t *object, const char *key, bool otherwise)
{
	const json_t *value = json_object_get(object, key);
	if (is_null(value))
		return otherwise;
	if (!json_is_boolean(value))
		die(t->path, "'%s' is neither true nor false", key);
	return json_is_true(value);
}

static size_t count_of(const struct tokenizer *t, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		die(t->path, "'%s' is not a count", key);
	return (size_t)json_integer_value(value);
}

static int32_t id_of(const struct tokenizer *t, const json_t *value, const char *piece)
{
	json_int_t id = json_integer_value(value);
	if (!json_is_integer(value))
		die(t->path, "the id of '%s' is not an integer", piece);
	if (id < 0 || id > VOCABULARY_ID_MAX)
		die(t->path, "the id of '%s' is %lld, not in [0, %d]", piece, (long long)id, VOCABULARY_ID_MAX);
	return (int32_t)id;
}

/* The steps in a part: those of a Sequence, in the list of this key, or the part itself. */
typedef void load_step(struct tokenizer *t, const json_t *step, const char *type);

static void load_steps(struct tokenizer *t, const json_t *part, const char *key, const char *list,
		       load_step *load, int depth)
{
	size_t i;
	const json_t *step;
	if (is_null(part))
		return;
	if (!json_is_object(part) || depth > DEPTH_MAX)
		die(t->path, "'%s' is not an object, or too deep", key);
	const char *type = string_of(t, part, "type", NULL);
	if (strcmp(type, "Sequence") != 0) {
		load(t, part, type);
		return;
	}
	const json_t *steps = json_object_get(part, list);
	if (!json_is_array(steps))
		die(t->path, "'%s' is not a list", list);
	json_array_foreach(steps, i, step)
		load_steps(t, step, key, list, load, depth + 1);
}

static _Noreturn void unsupported(const struct tokenizer *t, const char *what, const char *type)
{
	die(t->path, "unsupported %s '%s'", what, type);
}

/* The pattern of a Replace, which must be a plain string. */
static struct bytes pattern_of(const struct tokenizer *t, const json_t *step, const char *what)
{
	const json_t *pattern = json_object_get(step, "pattern");
	if (json_object_get(pattern, "Regex"))
		unsupported(t, what, "Replace of a Regex");
	struct bytes b = bytes_of(t, pattern, "String");
	if (b.n == 0)
		unsupported(t, what, "Replace of nothing");
	return b;
}

static void load_normalizer(struct tokenizer *t, const json_t *step, const char *type)
{
	struct normalizer n = {0};
	if (strcmp(type, "Prepend") == 0) {
		n.type = NORMALIZER_PREPEND;
		n.content = bytes_of(t, step, "prepend");
	} else if (strcmp(type, "Replace") == 0) {
		n.type = NORMALIZER_REPLACE;
		n.pattern = pattern_of(t, step, "normalizer");
		n.content = bytes_of(t, step, "content");
	} else {
		unsupported(t, "normalizer", type);
	}
	t->normalizers = mem_resize(t->normalizers, t->normalizer_count + 1, sizeof n);
	t->normalizers[t->normalizer_count++] = n;
}

/* A Metaspace's prepend_scheme, or what the older add_prefix_space says. */
static enum prepend_scheme prepend_of(const struct tokenizer *t, const json_t *step)
{
	static const char *const names[] = {
		[PREPEND_ALWAYS] = "always", [PREPEND_FIRST] = "first", [PREPEND_NEVER] = "never",
	};
	if (!flag_of(t, step, "add_prefix_space", true))
		return PREPEND_NEVER;
	if (is_null(json_object_get(step, "prepend_scheme")))
		return PREPEND_ALWAYS;
	const char *scheme = string_of(t, step, "prepend_scheme", NULL);
	for (int i = PREPEND_ALWAYS; i <= PREPEND_NEVER; i++)
		if (strcmp(scheme, names[i]) == 0)
			return i;
	unsupported(t, "prepend_scheme", scheme);
}

static void load_pretokenizer(struct tokenizer *t, const json_t *step, const char *type)
{
	if (strcmp(type, "Metaspace") != 0)
		unsupported(t, "pre_tokenizer", type);
	struct pretokenizer p = {
		.type = PRETOKENIZER_METASPACE,
		.replacement = character_of(t, step, "replacement"),
		.prepend = prepend_of(t, step),
		.split = flag_of(t, step, "split", true),
	};
	t->pretokenizers = mem_resize(t->pretokenizers, t->pretokenizer_count + 1, sizeof p);
	t->pretokenizers[t->pretokenizer_count++] = p;
}

static void load_decoder(struct tokenizer *t, const json_t *step, const char *type)
{
	struct decode_step d = {0};
	if (strcmp(type, "Replace") == 0) {
		d.type = DECODE_REPLACE;
		d.pattern = pattern_of(t, step, "decoder");
		d.content = bytes_of(t, step, "content");
		d.borders = decode_borders(&d.pattern);
	} else if (strcmp(type, "ByteFallback") == 0) {
		d.type = DECODE_BYTE_FALLBACK;
	} else if (strcmp(type, "Fuse") == 0) {
		d.type = DECODE_FUSE;
	} else if (strcmp(type, "Strip") == 0) {
		d.type = DECODE_STRIP;
		d.content = character_of(t, step, "content");
		d.start = count_of(t, step, "start");
		d.stop = count_of(t, step, "stop");
	} else if (strcmp(type, "Metaspace") == 0) {
		d.type = DECODE_METASPACE;
		d.pattern = character_of(t, step, "replacement");
		d.start = prepend_of(t, step) != PREPEND_NEVER;
	} else {
		unsupported(t, "decoder", type);
	}
	t->decoders = mem_resize(t->decoders, t->decoder_count + 1, sizeof d);
	t->decoders[t->decoder_count++] = d;
}

/* The ids of a special token of a template, each of which must have a piece. */
static void load_template_token(const struct tokenizer *t, const json_t *step, const json_t *token,
				struct ids *template)
{
	size_t i;
	const json_t *id;
	const char *name = string_of(t, token, "id", NULL);
	const json_t *ids = json_object_get(json_object_get(json_object_get(step, "special_tokens"), name), "ids");
	if (!json_is_array(ids))
		die(t->path, "post_processor: no ids of '%s'", name);
	json_array_foreach(ids, i, id) {
		if (!tokenizer_piece(t, id_of(t, id, name)))
			die(t->path, "post_processor: no token has the id %d of '%s'", id_of(t, id, name), name);
		ids_add(template, id_of(t, id, name));
	}
}

/* A template is put around what those before it made. */
static void load_postprocessor(struct tokenizer *t, const json_t *step, const char *type)
{
	if (strcmp(type, "TemplateProcessing") != 0)
		unsupported(t, "post_processor", type);
	const json_t *single = json_object_get(step, "single"), *part;
	struct ids template = {0};
	size_t i;
	if (!json_is_array(single))
		die(t->path, "post_processor: 'single' is not a list");
	json_array_foreach(single, i, part) {
		const json_t *token = json_object_get(part, "SpecialToken");
		if (token) {
			load_template_token(t, step, token, &template);
			continue;
		}
		if (strcmp(string_of(t, json_object_get(part, "Sequence"), "id", NULL), "A") != 0)
			unsupported(t, "post_processor", "single with a Sequence other than A");
		if (template.n + t->template.n > 4096)
			unsupported(t, "post_processor", "template of more than 4096 tokens");
		for (size_t k = 0; k < t->template.n; k++)
			ids_add(&template, t->template.data[k]);
	}
	free(t->template.data);
	t->template = template;
}

/* A merge is ["a", "b"], or in older files "a b". */
static void load_merge(struct tokenizer *t, const json_t *merge, size_t rank)
{
	struct vocabulary *v = &t->bpe->vocabulary;
	struct bytes both = {0};
	const char *left, *right;
	size_t n, m;
	if (json_is_string(merge)) {
		left = json_string_value(merge);
		const char *space = strchr(left, ' ');
		if (!space || strchr(space + 1, ' ') || strlen(left) != json_string_length(merge))
			die(t->path, "merge %zu, '%s', is not two pieces", rank, left);
		n = (size_t)(space - left);
		right = space + 1;
		m = strlen(right);
	} else {
		const json_t *a = json_array_get(merge, 0), *b = json_array_get(merge, 1);
		if (json_array_size(merge) != 2 || !json_is_string(a) || !json_is_string(b))
			die(t->path, "merge %zu is not two pieces", rank);
		left = json_string_value(a);
		n = json_string_length(a);
		right = json_string_value(b);
		m = json_string_length(b);
	}
	bytes_add(&both, left, n);
	bytes_add(&both, right, m);
	int32_t left_id = vocabulary_find(v, left, n), right_id = vocabulary_find(v, right, m);
	int32_t id = vocabulary_find(v, both.n ? both.data : "", both.n);
	if (left_id < 0 || right_id < 0 || id < 0)
		die(t->path, "merge %zu, '%.*s' and '%.*s': %s is not in the vocabulary", rank,
		    n < 100 ? (int)n : 100, left, m < 100 ? (int)m : 100, right,
		    left_id < 0 ? "the first" : right_id < 0 ? "the second" : "the result");
	bpe_add_merge(t->bpe, left_id, right_id, (struct merge){(uint32_t)rank, id});
	bytes_free(&both);
}

static void load_merges(struct tokenizer *t, const json_t *merges)
{
	size_t i, rank = 0;
	const json_t *merge;
	if (!json_is_array(merges))
		die(t->path, "model: 'merges' is not a list");
	json_array_foreach(merges, i, merge)
		if (!json_is_string(merge) || strncmp(json_string_value(merge), "#version", 8) != 0)
			load_merge(t, merge, rank++);
}

/* What of BPE is not known here must be absent. */
static void check_model(const struct tokenizer *t, const json_t *model)
{
	static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
	const json_t *type = json_object_get(model, "type");
	if (!json_is_object(model))
		die(t->path, "not a tokenizer.json (no 'model')");
	if (json_is_string(type) && strcmp(json_string_value(type), "BPE") != 0)
		unsupported(t, "model", json_string_value(type));
	if (!json_object_get(model, "merges"))
		unsupported(t, "model", "without merges");
	for (size_t i = 0; i < 2; i++) {
		const char *affix = json_string_value(json_object_get(model, affixes[i]));
		if (affix && *affix)
			die(t->path, "unsupported %s '%s'", affixes[i], affix);
	}
	if (json_number_value(json_object_get(model, "dropout")) != 0)
		unsupported(t, "model", "BPE with dropout");
}

static void load_model(struct tokenizer *t, const json_t *model)
{
	const char *piece;
	json_t *id;
	check_model(t, model);
	struct bpe *b = t->bpe = mem_zero(1, sizeof *b);
	json_t *vocabulary = json_object_get(model, "vocab");
	if (!json_is_object(vocabulary))
		die(t->path, "model: 'vocab' is not an object");
	json_object_foreach(vocabulary, piece, id)
		vocabulary_add(&b->vocabulary, piece, strlen(piece), id_of(t, id, piece));
	load_merges(t, json_object_get(model, "merges"));
	b->byte_fallback = flag_of(t, model, "byte_fallback", false);
	b->fuse_unk = flag_of(t, model, "fuse_unk", false);
	b->ignore_merges = flag_of(t, model, "ignore_merges", false);
	b->unk = -1;
	if (!is_null(json_object_get(model, "unk_token"))) {
		size_t n;
		const char *unk = string_of(t, model, "unk_token", &n);
		b->unk = vocabulary_find(&b->vocabulary, unk, n);
	}
	bpe_find_bytes(b);
}

/*
 * The id that an added token gets: the one it has, or the next free one.  The
 * file's own number is not asked, as tokenizers does not.
 */
static int32_t added_id(const struct tokenizer *t, const struct bytes *content)
{
	const struct vocabulary *added = &t->added_vocabulary, *model = &t->bpe->vocabulary;
	int32_t id = vocabulary_find(added, content->data, content->n);
	if (id < 0)
		id = vocabulary_find(model, content->data, content->n);
	if (id < 0)
		id = (int32_t)(added->size > model->count ? added->size : model->count);
	if (id > VOCABULARY_ID_MAX)
		die(t->path, "added_tokens: more than %d ids", VOCABULARY_ID_MAX + 1);
	return id;
}

static void load_added_token(struct tokenizer *t, const json_t *object)
{
	struct added_token a = {.content = bytes_of(t, object, "content")};
	if (a.content.n == 0)
		return;
	if (a.content.n > ADDED_MAX)
		die(t->path, "added_tokens: a token of %zu bytes, at most %d are possible", a.content.n, ADDED_MAX);
	a.single_word = flag_of(t, object, "single_word", false);
	a.lstrip = flag_of(t, object, "lstrip", false);
	a.rstrip = flag_of(t, object, "rstrip", false);
	a.normalized = flag_of(t, object, "normalized", true);
	a.special = flag_of(t, object, "special", false);
	a.id = added_id(t, &a.content);
	struct text pattern = text_new(a.content.data, a.content.n, true);
	if (a.normalized)
		tokenizer_normalize(t, &pattern);
	if (pattern.bytes.n > ADDED_MAX)
		die(t->path, "added_tokens: a normalized token of %zu bytes", pattern.bytes.n);
	bytes_add(&pattern.bytes, "", 1);
	pattern.bytes.n--;
	a.pattern = pattern.bytes;
	vocabulary_add(&t->added_vocabulary, a.content.data, a.content.n, a.id);
	t->added[t->added_count++] = a;
}

/*
 * A token is special if any with its content is, and silent if its pattern is
 * the content of a special one.  Of equal patterns those of special ones win.
 */
static void index_added_tokens(struct tokenizer *t)
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

static void load_added_tokens(struct tokenizer *t, const json_t *tokens)
{
	size_t i;
	const json_t *token;
	if (!is_null(tokens) && !json_is_array(tokens))
		die(t->path, "'added_tokens' is not a list");
	t->added = mem_array(json_array_size(tokens), sizeof *t->added);
	json_array_foreach(tokens, i, token)
		load_added_token(t, token);
	index_added_tokens(t);
}

void tokenizer_load_json(struct tokenizer *t, const char *path)
{
	size_t n;
	json_error_t error;
	char *file = io_slurp(path, VOCABULARY_FILE_MAX, &n);
	json_t *root = json_loadb(file, n, JSON_ALLOW_NUL, &error);
	free(file);
	if (!root)
		die(path, "line %d: %s", error.line, error.text);
	if (!json_is_object(root))
		die(path, "not a tokenizer.json (not an object)");
	load_steps(t, json_object_get(root, "normalizer"), "normalizer", "normalizers", load_normalizer, 0);
	load_steps(t, json_object_get(root, "pre_tokenizer"), "pre_tokenizer", "pretokenizers", load_pretokenizer, 0);
	load_model(t, json_object_get(root, "model"));
	load_added_tokens(t, json_object_get(root, "added_tokens"));
	ids_add(&t->template, TEMPLATE_TEXT);
	load_steps(t, json_object_get(root, "post_processor"), "post_processor", "processors", load_postprocessor, 0);
	load_steps(t, json_object_get(root, "decoder"), "decoder", "decoders", load_decoder, 0);
	if (is_null(json_object_get(root, "decoder"))) {
		t->decoders = mem_zero(1, sizeof *t->decoders);
		t->decoders[t->decoder_count++].type = DECODE_JOIN;
	}
	json_decref(root);
}
