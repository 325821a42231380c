/* feedforward.c: one layer's feed-forward network, in the steps of ffn(1). */
#include <stdlib.h>

#include "cli.h"
#include "feedforward.h"
#include "memory.h"
#include "norm.h"
#include "numeric.h"

const char *const feedforward_points[] = {"gate", "up", "neurons", "out", NULL};

void feedforward_init(struct feedforward *w, const struct model *m, size_t layer, bool exact)
{
	const struct config *c = &m->config;
	*w = (struct feedforward){
		.layer = layer, .d = c->d, .width = c->ffn,
		.norm = model_norm(m, SLOT_FFN_NORM, layer),
		.gated = model_has(m, SLOT_GATE),
		.up = model_linear(m, SLOT_UP, layer),
		.down = model_linear(m, SLOT_DOWN, layer),
		.activation = c->activation,
		.exact = exact,
	};
	if (w->gated)
		w->gate = model_linear(m, SLOT_GATE, layer);
}

unsigned feedforward_leaves(int until)
{
	if (until < 0)
		return 0;
	return until <= FFN_UP ? 1u << FFN_GATE | 1u << FFN_UP : 1u << until;
}

void feedforward_apply(struct feedforward *w, struct frame *f, const struct stream *in, struct taps *taps)
{
	struct taps none = {.points = feedforward_points, .from = -1, .until = -1};
	struct taps *t = taps ? taps : &none;
	struct rows r = frame_rows(f, in, NEED_X);
	size_t n = r.n, width = w->width;
	int until = t->until < 0 ? FFN_OUT + 1 : t->until;
	if (n == 0)
		return;
	if (r.d != w->d)
		die(in->name, "frame %lu: x has %zu elements a row, this model's residual stream %zu",
		    in->frames, r.d, w->d);
	float *gate = NULL, *up = NULL, *neurons = NULL, *out = NULL;

	if (t->from < 0) {              /* steps 1 and 2: normalize, expand */
		float *normed = mem_aligned(n * w->d, sizeof *normed);
		up = mem_aligned(n * width, sizeof *up);
		if (w->gated)
			gate = mem_aligned(n * width, sizeof *gate);
		normalize(&w->norm, r.x, n, w->d, normed);
		struct input x = {.x = normed, .n = n, .in = w->d, .exact = w->exact};
		linear_all((const struct linear *[]){&w->up, &w->gate}, (float *[]){up, gate}, w->gated ? 2 : 1, &x);
		input_free(&x);
		free(normed);
		if (w->gated)
			taps_give(t, f, "ffn", w->layer, FFN_GATE, gate, n, width, 0);
		taps_give(t, f, "ffn", w->layer, FFN_UP, up, n, width, 0);
	} else if (t->from <= FFN_UP) {
		if (w->gated)
			gate = taps_take(f, in, "ffn", w->layer, "gate", n, width, NULL);
		up = taps_take(f, in, "ffn", w->layer, "up", n, width, NULL);
	}
	if (until >= FFN_NEURONS) {     /* step 3: bend */
		if (t->from == FFN_NEURONS) {
			neurons = taps_take(f, in, "ffn", w->layer, "neurons", n, width, NULL);
		} else if (t->from < FFN_NEURONS) {
			neurons = mem_aligned(n * width, sizeof *neurons);
			if (w->gated)
				activate_gated(w->activation, gate, up, n * width, neurons);
			else
				activate_all(w->activation, up, n * width, neurons);
			taps_give(t, f, "ffn", w->layer, FFN_NEURONS, neurons, n, width, 0);
		}
	}
	if (until >= FFN_OUT) {         /* step 4: compress */
		if (t->from == FFN_OUT) {
			out = taps_take(f, in, "ffn", w->layer, "out", n, w->d, NULL);
		} else {
			out = mem_aligned(n * w->d, sizeof *out);
			struct input x = {.x = neurons, .n = n, .in = width, .exact = w->exact};
			linear(&w->down, &x, out);
			input_free(&x);
			taps_give(t, f, "ffn", w->layer, FFN_OUT, out, n, w->d, 0);
		}
	}
	if (until > FFN_OUT) {          /* step 5: add to the residual stream */
		float *x = frame_find(f, "x")->data;
		for (size_t k = 0; k < n * w->d; k++)
			x[k] += out[k];
	}
	free(gate);
	free(up);
	free(neurons);
	free(out);
}

void feedforward_destroy(struct feedforward *w)
{
	norm_free(&w->norm);
	linear_free(&w->gate);
	linear_free(&w->up);
	linear_free(&w->down);
}
