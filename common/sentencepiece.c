/* sentencepiece.c: SentencePiece's models.  See sentencepiece.h. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpe.h"
#include "cli.h"
#include "io.h"
#include "memory.h"
#include "protobuf.h"
#include "sentencepiece.h"
#include "utf8.h"

/*
 * Normalizing.
 */

/* What the text at s (n >= 1 bytes) starts with, normalized: *m bytes for *length. */
static const char *normalize_prefix(const struct sentencepiece *sp, bool exact, const char *s, size_t n,
				    size_t *length, size_t *m)
{
	int32_t id;
	if (prefix_match(&sp->user_defined, s, n, length, &id)) {
		*m = *length;
		return s;
	}
	const char *mapped = exact ? NULL : charsmap_match(&sp->charsmap, s, n, length, m);
	if (mapped)
		return mapped;
	*m = *length = utf8_length(s);
	return s;
}

static bool ends_with(const struct bytes *b, size_t start, const char *s, size_t n)
{
	return b->n - start >= n && memcmp(b->data + b->n - n, s, n) == 0;
}

void sentencepiece_normalize(const struct sentencepiece *sp, bool exact, const char *s, size_t n, struct bytes *out)
{
	bool trim = sp->trim_spaces && !exact;
	const char *space = sp->escape_spaces ? SENTENCEPIECE_SPACE : " ";
	size_t space_bytes = strlen(space), start = out->n, at = 0, length, m;
	while (trim && at < n) {
		const char *c = normalize_prefix(sp, exact, s + at, n - at, &length, &m);
		if (m != 1 || *c != ' ')
			break;
		at += length;
	}
	if (at == n)
		return;
	if (sp->dummy_prefix && !sp->space_suffix)
		bytes_add(out, space, space_bytes);
	bool after_space = trim;
	for (; at < n; at += length) {
		const char *c = normalize_prefix(sp, exact, s + at, n - at, &length, &m);
		while (after_space && m > 0 && *c == ' ') {
			c++;
			m--;
		}
		if (m == 0)
			continue;
		for (size_t i = 0; i < m; i++)
			bytes_add(out, c[i] == ' ' ? space : c + i, c[i] == ' ' ? space_bytes : 1);
		after_space = trim && c[m - 1] == ' ';
	}
	while (trim && ends_with(out, start, space, space_bytes))
		out->n -= space_bytes;
	if (sp->dummy_prefix && sp->space_suffix)
		bytes_add(out, space, space_bytes);
}

/*
 * Encoding.
 */

/* In place of the id of a symbol while there is none: it may merge, or never. */
enum { UNMERGED = -1, FROZEN = -2 };

/* A text being encoded, and how each unused piece came to be the last time. */
struct encoding {
	const struct sentencepiece *sp;
	const char *text;
	struct { uint32_t at, left, right; } *halves;   /* place, bytes of either half */
};

static bool lookup_piece(void *context, const struct symbol *left, const struct symbol *right,
			 struct merge *merge)
{
	struct encoding *e = context;
	const struct sentencepiece *sp = e->sp;
	size_t n = (size_t)left->n + right->n;
	if (left->id == FROZEN || right->id == FROZEN || n > sp->longest)
		return false;
	int32_t id = vocabulary_find(&sp->mergeable, e->text + left->at, n);
	if (id < 0)
		return false;
	*merge = (struct merge){sp->ranks[id], id};
	uint32_t unused = sp->unused[id];
	if (unused) {
		e->halves[unused - 1].at = left->at;
		e->halves[unused - 1].left = left->n;
		e->halves[unused - 1].right = right->n;
	}
	return true;
}

/*
 * Adds the id of a piece of the text.  An unknown one (-1) is its bytes, or
 * joins the unknown before.
 */
static void add_piece(const struct encoding *e, const char *s, size_t n, int32_t id, bool *after_unknown,
		      struct ids *out)
{
	const struct sentencepiece *sp = e->sp;
	bool unknown = id < 0;
	int escaped = unknown ? utf8_escaped(s, n) : -1;
	if (unknown && sp->byte_fallback && escaped >= 0)
		ids_add(out, sp->byte_ids[escaped]);
	else if (unknown && sp->byte_fallback)
		for (size_t i = 0; i < n; i++)
			ids_add(out, sp->byte_ids[(unsigned char)s[i]]);
	else if (!unknown || (sp->unk >= 0 && !*after_unknown))
		ids_add(out, unknown ? sp->unk : id);
	*after_unknown = unknown;
}

