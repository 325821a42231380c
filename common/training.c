/* training.c: the model forward and back, concept by concept.  See training.h. */
#include <stdlib.h>
#include <string.h>

#include "activation.h"
#include "cli.h"
#include "gradients.h"
#include "memory.h"
#include "norm.h"
#include "numeric.h"
#include "training.h"

/* What a layer keeps of a batch on the way forward, for the way back; its keys and values are in its cache. */
struct pass {
	float *x;               /* [n, d]: the residual stream that came in */
	float *attention_in;    /* [n, d]: normalized */
	float *q, *z;           /* [n, heads, head_dim]: q turned */
	float *middle;          /* [n, d]: the residual stream between attention and feed-forward network */
	float *ffn_in;          /* [n, d]: normalized */
	float *gate, *up, *neurons;     /* [n, ffn] */
};

void training_init(struct training *t, struct model *m)
{
	const struct config *c = &m->config;
	if (m->family->norm != NORM_RMS || m->family->positions != POSITION_ROTARY || !model_has(m, SLOT_GATE))
		die(m->path, "model_type '%s' cannot be trained: RMSNorm, RoPE and a gate are needed", m->family->model_type);
	if (!has_slope(c->activation))
		die(m->path, "a model with this %s cannot be trained", m->family->activation_key);
	*t = (struct training){
		.m = m,
		.gradients = mem_aligned(m->weight_count, sizeof *t->gradients),
		.attention = mem_array(c->layers, sizeof *t->attention),
		.feedforward = mem_array(c->layers, sizeof *t->feedforward),
		.passes = mem_zero(c->layers, sizeof *t->passes),
	};
	embedding_init(&t->embedding, m);
	for (size_t l = 0; l < c->layers; l++) {
		attention_init(&t->attention[l], m, l, 0, STREAM_ROWS_MAX, false);
		feedforward_init(&t->feedforward[l], m, l, false);
	}
	unembedding_init(&t->unembedding, m, false);
}

void training_destroy(struct training *t)
{
	embedding_destroy(&t->embedding);
	for (size_t l = 0; l < t->m->config.layers; l++) {
		attention_destroy(&t->attention[l]);
		feedforward_destroy(&t->feedforward[l]);
	}
	unembedding_destroy(&t->unembedding);
	free(t->attention);
	free(t->feedforward);
	free(t->passes);
	free(t->gradients);
}

static struct rows rows_of(const struct batch *b)
{
	return (struct rows){.n = b->n, .ids = b->ids, .seq = b->seq, .pos = b->pos};
}

static void apply_all(const struct linear *const *l, float *const *y, size_t count, const float *x, size_t n)
{
	struct input input = {.x = x, .n = n, .in = l[0]->w.in};
	linear_all(l, y, count, &input);
	input_free(&input);
}

static void apply(const struct linear *l, const float *x, size_t n, float *y)
{
	apply_all(&l, &y, 1, x, n);
}

static float *room(size_t n, size_t m)
{
	return mem_aligned(n * m, sizeof(float));
}

/* ---- forward ---- */

/* x[n, d]: each token's row of the embedding. */
static void embed_forward(const struct training *t, const struct batch *b, float *x)
{
	size_t d = t->m->config.d;
	const float *embedding = t->embedding.tokens.w.data;
	for (size_t i = 0; i < b->n; i++)
		memcpy(x + i * d, embedding + (size_t)b->ids[i] * d, d * sizeof *x);
}

/* middle = x + W_o z */
static void attention_forward(struct training *t, size_t layer, const struct batch *b)
{
	struct attention *a = &t->attention[layer];
	struct pass *p = &t->passes[layer];
	struct rows r = rows_of(b);
	size_t n = b->n;
	float *k = room(n, a->k.w.out), *v = room(n, a->v.w.out);
	p->attention_in = room(n, a->d);
	p->q = room(n, a->q.w.out);
	p->z = room(n, a->q.w.out);
	p->middle = room(n, a->d);
	normalize(&a->norm, p->x, n, a->d, p->attention_in);
	apply_all((const struct linear *[]){&a->q, &a->k, &a->v}, (float *[]){p->q, k, v}, 3, p->attention_in, n);
	kv_prepare(&a->cache, &(struct frame){0}, &(struct stream){.name = "batch", .frames = t->batches}, &r);
	attention_mix(a, &r, p->q, k, v, p->z);
	apply(&a->o, p->z, n, p->middle);
	for (size_t i = 0; i < n * a->d; i++)
		p->middle[i] += p->x[i];
	free(k);
	free(v);
}

/* x = middle + W_down neurons */
static float *feedforward_forward(struct training *t, size_t layer, const struct batch *b)
{
	struct feedforward *w = &t->feedforward[layer];
	struct pass *p = &t->passes[layer];
	size_t n = b->n;
	float *x = room(n, w->d);
	p->ffn_in = room(n, w->d);
	p->gate = room(n, w->width);
	p->up = room(n, w->width);
	p->neurons = room(n, w->width);
	normalize(&w->norm, p->middle, n, w->d, p->ffn_in);
	apply_all((const struct linear *[]){&w->gate, &w->up}, (float *[]){p->gate, p->up}, 2, p->ffn_in, n);
	activate_gated(w->activation, p->gate, p->up, n * w->width, p->neurons);
	apply(&w->down, p->neurons, n, x);
	for (size_t i = 0; i < n * w->d; i++)
		x[i] += p->middle[i];
	return x;
}

static void forget(struct pass *p)
{
	free(p->x);
	free(p->attention_in);
	free(p->q);
	free(p->z);
	free(p->middle);
	free(p->ffn_in);
	free(p->gate);
	free(p->up);
	free(p->neurons);
	*p = (struct pass){0};
}

