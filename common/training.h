/*
 * training.h: the whole model forward and back: from a batch of text to the
 * loss and the gradient of every weight.
 *
 * The loss is the mean over the batch's predictions of -log p(next token): the
 * one objective of a base model.  Forward, every value has the same bits as in
 * the stages embed, attn, ffn and logits with the same weights.
 */
#ifndef LMUTILS_TRAINING_H
#define LMUTILS_TRAINING_H

#include "attention.h"
#include "embedding.h"
#include "feedforward.h"
#include "model.h"

/* Rows of whole sequences, one after the other: seq counts from 0, pos from 0 in each. */
struct batch {
	size_t n;
	int32_t *ids, *targets;         /* [n]: the token, and the one that follows it */
	int32_t *seq, *pos;             /* [n] */
};

struct training {
	struct model *m;                /* a model_copy */
	float *gradients;               /* [m->weight_count], as m->weights */
	struct embedding embedding;
	struct attention *attention;    /* [layers] */
	struct feedforward *feedforward;
	struct unembedding unembedding;
	struct pass *passes;            /* [layers]: what each kept of the way forward */
	size_t batches;                 /* so far */
};

/* Dies if the model has something whose gradient is not known here. */
void training_init(struct training *t, struct model *m);
void training_destroy(struct training *t);

/* The mean loss of a batch; the gradients become its own. */
double training_gradients(struct training *t, const struct batch *b);

/* The sum of the losses of a batch's predictions, without gradients. */
double training_loss(struct training *t, const struct batch *b);

/* The logits[n, vocab] of a batch's rows. */
void training_logits(struct training *t, const struct batch *b, float *logits);

#endif
