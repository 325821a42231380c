/*
 * tokenizer_lists.h: the long lists of a tokenizer's files, pieces and merges,
 * which are read without a tree of their JSON.
 */
#ifndef LMUTILS_TOKENIZER_LISTS_H
#define LMUTILS_TOKENIZER_LISTS_H

#include <stdbool.h>

#include "bpe.h"
#include "bytes.h"
#include "jsonreader.h"
#include "vocabulary.h"

/* Those of a tokenizer.json's model: readers of the values, whose s is NULL where there are none. */
struct long_lists {
	struct json_reader vocabulary, merges;
};

/*
 * Finds them in the text of a tokenizer.json.  All else of it goes to rest, in
 * which an empty list or object on as many lines stands for each.
 */
struct long_lists lists_find(const char *path, const char *s, size_t n, struct bytes *rest);

/* Reads {"piece": id, ...}; of equal pieces the last one counts. */
void list_vocabulary(struct json_reader *r, struct vocabulary *v);

/* Reads [["a", "b"], ...], or as in older files ["a b", ...], where the best merge comes first. */
void list_merges(struct json_reader *r, struct bpe *b);

/* Reads such a merge as a line of n bytes, "a b"; dies, naming the file. */
void list_merge(const char *path, struct bpe *b, size_t rank, const char *line, size_t n);

#endif