/* A piece that is unused is taken apart into the two it was made of, and these again. */
static void add_symbol(const struct encoding *e, uint32_t at, uint32_t n, bool *after_unknown, struct ids *out)
{
	int32_t id = vocabulary_find(&e->sp->mergeable, e->text + at, n);
	uint32_t unused = id < 0 ? 0 : e->sp->unused[id];
	if (unused && e->halves[unused - 1].left) {
		uint32_t made_at = e->halves[unused - 1].at, left = e->halves[unused - 1].left;
		uint32_t right = e->halves[unused - 1].right;
		add_symbol(e, made_at, left, after_unknown, out);
		add_symbol(e, made_at + left, right, after_unknown, out);
		return;
	}
	add_piece(e, e->text + at, n, id, after_unknown, out);
}

static void encode_unigram(const struct sentencepiece *sp, const char *s, size_t n, struct ids *out)
{
	struct encoding e = {.sp = sp, .text = s};
	struct symbols list = {0};
	bool after_unknown = false;
	unigram_segment(sp->unigram, s, n, &list);
	for (size_t i = 0; i < list.n; i++) {
		const struct symbol *piece = &list.data[i];
		add_piece(&e, s + piece->at, piece->n, piece->id == sp->unigram->unk ? -1 : piece->id, &after_unknown, out);
	}
	free(list.data);
}

static void encode(const void *state, const char *s, size_t n, struct ids *out)
{
	const struct sentencepiece *sp = state;
	struct encoding e = {.sp = sp, .text = s};
	struct symbols list = {0};
	size_t length;
	if (sp->unigram) {
		encode_unigram(sp, s, n, out);
		return;
	}
	for (size_t at = 0; at < n; at += length) {
		int32_t id;
		if (prefix_match(&sp->user_defined, s + at, n - at, &length, &id)) {
			symbols_add(&list, FROZEN, at, length);
			continue;
		}
		length = utf8_length(s + at);
		if (length > n - at)
			length = n - at;
		symbols_add(&list, UNMERGED, at, length);
	}
	e.halves = mem_zero(sp->unused_count, sizeof *e.halves);
	if (sp->merges)
		merge_all(list.data, list.n, lookup_piece, &e);
	bool after_unknown = false;
	for (size_t i = 0; i < list.n; i++)
		if (list.data[i].n > 0)
			add_symbol(&e, list.data[i].at, list.data[i].n, &after_unknown, out);
	free(e.halves);
	free(list.data);
}

/*
 * Reading the file.
 */

/* What the fields of a ModelProto say, before it becomes a tokenizer. */
struct loader {
	struct sentencepiece_loader pieces;
	const char *path;
	struct sentencepiece *sp;
	uint64_t model_type;
	char *bos, *eos;
	char *normalization;            /* its name, or NULL */
};

enum { MODEL_UNIGRAM = 1, MODEL_BPE, MODEL_WORD, MODEL_CHAR };

static void set_string(char **s, const struct protobuf_field *f)
{
	if (f->wire != PROTOBUF_BYTES)
		return;
	free(*s);
	*s = mem_array(f->n + 1, 1);
	memcpy(*s, f->data, f->n);
	(*s)[f->n] = '\0';
}

static void check(const struct loader *l, const struct protobuf *p, const char *what)
{
	if (p->broken)
		die(l->path, "not a SentencePiece model (%s)", what);
}

/* "<0x0A>", as SentencePiece writes it, to 10; or -1. */
static int byte_of_piece(const char *s, size_t n)
{
	char piece[8];
	unsigned value;
	if (n != 6 || sscanf(s, "<0x%2X>", &value) != 1)
		return -1;
	snprintf(piece, sizeof piece, "<0x%02X>", value & 0xff);
	return memcmp(piece, s, 6) == 0 ? (int)(value & 0xff) : -1;
}

static _Noreturn void there_twice(const struct sentencepiece_loader *l, int32_t id, const char *s, size_t n)
{
	die(l->path, "piece %d '%.*s' is there twice", id, n < 100 ? (int)n : 100, s);
}

