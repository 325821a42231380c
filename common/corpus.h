/*
 * corpus.h: the text to learn from, as batches of sequences in a random order.
 *
 * A document becomes one sequence, or if it is longer than `longest` tokens
 * several, so that each of its tokens but the first is predicted once.
 */
#ifndef LMUTILS_CORPUS_H
#define LMUTILS_CORPUS_H

#include "prompt.h"
#include "training.h"

struct corpus {
	int32_t *ids;                   /* [n] of all documents, one after the other */
	size_t n;
	struct part {
		size_t first, n;        /* n rows from ids[first]; the last one's target follows it */
	} *parts;
	size_t count;
	size_t predictions;             /* of all parts */

	uint64_t seed;
	size_t batch;                   /* rows of a batch, at most */
	uint32_t epoch;                 /* how often all was shown */
	size_t next;                    /* of the order of this epoch, the part that comes next */
	size_t *order;                  /* [count], a permutation; NULL: not made yet */
};

/*
 * Takes over the sequences of p; after each comes `end`, unless it is there already or
 * -1.  Dies if there is nothing to predict, or an id is not below vocab.
 */
void corpus_init(struct corpus *c, struct prompts *p, const char *name, int32_t end, size_t longest, size_t vocab);

/*
 * The next batch: parts in the random order that the seed gives this epoch, as many as fit
 * and are left of it.  All depends on seed, epoch and next alone.  With once, false after
 * an epoch, and from the first part on again the next time.
 */
bool corpus_next(struct corpus *c, struct batch *b, bool once);

/* A fingerprint of the text and how it is cut. */
uint64_t corpus_hash(const struct corpus *c);

void batch_free(struct batch *b);
void corpus_free(struct corpus *c);

#endif
