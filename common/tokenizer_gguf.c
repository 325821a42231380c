/*
 * tokenizer_gguf.c: a tokenizer from the metadata of a GGUF file.
 *
 * Sources: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; what the
 * keys mean and default to, llama.cpp, src/llama-vocab.cpp.
 */
#include <stdlib.h>
#include <string.h>

#include "bpe.h"
#include "cli.h"
#include "gguf.h"
#include "ggufend.h"
#include "ggufpre.h"
#include "memory.h"
#include "tokenizer_parts.h"
#include "utf8.h"
#include "wordpiece.h"

#define KEY(name) "tokenizer.ggml." name

/* The vocabulary as the file has it. */
struct source {
	const struct gguf *g;
	const struct gguf_value *tokens, *types, *scores;       /* of tokens->count; NULL: none */
};

static bool flag(const struct source *s, const char *key, bool otherwise)
{
	gguf_bool(s->g, key, &otherwise);
	return otherwise;
}

/* The id of a special token, or -1; the largest u32 stands for none as well. */
static int32_t special_id(const struct source *s, const char *key, int64_t otherwise)
{
	int64_t id = otherwise < (int64_t)s->tokens->count ? otherwise : -1;
	if (!gguf_integer(s->g, key, -1, UINT32_MAX, &id) || id == UINT32_MAX)
		return (int32_t)(id == UINT32_MAX ? -1 : id);
	if (id >= (int64_t)s->tokens->count)
		die(s->g->path, "%s %lld: there are %zu tokens", key, (long long)id, s->tokens->count);
	return (int32_t)id;
}

/* An array with an element for each token, or NULL. */
static const struct gguf_value *array(const struct source *s, const char *key)
{
	const struct gguf_value *v = gguf_array(s->g, key, false);
	if (v && v->count != s->tokens->count)
		die(s->g->path, "%s has %zu elements for %zu tokens", key, v->count, s->tokens->count);
	return v;
}

static struct source source_of(const struct gguf *g)
{
	struct source s = {.g = g, .tokens = gguf_array(g, KEY("tokens"), true)};
	if (!s.tokens || s.tokens->count == 0)
		die(g->path, "no " KEY("tokens"));
	if (s.tokens->count > VOCABULARY_ID_MAX)
		die(g->path, KEY("tokens") " has %zu elements, at most %d are possible", s.tokens->count,
		    VOCABULARY_ID_MAX);
	s.types = array(&s, KEY("token_type"));
	s.scores = array(&s, KEY("scores"));
	return s;
}

/* 0, undefined, is like a normal one. */
static enum piece_type type_of(const struct source *s, size_t i)
{
	int64_t type = PIECE_NORMAL;
	if (s->types && (!gguf_integer_at(s->types, i, &type) || type < 0 || type > PIECE_BYTE))
		die(s->g->path, KEY("token_type") " of token %zu is not in [0, %d]", i, PIECE_BYTE);
	return type == 0 ? PIECE_NORMAL : (enum piece_type)type;
}

static float score_of(const struct source *s, size_t i)
{
	double score = 0;
	if (s->scores && !gguf_real_at(s->scores, i, &score))
		die(s->g->path, KEY("scores") " of token %zu is not a number", i);
	return (float)score;
}

/* The token at *at, which is moved on. */
static struct gguf_string next_token(const struct source *s, const unsigned char **at, size_t i)
{
	struct gguf_string token = gguf_next_string(at);
	if (!utf8_valid(token.bytes, token.n))
		die(s->g->path, "token %zu is not UTF-8", i);
	return token;
}

/* Tokens that are found in the text before anything else: true for these types. */
static bool is_added(enum piece_type type)
{
	return type == PIECE_CONTROL || type == PIECE_UNKNOWN || type == PIECE_USER_DEFINED;
}

static void load_added(struct tokenizer *t, const struct source *s)
{
	const unsigned char *at = s->tokens->at;
	for (size_t i = 0; i < s->tokens->count; i++) {
		enum piece_type type = type_of(s, i);
		struct gguf_string token = next_token(s, &at, i);
		if (!is_added(type))
			continue;
		tokenizer_add_token(t, token.bytes, token.n, (int32_t)i)->special =
			type != PIECE_USER_DEFINED || gguf_is_end(token);
	}
	tokenizer_index_added(t);
}