/* Room for one more. */
static void grow(struct sentencepiece_loader *l)
{
	struct sentencepiece *sp = l->sp;
	if (l->count > VOCABULARY_ID_MAX)
		die(l->path, "more than %d pieces", VOCABULARY_ID_MAX + 1);
	if (l->count == l->room) {
		l->room = l->room ? 2 * l->room : 1024;
		l->scores = mem_resize(l->scores, l->room, sizeof *l->scores);
		sp->types = mem_resize(sp->types, l->room, sizeof *sp->types);
		sp->unused = mem_resize(sp->unused, l->room, sizeof *sp->unused);
	}
}

/* Makes the piece findable.  Of equal ones those that a text is made of come last. */
static void add_to_vocabulary(struct sentencepiece_loader *l, const char *s, size_t n, int32_t id, bool mergeable)
{
	struct sentencepiece *sp = l->sp;
	int32_t known = vocabulary_find(&sp->vocabulary, s, n);
	if (!sp->gguf && (mergeable ? vocabulary_find(&sp->mergeable, s, n) >= 0
				    : known >= 0 && vocabulary_find(&sp->mergeable, s, n) != known))
		there_twice(l, id, s, n);
	if (mergeable && n > 0)
		vocabulary_add(&sp->mergeable, s, n, id);
	vocabulary_add(&sp->vocabulary, s, n, id);
	if (mergeable && known >= 0)
		vocabulary_add(&sp->vocabulary, s, n, known);   /* reserved pieces come first */
}

static void add_byte(struct sentencepiece_loader *l, const char *s, size_t n, int32_t id)
{
	int byte = byte_of_piece(s, n);
	if (byte < 0)
		die(l->path, "piece %d '%.*s' is not a byte", id, n < 100 ? (int)n : 100, s);
	l->sp->byte_ids[byte] = id;
}

void sentencepiece_add(struct sentencepiece_loader *l, const char *s, size_t n, float score, uint64_t type)
{
	struct sentencepiece *sp = l->sp;
	grow(l);
	int32_t id = (int32_t)l->count++;
	if (n == 0 && !sp->gguf)
		die(l->path, "piece %d is empty", id);
	if (!(fabsf(score) <= 1e30f))
		die(l->path, "the score of piece %d is not a number", id);
	if (type < PIECE_NORMAL || type > PIECE_BYTE)
		die(l->path, "piece %d has the unknown type %llu", id, (unsigned long long)type);
	add_to_vocabulary(l, s, n, id, type == PIECE_NORMAL || type == PIECE_USER_DEFINED || type == PIECE_UNUSED);
	if (type == PIECE_UNKNOWN && sp->unk >= 0 && !sp->gguf)
		die(l->path, "pieces %d and %d are both for the unknown", sp->unk, id);
	if (type == PIECE_UNKNOWN)
		sp->unk = id;
	if (type == PIECE_BYTE)
		add_byte(l, s, n, id);
	sp->unused[id] = type == PIECE_UNUSED ? (uint32_t)++sp->unused_count : 0;
	if (n > sp->longest)
		sp->longest = n;
	sp->types[id] = (unsigned char)type;
	l->scores[id] = score;
}

static void load_piece(struct loader *l, const struct protobuf_field *message)
{
	struct protobuf p = {message->data, message->data + message->n, false};
	struct protobuf_field f;
	const char *s = "";
	size_t n = 0;
	float score = 0;
	uint64_t type = PIECE_NORMAL;
	while (protobuf_next(&p, &f)) {
		if (f.number == 1 && f.wire == PROTOBUF_BYTES) {
			s = f.data;
			n = f.n;
		} else if (f.number == 2 && f.wire == PROTOBUF_FIXED32) {
			uint32_t bits = (uint32_t)f.value;
			memcpy(&score, &bits, sizeof score);
		} else if (f.number == 3 && f.wire == PROTOBUF_VARINT) {
			type = f.value;
		}
	}
	check(l, &p, "broken piece");
	sentencepiece_add(&l->pieces, s, n, score, type);
}

static void load_trainer_spec(struct loader *l, const struct protobuf_field *message)
{
	struct protobuf p = {message->data, message->data + message->n, false};
	struct protobuf_field f;
	while (protobuf_next(&p, &f))
		switch (f.number) {
		case 3:
			l->model_type = f.value;
			break;
		case 24:
			l->sp->space_suffix = f.value != 0;
			break;
		case 35:
			l->sp->byte_fallback = f.value != 0;
			break;
		case 44:
			set_string(&l->sp->unk_surface, &f);
			break;
		case 46:
			set_string(&l->bos, &f);
			break;
		case 47:
			set_string(&l->eos, &f);
			break;
		}
	check(l, &p, "broken trainer_spec");
}

