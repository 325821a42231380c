/*
 * unigram.h: the unigram language model.  Every piece has a score, the
 * logarithm of its probability; of all ways to make a text of pieces, the one
 * with the highest sum is taken.
 *
 * Sources: Kudo, Subword Regularization, 2018; what two sums that are equal or
 * nearly so become depends on the order and the precision of adding:
 * tokenizers, src/models/unigram/model.rs; sentencepiece, src/unigram_model.cc.
 */
#ifndef LMUTILS_UNIGRAM_H
#define LMUTILS_UNIGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpe.h"
#include "bytes.h"
#include "tokenmodel.h"
#include "trie.h"
#include "vocabulary.h"

/* The longest piece, in bytes: it bounds the work at each place of a text. */
#define UNIGRAM_PIECE_MAX 8000

/* What an unknown character's score is below the lowest one. */
#define UNIGRAM_PENALTY 10.0

/* The pieces that texts are made of. */
struct unigram {
	struct trie trie;
	double *scores;         /* by id */
	size_t count, room;     /* of scores */
	double unknown_score;   /* of a character that is no piece */
	int32_t unk;            /* its id; -1: there is none */
	bool single;            /* sums are floats, and begin again at 0 beyond +-100,000, as sentencepiece's */
};

/* Gives the next id to a piece of n bytes, at most UNIGRAM_PIECE_MAX; text is made of it if `found`. */
void unigram_add(struct unigram *u, const char *s, size_t n, double score, bool found);

/*
 * Adds to list the pieces that n bytes of text (fewer than 2^31) are made of,
 * with u->unk for unknown characters one by one.  O(n) times the longest piece.
 * Dies where an unknown character has no id.
 */
void unigram_segment(const struct unigram *u, const char *s, size_t n, struct symbols *list);

void unigram_free(struct unigram *u);

/* The model of a tokenizer.json. */
struct unigram_model {
	struct vocabulary vocabulary;
	struct unigram pieces;
	bool byte_fallback;     /* unknown characters become bytes, if these are pieces */
	int32_t byte_ids[256];  /* of "<0x00>" to "<0xFF>"; -1: none */
};

/* The model, which takes m over. */
struct token_model unigram_model(struct unigram_model *m);

#endif
