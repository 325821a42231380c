/*
 * tokenizer_json.h: reading the members of a tokenizer.json.  All die, naming
 * the file and the key, where a value is of another type than it should be.
 */
#ifndef LMUTILS_TOKENIZER_JSON_H
#define LMUTILS_TOKENIZER_JSON_H

#include <jansson.h>

#include "tokenizer_lists.h"
#include "tokenizer_parts.h"

/* True if a member is missing or null. */
bool json_missing(const json_t *value);

/* The string of a key, and its length in *n (may be NULL). */
const char *string_of(const struct tokenizer *t, const json_t *object, const char *key, size_t *n);

/* The same as bytes of one's own. */
struct bytes bytes_of(const struct tokenizer *t, const json_t *object, const char *key);

bool flag_of(const struct tokenizer *t, const json_t *object, const char *key, bool otherwise);
size_t count_of(const struct tokenizer *t, const json_t *object, const char *key);

/* An id in [0, VOCABULARY_ID_MAX]; piece is for the message. */
int32_t id_of(const struct tokenizer *t, const json_t *value, const char *piece);

/*
 * A JSON file beside a tokenizer, in a directory (or NULL): NULL if there is none; dies if it
 * is broken.  And tokenizer_config.json.
 */
json_t *tokenizer_side_file(const char *directory, const char *name);
json_t *tokenizer_config(const char *directory);

/* A special token's text in tokenizer_config.json: "[CLS]", or {"content": "[CLS]", ...}; or else another. */
const char *tokenizer_special_of(const json_t *config, const char *key, const char *otherwise);

/*
 * Adds the tokens that tokenizer_config.json (or NULL) names, or if that does not list
 * them with their ids, special_tokens_map.json and added_tokens.json; in the order of their
 * ids; and those of `otherwise` (count, or up to a NULL).
 */
void tokenizer_load_specials(struct tokenizer *t, const char *directory, const json_t *config,
			     const char *const *otherwise, size_t count);

/* Dies: "unsupported WHAT 'TYPE'". */
_Noreturn void unsupported(const struct tokenizer *t, const char *what, const char *type);

/* A part that the "type" of an object chooses. */
struct json_part {
	const char *type;
	void (*load)(struct tokenizer *t, const json_t *object);
};

/* Loads an object by the row of its type in a table that an all-zero row ends. */
void load_part(struct tokenizer *t, const json_t *object, const char *what, const struct json_part *table);

/* Models, from the file's "model" and its long lists. */
void tokenizer_json_unigram(struct tokenizer *t, const json_t *model, struct long_lists *lists);
void tokenizer_json_wordpiece(struct tokenizer *t, const json_t *model, struct long_lists *lists);

/* The pre-tokenizer UnicodeScripts. */
void tokenizer_json_scripts(struct tokenizer *t, const json_t *step);

/* Adds the steps that the file's "normalizer" and so on ask for. */
void tokenizer_json_normalizer(struct tokenizer *t, const json_t *root);
void tokenizer_json_pretokenizer(struct tokenizer *t, const json_t *root);
void tokenizer_json_postprocessor(struct tokenizer *t, const json_t *root);
void tokenizer_json_decoder(struct tokenizer *t, const json_t *root);

#endif