static void load_normalizer_spec(struct loader *l, const struct protobuf_field *message)
{
	struct protobuf p = {message->data, message->data + message->n, false};
	struct protobuf_field f;
	while (protobuf_next(&p, &f))
		switch (f.number) {
		case 1:
			set_string(&l->normalization, &f);
			break;
		case 2:
			charsmap_free(&l->sp->charsmap);
			l->sp->charsmap = (struct charsmap){0};
			if (f.wire == PROTOBUF_BYTES && f.n && !charsmap_load(&l->sp->charsmap, f.data, f.n))
				die(l->path, "broken precompiled_charsmap of %zu bytes", f.n);
			break;
		case 3:
			l->sp->dummy_prefix = f.value != 0;
			break;
		case 4:
			l->sp->trim_spaces = f.value != 0;
			break;
		case 5:
			l->sp->escape_spaces = f.value != 0;
			break;
		}
	check(l, &p, "broken normalizer_spec");
}

static void load_denormalizer_spec(struct loader *l, const struct protobuf_field *message)
{
	struct protobuf p = {message->data, message->data + message->n, false};
	struct protobuf_field f;
	while (protobuf_next(&p, &f))
		if (f.number == 2 && f.n > 0)
			die(l->path, "unsupported denormalizer_spec");
	check(l, &p, "broken denormalizer_spec");
}

/* Unknown characters get an id of their own, which no piece has. */
void sentencepiece_make_unigram(struct sentencepiece_loader *l, bool single)
{
	struct sentencepiece *sp = l->sp;
	struct unigram *u = mem_zero(1, sizeof *u);
	float least = FLT_MAX;
	sp->unigram = u;
	u->single = single;
	u->unk = (int32_t)l->count;
	for (size_t i = 0; i < l->count; i++) {
		size_t n;
		const char *s = vocabulary_piece(&sp->vocabulary, (int32_t)i, &n);
		bool user_defined = sp->types[i] == PIECE_USER_DEFINED;
		if (n > UNIGRAM_PIECE_MAX)
			die(l->path, "piece %zu has %zu bytes, at most %d are possible", i, n, UNIGRAM_PIECE_MAX);
		if (sp->types[i] == PIECE_NORMAL && l->scores[i] < least)
			least = l->scores[i];
		float score = user_defined ? (float)(single ? 0.1 * (double)(n - 1) : 0) : l->scores[i];
		unigram_add(u, s, n, score, user_defined || sp->types[i] == PIECE_NORMAL);
	}
	u->unknown_score = least - (float)UNIGRAM_PENALTY;
}

struct ranked { float score; uint32_t id; };

static int compare_scores(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;
	return (a->score < b->score) - (a->score > b->score);
}

/* Ranks from scores: 0 for the highest, the same for equal ones. */
void sentencepiece_complete(struct sentencepiece_loader *l)
{
	struct ranked *order = mem_array(l->count, sizeof *order);
	l->sp->ranks = mem_array(l->count, sizeof *l->sp->ranks);
	for (size_t i = 0; i < l->count; i++)
		order[i] = (struct ranked){l->scores[i], (uint32_t)i};
	qsort(order, l->count, sizeof *order, compare_scores);
	uint32_t rank = 0;
	for (size_t i = 0; i < l->count; i++) {
		rank += i > 0 && order[i].score != order[i - 1].score;
		l->sp->ranks[order[i].id] = rank;
	}
	free(order);
	free(l->scores);
}

/* The id of a control piece, by default of this name, or -1. */
static int32_t control_id(const struct sentencepiece *sp, const char *name, const char *otherwise)
{
	const char *piece = name && *name ? name : otherwise;
	int32_t id = vocabulary_find(&sp->vocabulary, piece, strlen(piece));
	return id >= 0 && sp->types[id] == PIECE_CONTROL ? id : -1;
}

/*
 * The file does not say what is put around a text.  Unigram models of T5's kind
 * (nmt_nfkc, no bytes) are taken to end it, those of Llama's (BPE, or with bytes) to
 * begin it, and others to do neither.
 */
