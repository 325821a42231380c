/*
 * bpetrain.h: making a vocabulary: byte pair encoding learned from text.
 *
 * The text is cut into words, as it will be when it is encoded, and each word is a row of
 * bytes.  Then, again and again, the pair of neighbours that occurs most often becomes a
 * token of its own, until there are as many tokens as were asked for.
 *
 * Of equally frequent pairs the one with the smaller left id is taken, then the smaller
 * right id.  Ids count the special tokens, then the characters that stand for the 256
 * bytes (bytelevel.h) by code point, then the merges in order.  All is as the BpeTrainer of
 * tokenizers does it, src/models/bpe/trainer.rs.
 *
 * Source: Sennrich, Haddow and Birch, Neural Machine Translation of Rare Words with
 * Subword Units, 2016, algorithm 1.
 */
#ifndef LMUTILS_BPETRAIN_H
#define LMUTILS_BPETRAIN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct trainer_options {
	size_t size;                    /* tokens wanted, special ones and bytes included */
	int64_t min_count;              /* a pair that occurs less often is left */
	size_t max_length;              /* a merge with a token before or behind must stay shorter, in bytes */
	const char *pattern;            /* a regex whose matches are the words; NULL: GPT-2's */
	const char **specials;          /* [special_count] */
	size_t special_count;
};

struct trainer;

/* Dies for a pattern that is none, and a size too small for the bytes and special tokens. */
struct trainer *trainer_new(const struct trainer_options *options);

/* Learns the words of n bytes.  What is not UTF-8 is U+FFFD; the offset of the first, or SIZE_MAX. */
size_t trainer_add(struct trainer *t, const char *text, size_t n);

/* Merges, and tells how far it is on standard error if that is a terminal. */
void trainer_merge(struct trainer *t);

/* Writes it all as a tokenizer.json. */
void trainer_write(const struct trainer *t, FILE *f);

void trainer_free(struct trainer *t);

#endif
