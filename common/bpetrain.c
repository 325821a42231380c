/* bpetrain.c: byte pair encoding learned from text.  See bpetrain.h. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpetrain.h"
#include "bytelevel.h"
#include "cli.h"
#include "memory.h"
#include "tokenizer_parts.h"
#include "utf8.h"

/* A word, and how often it occurs. */
struct word {
	int32_t *tokens;
	size_t n;
	int64_t count;
};

/* Two neighbours. */
struct pair {
	int32_t left, right;
	int64_t count;                  /* occurrences; overlapping ones, as in "aaa", all count */
	struct ids words;               /* where it has come up since it was queued last */
};

/* A pair that waits to be merged in those words. */
struct queued {
	int64_t count;                  /* as it was known then */
	uint32_t pair;
	struct ids words;
};

struct learned_merge {
	int32_t left, right;
};

struct trainer {
	struct trainer_options options;
	struct tokenizer *cutter;       /* which cuts texts into words; its model counts them */
	struct vocabulary texts;        /* of the words, by index */
	struct word *words;
	size_t word_room;
	struct vocabulary tokens;
	uint32_t *lengths;              /* of tokens, in bytes */
	struct pair *pairs;
	size_t pair_count, pair_room;
	uint32_t *slots;                /* hash table of pairs: 1 + an index, or 0 */
	size_t slots_room;
	struct queued *queue;           /* a heap: the first is the next to be merged */
	size_t queue_count, queue_room;
	struct learned_merge *merges;
	size_t merge_count;
	double told;                    /* when progress was last told, in seconds */
};

/*
 * Words.
 */

/* The model of the cutter: counts a word instead of encoding it. */
static void count_word(const void *state, const char *s, size_t n, struct ids *out)
{
	struct trainer *t = *(struct trainer *const *)state;
	int32_t i = vocabulary_find(&t->texts, s, n);
	(void)out;
	if (i < 0) {
		i = (int32_t)t->texts.count;
		if (i > VOCABULARY_ID_MAX)
			die(NULL, "more than %d different words", VOCABULARY_ID_MAX);
		if ((size_t)i == t->word_room) {
			t->word_room = t->word_room ? 2 * t->word_room : 1024;
			t->words = mem_resize(t->words, t->word_room, sizeof *t->words);
		}
		t->words[i] = (struct word){0};
		vocabulary_add(&t->texts, s, n, i);
	}
	t->words[i].count++;
}

static struct tokenizer *new_cutter(struct trainer *t)
{
	const char *pattern = t->options.pattern ? t->options.pattern : BYTELEVEL_PATTERN;
	struct tokenizer *cutter = mem_zero(1, sizeof *cutter);
	struct trainer **self = mem_array(1, sizeof *self);
	*self = t;
	cutter->path = mem_string("--pattern");
	cutter->model = (struct token_model){.vocabulary = &t->tokens, .state = self, .encode = count_word, .free = free};
	tokenizer_add_split(cutter, pattern, strlen(pattern), SPLIT_ISOLATED);
	tokenizer_add_pretokenizer(cutter, PRETOKENIZER_BYTE_LEVEL);
	ids_add(&cutter->template, TEMPLATE_TEXT);
	return cutter;
}

size_t trainer_add(struct trainer *t, const char *text, size_t n)
{
	int32_t *ids;
	size_t invalid;
	tokenizer_encode(t->cutter, text, n, TOKENIZE_PLAIN, &ids, &invalid);
	free(ids);
	return invalid;
}

/*
 * Tokens.
 */

/* The token of this text, which may be there already. */
static int32_t add_token(struct trainer *t, const char *s, size_t n, uint32_t length)
{
	int32_t id = vocabulary_find(&t->tokens, s, n);
	if (id >= 0)
		return id;
	id = (int32_t)t->tokens.count;
	vocabulary_add(&t->tokens, s, n, id);
	t->lengths[id] = length;
	return id;
}

static int compare_characters(const void *left, const void *right)
{
	const char *a = left, *b = right;
	return strcmp(a, b);            /* in UTF-8 the order of code points */
}

