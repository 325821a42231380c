/*
 * sentencepiece.h: a tokenizer.model of SentencePiece, with its own ways of
 * normalizing text and of applying byte pair encoding: two symbols merge if
 * what they spell together is a piece, the one of the highest score first; or
 * with a unigram model.
 *
 * Source: sentencepiece, src/sentencepiece_model.proto, src/normalizer.cc,
 * src/bpe_model.cc, src/unigram_model.cc, src/char_model.cc and src/sentencepiece_processor.cc.
 */
#ifndef LMUTILS_SENTENCEPIECE_H
#define LMUTILS_SENTENCEPIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "charsmap.h"
#include "prefix.h"
#include "tokenmodel.h"
#include "unigram.h"
#include "vocabulary.h"

/* U+2581, which stands for a space within pieces. */
#define SENTENCEPIECE_SPACE "\xe2\x96\x81"

enum piece_type {
	PIECE_NORMAL = 1,
	PIECE_UNKNOWN,
	PIECE_CONTROL,          /* BOS and the like: never in text, and without a text */
	PIECE_USER_DEFINED,     /* found in text before anything else, and never merged */
	PIECE_UNUSED,           /* a step of merging only: taken apart again */
	PIECE_BYTE,             /* "<0x0A>" */
};

struct sentencepiece {
	struct vocabulary vocabulary;   /* all pieces */
	struct vocabulary mergeable;    /* those that a text can be made of */
	unsigned char *types;           /* enum piece_type by id */
	uint32_t *ranks;                /* by id: 0 for the highest score */
	uint32_t *unused;               /* by id: 1 + index among unused pieces, or 0 */
	size_t unused_count;
	size_t longest;                 /* bytes of the longest piece */
	struct prefix_set user_defined;
	int32_t unk, bos, eos;          /* ids; -1 if there are none */
	bool adds_bos, adds_eos;        /* around a text, unless a configuration says otherwise */
	char *unk_surface;              /* what an unknown token is decoded to */
	bool merges;                    /* BPE; */
	struct unigram *unigram;        /* or not NULL; otherwise every character is a piece */
	bool byte_fallback;
	int32_t byte_ids[256];
	struct charsmap charsmap;
	bool dummy_prefix;              /* a space is put before the text */
	bool space_suffix;              /* or rather behind it */
	bool trim_spaces;               /* at the ends, and in a row all but one */
	bool escape_spaces;             /* as U+2581 */
	bool gguf;                      /* special pieces have a text, as llama.cpp shows it */
};

/* A sentencepiece under construction; path, for messages, and sp (from sentencepiece_new) are given. */
struct sentencepiece_loader {
	const char *path;
	struct sentencepiece *sp;
	float *scores;                  /* by id */
	size_t count, room;             /* pieces */
};

/* One without pieces, and with the defaults of a tokenizer.model. */
struct sentencepiece *sentencepiece_new(void);

/*
 * Adds the piece that gets the next id; dies if it makes no sense.  Where two are
 * alike, that is an error, but in a GGUF file the later counts.
 */
void sentencepiece_add(struct sentencepiece_loader *l, const char *s, size_t n, float score, uint64_t type);

/*
 * Makes the model a unigram one, when all pieces are added.  single: sums of scores are
 * floats, and a user-defined piece counts for more than other pieces, as in SentencePiece.
 */
void sentencepiece_make_unigram(struct sentencepiece_loader *l, bool single);

/* Call once after the last one; frees what belongs to the loader. */
void sentencepiece_complete(struct sentencepiece_loader *l);

/* Dies, naming the file, if it is broken or its model is not of a kind known here. */
struct sentencepiece *sentencepiece_open(const char *path);

/*
 * Adds to `out` the normalized form of n bytes of valid UTF-8; if exact, only the spaces
 * change that decoding changes back.
 */
void sentencepiece_normalize(const struct sentencepiece *sp, bool exact, const char *s, size_t n, struct bytes *out);

/* The model, whose texts are normalized; it takes sp over. */
struct token_model sentencepiece_model(struct sentencepiece *sp);

#endif