/* What is put around a text: ids, or -1 where there is none. */
static void load_template(struct tokenizer *t, int32_t first, int32_t last)
{
	if (first >= 0)
		ids_add(&t->template, first);
	ids_add(&t->template, TEMPLATE_TEXT);
	if (last >= 0)
		ids_add(&t->template, last);
}

/*
 * SentencePiece.
 */

/* The map of characters with which texts are normalized, if the file has one. */
static void load_charsmap(const struct source *s, struct charsmap *map)
{
	const struct gguf_value *v = gguf_find(s->g, KEY("precompiled_charsmap"));
	if (!v)
		return;
	if (!v->array || (v->type != GGUF_U8 && v->type != GGUF_I8) ||
	    (v->count > 0 && !charsmap_load(map, (const char *)v->at, v->count)))
		die(s->g->path, "broken " KEY("precompiled_charsmap"));
}

/* Without its special ids and template. */
static struct sentencepiece *load_pieces(struct tokenizer *t, const struct source *s, bool unigram)
{
	struct sentencepiece *sp = sentencepiece_new();
	struct sentencepiece_loader l = {.path = t->path, .sp = sp};
	const unsigned char *at = s->tokens->at;
	t->sentencepiece = sp;
	t->model = sentencepiece_model(sp);
	sp->gguf = sp->byte_fallback = true;
	sp->merges = !unigram;
	sp->dummy_prefix = flag(s, KEY("add_space_prefix"), !unigram);
	sp->trim_spaces = flag(s, KEY("remove_extra_whitespaces"), false);
	for (size_t i = 0; i < s->tokens->count; i++) {
		struct gguf_string token = next_token(s, &at, i);
		sentencepiece_add(&l, token.bytes, token.n, score_of(s, i), type_of(s, i));
	}
	if (unigram)
		sentencepiece_make_unigram(&l, false);
	sentencepiece_complete(&l);
	for (int i = 0; i < 256; i++)
		sp->byte_fallback = sp->byte_fallback && sp->byte_ids[i] >= 0;
	tokenizer_add_normalizer(t, NORMALIZER_SENTENCEPIECE)->sentencepiece = sp;
	tokenizer_add_decoder(t, DECODE_SENTENCEPIECE);
	return sp;
}

static void load_sentencepiece(struct tokenizer *t, const struct source *s)
{
	struct sentencepiece *sp = load_pieces(t, s, false);
	sp->unk = special_id(s, KEY("unknown_token_id"), sp->unk < 0 ? 0 : sp->unk);
	sp->bos = special_id(s, KEY("bos_token_id"), 1);
	sp->eos = special_id(s, KEY("eos_token_id"), 2);
	sp->adds_bos = flag(s, KEY("add_bos_token"), true);
	sp->adds_eos = flag(s, KEY("add_eos_token"), false);
	load_template(t, sp->adds_bos ? sp->bos : -1, sp->adds_eos ? sp->eos : -1);
}

static void load_unigram(struct tokenizer *t, const struct source *s)
{
	struct sentencepiece *sp = load_pieces(t, s, true);
	load_charsmap(s, &sp->charsmap);
	sp->unk = special_id(s, KEY("unknown_token_id"), sp->unk < 0 ? 2 : sp->unk);
	sp->bos = special_id(s, KEY("bos_token_id"), -1);
	sp->eos = special_id(s, KEY("eos_token_id"), 1);
	sp->adds_bos = flag(s, KEY("add_bos_token"), false);
	sp->adds_eos = flag(s, KEY("add_eos_token"), true);
	load_template(t, sp->adds_bos ? sp->bos : -1, sp->adds_eos ? sp->eos : -1);
}

/*
 * BPE.
 */

