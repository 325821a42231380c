/*
 * pipeline.h: a pipeline of programs of this toolkit whose end is fed back to
 * its beginning: what a model is when it writes.
 *
 *	{ source; cat loop; } | stage | stage | ... | tee loop | sink
 *
 * Here it is put together and written out for a shell; loop.h runs it.
 */
#ifndef LMUTILS_PIPELINE_H
#define LMUTILS_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One process: what execv needs, or a function of ours. */
struct process {
	/* Reads from one descriptor, writes to the other; its result is the exit status. */
	int (*run)(void *what, int in, int out);
	void *what;
	char *path;             /* of the program */
	char **argv;            /* its short name and its arguments, argc of them, then NULL */
	size_t argc;
	char *label;            /* for messages: "attn -l 2" */
};

struct pipeline {
	struct process *stages; /* the first is the source, the last is the sink */
	size_t count;
	const char *input;      /* the file that the source reads; NULL: our standard input */
};

/*
 * Appends a stage that runs `program`, the sibling of that name of the program
 * that is running, with the words after it, up to a NULL, as its arguments.
 */
void pipeline_add(struct pipeline *p, const char *program, ...) __attribute__((sentinel));

/*
 * Appends a process that runs a function of ours.  With one as its last stage a
 * pipeline is a ring: it reads what the stage before it writes, and writes what
 * the first one reads, and standard input and output are its own affair.
 */
void pipeline_function(struct pipeline *p, const char *label, int (*run)(void *, int, int), void *what);

/* Appends arguments to the last stage: one, or several up to a NULL. */
void pipeline_word(struct pipeline *p, const char *word);
void pipeline_words(struct pipeline *p, char *const *words);

void pipeline_free(struct pipeline *p);

/*
 * Writes shell words (POSIX sh) that run the same programs with the same
 * arguments: all stages in a chain, without a loop, for a place in a longer
 * pipeline; or the whole loop, in a subshell with $LM_MODEL set to `model`.
 * A program's name is bare where $PATH leads to it.
 */
void pipeline_print_chain(const struct pipeline *p, FILE *out);
void pipeline_print_loop(const struct pipeline *p, const char *model, FILE *out);

#endif
