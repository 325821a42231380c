/* wordpiece.c: WordPiece.  See wordpiece.h. */
#include <stdlib.h>

#include "cli.h"
#include "memory.h"
#include "utf8.h"
#include "wordpiece.h"

struct wordpiece *wordpiece_new(void)
{
	struct wordpiece *w = mem_zero(1, sizeof *w);
	bytes_add(&w->prefix, "##", 2);
	bytes_add(&w->unk, "[UNK]", 5);
	w->characters_max = 100;
	return w;
}

void wordpiece_complete(struct wordpiece *w, const char *path)
{
	for (size_t id = 0; id < w->vocabulary.size; id++) {
		size_t n;
		const char *s = vocabulary_piece(&w->vocabulary, (int32_t)id, &n);
		if (!s || n == 0)
			continue;
		if (n > WORDPIECE_PIECE_MAX)
			die(path, "piece %zu has %zu bytes, at most %d are possible", id, n, WORDPIECE_PIECE_MAX);
		trie_add(&w->trie, s, n, vocabulary_find(&w->vocabulary, s, n));
	}
}

/* The id of the longest piece that n bytes at s, gone on to from a node, begin with, and its end; or -1. */
static int32_t longest(const struct wordpiece *w, uint32_t node, const char *s, size_t n, size_t *end)
{
	int32_t id, found = -1;
	for (size_t i = 0; i < n && trie_step(&w->trie, &node, s[i], &id);) {
		i++;
		if (id >= 0) {
			found = id;
			*end = i;
		}
	}
	return found;
}

/* The node after the prefix; false if no piece begins with it. */
static bool after_prefix(const struct wordpiece *w, uint32_t *node)
{
	int32_t id;
	*node = TRIE_ROOT;
	for (size_t i = 0; i < w->prefix.n; i++)
		if (!trie_step(&w->trie, node, w->prefix.data[i], &id))
			return false;
	return true;
}

/* Adds the pieces of a word; false if it cannot be made of pieces. */
static bool add_word(const struct wordpiece *w, const char *s, size_t n, struct ids *out)
{
	uint32_t inside, node = TRIE_ROOT;
	bool goes_on = after_prefix(w, &inside);
	size_t end = 0;
	for (size_t at = 0; at < n; at += end, node = inside) {
		int32_t id = at == 0 || goes_on ? longest(w, node, s + at, n - at, &end) : -1;
		if (id < 0)
			return false;
		ids_add(out, id);
	}
	return true;
}

static size_t count_characters(const char *s, size_t n)
{
	size_t count = 0;
	for (size_t at = 0; at < n; at += utf8_length(s + at))
		count++;
	return count;
}

static void encode(const void *state, const char *s, size_t n, struct ids *out)
{
	const struct wordpiece *w = state;
	size_t before = out->n;
	if (count_characters(s, n) <= w->characters_max && add_word(w, s, n, out))
		return;
	out->n = before;
	int32_t unk = vocabulary_find(&w->vocabulary, w->unk.n ? w->unk.data : "", w->unk.n);
	if (unk < 0)
		die(NULL, "a word is unknown, and the model has no piece for the unknown");
	ids_add(out, unk);
}

static void release(void *state)
{
	struct wordpiece *w = state;
	vocabulary_free(&w->vocabulary);
	trie_free(&w->trie);
	bytes_free(&w->prefix);
	bytes_free(&w->unk);
	free(w);
}

struct token_model wordpiece_model(struct wordpiece *w)
{
	return (struct token_model){.vocabulary = &w->vocabulary, .state = w, .encode = encode, .free = release};
}
