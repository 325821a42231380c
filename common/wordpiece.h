/*
 * wordpiece.h: WordPiece.  A word is the longest piece that it begins with,
 * then the longest that goes on from there, whose name begins with "##", and
 * so on; a word that cannot be made so is unknown as a whole.
 *
 * Source: Devlin and others, BERT: Pre-training of Deep Bidirectional
 * Transformers for Language Understanding, 2019; tokenizers, src/models/wordpiece.
 */
#ifndef LMUTILS_WORDPIECE_H
#define LMUTILS_WORDPIECE_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "tokenmodel.h"
#include "trie.h"
#include "vocabulary.h"

/* The longest piece, in bytes: it bounds the work at each place of a word. */
#define WORDPIECE_PIECE_MAX 8000

struct wordpiece {
	struct vocabulary vocabulary;
	struct trie trie;
	struct bytes prefix;            /* of the pieces that go on with a word: "##" */
	struct bytes unk;               /* the piece for words that cannot be made */
	size_t characters_max;          /* in a word; a longer one is unknown */
};

/* One as BERT's, without pieces: "##", "[UNK]", 100 characters. */
struct wordpiece *wordpiece_new(void);

/* Call once when the vocabulary is complete; path is for the message if a piece is too long. */
void wordpiece_complete(struct wordpiece *w, const char *path);

/* The model, which takes w over.  Encoding dies where a word is unknown, and there is no piece for it. */
struct token_model wordpiece_model(struct wordpiece *w);

#endif
