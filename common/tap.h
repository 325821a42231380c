/*
 * tap.h: inner values of a stage, in and out.
 *
 * Each stage names its points in the order of its computation.  A tap copies
 * the value at a point into the frame, as tensor STAGE.LAYER.POINT, or into a
 * stream of its own in a file.  --until POINT stops there and leaves in the
 * frame what the rest needs; --from POINT takes it from the frame and goes on.
 */
#ifndef LMUTILS_TAP_H
#define LMUTILS_TAP_H

#include "stream.h"

#define TAPS_MAX 16

struct tap {
	int point;
	struct stream file;             /* fd -1: into the frame */
};

struct taps {
	const char *const *points;      /* names, in order, NULL at the end */
	struct tap taps[TAPS_MAX];
	size_t count;
	int from, until;                /* points, or -1 */
	unsigned leave;                 /* set of points that --until leaves in the frame */
};

/* getopt's values of the options below, beside those of stage.h. */
enum { TAP_TAP = 512, TAP_FROM, TAP_UNTIL };

/*
 * Takes one of --tap NAME[=FILE], --from NAME and --until NAME; false if c is
 * another.  A wrong argument exits 2.
 */
bool taps_option(struct taps *t, int c, const char *argument);

/*
 * Exits 2 unless --from lies before --until.  Points up to last_input are taken
 * and left together, and --until one of them is a way to begin at once.
 */
void taps_check(const struct taps *t, int last_input);

/* Exits 2 if an option names a point that, for the reason given, this model does not have. */
void taps_refuse(const struct taps *t, int point, const char *reason);

/* Opens the files, once nothing else can be wrong with the command: it empties them. */
void taps_open(struct taps *t);

/* True if the point's value is wanted by a tap or left by --until. */
bool taps_want(const struct taps *t, int point);

/*
 * Hands out a value of n rows of a by b elements (b 0: rank 2) under the name
 * STAGE.LAYER.POINT to all who want it, if any; rows are those of f.
 */
void taps_give(struct taps *t, struct frame *f, const char *stage, size_t layer, int point,
	       const float *value, size_t n, size_t a, size_t b);

/*
 * Takes STAGE.LAYER.POINT out of the frame: a copy for the caller to free.  Its
 * shape must be [n, a, b]; *b may be SIZE_MAX and then gets what is there.
 */
float *taps_take(struct frame *f, const struct stream *in, const char *stage, size_t layer,
		 const char *point, size_t n, size_t a, size_t *b);

/* Ends the streams in files. */
void taps_finish(struct taps *t);

#endif
