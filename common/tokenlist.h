/*
 * tokenlist.h: tokens named on the command line: "5,7,cat", or with a number
 * each, "5=-2,cat=0.5".
 *
 * A whole number is an id; anything else is a piece as `tok --show` prints it, or
 * else the text of a token, if there is just one token of that text.
 */
#ifndef LMUTILS_TOKENLIST_H
#define LMUTILS_TOKENLIST_H

#include <stdbool.h>

#include "tokenizer.h"

/* All zero is an empty list. */
struct token_list {
	struct named_token {
		int32_t id;             /* -1: not looked up yet */
		double value;
		char *name;             /* as it was given, for messages */
	} *tokens;
	size_t n;
	const char *option;             /* for messages: "--bias" */
};

/*
 * Adds the tokens of an option's argument; with `values`, each with a number in
 * [min, max].  Exits 2 for what is none.
 */
void token_list_add(struct token_list *list, const char *option, const char *text, bool values, double min,
		    double max);

/* Does one of them need a tokenizer to be looked up? */
bool token_list_has_names(const struct token_list *list);

/* Looks up those that are no ids.  Exits 2 if there is no such token, or more than one. */
void token_list_resolve(struct token_list *list, const struct tokenizer *t);

/* Exits 2 for an id that a vocabulary of so many tokens has not. */
void token_list_within(const struct token_list *list, size_t vocab);
void token_id_within(const char *option, int32_t id, size_t vocab);

/* Puts them in the order of their ids; the values of equal ones are added. */
void token_list_sort(struct token_list *list);

/* The token of an id, or NULL, in a list that is sorted. */
const struct named_token *token_list_find(const struct token_list *list, int32_t id);

void token_list_free(struct token_list *list);

#endif
