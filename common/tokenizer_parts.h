/*
 * tokenizer_parts.h: what a tokenizer is made of, for those files that build
 * it (tokenizer_json.c, sentencepiece.c) or run it (tokenizer.c, decoder.c).
 */
#ifndef LMUTILS_TOKENIZER_PARTS_H
#define LMUTILS_TOKENIZER_PARTS_H

#include "added.h"
#include "bpe.h"
#include "normalizer.h"
#include "pretokenizer.h"
#include "sentencepiece.h"
#include "tokenizer.h"

/*
 * The steps of decoding: each takes the pieces that the one before gives, and
 * gives pieces on.  Source: tokenizers, src/decoders.
 */
enum decode_type {
	DECODE_REPLACE,         /* content for each pattern within a piece */
	DECODE_BYTE_FALLBACK,   /* pieces like <0xE2> in a row become the text they spell */
	DECODE_FUSE,            /* all pieces become one */
	DECODE_STRIP,           /* up to `start` times content off a piece's start, `stop` off its end */
	DECODE_METASPACE,       /* pattern becomes a space, in the first piece nothing if `start` */
	DECODE_JOIN,            /* a space between pieces; the only step then */
	DECODE_SENTENCEPIECE,   /* all that SentencePiece does; the only step then */
};

struct decode_step {
	enum decode_type type;
	struct bytes pattern, content;
	size_t *borders;        /* of pattern, see decode_borders */
	size_t start, stop;
};

/*
 * For each prefix of a pattern the length of the longest shorter one that it
 * also ends with (Knuth, Morris and Pratt 1977).
 */
size_t *decode_borders(const struct bytes *pattern);

/* In a template: where the text's ids go. */
#define TEMPLATE_TEXT (-1)

struct tokenizer {
	char *path;                             /* of the file, for messages */
	struct vocabulary added_vocabulary;     /* added tokens, which come before the model's */
	struct added_token *added;
	size_t added_count;
	int32_t *added_by_id;                   /* [added_vocabulary.size]: index, or -1 */
	struct prefix_set raw, normalized;      /* added tokens, by where they are searched */
	struct normalizer *normalizers;
	size_t normalizer_count;
	struct pretokenizer *pretokenizers;
	size_t pretokenizer_count;
	struct bpe *bpe;                        /* the model is one of these two, */
	struct sentencepiece *sentencepiece;    /* and the other NULL */
	struct ids template;                    /* of special tokens and TEMPLATE_TEXT */
	struct decode_step *decoders;
	size_t decoder_count;
};

/* As tokenizer_piece, with its length, since a piece may contain a NUL. */
const char *tokenizer_piece_bytes(const struct tokenizer *t, int32_t id, size_t *n);

/* Applies the normalizers; the text's bytes are replaced. */
void tokenizer_normalize(const struct tokenizer *t, struct text *text);

/* Fills in a tokenizer from a tokenizer.json; dies as tokenizer_open does. */
void tokenizer_load_json(struct tokenizer *t, const char *path);

#endif
