/*
 * tokenizer_steps.c: the steps before and after the model in a tokenizer.json.
 *
 * Sources: tokenizers, src/normalizers, src/pre_tokenizers, src/processors and
 * src/decoders.
 */
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "bytelevel.h"
#include "cli.h"
#include "memory.h"
#include "tokenizer_json.h"
#include "utf8.h"

/* The deepest that a Sequence may lie within another, and the most steps there may be. */
#define DEPTH_MAX 16
#define STEPS_MAX 256

/* The longest template. */
#define TEMPLATE_MAX 4096

/* A kind of steps: the file's key, the list in a Sequence, and the types. */
struct kind {
	const char *key, *list;
	const struct json_part *parts;
};

/* The steps in a part: those of a Sequence or the part itself; adds to *count. */
static void load_steps(struct tokenizer *t, const struct kind *kind, const json_t *part, int depth, size_t *count)
{
	size_t i;
	const json_t *step;
	if (json_missing(part))
		return;
	if (!json_is_object(part) || depth > DEPTH_MAX)
		die(t->path, "'%s' is not an object, or too deep", kind->key);
	if (strcmp(string_of(t, part, "type", NULL), "Sequence") != 0) {
		if (++*count > STEPS_MAX)
			die(t->path, "'%s' has more than %d steps", kind->key, STEPS_MAX);
		load_part(t, part, kind->key, kind->parts);
		return;
	}
	const json_t *steps = json_object_get(part, kind->list);
	if (!json_is_array(steps))
		die(t->path, "'%s' is not a list", kind->list);
	json_array_foreach(steps, i, step)
		load_steps(t, kind, step, depth + 1, count);
}

static void load_kind(struct tokenizer *t, const struct kind *kind, const json_t *root)
{
	size_t count = 0;
	load_steps(t, kind, json_object_get(root, kind->key), 0, &count);
}

/* The one character that the string of a key is. */
static struct bytes character_of(const struct tokenizer *t, const json_t *object, const char *key)
{
	struct bytes b = bytes_of(t, object, key);
	if (b.n == 0 || utf8_length(b.data) != b.n)
		die(t->path, "'%s' is not one character", key);
	return b;
}

