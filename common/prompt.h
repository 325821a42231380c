/*
 * prompt.h: from texts to the frames with which a stream begins.
 */
#ifndef LMUTILS_PROMPT_H
#define LMUTILS_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "bpetrain.h"
#include "bytes.h"
#include "chat.h"
#include "stream.h"
#include "tokenizer.h"

/* The sequences that a stream begins with, numbered from 0. */
struct prompts {
	const char *model;                      /* the model's hash for the frames, or NULL */
	const struct tokenizer *tokenizer;      /* NULL: texts are ids as numbers */
	struct trainer *trainer;                /* not NULL: it learns the texts, and there are no sequences */
	const struct chat *chat;                /* not NULL: a text is what the user says */
	unsigned flags;                         /* TOKENIZE_, for the tokenizer */
	bool split;                             /* each part that `end` ends is a text of its own */
	char end;

	struct ids *sequences;
	size_t count, room;
	bool warned;                            /* of what is not UTF-8 */
};

/*
 * Adds a text of n bytes, or what can be read from a descriptor, as a sequence,
 * or with split as one for each part; nothing need end the last.  label names
 * it in messages.  Dies for one without any token, since nothing could follow
 * from it; warns, once, of what is not UTF-8.
 */
void prompts_add(struct prompts *p, const char *label, const char *s, size_t n);
void prompts_read(struct prompts *p, const char *label, int fd);

/* Adds the operands of a command; "-", or none at all, is standard input. */
void prompts_operands(struct prompts *p, char **operands, size_t count);

/*
 * Adds the operands as one conversation, by turns the user's and the
 * assistant's; or that in a JSON file, unless it is NULL.  Standard input, as
 * in prompts_operands, is a message less the newline at its end.
 */
void prompts_chat(struct prompts *p, char **operands, size_t count, const char *file);

/*
 * Writes the sequences: first all but their last ids, in frames of at most
 * chunk rows whose want is 0; then the last id of every one in a single frame
 * with want 1; then an end frame.  So the stages can work on several chunks at
 * once, and prediction begins with one batch.  want_all sets want to 1
 * everywhere.  Dies if there is no sequence.
 */
void prompts_write(const struct prompts *p, struct stream *out, size_t chunk, bool want_all);

/*
 * Writes more ids (n >= 1) of sequence 0, from position pos on, in the same
 * manner, without an end frame.
 */
void prompts_write_turn(struct stream *out, const char *model, const struct ids *ids, size_t pos, size_t chunk);

/* Prints a table of their tokens to standard output. */
void prompts_show(const struct prompts *p);

void prompts_free(struct prompts *p);

#endif
