/*
 * feedforward.h: the feed-forward network, which works on each row by itself:
 * expand, bend, compress.
 *
 * One layer: x[n, d] -> x + W_down bend(W_up x'), x' normalized; or, with a
 * gate, x + W_down (bend(W_gate x') * W_up x').
 * Shazeer, GLU Variants Improve Transformer, arXiv:2002.05202.
 */
#ifndef LMUTILS_FEEDFORWARD_H
#define LMUTILS_FEEDFORWARD_H

#include "model.h"
#include "tap.h"

/*
 * The points: gate and up, each [n, ffn], before the nonlinearity; neurons =
 * bend(gate) * up, or bend(up) in a model without a gate, which has no such
 * point; out = W_down neurons, before it is added to x.
 */
enum feedforward_point { FFN_GATE, FFN_UP, FFN_NEURONS, FFN_OUT };
extern const char *const feedforward_points[];

struct feedforward {
	size_t layer, d, width;
	struct norm norm;
	bool gated;
	struct linear gate, up, down;
	enum activation activation;
	bool exact;
};

void feedforward_init(struct feedforward *w, const struct model *m, size_t layer, bool exact);

/* The points whose values --until leaves in the frame, for taps.leave. */
unsigned feedforward_leaves(int until);

/* Applies the layer to a frame: its x is replaced.  taps may be NULL. */
void feedforward_apply(struct feedforward *w, struct frame *f, const struct stream *in, struct taps *taps);

void feedforward_destroy(struct feedforward *w);

#endif
