/*
 * tokentext.h: the texts of all tokens of a vocabulary (tokenizer_text), side by
 * side, for those who look at all of them for each choice.
 */
#ifndef LMUTILS_TOKENTEXT_H
#define LMUTILS_TOKENTEXT_H

#include "tokenizer.h"

struct token_texts {
	struct bytes text;
	size_t *ends;           /* [count]: a token's text begins where the one before ends */
	size_t count;
};

struct token_texts *token_texts_new(const struct tokenizer *t);
void token_texts_free(struct token_texts *texts);

/* The n bytes of a token's text; none for an id that there is not. */
const char *token_text(const struct token_texts *texts, int32_t id, size_t *n);

#endif