static void guess_template(struct loader *l)
{
	struct sentencepiece *sp = l->sp;
	bool llama = l->model_type != MODEL_UNIGRAM || sp->byte_fallback;
	sp->adds_bos = llama;
	sp->adds_eos = !llama && l->normalization && strcmp(l->normalization, "nmt_nfkc") == 0;
}

static void complete(struct loader *l)
{
	struct sentencepiece *sp = l->sp;
	static const char *const names[] = {"?", "unigram", "bpe", "word", "char"};
	if (l->model_type < MODEL_UNIGRAM || l->model_type > MODEL_CHAR || l->model_type == MODEL_WORD)
		die(l->path, "unsupported model_type '%s'", names[l->model_type <= MODEL_CHAR ? l->model_type : 0]);
	if (sp->unk < 0 && !sp->byte_fallback)
		die(l->path, "no piece for the unknown");
	for (int i = 0; i < 256; i++) {
		if (sp->byte_fallback && sp->byte_ids[i] < 0)
			die(l->path, "byte_fallback without the piece <0x%02X>", (unsigned)i);
		if (!sp->byte_fallback && sp->byte_ids[i] >= 0)
			die(l->path, "piece <0x%02X> without byte_fallback", (unsigned)i);
	}
	sp->merges = l->model_type == MODEL_BPE;
	guess_template(l);
	sp->bos = control_id(sp, l->bos, "<s>");
	sp->eos = control_id(sp, l->eos, "</s>");
	if (!sp->unk_surface)
		sp->unk_surface = mem_string(" \xe2\x81\x87 ");
	for (size_t i = 0; i < l->pieces.count; i++)
		if (sp->types[i] == PIECE_USER_DEFINED) {
			size_t n;
			const char *s = vocabulary_piece(&sp->vocabulary, (int32_t)i, &n);
			prefix_add(&sp->user_defined, s, n, (int32_t)i);
		}
	prefix_sort(&sp->user_defined);
	if (l->model_type == MODEL_UNIGRAM)
		sentencepiece_make_unigram(&l->pieces, true);
	sentencepiece_complete(&l->pieces);
}

struct sentencepiece *sentencepiece_new(void)
{
	struct sentencepiece *sp = mem_zero(1, sizeof *sp);
	sp->unk = sp->bos = sp->eos = -1;
	sp->dummy_prefix = sp->trim_spaces = sp->escape_spaces = true;
	for (int i = 0; i < 256; i++)
		sp->byte_ids[i] = -1;
	return sp;
}

struct sentencepiece *sentencepiece_open(const char *path)
{
	struct sentencepiece *sp = sentencepiece_new();
	struct loader l = {.pieces = {.path = path, .sp = sp}, .path = path, .sp = sp, .model_type = MODEL_UNIGRAM};
	size_t n;
	char *file = io_slurp(path, VOCABULARY_FILE_MAX, &n);
	struct protobuf p = {file, file + n, false};
	struct protobuf_field f;
	while (protobuf_next(&p, &f)) {
		if (f.wire != PROTOBUF_BYTES)
			continue;
		if (f.number == 1)
			load_piece(&l, &f);
		else if (f.number == 2)
			load_trainer_spec(&l, &f);
		else if (f.number == 3)
			load_normalizer_spec(&l, &f);
		else if (f.number == 5)
			load_denormalizer_spec(&l, &f);
	}
	check(&l, &p, "broken field");
	if (l.pieces.count == 0)
		die(path, "not a SentencePiece model (no pieces)");
	complete(&l);
	free(file);
	free(l.bos);
	free(l.eos);
	free(l.normalization);
	return sp;
}

static void release(void *state)
{
	struct sentencepiece *sp = state;
	vocabulary_free(&sp->vocabulary);
	vocabulary_free(&sp->mergeable);
	free(sp->types);
	free(sp->ranks);
	free(sp->unused);
	prefix_free(&sp->user_defined);
	if (sp->unigram)
		unigram_free(sp->unigram);
	free(sp->unigram);
	free(sp->unk_surface);
	charsmap_free(&sp->charsmap);
	free(sp);
}

struct token_model sentencepiece_model(struct sentencepiece *sp)
{
	return (struct token_model){.vocabulary = &sp->vocabulary, .state = sp, .encode = encode, .free = release};
}
