/*
 * ggufend.h: the tokens with which models end what they say.  A GGUF file names
 * one or two of them by id; the others are known by their text.
 *
 * Source: llama.cpp, src/llama-vocab.cpp.
 */
#ifndef LMUTILS_GGUFEND_H
#define LMUTILS_GGUFEND_H

#include <stdbool.h>

#include "gguf.h"

/* True for the text of such a token. */
bool gguf_is_end(struct gguf_string token);

#endif
