/*
 * embedding.h: from ids to vectors and, at the other end, from vectors to a
 * score for each token of the vocabulary.
 */
#ifndef LMUTILS_EMBEDDING_H
#define LMUTILS_EMBEDDING_H

#include "model.h"
#include "stream.h"

struct embedding {
	struct linear tokens;           /* [vocab, d] */
	struct linear positions;        /* [context, d]; no data: the model has none */
};

void embedding_init(struct embedding *e, const struct model *m);
void embedding_destroy(struct embedding *e);

/* ids[n] -> x[n, d]: row ids[i] of the tokens' matrix, plus, if there is one, row pos[i] of the positions'. */
void embedding_apply(const struct embedding *e, struct frame *f, const struct stream *in);

struct unembedding {
	struct norm norm;               /* the final one */
	struct linear head;             /* [vocab, d] */
	bool exact;
};

void unembedding_init(struct unembedding *u, const struct model *m, bool exact);
void unembedding_destroy(struct unembedding *u);

/*
 * x[n, d] -> logits[m, vocab], one row for each of the m wanted rows.  With
 * best > 0 only that many a row: top.ids and top.logits [m, best], by falling
 * logit (the lower id first among equals), and top.lse [m], the log of the sum
 * of e^logit over the whole vocabulary.  x is dropped.
 */
void unembedding_apply(const struct unembedding *u, struct frame *f, const struct stream *in, size_t best);

#endif
