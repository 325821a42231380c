/*
 * tokenizer_models.c: a tokenizer.json's models other than BPE.
 *
 * Sources: tokenizers, src/models/unigram and src/models/wordpiece.
 */
#include <math.h>

#include "cli.h"
#include "memory.h"
#include "tokenizer_json.h"
#include "unigram.h"
#include "wordpiece.h"

/* A piece of a Unigram and its score: ["a", -1.5]. */
static double read_piece(struct json_reader *r, struct unigram_model *m)
{
	size_t n = 0, id = m->pieces.count;
	double score = 0;
	int count = 0;
	for (reader_enter(r, '['); reader_more(r, '['); count++) {
		if (count == 2 || (count == 0 && reader_peek(r) != '"'))
			reader_broken(r, "piece %zu is not a string and a score", id);
		if (count == 1) {
			score = reader_real(r);
			continue;
		}
		const char *s = reader_string(r, &n);
		if (n > UNIGRAM_PIECE_MAX)
			reader_broken(r, "piece %zu has %zu bytes, at most %d are possible", id, n, UNIGRAM_PIECE_MAX);
		vocabulary_add(&m->vocabulary, s, n, (int32_t)id);
	}
	if (count != 2)
		reader_broken(r, "piece %zu is not a string and a score", id);
	const char *s = vocabulary_piece(&m->vocabulary, (int32_t)id, &n);
	unigram_add(&m->pieces, s, n, score, true);
	return score;
}

static void read_pieces(const struct tokenizer *t, struct json_reader *r, struct unigram_model *m)
{
	double least = INFINITY;
	if (!r->s || reader_peek(r) != '[')
		die(t->path, "model: 'vocab' is not a list");
	for (reader_enter(r, '['); reader_more(r, '[');) {
		if (m->pieces.count > VOCABULARY_ID_MAX)
			reader_broken(r, "more than %d pieces", VOCABULARY_ID_MAX + 1);
		double score = read_piece(r, m);
		if (score < least)
			least = score;
	}
	reader_finish(r);
	m->pieces.unknown_score = least - UNIGRAM_PENALTY;
}

void tokenizer_json_unigram(struct tokenizer *t, const json_t *model, struct long_lists *lists)
{
	struct unigram_model *m = mem_zero(1, sizeof *m);
	t->model = unigram_model(m);
	read_pieces(t, &lists->vocabulary, m);
	t->model.tokens = m->pieces.count;
	m->byte_fallback = flag_of(t, model, "byte_fallback", false);
	vocabulary_find_bytes(&m->vocabulary, m->byte_ids);
	m->pieces.unk = -1;
	if (json_missing(json_object_get(model, "unk_id")))
		return;
	size_t unk = count_of(t, model, "unk_id");
	if (unk >= m->pieces.count)
		die(t->path, "unk_id %zu: there are %zu pieces", unk, m->pieces.count);
	m->pieces.unk = (int32_t)unk;
}

/* Replaces a string by that of a key, if the file has it. */
static void set_string(const struct tokenizer *t, const json_t *model, const char *key, struct bytes *b)
{
	if (json_missing(json_object_get(model, key)))
		return;
	bytes_free(b);
	*b = bytes_of(t, model, key);
}

void tokenizer_json_wordpiece(struct tokenizer *t, const json_t *model, struct long_lists *lists)
{
	struct wordpiece *w = wordpiece_new();
	t->model = wordpiece_model(w);
	list_vocabulary(&lists->vocabulary, &w->vocabulary);
	set_string(t, model, "continuing_subword_prefix", &w->prefix);
	set_string(t, model, "unk_token", &w->unk);
	if (!json_missing(json_object_get(model, "max_input_chars_per_word")))
		w->characters_max = count_of(t, model, "max_input_chars_per_word");
	wordpiece_complete(w, t->path);
}