static void add_alphabet(struct trainer *t)
{
	char characters[256][3];
	for (int i = 0; i < 256; i++) {
		struct bytes c = {0};
		bytelevel_encode(&(char){(char)i}, 1, &c);
		memset(characters[i], 0, sizeof characters[i]);
		memcpy(characters[i], c.data, c.n);
		bytes_free(&c);
	}
	qsort(characters, 256, sizeof *characters, compare_characters);
	for (int i = 0; i < 256; i++)
		add_token(t, characters[i], strlen(characters[i]), 1);
}

struct trainer *trainer_new(const struct trainer_options *options)
{
	struct trainer *t = mem_zero(1, sizeof *t);
	t->options = *options;
	t->lengths = mem_array(options->size > VOCABULARY_ID_MAX ? 0 : options->size + 1, sizeof *t->lengths);
	if (options->size < 256 + options->special_count)
		die(NULL, "%zu tokens do not suffice for the 256 bytes and %zu special tokens", options->size,
		    options->special_count);
	for (size_t i = 0; i < options->special_count; i++)
		add_token(t, options->specials[i], strlen(options->specials[i]), (uint32_t)strlen(options->specials[i]));
	add_alphabet(t);
	t->cutter = new_cutter(t);
	return t;
}

/*
 * Pairs.
 */

static uint32_t *pair_slot(const struct trainer *t, int32_t left, int32_t right)
{
	size_t mask = t->slots_room - 1;
	size_t i = hash_number((uint64_t)left << 32 | (uint32_t)right) & mask;
	while (t->slots[i] != 0 &&
	       (t->pairs[t->slots[i] - 1].left != left || t->pairs[t->slots[i] - 1].right != right))
		i = (i + 1) & mask;
	return &t->slots[i];
}

static void grow_pairs(struct trainer *t)
{
	t->pair_room = t->pair_room ? 2 * t->pair_room : 4096;
	t->pairs = mem_resize(t->pairs, t->pair_room, sizeof *t->pairs);
	free(t->slots);
	t->slots_room = 2 * t->pair_room;
	t->slots = mem_zero(t->slots_room, sizeof *t->slots);
	for (size_t i = 0; i < t->pair_count; i++)
		*pair_slot(t, t->pairs[i].left, t->pairs[i].right) = (uint32_t)i + 1;
}

static uint32_t find_pair(struct trainer *t, int32_t left, int32_t right)
{
	if (t->pair_count == t->pair_room)
		grow_pairs(t);
	uint32_t *slot = pair_slot(t, left, right);
	if (*slot == 0) {
		t->pairs[t->pair_count] = (struct pair){.left = left, .right = right};
		*slot = (uint32_t)++t->pair_count;
	}
	return *slot - 1;
}

/* A pair occurs once more in a word, or once less.  The pairs that came up are listed in `up`. */
static void count_pair(struct trainer *t, int32_t left, int32_t right, int32_t word, int sign, struct ids *up)
{
	uint32_t i = find_pair(t, left, right);
	struct pair *p = &t->pairs[i];
	p->count += sign * t->words[word].count;
	if (sign < 0)
		return;
	if (p->words.n == 0)
		ids_add(up, (int32_t)i);
	if (p->words.n == 0 || p->words.data[p->words.n - 1] != word)
		ids_add(&p->words, word);
}

/*
 * The queue.
 */

static bool before(const struct trainer *t, const struct queued *a, const struct queued *b)
{
	const struct pair *p = &t->pairs[a->pair], *q = &t->pairs[b->pair];
	if (a->count != b->count)
		return a->count > b->count;
	return p->left != q->left ? p->left < q->left : p->right < q->right;
}

static void enqueue(struct trainer *t, struct queued entry)
{
	if (t->queue_count == t->queue_room) {
		t->queue_room = t->queue_room ? 2 * t->queue_room : 4096;
		t->queue = mem_resize(t->queue, t->queue_room, sizeof *t->queue);
	}
	size_t i = t->queue_count++;
	for (; i > 0 && before(t, &entry, &t->queue[(i - 1) / 2]); i = (i - 1) / 2)
		t->queue[i] = t->queue[(i - 1) / 2];
	t->queue[i] = entry;
}

