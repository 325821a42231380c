/* bpe.c: byte pair encoding.  See bpe.h. */
#include <stdlib.h>

#include "bpe.h"
#include "memory.h"
#include "utf8.h"

/* A pair that waits to be merged: the lowest key, (rank, position), is next. */
struct pair {
	uint64_t key;
	int32_t id;             /* what it becomes */
	uint32_t n;             /* bytes of both */
};

struct heap {
	struct pair *pairs;
	size_t n, room;
};

static void heap_push(struct heap *h, struct pair pair)
{
	if (h->n == h->room) {
		h->room = h->room ? 2 * h->room : 64;
		h->pairs = mem_resize(h->pairs, h->room, sizeof *h->pairs);
	}
	size_t i = h->n++;
	for (; i > 0 && h->pairs[(i - 1) / 2].key > pair.key; i = (i - 1) / 2)
		h->pairs[i] = h->pairs[(i - 1) / 2];
	h->pairs[i] = pair;
}

static struct pair heap_pop(struct heap *h)
{
	struct pair top = h->pairs[0], last = h->pairs[--h->n];
	size_t i = 0;
	for (size_t child = 1; child < h->n; child = 2 * i + 1) {
		if (child + 1 < h->n && h->pairs[child + 1].key < h->pairs[child].key)
			child++;
		if (last.key <= h->pairs[child].key)
			break;
		h->pairs[i] = h->pairs[child];
		i = child;
	}
	h->pairs[i] = last;
	return top;
}

/* Puts symbol i and the next one into the heap, if they merge. */
static void push_pair(struct heap *heap, const struct symbol *s, uint32_t i, merge_lookup *lookup,
		      void *context)
{
	struct merge merge;
	if (i == SYMBOL_NONE || s[i].next == SYMBOL_NONE)
		return;
	const struct symbol *right = &s[s[i].next];
	if (lookup(context, &s[i], right, &merge))
		heap_push(heap, (struct pair){(uint64_t)merge.rank << 32 | i, merge.id,
					      s[i].n + right->n});
}

void merge_all(struct symbol *s, size_t count, merge_lookup *lookup, void *context)
{
	struct heap heap = {0};
	for (size_t i = 0; i < count; i++)
		push_pair(&heap, s, (uint32_t)i, lookup, context);
	while (heap.n > 0) {
		struct pair pair = heap_pop(&heap);
		uint32_t i = (uint32_t)pair.key;
		struct symbol *left = &s[i];
		if (left->n == 0 || left->next == SYMBOL_NONE)
			continue;
		struct symbol *right = &s[left->next];
		if (left->n + right->n != pair.n)
			continue;       /* one of them has become longer since */
		left->id = pair.id;
		left->n = pair.n;
		right->n = 0;
		left->next = right->next;
		if (left->next != SYMBOL_NONE)
			s[left->next].previous = i;
		push_pair(&heap, s, left->previous, lookup, context);
		push_pair(&heap, s, i, lookup, context);
	}
	free(heap.pairs);
}

void symbols_add(struct symbols *list, int32_t id, size_t at, size_t n)
{
	if (list->n == list->room) {
		list->room = list->room ? 2 * list->room : 64;
		list->data = mem_resize(list->data, list->room, sizeof *list->data);
	}
	uint32_t previous = list->n ? (uint32_t)(list->n - 1) : SYMBOL_NONE;
	if (list->n)
		list->data[list->n - 1].next = (uint32_t)list->n;
	list->data[list->n++] = (struct symbol){id, (uint32_t)at, (uint32_t)n, previous, SYMBOL_NONE};
}

struct merge_entry {
	int32_t left, right;    /* left is -1 where the entry is free */
	struct merge merge;
};

static struct merge_entry *find_merge(const struct bpe *b, int32_t left, int32_t right)
{
	size_t mask = b->merges_room - 1;
	size_t i = hash_number((uint64_t)left << 32 | (uint32_t)right) & mask;
	while (b->merges[i].left != -1 && (b->merges[i].left != left || b->merges[i].right != right))
		i = (i + 1) & mask;
	return &b->merges[i];
}

static void grow_merges(struct bpe *b)
{
	struct merge_entry *old = b->merges;
	size_t old_room = b->merges_room;
	b->merges_room = old_room ? 2 * old_room : 1024;
	while (b->merges_room < 2 * b->vocabulary.count)        /* there are about as many */
		b->merges_room *= 2;
	b->merges = mem_array(b->merges_room, sizeof *b->merges);
	for (size_t i = 0; i < b->merges_room; i++)
		b->merges[i].left = -1;
	for (size_t i = 0; i < old_room; i++)
		if (old[i].left != -1)
			*find_merge(b, old[i].left, old[i].right) = old[i];
	free(old);
}

