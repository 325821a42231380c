/*
 * tokenmodel.h: the model of a tokenizer: a vocabulary, and how a piece of
 * text becomes ids of it.  The kinds (BPE, SentencePiece's) each fill in one.
 */
#ifndef LMUTILS_TOKENMODEL_H
#define LMUTILS_TOKENMODEL_H

#include <stddef.h>

#include "bytes.h"
#include "vocabulary.h"

struct token_model {
	const struct vocabulary *vocabulary;
	size_t tokens;                  /* how many there are, where equal pieces count apart; 0: as many as pieces */
	void *state;                    /* of its kind; what follows gets it */
	/* Adds the ids of n bytes of valid UTF-8, fewer than 2^31, to out. */
	void (*encode)(const void *state, const char *s, size_t n, struct ids *out);
	void (*free)(void *state);
};

#endif