static struct queued dequeue(struct trainer *t)
{
	struct queued top = t->queue[0], last = t->queue[--t->queue_count];
	size_t i = 0;
	for (size_t child = 1; child < t->queue_count; child = 2 * i + 1) {
		if (child + 1 < t->queue_count && before(t, &t->queue[child + 1], &t->queue[child]))
			child++;
		if (!before(t, &t->queue[child], &last))
			break;
		t->queue[i] = t->queue[child];
		i = child;
	}
	t->queue[i] = last;
	return top;
}

static void enqueue_all(struct trainer *t, struct ids *up)
{
	for (size_t i = 0; i < up->n; i++) {
		struct pair *p = &t->pairs[up->data[i]];
		if (p->count > 0)
			enqueue(t, (struct queued){p->count, (uint32_t)up->data[i], p->words});
		else
			free(p->words.data);
		p->words = (struct ids){0};
	}
	up->n = 0;
}

/*
 * Merging.
 */

/* Every word as its bytes, and the pairs in them. */
static void begin(struct trainer *t, struct ids *up)
{
	for (size_t w = 0; w < t->texts.count; w++) {
		struct word *word = &t->words[w];
		size_t n, length;
		const char *s = vocabulary_piece(&t->texts, (int32_t)w, &n);
		word->tokens = mem_array(n, sizeof *word->tokens);
		for (size_t at = 0; at < n; at += length) {
			length = utf8_length(s + at);
			word->tokens[word->n++] = vocabulary_find(&t->tokens, s + at, length);
		}
		for (size_t i = 1; i < word->n; i++)
			count_pair(t, word->tokens[i - 1], word->tokens[i], (int32_t)w, 1, up);
	}
	enqueue_all(t, up);
}

/* Replaces left and right by merged wherever they are neighbours in a word. */
static void merge_in_word(struct trainer *t, int32_t w, int32_t left, int32_t right, int32_t merged, struct ids *up)
{
	struct word *word = &t->words[w];
	int32_t *tokens = word->tokens;
	size_t n = 0, max = t->options.max_length, length = t->lengths[merged];
	for (size_t i = 0; i < word->n; i++) {
		if (tokens[i] != left || i + 1 == word->n || tokens[i + 1] != right) {
			tokens[n++] = tokens[i];
			continue;
		}
		if (n > 0) {
			count_pair(t, tokens[n - 1], left, w, -1, up);
			if (t->lengths[tokens[n - 1]] + length < max)
				count_pair(t, tokens[n - 1], merged, w, 1, up);
		}
		if (i + 2 < word->n) {
			count_pair(t, right, tokens[i + 2], w, -1, up);
			if (t->lengths[tokens[i + 2]] + length < max)
				count_pair(t, merged, tokens[i + 2], w, 1, up);
		}
		tokens[n++] = merged;
		i++;
	}
	word->n = n;
}

static int32_t merged_token(struct trainer *t, const struct pair *p)
{
	struct bytes text = {0};
	size_t n;
	const char *s = vocabulary_piece(&t->tokens, p->left, &n);
	bytes_add(&text, s, n);
	s = vocabulary_piece(&t->tokens, p->right, &n);
	bytes_add(&text, s, n);
	int32_t id = add_token(t, text.data, text.n, t->lengths[p->left] + t->lengths[p->right]);
	bytes_free(&text);
	return id;
}

static void tell(struct trainer *t, bool done)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	double seconds = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
	if (!done && seconds - t->told < 0.1)
		return;
	t->told = seconds;
	fprintf(stderr, "\r%zu words, %zu of %zu tokens%s", t->texts.count, t->tokens.count, t->options.size,
		done ? "\n" : "");
}

/* The pair that is merged next, in *q; false: none is frequent enough. */
static bool next_pair(struct trainer *t, struct queued *q)
{
	while (t->queue_count > 0) {
		*q = dequeue(t);
		int64_t count = t->pairs[q->pair].count;
		if (q->count == count && count >= 1 && count >= t->options.min_count)
			return true;
		if (q->count == count) {
			free(q->words.data);
			return false;
		}
		q->count = count;               /* it has become rarer since */
		enqueue(t, *q);
	}
	return false;
}

