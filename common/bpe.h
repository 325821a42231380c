/*
 * bpe.h: byte pair encoding.  A text starts as its characters; then, again and
 * again, the best of all neighbouring pairs becomes one symbol, until no pair
 * can be merged.  The best pair is the one of the lowest rank (which was merged
 * most often when the vocabulary was made), and of equals the leftmost.
 *
 * Source: Sennrich, Haddow and Birch, Neural Machine Translation of Rare Words
 * with Subword Units, 2016.
 */
#ifndef LMUTILS_BPE_H
#define LMUTILS_BPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "tokenmodel.h"
#include "vocabulary.h"

/* A symbol of a text: where it stands, and its neighbours. */
struct symbol {
	int32_t id;             /* -1: not in the vocabulary */
	uint32_t at, n;         /* its bytes in the text; n is 0 once merged away */
	uint32_t previous, next;        /* SYMBOL_NONE at the ends */
};

#define SYMBOL_NONE UINT32_MAX

/* What a pair of symbols becomes. */
struct merge {
	uint32_t rank;
	int32_t id;
};

/* Whether the neighbours left and right merge, and into what. */
typedef bool merge_lookup(void *context, const struct symbol *left, const struct symbol *right,
			  struct merge *merge);

/*
 * Merges count symbols, linked in order, until no pair is left that lookup
 * knows.  O(n log n): the pairs wait in a heap, and those that a merge has made
 * obsolete are recognised when they come up.
 */
void merge_all(struct symbol *symbols, size_t count, merge_lookup *lookup, void *context);

/* A list of symbols under construction; all zero is empty. */
struct symbols {
	struct symbol *data;
	size_t n, room;
};

/* Adds a symbol of n bytes that stands at `at`, linked to the one before. */
void symbols_add(struct symbols *list, int32_t id, size_t at, size_t n);

/*
 * BPE as tokenizer.json has it: a list of merges in order of rank, over a
 * vocabulary in which every character of a text, or each of its bytes as
 * "<0xE2>", or an unknown-token has an id.
 */
struct bpe {
	struct vocabulary vocabulary;
	struct merge_entry *merges;     /* hash table by (left id, right id) */
	size_t merge_count, merges_room;
	struct bytes merged;            /* what the latest merge made, */
	int32_t merged_id;              /* and its id */
	bool spelled;                   /* instead: what two symbols spell is a piece; its id is the rank */
	bool byte_fallback;             /* characters without an id become bytes */
	int32_t byte_ids[256];          /* of "<0x00>" to "<0xFF>"; -1: none */
	int32_t unk;                    /* -1: a character without an id is dropped */
	bool fuse_unk;                  /* unknown characters in a row become one unk */
	bool ignore_merges;             /* a whole piece in the vocabulary stays whole */
	bool whole_newlines;            /* newlines in a row do so */
	struct bytes prefix, suffix;    /* of a piece's characters but the first; of its last */
};

/*
 * Adds a merge of two pieces, of n and m bytes; the later of two merges of the same
 * pair counts.  NULL, or which is not in the vocabulary: "the first", "the second" or
 * "the result".
 */
const char *bpe_add_merge(struct bpe *b, size_t rank, const char *left, size_t n, const char *right, size_t m);

/* The model, which takes the bpe over. */
struct token_model bpe_model(struct bpe *b);

#endif
