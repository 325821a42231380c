/*
 * attention.h: each token looks at the tokens before it and takes what matters.
 *
 * One layer: x[n, d] -> x + W_o z.  Vaswani et al., Attention Is All You Need,
 * arXiv:1706.03762; grouped queries, Ainslie et al., arXiv:2305.13245; softmax
 * block by block, Dao et al., FlashAttention, arXiv:2205.14135.
 */
#ifndef LMUTILS_ATTENTION_H
#define LMUTILS_ATTENTION_H

#include "kvcache.h"
#include "model.h"
#include "tap.h"

/*
 * The points of the computation: q, k, v before rope; scores and pattern
 * [n, heads, keys], each row's keys from position 0, padded with -inf and 0;
 * z the heads' averages of values; out = W_o z, before it is added to x.
 */
enum attention_point {
	ATTENTION_Q, ATTENTION_K, ATTENTION_V, ATTENTION_SCORES, ATTENTION_PATTERN,
	ATTENTION_Z, ATTENTION_OUT,
};
extern const char *const attention_points[];

struct attention {
	size_t layer, d, heads, kv_heads, head_dim;
	float scale;                    /* of scores: 1 / sqrt(head_dim), unless the model has it otherwise */
	struct norm norm;
	struct linear q, k, v, o;
	struct rope rope;
	struct kv_cache cache;
	bool exact;
};

/* The weights of one layer; context 0 takes the model's. */
void attention_init(struct attention *a, const struct model *m, size_t layer, size_t context,
		    size_t sequences, bool exact);

/* The points whose values --until leaves in the frame, for taps.leave. */
unsigned attention_leaves(int until);

/* Applies the layer to a frame: its x is replaced.  taps may be NULL. */
void attention_apply(struct attention *a, struct frame *f, const struct stream *in, struct taps *taps);

/*
 * Steps 3 to 7 for rows that kv_prepare has accepted: turns q[n, heads, head_dim] and
 * k[n, kv_heads, head_dim] in place, keeps k and v, and makes z[n, heads, head_dim].
 */
void attention_mix(struct attention *a, const struct rows *r, float *q, float *k, const float *v, float *z);

/* Step 3 alone: turns them by their rows' positions, or with direction -1 back. */
void attention_turn(const struct attention *a, const struct rows *r, float *q, float *k, int direction);

/* The KV head that a query head looks at: heads share them in consecutive groups. */
size_t attention_kv_head(const struct attention *a, size_t head);

void attention_destroy(struct attention *a);

#endif
