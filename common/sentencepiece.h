/*
 * sentencepiece.h: a tokenizer.model of SentencePiece, with its own ways of
 * normalizing text and of applying byte pair encoding: two symbols merge if
 * what they spell together is a piece, the one of the highest score first.
 *
 * Source: sentencepiece, src/sentencepiece_model.proto, src/normalizer.cc,
 * src/bpe_model.cc, src/char_model.cc and src/sentencepiece_processor.cc.
 */
#ifndef LMUTILS_SENTENCEPIECE_H
#define LMUTILS_SENTENCEPIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "charsmap.h"
#include "prefix.h"
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
	int32_t unk, bos, eos;          /* ids; bos and eos are -1 if there are none */
	char *unk_surface;              /* what an unknown token is decoded to */
	bool merges;                    /* BPE; otherwise every character is a piece */
	bool byte_fallback;
	int32_t byte_ids[256];
	struct charsmap charsmap;
	bool dummy_prefix;              /* a space is put before the text */
	bool space_suffix;              /* or rather behind it */
	bool trim_spaces;               /* at the ends, and in a row all but one */
	bool escape_spaces;             /* as U+2581 */
};

/* Dies, naming the file, if it is broken or its model is not of a kind known here. */
struct sentencepiece *sentencepiece_open(const char *path);
void sentencepiece_free(struct sentencepiece *sp);

/* Adds to `out` the normalized form of n bytes of valid UTF-8. */
void sentencepiece_normalize(const struct sentencepiece *sp, const char *s, size_t n, struct bytes *out);

/* Adds to `out` the ids of a normalized text of n bytes, fewer than 2^31. */
void sentencepiece_encode(const struct sentencepiece *sp, const char *s, size_t n, struct ids *out);

#endif