/* The index of a key's string in a list of names, or 0 where the key is missing. */
static int choice_of(const struct tokenizer *t, const json_t *object, const char *key,
		     const char *const *names, int count)
{
	if (json_missing(json_object_get(object, key)))
		return 0;
	const char *name = string_of(t, object, key, NULL);
	for (int i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	unsupported(t, key, name);
}

/* The "pattern" of a step: a regex, or else a plain string. */
static struct regex *pattern_of(const struct tokenizer *t, const json_t *step, struct bytes *plain)
{
	const json_t *pattern = json_object_get(step, "pattern");
	size_t n;
	if (json_object_get(pattern, "Regex")) {
		const char *regex = string_of(t, pattern, "Regex", &n);
		return tokenizer_regex(t, regex, n);
	}
	*plain = bytes_of(t, pattern, "String");
	return NULL;
}

/*
 * Normalizers.
 */

static void load_prepend(struct tokenizer *t, const json_t *step)
{
	tokenizer_add_normalizer(t, NORMALIZER_PREPEND)->content = bytes_of(t, step, "prepend");
}

static void load_replace(struct tokenizer *t, const json_t *step)
{
	struct normalizer *n = tokenizer_add_normalizer(t, NORMALIZER_REPLACE);
	n->regex = pattern_of(t, step, &n->pattern);
	n->content = bytes_of(t, step, "content");
	if (n->regex)
		n->type = NORMALIZER_REPLACE_REGEX;
	else if (n->pattern.n == 0)
		unsupported(t, "normalizer", "Replace of nothing");
}

static void load_form(struct tokenizer *t, const json_t *step)
{
	const char *name = string_of(t, step, "type", NULL);    /* NFC, NFD, NFKC or NFKD */
	struct normalizer *n = tokenizer_add_normalizer(t, NORMALIZER_FORM);
	n->compatibility = name[2] == 'K';
	n->composed = name[strlen(name) - 1] == 'C';
}

static void load_lowercase(struct tokenizer *t, const json_t *step)
{
	(void)step;
	tokenizer_add_normalizer(t, NORMALIZER_LOWERCASE);
}

static void load_strip_accents(struct tokenizer *t, const json_t *step)
{
	(void)step;
	tokenizer_add_normalizer(t, NORMALIZER_STRIP_ACCENTS);
}

static void load_strip(struct tokenizer *t, const json_t *step)
{
	struct normalizer *n = tokenizer_add_normalizer(t, NORMALIZER_STRIP);
	n->left = flag_of(t, step, "strip_left", true);
	n->right = flag_of(t, step, "strip_right", true);
}

static void load_nmt(struct tokenizer *t, const json_t *step)
{
	(void)step;
	tokenizer_add_normalizer(t, NORMALIZER_NMT);
}

static void load_bert_normalizer(struct tokenizer *t, const json_t *step)
{
	struct bert *b = &tokenizer_add_normalizer(t, NORMALIZER_BERT)->bert;
	b->clean = flag_of(t, step, "clean_text", true);
	b->chinese = flag_of(t, step, "handle_chinese_chars", true);
	b->lowercase = flag_of(t, step, "lowercase", true);
	b->strip_accents = flag_of(t, step, "strip_accents", b->lowercase);
}

static void load_precompiled(struct tokenizer *t, const json_t *step)
{
	struct charsmap *map = &tokenizer_add_normalizer(t, NORMALIZER_PRECOMPILED)->charsmap;
	struct bytes blob = {0};
	size_t n;
	const char *base64 = string_of(t, step, "precompiled_charsmap", &n);
	if (!base64_decode(base64, n, &blob) || !charsmap_load(map, blob.data, blob.n) || !charsmap_valid(map))
		die(t->path, "broken precompiled_charsmap of %zu bytes", n);
	bytes_free(&blob);
}

static void load_byte_level_normalizer(struct tokenizer *t, const json_t *step)
{
	(void)step;
	tokenizer_add_normalizer(t, NORMALIZER_BYTE_LEVEL);
}

static const struct json_part normalizers[] = {
	{"BertNormalizer", load_bert_normalizer},
	{"ByteLevel", load_byte_level_normalizer},
	{"Lowercase", load_lowercase},
	{"NFC", load_form}, {"NFD", load_form}, {"NFKC", load_form}, {"NFKD", load_form},
	{"Nmt", load_nmt},
	{"Precompiled", load_precompiled},
	{"Prepend", load_prepend},
	{"Replace", load_replace},
	{"Strip", load_strip},
	{"StripAccents", load_strip_accents},
	{0},
};

/*
 * Pre-tokenizers.
 */

static enum split_behavior behavior_of(const struct tokenizer *t, const json_t *step)
{
	static const char *const names[] = {
		[SPLIT_ISOLATED] = "Isolated", [SPLIT_REMOVED] = "Removed", [SPLIT_CONTIGUOUS] = "Contiguous",
		[SPLIT_WITH_PREVIOUS] = "MergedWithPrevious", [SPLIT_WITH_NEXT] = "MergedWithNext",
	};
	return (enum split_behavior)choice_of(t, step, "behavior", names, SPLIT_WITH_NEXT + 1);
}

static void split(struct tokenizer *t, const char *regex, enum split_behavior behavior)
{
	tokenizer_add_split(t, regex, strlen(regex), behavior);
}

/* A Metaspace's prepend_scheme, or what the older add_prefix_space says. */
static enum prepend_scheme prepend_of(const struct tokenizer *t, const json_t *step)
{
	static const char *const names[] = {
		[PREPEND_ALWAYS] = "always", [PREPEND_FIRST] = "first", [PREPEND_NEVER] = "never",
	};
	if (!flag_of(t, step, "add_prefix_space", true))
		return PREPEND_NEVER;
	return (enum prepend_scheme)choice_of(t, step, "prepend_scheme", names, PREPEND_NEVER + 1);
}

static void load_metaspace(struct tokenizer *t, const json_t *step)
{
	struct pretokenizer *p = tokenizer_add_pretokenizer(t, PRETOKENIZER_METASPACE);
	p->content = character_of(t, step, "replacement");
	p->prepend = prepend_of(t, step);
	p->split = flag_of(t, step, "split", true);
}

static void load_byte_level(struct tokenizer *t, const json_t *step)
{
	if (flag_of(t, step, "add_prefix_space", true))
		bytes_add(&tokenizer_add_pretokenizer(t, PRETOKENIZER_PREFIX)->content, " ", 1);
	if (flag_of(t, step, "use_regex", true))
		split(t, BYTELEVEL_PATTERN, SPLIT_ISOLATED);
	tokenizer_add_pretokenizer(t, PRETOKENIZER_BYTE_LEVEL);
}

static void load_split(struct tokenizer *t, const json_t *step)
{
	struct pretokenizer *p = tokenizer_add_pretokenizer(t, PRETOKENIZER_SPLIT);
	p->regex = pattern_of(t, step, &p->pattern);
	if (!p->regex && p->pattern.n == 0)
		p->regex = tokenizer_regex(t, "", 0);
	p->behavior = behavior_of(t, step);
	p->invert = flag_of(t, step, "invert", false);
}

static void load_digits(struct tokenizer *t, const json_t *step)
{
	split(t, flag_of(t, step, "individual_digits", false) ? "\\p{N}" : "\\p{N}+", SPLIT_ISOLATED);
}

static void load_fixed_length(struct tokenizer *t, const json_t *step)
{
	struct pretokenizer *p = tokenizer_add_pretokenizer(t, PRETOKENIZER_FIXED_LENGTH);
	p->length = json_missing(json_object_get(step, "length")) ? 5 : count_of(t, step, "length");
	if (p->length == 0)
		unsupported(t, "pre_tokenizer", "FixedLength of 0");
}

static void load_punctuation(struct tokenizer *t, const json_t *step)
{
	split(t, TOKENIZER_PUNCTUATION, behavior_of(t, step));
}

/* Words, and what is neither word nor space: not with Oniguruma, so that \w is another. */
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}"

