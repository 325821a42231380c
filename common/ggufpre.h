/*
 * ggufpre.h: how a BPE vocabulary of a GGUF file wants text cut, by the
 * name that its tokenizer.ggml.pre gives.
 *
 * Sources: the tokenizer.json of the models in question; the names are those of
 * llama.cpp, src/llama-vocab.cpp.
 */
#ifndef LMUTILS_GGUFPRE_H
#define LMUTILS_GGUFPRE_H

#include <stdbool.h>

#include "gguf.h"

struct gguf_pre {
	const char *names;              /* separated by spaces */
	const char *regexes[6];         /* one after the other, each on the pieces of the one before */
	bool ignore_merges;             /* a piece in the vocabulary stays whole */
	bool add_bos, add_sep;          /* unless the file says otherwise */
	bool always_bos;                /* whatever the file says */
	bool characters;                /* not byte-level: U+2581 for spaces, "<0xE2>" for characters without a piece */
	bool whole_newlines;            /* newlines in a row that are a piece stay whole */
	bool qwen_nfc;                  /* Qwen's own models compose characters first (NFC) */
};

/* The row of a name, or NULL. */
const struct gguf_pre *gguf_pre_find(struct gguf_string name);

#endif