void trainer_merge(struct trainer *t)
{
	struct ids up = {0};
	struct queued q;
	bool terminal = isatty(STDERR_FILENO);
	begin(t, &up);
	while (t->tokens.count < t->options.size && next_pair(t, &q)) {
		struct pair p = t->pairs[q.pair];
		int32_t merged = merged_token(t, &p);
		t->merges = mem_resize(t->merges, t->merge_count + 1, sizeof *t->merges);
		t->merges[t->merge_count++] = (struct learned_merge){p.left, p.right};
		for (size_t i = 0; i < q.words.n; i++)
			merge_in_word(t, q.words.data[i], p.left, p.right, merged, &up);
		free(q.words.data);
		enqueue_all(t, &up);
		if (terminal)
			tell(t, false);
	}
	if (terminal)
		tell(t, true);
	free(up.data);
}

/*
 * Writing.
 */

static json_t *piece_json(const struct trainer *t, int32_t id)
{
	size_t n;
	const char *piece = vocabulary_piece(&t->tokens, id, &n);
	return json_stringn(piece, n);
}

static json_t *added_tokens(const struct trainer *t)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->options.special_count; i++)
		json_array_append_new(list, json_pack("{s:I,s:s,s:b,s:b,s:b,s:b,s:b}",
			"id", (json_int_t)vocabulary_find(&t->tokens, t->options.specials[i], strlen(t->options.specials[i])),
			"content", t->options.specials[i], "single_word", 0, "lstrip", 0, "rstrip", 0,
			"normalized", 0, "special", 1));
	return list;
}

static json_t *byte_level(bool use_regex)
{
	return json_pack("{s:s,s:b,s:b,s:b}", "type", "ByteLevel", "add_prefix_space", 0, "trim_offsets", 1,
			 "use_regex", use_regex);
}

static json_t *pre_tokenizer(const struct trainer *t)
{
	if (!t->options.pattern)
		return byte_level(true);
	json_t *split = json_pack("{s:s,s:{s:s},s:s,s:b}", "type", "Split", "pattern", "Regex", t->options.pattern,
				  "behavior", "Isolated", "invert", 0);
	return json_pack("{s:s,s:[o,o]}", "type", "Sequence", "pretokenizers", split, byte_level(false));
}

static json_t *model(const struct trainer *t)
{
	json_t *vocab = json_object(), *merges = json_array();
	for (size_t i = 0; i < t->tokens.count; i++) {
		size_t n;
		const char *piece = vocabulary_piece(&t->tokens, (int32_t)i, &n);
		json_object_setn_new(vocab, piece, n, json_integer((json_int_t)i));
	}
	for (size_t i = 0; i < t->merge_count; i++)
		json_array_append_new(merges, json_pack("[o,o]", piece_json(t, t->merges[i].left),
							piece_json(t, t->merges[i].right)));
	return json_pack("{s:s,s:n,s:n,s:n,s:n,s:b,s:b,s:b,s:o,s:o}", "type", "BPE", "dropout", "unk_token",
			 "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0, "byte_fallback", 0,
			 "ignore_merges", 0, "vocab", vocab, "merges", merges);
}

void trainer_write(const struct trainer *t, FILE *f)
{
	json_t *root = json_pack("{s:s,s:n,s:n,s:o,s:n,s:o,s:o,s:o,s:o}", "version", "1.0", "truncation", "padding",
				 "added_tokens", added_tokens(t), "normalizer", "pre_tokenizer", pre_tokenizer(t),
				 "post_processor", byte_level(true), "decoder", byte_level(true), "model", model(t));
	if (!root)
		die(NULL, "out of memory");
	json_dumpf(root, f, JSON_INDENT(1));
	putc('\n', f);
	json_decref(root);
}

void trainer_free(struct trainer *t)
{
	tokenizer_free(t->cutter);
	for (size_t i = 0; i < t->texts.count; i++)
		free(t->words[i].tokens);
	for (size_t i = 0; i < t->queue_count; i++)
		free(t->queue[i].words.data);
	for (size_t i = 0; i < t->pair_count; i++)
		free(t->pairs[i].words.data);
	vocabulary_free(&t->texts);
	vocabulary_free(&t->tokens);
	free(t->words);
	free(t->lengths);
	free(t->pairs);
	free(t->slots);
	free(t->queue);
	free(t->merges);
	free(t);
}
