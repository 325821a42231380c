/* unigram.c: the unigram language model.  See unigram.h. */
#include <stdlib.h>

#include "cli.h"
#include "memory.h"
#include "unigram.h"
#include "utf8.h"

/* Beyond this a float's sums get coarse, so that sentencepiece begins again at 0. */
#define SINGLE_MAX 100000.0f

void unigram_add(struct unigram *u, const char *s, size_t n, double score, bool found)
{
	if (u->count == u->room) {
		u->room = u->room ? 2 * u->room : 1024;
		u->scores = mem_resize(u->scores, u->room, sizeof *u->scores);
	}
	u->scores[u->count] = score;
	if (found && n > 0)
		trie_add(&u->trie, s, n, (int32_t)u->count);
	u->count++;
}

#define NOWHERE UINT32_MAX

/* The best way to make the text up to a place. */
struct best {
	double score;
	uint32_t start;         /* of its last piece; NOWHERE: there is no way yet */
	int32_t id;             /* of that piece */
};

struct search {
	const struct unigram *u;
	struct best *best;      /* by place */
	size_t furthest;        /* place that a piece leads to */
};

/* A piece from start to end: is it a better way to end there? */
static void try_piece(struct search *search, size_t start, size_t end, int32_t id, double score)
{
	struct best *best = &search->best[end];
	double sum = search->best[start].score + score;
	if (search->u->single)
		sum = (float)sum;
	if (search->furthest < end)
		search->furthest = end;
	if (best->start != NOWHERE && !(sum > best->score))
		return;
	if (id < 0)
		die(NULL, "a character is unknown, and the model has no piece for the unknown");
	*best = (struct best){sum, (uint32_t)start, id};
}

/* All scores that are of use from a place on become relative to the one there. */
static void begin_again(struct search *search, size_t at)
{
	double offset = search->best[at].score;
	for (size_t i = at; i <= search->furthest; i++)
		search->best[i].score = (float)(search->best[i].score - offset);
}

/* Tries the pieces that begin at a place; of `length` bytes is the character there. */
static void try_all(struct search *search, const char *s, size_t n, size_t at, size_t length)
{
	const struct unigram *u = search->u;
	uint32_t node = TRIE_ROOT;
	int32_t id;
	bool known = false;
	for (size_t end = at; end < n && trie_step(&u->trie, &node, s[end], &id);) {
		end++;
		if (id < 0)
			continue;
		try_piece(search, at, end, id, u->scores[id]);
		known = known || end == at + length;
	}
	if (!known)
		try_piece(search, at, at + length, u->unk, u->unknown_score);
}

/* Lets each place of the best way tell where its piece ends instead of where it starts. */
static void reverse(struct best *best, size_t n)
{
	uint32_t end = NOWHERE;
	for (uint32_t at = (uint32_t)n; at != NOWHERE;) {
		uint32_t start = at == 0 ? NOWHERE : best[at].start;
		best[at].start = end;
		end = at;
		at = start;
	}
}

void unigram_segment(const struct unigram *u, const char *s, size_t n, struct symbols *list)
{
	struct search search = {.u = u, .best = mem_array(n + 1, sizeof *search.best)};
	struct best *best = search.best;
	size_t length;
	for (size_t i = 0; i <= n; i++)
		best[i] = (struct best){.start = NOWHERE};
	for (size_t at = 0; at < n; at += length) {
		length = utf8_length(s + at);
		if (length > n - at)
			length = n - at;
		if (u->single && (best[at].score > SINGLE_MAX || best[at].score < -SINGLE_MAX))
			begin_again(&search, at);
		try_all(&search, s, n, at, length);
	}
	reverse(best, n);
	for (uint32_t at = 0; at < n; at = best[at].start)
		symbols_add(list, best[best[at].start].id, at, best[at].start - at);
	free(best);
}

void unigram_free(struct unigram *u)
{
	trie_free(&u->trie);
	free(u->scores);
}

/*
 * The model of a tokenizer.json.
 */

/* The first of n bytes, which may be escaped (utf8_escape); *length is what it takes there. */
static unsigned char byte_at(const char *s, size_t n, size_t *length)
{
	int escaped = utf8_escaped(s, n);
	*length = escaped < 0 ? 1 : 3;
	return (unsigned char)(escaped < 0 ? *s : escaped);
}

/* Adds unknown text as the id it has all the same, as its bytes, or as unknown. */
static void add_unknown(const struct unigram_model *m, const char *s, size_t n, struct ids *out)
{
	int32_t id = vocabulary_find(&m->vocabulary, s, n);
	bool bytes = id < 0 && m->byte_fallback;
	size_t length;
	for (size_t i = 0; bytes && i < n; i += length)
		bytes = m->byte_ids[byte_at(s + i, n - i, &length)] >= 0;
	if (!bytes) {
		ids_add(out, id < 0 ? m->pieces.unk : id);
		return;
	}
	for (size_t i = 0; i < n; i += length)
		ids_add(out, m->byte_ids[byte_at(s + i, n - i, &length)]);
}

/* Unknown characters in a row are one. */
static void encode(const void *state, const char *s, size_t n, struct ids *out)
{
	const struct unigram_model *m = state;
	struct symbols list = {0};
	unigram_segment(&m->pieces, s, n, &list);
	for (size_t i = 0, end; i < list.n; i = end) {
		const struct symbol *first = &list.data[i];
		size_t bytes = first->n;
		end = i + 1;
		if (first->id != m->pieces.unk) {
			ids_add(out, first->id);
			continue;
		}
		for (; end < list.n && list.data[end].id == m->pieces.unk; end++)
			bytes += list.data[end].n;
		add_unknown(m, s + first->at, bytes, out);
	}
	free(list.data);
}

static void release(void *state)
{
	struct unigram_model *m = state;
	vocabulary_free(&m->vocabulary);
	unigram_free(&m->pieces);
	free(m);
}

struct token_model unigram_model(struct unigram_model *m)
{
	return (struct token_model){.vocabulary = &m->vocabulary, .state = m, .encode = encode, .free = release};
}
