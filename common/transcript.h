/*
 * transcript.h: the rows of a stream written out as text, or as numbers: the
 * sequences one after the other, although they come mixed.
 */
#ifndef LMUTILS_TRANSCRIPT_H
#define LMUTILS_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream.h"
#include "tokenizer.h"

/* The most sequences that are held at a time. */
#define TRANSCRIPT_SEQUENCES (1 << 16)

struct transcript {
	const struct tokenizer *tokenizer;      /* NULL: ids are printed as numbers */
	unsigned decode;                        /* DECODE_SPECIAL, DECODE_BYTES */
	bool terminate;                         /* `end` after each sequence; else '\n' between them */
	char end;

	struct transcript_sequence **sequences; /* unprinted, by rising number */
	size_t count, room;
	struct transcript_sequence *current;    /* the one that is being printed, or NULL */
	bool complete;                          /* a row was wanted: all sequences that begin together are known */
	bool separate;                          /* a sequence has been printed */
	char last;                              /* the last byte printed; 0: none */
};

/*
 * Takes the rows of a frame read from `in`, and its free and fork, and prints
 * what is sure to standard output at once.  The sequence of the lowest number
 * is printed as it comes; others wait until it is freed.  Where positions go
 * back, decoding starts afresh; what has been printed stays.  Back to 0, a new
 * text begins.  Dies where positions leave a gap.
 */
void transcript_add(struct transcript *t, const struct frame *f, const struct stream *in);

/* Prints what was held back, at the end of the stream. */
void transcript_finish(struct transcript *t);

#endif