/* The residual stream x[n, d] after all layers; what each keeps is kept, unless only x is wanted. */
static float *forward(struct training *t, const struct batch *b, bool keep)
{
	float *x = room(b->n, t->m->config.d);
	t->batches++;
	embed_forward(t, b, x);
	for (size_t l = 0; l < t->m->config.layers; l++) {
		t->passes[l].x = x;
		attention_forward(t, l, b);
		x = feedforward_forward(t, l, b);
		if (!keep)
			forget(&t->passes[l]);
	}
	return x;
}

/* ---- back ---- */

/* Where the gradient of a weight is. */
static float *gradient(const struct training *t, const void *weight)
{
	return weight ? t->gradients + ((const float *)weight - t->m->weights) : NULL;
}

static void linear_back(const struct training *t, const struct linear *l, const float *x, const float *dy, size_t n,
			float *dx, bool add)
{
	linear_backward(&(struct linear_gradient){l, gradient(t, l->w.data), gradient(t, l->bias)}, x, dy, n, dx, add);
}

/* dx[n, d], the gradient of the residual stream, from after the network to before it. */
static void feedforward_back(struct training *t, size_t layer, size_t n, float *dx)
{
	const struct feedforward *w = &t->feedforward[layer];
	const struct pass *p = &t->passes[layer];
	float *dneurons = room(n, w->width), *dgate = room(n, w->width), *dup = room(n, w->width), *din = room(n, w->d);
	linear_back(t, &w->down, p->neurons, dx, n, dneurons, false);
	gate_backward(w->activation, p->gate, p->up, dneurons, n * w->width, dgate, dup);
	linear_back(t, &w->gate, p->ffn_in, dgate, n, din, false);
	linear_back(t, &w->up, p->ffn_in, dup, n, din, true);
	norm_backward(&w->norm, p->middle, din, n, w->d, dx, gradient(t, w->norm.weight));
	free(dneurons);
	free(dgate);
	free(dup);
	free(din);
}

static void attention_back(struct training *t, size_t layer, const struct batch *b, float *dx)
{
	const struct attention *a = &t->attention[layer];
	const struct pass *p = &t->passes[layer];
	struct rows r = rows_of(b);
	size_t n = b->n;
	float *dz = room(n, a->q.w.out), *dq = room(n, a->q.w.out), *din = room(n, a->d);
	float *dk = room(n, a->k.w.out), *dv = room(n, a->v.w.out);
	linear_back(t, &a->o, p->z, dx, n, dz, false);
	attention_backward(a, &r, p->q, p->z, dz, dq, dk, dv);
	attention_turn(a, &r, dq, dk, -1);
	linear_back(t, &a->q, p->attention_in, dq, n, din, false);
	linear_back(t, &a->k, p->attention_in, dk, n, din, true);
	linear_back(t, &a->v, p->attention_in, dv, n, din, true);
	norm_backward(&a->norm, p->x, din, n, a->d, dx, gradient(t, a->norm.weight));
	free(dz);
	free(dq);
	free(din);
	free(dk);
	free(dv);
}

#define LOGITS ((size_t)1 << 20)        /* that are made at a time */

/*
 * From the last residual stream x to the loss, the sum over all rows; unless dx
 * is NULL, and back to dx, the gradient of x.  Some rows at a time, since logits
 * are many.
 */
static double loss(struct training *t, const struct batch *b, const float *x, float *dx)
{
	const struct unembedding *u = &t->unembedding;
	size_t d = u->head.w.in, vocab = u->head.w.out, most = LOGITS / vocab ? LOGITS / vocab : 1;
	float *normed = room(b->n, d), *dnormed = room(most, d), *logits = room(most, vocab);
	double sum = 0;
	normalize(&u->norm, x, b->n, d, normed);
	if (dx)
		memset(dx, 0, b->n * d * sizeof *dx);
	for (size_t i = 0, n; i < b->n; i += n) {
		n = b->n - i < most ? b->n - i : most;
		apply(&u->head, normed + i * d, n, logits);
		sum += loss_backward(logits, b->targets + i, n, vocab, 1 / (float)b->n);
		if (dx) {
			linear_back(t, &u->head, normed + i * d, logits, n, dnormed, false);
			norm_backward(&u->norm, x + i * d, dnormed, n, d, dx + i * d, gradient(t, u->norm.weight));
		}
	}
	free(normed);
	free(dnormed);
	free(logits);
	return sum;
}

double training_gradients(struct training *t, const struct batch *b)
{
	float *x = forward(t, b, true), *dx = room(b->n, t->m->config.d);
	memset(t->gradients, 0, t->m->weight_count * sizeof *t->gradients);
	double sum = loss(t, b, x, dx);
	for (size_t l = t->m->config.layers; l-- > 0;) {
		feedforward_back(t, l, b->n, dx);
		attention_back(t, l, b, dx);
		forget(&t->passes[l]);
	}
	embedding_backward(b->ids, dx, b->n, t->m->config.d, gradient(t, t->embedding.tokens.w.data));
	free(x);
	free(dx);
	return sum / (double)b->n;
}

double training_loss(struct training *t, const struct batch *b)
{
	float *x = forward(t, b, false);
	double sum = loss(t, b, x, NULL);
	free(x);
	return sum;
}

void training_logits(struct training *t, const struct batch *b, float *logits)
{
	const struct unembedding *u = &t->unembedding;
	float *x = forward(t, b, false), *normed = room(b->n, u->head.w.in);
	normalize(&u->norm, x, b->n, u->head.w.in, normed);
	apply(&u->head, normed, b->n, logits);
	free(x);
	free(normed);
}
