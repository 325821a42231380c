/*
 * tokenizer_ranks.h: byte-level BPE whose file gives each token's bytes in base64 and
 * its rank, for those files that read one (tokenizer_ranks.c, tokenizer_tekken.c).
 */
#ifndef LMUTILS_TOKENIZER_RANKS_H
#define LMUTILS_TOKENIZER_RANKS_H

#include <stdint.h>

#include "bpe.h"
#include "tokenizer_parts.h"

/* The model of a tokenizer, without tokens. */
struct bpe *ranks_model(struct tokenizer *t);

/*
 * Adds the token whose bytes n characters of base64 give; the ids rise with the ranks.
 * Dies, with the token's number in the file, if it makes no sense.
 */
void ranks_add(const struct tokenizer *t, struct bpe *b, size_t number, const char *base64, size_t n, int64_t id);

/*
 * Adds the other steps: text is cut at the matches of a regex.  Dies unless every byte
 * is a token.
 */
void ranks_complete(struct tokenizer *t, const struct bpe *b, const char *regex, size_t n);

#endif