/* A merge is "a b"; a space that begins it belongs to a. */
static void load_merge(const struct source *s, struct bpe *b, struct gguf_string merge, size_t rank)
{
	const char *space = merge.n > 1 ? memchr(merge.bytes + 1, ' ', merge.n - 1) : NULL;
	int shown = merge.n < 100 ? (int)merge.n : 100;
	if (!space)
		die(s->g->path, "merge %zu, '%.*s', is not two pieces", rank, shown, merge.bytes);
	size_t n = (size_t)(space - merge.bytes);
	const char *missing = bpe_add_merge(b, rank, merge.bytes, n, space + 1, merge.n - n - 1);
	if (missing)
		die(s->g->path, "merge %zu, '%.*s': %s is not in the vocabulary", rank, shown, merge.bytes, missing);
}

static void load_merges(const struct source *s, struct bpe *b)
{
	const struct gguf_value *merges = gguf_array(s->g, KEY("merges"), true);
	if (!merges)
		die(s->g->path, "no " KEY("merges"));
	if (merges->count > UINT32_MAX)
		die(s->g->path, "too many merges (%zu)", merges->count);
	const unsigned char *at = merges->at;
	for (size_t rank = 0; rank < merges->count; rank++)
		load_merge(s, b, gguf_next_string(&at), rank);
}

/* Qwen's own models were trained on composed characters, which llama.cpp does not know. */
static bool is_qwen(const struct gguf *g)
{
	struct gguf_string architecture;
	return gguf_text(g, "general.architecture", &architecture) && architecture.n >= 4 &&
	       memcmp(architecture.bytes, "qwen", 4) == 0;
}

/* Gemma 4's model has no name but its own. */
static const struct gguf_pre *pre_of(const struct source *s)
{
	struct gguf_string name = {"default", 7}, model;
	gguf_text(s->g, KEY("pre"), &name);
	if (gguf_text(s->g, KEY("model"), &model) && gguf_equal(model, "gemma4"))
		name = model;
	const struct gguf_pre *pre = gguf_pre_find(name);
	if (!pre)
		die(s->g->path, KEY("pre") " '%.*s' is not supported", name.n < 100 ? (int)name.n : 100, name.bytes);
	return pre;
}

/* Spaces as SentencePiece writes them, and bytes for characters that are no pieces. */
static void load_characters(struct tokenizer *t, struct bpe *b)
{
	struct normalizer *n = tokenizer_add_normalizer(t, NORMALIZER_REPLACE);
	bytes_add(&n->pattern, " ", 1);
	bytes_add(&n->content, SENTENCEPIECE_SPACE, strlen(SENTENCEPIECE_SPACE));
	b->byte_fallback = true;
	vocabulary_find_bytes(&b->vocabulary, b->byte_ids);
	struct decode_step *d = tokenizer_add_decoder(t, DECODE_REPLACE);
	bytes_add(&d->pattern, SENTENCEPIECE_SPACE, strlen(SENTENCEPIECE_SPACE));
	bytes_add(&d->content, " ", 1);
	d->borders = decode_borders(&d->pattern);
	tokenizer_add_decoder(t, DECODE_BYTE_FALLBACK);
	tokenizer_add_decoder(t, DECODE_FUSE);
}

static void load_byte_level(struct tokenizer *t)
{
	tokenizer_add_pretokenizer(t, PRETOKENIZER_BYTE_LEVEL);
	tokenizer_add_decoder(t, DECODE_BYTE_LEVEL);
}

static void load_bpe(struct tokenizer *t, const struct source *s)
{
	const struct gguf_pre *pre = pre_of(s);
	const unsigned char *at = s->tokens->at;
	struct bpe *b = mem_zero(1, sizeof *b);
	t->model = bpe_model(b);
	b->unk = -1;
	b->ignore_merges = pre->ignore_merges;
	b->whole_newlines = pre->whole_newlines;
	for (size_t i = 0; i < s->tokens->count; i++) {
		struct gguf_string token = next_token(s, &at, i);
		if (!is_added(type_of(s, i)))
			vocabulary_add(&b->vocabulary, token.bytes, token.n, (int32_t)i);
	}
	load_merges(s, b);
	if (pre->qwen_nfc && is_qwen(s->g))
		tokenizer_add_normalizer(t, NORMALIZER_FORM)->composed = true;
	tokenizer_add_pre(t, pre);
	if (pre->characters)
		load_characters(t, b);
	else
		load_byte_level(t);
	int32_t last = -1;
	if (flag(s, KEY("add_eos_token"), false))
		last = special_id(s, KEY("eos_token_id"), -1);
	else if (flag(s, KEY("add_sep_token"), pre->add_sep))
		last = special_id(s, KEY("seperator_token_id"), special_id(s, KEY("eos_token_id"), -1));
	bool first = pre->always_bos || flag(s, KEY("add_bos_token"), pre->add_bos);
	load_template(t, first ? special_id(s, KEY("bos_token_id"), -1) : -1, last);
}