static void load_whitespace(struct tokenizer *t, const json_t *step)
{
	(void)step;
	split(t, "[" WORD "]+|[^" WORD "\\s]+", SPLIT_REMOVED);
	t->pretokenizers[t->pretokenizer_count - 1].invert = true;
}

static void load_whitespace_split(struct tokenizer *t, const json_t *step)
{
	(void)step;
	split(t, "\\s", SPLIT_REMOVED);
}

static void load_bert(struct tokenizer *t, const json_t *step)
{
	(void)step;
	tokenizer_add_bert_split(t);
}

static void load_delimiter(struct tokenizer *t, const json_t *step)
{
	struct pretokenizer *p = tokenizer_add_pretokenizer(t, PRETOKENIZER_SPLIT);
	p->pattern = character_of(t, step, "delimiter");
	p->behavior = SPLIT_REMOVED;
}

static const struct json_part pretokenizers[] = {
	{"BertPreTokenizer", load_bert},
	{"ByteLevel", load_byte_level},
	{"CharDelimiterSplit", load_delimiter},
	{"Digits", load_digits},
	{"FixedLength", load_fixed_length},
	{"Metaspace", load_metaspace},
	{"Punctuation", load_punctuation},
	{"Split", load_split},
	{"UnicodeScripts", tokenizer_json_scripts},
	{"Whitespace", load_whitespace},
	{"WhitespaceSplit", load_whitespace_split},
	{0},
};

/*
 * Post-processors.
 */

/* After a template that adds tokens, another one would apply to each of its parts: tokenizers does odd things. */
static void set_template(struct tokenizer *t, struct ids template)
{
	if (t->template.n != 1 || t->template.data[0] != TEMPLATE_TEXT)
		unsupported(t, "post_processor", "Sequence of a template after one that adds tokens");
	free(t->template.data);
	t->template = template;
}

static void add_to_template(const struct tokenizer *t, struct ids *template, int32_t id)
{
	if (template->n == TEMPLATE_MAX)
		unsupported(t, "post_processor", "template of more than 4096 tokens");
	ids_add(template, id);
}

static void add_special(const struct tokenizer *t, struct ids *template, const json_t *id, const char *name)
{
	if (!tokenizer_piece(t, id_of(t, id, name)))
		die(t->path, "post_processor: no token has the id %d of '%s'", id_of(t, id, name), name);
	add_to_template(t, template, id_of(t, id, name));
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
	json_array_foreach(ids, i, id)
		add_special(t, template, id, name);
}

static void load_template(struct tokenizer *t, const json_t *step)
{
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
		add_to_template(t, &template, TEMPLATE_TEXT);
	}
	set_template(t, template);
}

/* "cls" and "sep", each [piece, id]: one before, the other behind. */
static void load_roberta(struct tokenizer *t, const json_t *step)
{
	struct ids template = {0};
	add_special(t, &template, json_array_get(json_object_get(step, "cls"), 1), "cls");
	add_to_template(t, &template, TEMPLATE_TEXT);
	add_special(t, &template, json_array_get(json_object_get(step, "sep"), 1), "sep");
	set_template(t, template);
}

/* It only shifts offsets. */
static void load_byte_level_processor(struct tokenizer *t, const json_t *step)
{
	(void)t;
	(void)step;
}