const char *bpe_add_merge(struct bpe *b, size_t rank, const char *left, size_t n, const char *right, size_t m)
{
	size_t skip = m < b->prefix.n ? m : b->prefix.n;        /* the prefix is no part of the result */
	b->merged.n = 0;
	bytes_add(&b->merged, left, n);
	bytes_add(&b->merged, right + skip, m - skip);
	int32_t left_id = vocabulary_find(&b->vocabulary, left, n);
	int32_t right_id = vocabulary_find(&b->vocabulary, right, m);
	int32_t id = vocabulary_guess(&b->vocabulary, b->merged.n ? b->merged.data : "", b->merged.n, b->merged_id + 1);
	if (left_id < 0 || right_id < 0 || id < 0)
		return left_id < 0 ? "the first" : right_id < 0 ? "the second" : "the result";
	if (2 * (b->merge_count + 1) > b->merges_room)
		grow_merges(b);
	b->merged_id = id;
	struct merge_entry *entry = find_merge(b, left_id, right_id);
	b->merge_count += entry->left == -1;
	*entry = (struct merge_entry){left_id, right_id, {(uint32_t)rank, id}};
	return NULL;
}

/* Adds a character, with its affixes, as its bytes; false if one of them has no id. */
static bool add_bytes(const struct bpe *b, struct symbols *list, const char *s, size_t n, size_t at)
{
	int escaped = utf8_escaped(s, n);
	char byte = (char)escaped;
	if (escaped >= 0) {
		s = &byte;
		n = 1;
	}
	for (size_t i = 0; i < n; i++)
		if (b->byte_ids[(unsigned char)s[i]] < 0)
			return false;
	for (size_t i = 0; i < n; i++)
		symbols_add(list, b->byte_ids[(unsigned char)s[i]], at, 1);
	return true;
}

/* The character of n bytes at text[at] with its affixes, put together in `whole` if it has some. */
static const char *with_affixes(const struct bpe *b, const char *text, size_t at, size_t *n, bool last,
				struct bytes *whole)
{
	if ((b->prefix.n == 0 || at == 0) && (b->suffix.n == 0 || !last))
		return text + at;
	whole->n = 0;
	if (at > 0)
		bytes_add(whole, b->prefix.data, b->prefix.n);
	bytes_add(whole, text + at, *n);
	if (last)
		bytes_add(whole, b->suffix.data, b->suffix.n);
	*n = whole->n;
	return whole->data;
}

/*
 * The symbols to begin with.  An unknown-token is added when the next known
 * character comes (bytes do not count as known), as tokenizers does.
 */
static void split_characters(const struct bpe *b, const char *text, size_t n, struct symbols *list)
{
	struct bytes whole = {0};
	size_t unknown = 0;     /* bytes of unknown characters not yet added */
	size_t length;
	for (size_t at = 0; at < n; at += length) {
		length = utf8_length(text + at);
		size_t m = length;
		const char *s = with_affixes(b, text, at, &m, at + length == n, &whole);
		int32_t id = vocabulary_find(&b->vocabulary, s, m);
		if (id < 0 && b->byte_fallback && add_bytes(b, list, s, m, at))
			continue;
		if (id < 0 && b->unk < 0)
			continue;
		if (unknown && (id >= 0 || !b->fuse_unk)) {
			symbols_add(list, b->unk, at - unknown, unknown);
			unknown = 0;
		}
		if (id >= 0)
			symbols_add(list, id, at, length);
		else
			unknown += length;
	}
	if (unknown)
		symbols_add(list, b->unk, n - unknown, unknown);
	bytes_free(&whole);
}

static bool lookup_merge(void *context, const struct symbol *left, const struct symbol *right,
			 struct merge *merge)
{
	const struct bpe *b = context;
	if (b->merge_count == 0)
		return false;
	const struct merge_entry *entry = find_merge(b, left->id, right->id);
	*merge = entry->merge;
	return entry->left != -1;
}

/* A text, for what its symbols spell. */
struct spelling {
	const struct bpe *bpe;
	const char *text;
};

static bool lookup_spelled(void *context, const struct symbol *left, const struct symbol *right,
			   struct merge *merge)
{
	const struct spelling *s = context;
	int32_t id = vocabulary_find(&s->bpe->vocabulary, s->text + left->at, left->n + right->n);
	*merge = (struct merge){(uint32_t)id, id};
	return id >= 0;
}

static bool is_newlines(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] != '\n')
			return false;
	return true;
}

static void encode(const void *state, const char *text, size_t n, struct ids *out)
{
	const struct bpe *b = state;
	bool stays = b->ignore_merges || (b->whole_newlines && is_newlines(text, n));
	int32_t whole = stays ? vocabulary_find(&b->vocabulary, text, n) : -1;
	if (whole >= 0) {
		ids_add(out, whole);
		return;
	}
	struct symbols list = {0};
	split_characters(b, text, n, &list);
	if (b->spelled)
		merge_all(list.data, list.n, lookup_spelled, &(struct spelling){b, text});
	else
		merge_all(list.data, list.n, lookup_merge, (void *)(uintptr_t)b);
	for (size_t i = 0; i < list.n; i++)
		if (list.data[i].n > 0)
			ids_add(out, list.data[i].id);
	free(list.data);
}

static void release(void *state)
{
	struct bpe *b = state;
	vocabulary_free(&b->vocabulary);
	free(b->merges);
	bytes_free(&b->merged);
	bytes_free(&b->prefix);
	bytes_free(&b->suffix);
	free(b);
}

struct token_model bpe_model(struct bpe *b)
{
	return (struct token_model){.vocabulary = &b->vocabulary, .state = b, .encode = encode, .free = release};
}