/*
 * WordPiece.
 */

/*
 * Adds a piece under its name in BERT's own list: in GGUF "##ing" is "ing", and "the" is
 * U+2581 and "the"; special ones, and unused ones like "[unused7]", are as they were.
 */
static void add_wordpiece(struct wordpiece *w, struct gguf_string token, enum piece_type type, int32_t id)
{
	const size_t mark = strlen(SENTENCEPIECE_SPACE);
	struct bytes piece = {0};
	bool begins = token.n >= mark && memcmp(token.bytes, SENTENCEPIECE_SPACE, mark) == 0;
	bool as_it_is = is_added(type) || (token.n > 2 && token.bytes[0] == '[' && token.bytes[token.n - 1] == ']');
	if (!begins && !as_it_is)
		bytes_add(&piece, w->prefix.data, w->prefix.n);
	if (begins && !as_it_is)
		bytes_add(&piece, token.bytes + mark, token.n - mark);
	else
		bytes_add(&piece, token.bytes, token.n);
	vocabulary_add(&w->vocabulary, piece.n ? piece.data : "", piece.n, id);
	bytes_free(&piece);
}

static void load_wordpiece(struct tokenizer *t, const struct source *s)
{
	struct wordpiece *w = wordpiece_new();
	struct bert bert = {.clean = true, .chinese = true};
	const unsigned char *at = s->tokens->at;
	t->model = wordpiece_model(w);
	for (size_t i = 0; i < s->tokens->count; i++) {
		struct gguf_string token = next_token(s, &at, i);
		add_wordpiece(w, token, type_of(s, i), (int32_t)i);
	}
	wordpiece_complete(w, t->path);
	int32_t unk = special_id(s, KEY("unknown_token_id"), 100);
	w->unk.n = 0;
	if (unk >= 0) {
		size_t n;
		const char *piece = vocabulary_piece(&w->vocabulary, unk, &n);
		bytes_add(&w->unk, piece, n);
	}
	bert.lowercase = flag(s, KEY("normalizer.lowercase"), true);
	bert.strip_accents = flag(s, KEY("normalizer.strip_accents"), bert.lowercase);
	tokenizer_add_bert(t, &bert);
	int32_t cls = special_id(s, KEY("cls_token_id"), 101), sep = special_id(s, KEY("seperator_token_id"), 102);
	load_template(t, flag(s, KEY("add_bos_token"), true) ? special_id(s, KEY("bos_token_id"), cls) : -1,
		      flag(s, KEY("add_sep_token"), true) ? sep : -1);
}

static const struct {
	const char *name;
	void (*load)(struct tokenizer *t, const struct source *s);
} models[] = {
	{"bert", load_wordpiece},
	{"gemma4", load_bpe},
	{"gpt2", load_bpe},
	{"llama", load_sentencepiece},
	{"t5", load_unigram},
};

void tokenizer_load_gguf(struct tokenizer *t)
{
	struct gguf *g = gguf_open(t->path);
	struct gguf_string name;
	if (!gguf_text(g, KEY("model"), &name))
		die(t->path, "no " KEY("model"));
	for (size_t i = 0; i < sizeof models / sizeof *models; i++)
		if (gguf_equal(name, models[i].name)) {
			struct source s = source_of(g);
			models[i].load(t, &s);
			load_added(t, &s);
		}
	if (!t->model.vocabulary)
		die(t->path, KEY("model") " '%.*s' is not supported; these are: bert, gemma4, gpt2, llama, t5",
		    name.n < 100 ? (int)name.n : 100, name.bytes);
	gguf_close(g);
}