static const struct json_part postprocessors[] = {
	{"BertProcessing", load_roberta},
	{"ByteLevel", load_byte_level_processor},
	{"RobertaProcessing", load_roberta},
	{"TemplateProcessing", load_template},
	{0},
};

/*
 * Decoders.
 */

static void load_replace_back(struct tokenizer *t, const json_t *step)
{
	struct decode_step *d = tokenizer_add_decoder(t, DECODE_REPLACE);
	struct regex *regex = pattern_of(t, step, &d->pattern);
	if (regex) {
		d->type = DECODE_REWRITE;
		d->rewrite = (struct normalizer){.type = NORMALIZER_REPLACE_REGEX, .regex = regex,
						 .content = bytes_of(t, step, "content")};
		return;
	}
	if (d->pattern.n == 0)
		unsupported(t, "decoder", "Replace of nothing");
	d->content = bytes_of(t, step, "content");
	d->borders = decode_borders(&d->pattern);
}

static void load_byte_fallback(struct tokenizer *t, const json_t *step)
{
	(void)step;
	tokenizer_add_decoder(t, DECODE_BYTE_FALLBACK);
}

static void load_byte_level_back(struct tokenizer *t, const json_t *step)
{
	(void)step;
	tokenizer_add_decoder(t, DECODE_BYTE_LEVEL);
}

static void load_fuse(struct tokenizer *t, const json_t *step)
{
	(void)step;
	tokenizer_add_decoder(t, DECODE_FUSE);
}

static void load_strip_back(struct tokenizer *t, const json_t *step)
{
	struct decode_step *d = tokenizer_add_decoder(t, DECODE_STRIP);
	d->content = character_of(t, step, "content");
	d->start = count_of(t, step, "start");
	d->stop = count_of(t, step, "stop");
}

static void load_metaspace_back(struct tokenizer *t, const json_t *step)
{
	struct decode_step *d = tokenizer_add_decoder(t, DECODE_METASPACE);
	d->pattern = character_of(t, step, "replacement");
	d->start = prepend_of(t, step) != PREPEND_NEVER;
}

static void load_wordpiece_back(struct tokenizer *t, const json_t *step)
{
	struct decode_step *d = tokenizer_add_decoder(t, DECODE_WORDPIECE);
	d->pattern = bytes_of(t, step, "prefix");
	d->cleanup = flag_of(t, step, "cleanup", true);
}

static void load_ctc(struct tokenizer *t, const json_t *step)
{
	struct decode_step *d = tokenizer_add_decoder(t, DECODE_CTC);
	d->pattern = bytes_of(t, step, "pad_token");
	d->content = bytes_of(t, step, "word_delimiter_token");
	d->cleanup = flag_of(t, step, "cleanup", true);
	if (d->content.n == 0)
		unsupported(t, "decoder", "CTC without a word_delimiter_token");
}

static void load_suffix(struct tokenizer *t, const json_t *step)
{
	struct decode_step *d = tokenizer_add_decoder(t, DECODE_SUFFIX);
	if (json_missing(json_object_get(step, "suffix")))
		bytes_add(&d->pattern, "</w>", 4);
	else
		d->pattern = bytes_of(t, step, "suffix");
	if (d->pattern.n == 0)
		unsupported(t, "decoder", "BPEDecoder without a suffix");
}

static const struct json_part decoders[] = {
	{"BPEDecoder", load_suffix},
	{"ByteFallback", load_byte_fallback},
	{"ByteLevel", load_byte_level_back},
	{"CTC", load_ctc},
	{"Fuse", load_fuse},
	{"Metaspace", load_metaspace_back},
	{"Replace", load_replace_back},
	{"Strip", load_strip_back},
	{"WordPiece", load_wordpiece_back},
	{0},
};

/*
 * The four kinds.
 */

void tokenizer_json_normalizer(struct tokenizer *t, const json_t *root)
{
	load_kind(t, &(struct kind){"normalizer", "normalizers", normalizers}, root);
}

void tokenizer_json_pretokenizer(struct tokenizer *t, const json_t *root)
{
	load_kind(t, &(struct kind){"pre_tokenizer", "pretokenizers", pretokenizers}, root);
}

void tokenizer_json_postprocessor(struct tokenizer *t, const json_t *root)
{
	load_kind(t, &(struct kind){"post_processor", "processors", postprocessors}, root);
}

void tokenizer_json_decoder(struct tokenizer *t, const json_t *root)
{
	load_kind(t, &(struct kind){"decoder", "decoders", decoders}, root);
	if (json_missing(json_object_get(root, "decoder")))
		tokenizer_add_decoder(t, DECODE_JOIN);
}
