/*
 * tokenizer.h: text to token ids and back.
 *
 * A tokenizer comes from a model directory (tokenizer.json, else another file)
 * or from such a file itself.  Whatever the file's format, it becomes the same
 * steps: split off added tokens, normalize, pre-tokenize, apply the model (BPE,
 * Unigram or WordPiece), add what the template says; and back: pieces, bytes,
 * text.
 */
#ifndef LMUTILS_TOKENIZER_H
#define LMUTILS_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

struct tokenizer;

/*
 * Opens the tokenizer of a model directory, or a tokenizer.json or
 * tokenizer.model of whatever name.  Dies with a message that names the file
 * and what in it is not supported.
 */
struct tokenizer *tokenizer_open(const char *path);
void tokenizer_free(struct tokenizer *t);

/* True if a tokenizer can be expected at path: the file, or one in the directory. */
bool tokenizer_exists(const char *path);

/* One more than the largest id. */
size_t tokenizer_size(const struct tokenizer *t);

enum {
	TOKENIZE_BARE = 1,      /* add no BOS, EOS or template */
	TOKENIZE_PLAIN = 2,     /* special tokens written in the text are plain text */
	TOKENIZE_INSIDE = 4,    /* something is before the text: it begins nothing */
	TOKENIZE_BYTES = 8,     /* nothing is lost: decoded with DECODE_BYTES, the bytes are the same; PLAIN too */
};

/*
 * The ids of a text of n bytes (NULs included) in *ids, which the caller
 * frees; returns how many.  Invalid UTF-8 becomes U+FFFD, one for each maximal
 * part of a would-be character; *invalid (may be NULL) gets the offset of the
 * first, or SIZE_MAX.  With TOKENIZE_BYTES it becomes tokens of its bytes; dies
 * where the tokenizer has none, or loses something otherwise.
 */
size_t tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, unsigned flags,
			int32_t **ids, size_t *invalid);

/* The piece of an id as its file names it ("▁cat"), for showing; NULL: no such id. */
const char *tokenizer_piece(const struct tokenizer *t, int32_t id);

/* The id of a piece, or -1. */
int32_t tokenizer_id(const struct tokenizer *t, const char *piece);

/*
 * As tokenizer_id; and whether the token, found in a text, takes the white space
 * on its left or right with it.
 */
struct strips {
	bool left, right;
};
int32_t tokenizer_mark(const struct tokenizer *t, const char *piece, struct strips *strips);

/* True for control tokens such as BOS, which have no text of their own. */
bool tokenizer_special(const struct tokenizer *t, int32_t id);

/*
 * Decoding, id by id: the state of one sequence.  Text comes out as soon as it
 * is sure: a character whose bytes are spread over tokens waits for the rest.
 * (The byte fallback of a tokenizer.json waits for the end of the whole run of
 * byte tokens: tokenizers takes it for text only if all of it is UTF-8.)
 */
struct decoder;

enum {
	DECODE_BEGINS = 1,      /* the first id begins the text: the blank that encoding put there is taken off */
	DECODE_SPECIAL = 2,     /* special tokens are text too, but not those of a tokenizer.model, which have none */
	DECODE_BYTES = 4,       /* bytes that are not UTF-8 are written as they are, not as U+FFFD */
	DECODE_GOES_ON = 8,     /* other text follows the end, so that a suffix there is a space too */
};

struct decoder *decoder_new(const struct tokenizer *t, unsigned flags);

/* A second decoder in the same state. */
struct decoder *decoder_copy(const struct decoder *d);

void decoder_free(struct decoder *d);

/*
 * The bytes that became sure with this id (length *n, valid until the next
 * call).  Dies for an id beyond those that the tokenizer has.
 */
const char *decoder_next(struct decoder *d, int32_t id, size_t *n);

/* What was still held back at the end of the sequence. */
const char *decoder_end(struct decoder *d, size_t *n);

/*
 * Adds to out the bytes that a token stands for amid other text: parts of a
 * character too, which a decoder holds back or replaces.  Nothing for a special
 * token, and for an id that there is not.
 */
void tokenizer_text(const struct tokenizer *t, int32_t id, struct bytes *out);

#endif
