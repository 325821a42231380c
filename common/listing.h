/*
 * listing.h: tokens for people, a line each: sequence, position, id, piece.
 */
#ifndef LMUTILS_LISTING_H
#define LMUTILS_LISTING_H

#include <stdint.h>

#include "stream.h"
#include "tokenizer.h"

/* Print to standard output; t may be NULL, and then there are no pieces. */
void listing_header(const struct tokenizer *t);
void listing_token(const struct tokenizer *t, int32_t seq, int32_t pos, int32_t id);

/* The rows of a frame read from `in`. */
void listing_frame(const struct tokenizer *t, const struct frame *f, const struct stream *in);

#endif
