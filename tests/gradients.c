/*
 * gradients.c: gradients against central differences.
 *
 *	gradients MODEL GRADIENTS IDS...
 *
 * Each IDS is a sequence of ids with blanks between them.  The loss is computed
 * here once more, in double precision, plainly and by nothing that lmtrain uses,
 * from the weights of MODEL (a Llama in F32, with biases or without); GRADIENTS
 * is what lmtrain --gradients wrote for the same sequences.  Every weight is
 * moved up and down a little, and the slope of the loss compared with its
 * gradient.  Prints how many there were and the largest difference, relative to
 * the larger of the gradient and the root mean square of its tensor's gradients.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cli.h"
#include "mapping.h"
#include "memory.h"
#include "model.h"

enum { LAYERS_MAX = 8 };

/* W[out, in] and b[out], or a vector W[out]. */
struct part {
	double *w, *b;
	size_t out, in;
};

static struct config config;
static struct part embedding, final_norm, head, norm_a[LAYERS_MAX], norm_f[LAYERS_MAX], q_of[LAYERS_MAX], k_of[LAYERS_MAX],
	v_of[LAYERS_MAX], o_of[LAYERS_MAX], gate_of[LAYERS_MAX], up_of[LAYERS_MAX], down_of[LAYERS_MAX];

static void usage(FILE *f)
{
	fputs("usage: gradients model gradients ids ...\n", f);
}

/* y = W x + b */
static void multiply(const struct part *p, const double *x, double *y)
{
	for (size_t o = 0; o < p->out; o++) {
		y[o] = p->b ? p->b[o] : 0;
		for (size_t k = 0; k < p->in; k++)
			y[o] += p->w[o * p->in + k] * x[k];
	}
}

static void rms_norm(const struct part *p, const double *x, double *y)
{
	double sum = 0;
	for (size_t k = 0; k < p->out; k++)
		sum += x[k] * x[k];
	for (size_t k = 0; k < p->out; k++)
		y[k] = x[k] / sqrt(sum / (double)p->out + (double)config.eps) * p->w[k];
}

/* As Hugging Face's llama has it: pairs (i, i + n/2). */
static void rotate(double *x, size_t position)
{
	size_t pairs = config.head_dim / 2;
	for (size_t i = 0; i < pairs; i++) {
		double angle = (double)position * pow(config.rope.theta, -(double)i / (double)pairs);
		double a = x[i], b = x[i + pairs];
		x[i] = a * cos(angle) - b * sin(angle);
		x[i + pairs] = b * cos(angle) + a * sin(angle);
	}
}

static double bend(double x)
{
	switch (config.activation) {
	case ACTIVATION_SILU:
		return x / (1 + exp(-x));
	case ACTIVATION_GELU:
		return x * erfc(-x / sqrt(2)) / 2;
	case ACTIVATION_GELU_TANH:
		return x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x))) / 2;
	case ACTIVATION_RELU:
		return fmax(x, 0);
	case ACTIVATION_RELU_SQUARED:
		return fmax(x, 0) * fmax(x, 0);
	case ACTIVATION_LINEAR:
		return x;
	default:
		die(NULL, "an activation that lmtrain does not know either");
	}
}

/* x[n, d] += W_o z */
static void attention(size_t layer, double *x, size_t n)
{
	size_t hd = config.head_dim, wide = config.heads * hd, narrow = config.kv_heads * hd, d = config.d;
	double *q = mem_array(n * wide, sizeof *q), *k = mem_array(n * narrow, sizeof *k), *v = mem_array(n * narrow, sizeof *v);
	double *y = mem_array(d, sizeof *y), *z = mem_array(wide, sizeof *z), *p = mem_array(n, sizeof *p);
	for (size_t i = 0; i < n; i++) {
		rms_norm(&norm_a[layer], x + i * d, y);
		multiply(&q_of[layer], y, q + i * wide);
		multiply(&k_of[layer], y, k + i * narrow);
		multiply(&v_of[layer], y, v + i * narrow);
		for (size_t h = 0; h < config.heads; h++)
			rotate(q + i * wide + h * hd, i);
		for (size_t h = 0; h < config.kv_heads; h++)
			rotate(k + i * narrow + h * hd, i);
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t h = 0; h < config.heads; h++) {
			size_t shared = h / (config.heads / config.kv_heads) * hd;
			double sum = 0;
			for (size_t j = 0; j <= i; j++) {
				double score = 0;
				for (size_t e = 0; e < hd; e++)
					score += q[i * wide + h * hd + e] * k[j * narrow + shared + e];
				sum += p[j] = exp(score / sqrt((double)hd));
			}
			for (size_t e = 0; e < hd; e++) {
				z[h * hd + e] = 0;
				for (size_t j = 0; j <= i; j++)
					z[h * hd + e] += p[j] / sum * v[j * narrow + shared + e];
			}
		}
		multiply(&o_of[layer], z, y);
		for (size_t e = 0; e < d; e++)
			x[i * d + e] += y[e];
	}
	free(q);
	free(k);
	free(v);
	free(y);
	free(z);
	free(p);
}

/* x[n, d] += W_down (bend(W_gate x') * W_up x') */
static void feedforward(size_t layer, double *x, size_t n)
{
	size_t d = config.d;
	double *y = mem_array(d, sizeof *y), *gate = mem_array(config.ffn, sizeof *gate), *up = mem_array(config.ffn, sizeof *up);
	for (size_t i = 0; i < n; i++) {
		rms_norm(&norm_f[layer], x + i * d, y);
		multiply(&gate_of[layer], y, gate);
		multiply(&up_of[layer], y, up);
		for (size_t e = 0; e < config.ffn; e++)
			gate[e] = bend(gate[e]) * up[e];
		multiply(&down_of[layer], gate, y);
		for (size_t e = 0; e < d; e++)
			x[i * d + e] += y[e];
	}
	free(y);
	free(gate);
	free(up);
}

/* The sum of -log p(next) over a sequence. */
static double sequence_loss(const int32_t *ids, size_t n)
{
	size_t d = config.d;
	double *x = mem_array(n * d, sizeof *x), *y = mem_array(d, sizeof *y), *logits = mem_array(config.vocab, sizeof *logits);
	double loss = 0;
	for (size_t i = 0; i + 1 < n; i++)
		memcpy(x + i * d, embedding.w + (size_t)ids[i] * d, d * sizeof *x);
	for (size_t l = 0; l < config.layers; l++) {
		attention(l, x, n - 1);
		feedforward(l, x, n - 1);
	}
	for (size_t i = 0; i + 1 < n; i++) {
		double sum = 0;
		rms_norm(&final_norm, x + i * d, y);
		multiply(&head, y, logits);
		for (size_t k = 0; k < config.vocab; k++)
			sum += exp(logits[k]);
		loss += log(sum) - logits[ids[i + 1]];
	}
	free(x);
	free(y);
	free(logits);
	return loss;
}

static struct ids sequences[64];
static size_t sequence_count;

static double mean_loss(void)
{
	double sum = 0;
	size_t n = 0;
	for (size_t s = 0; s < sequence_count; s++)
		if (sequences[s].n > 1) {
			sum += sequence_loss(sequences[s].data, sequences[s].n);
			n += sequences[s].n - 1;
		}
	return sum / (double)n;
}

/* ---- the model, and the gradients by name ---- */

static double *as_double(const float *x, size_t n)
{
	double *y = mem_array(n, sizeof *y);
	for (size_t i = 0; i < n; i++)
		y[i] = x[i];
	return y;
}

static struct part load(const struct model *m, enum slot slot, size_t layer)
{
	struct part p = {.in = 1};
	if (slot == SLOT_FINAL_NORM || slot == SLOT_ATTENTION_NORM || slot == SLOT_FFN_NORM) {
		p.out = m->config.d;
		p.w = as_double(model_norm(m, slot, layer).weight, p.out);
		return p;
	}
	struct linear l = model_linear(m, slot, layer);
	p.out = l.w.out;
	p.in = l.w.in;
	p.w = as_double(l.w.data, p.out * p.in);
	if (l.bias)
		p.b = as_double(l.bias, p.out);
	return p;
}

static void load_model(const struct model *m)
{
	config = m->config;
	if (config.layers > LAYERS_MAX)
		die(NULL, "too many layers");
	embedding = load(m, SLOT_EMBEDDING, 0);
	final_norm = load(m, SLOT_FINAL_NORM, 0);
	head = config.tied ? embedding : load(m, SLOT_UNEMBEDDING, 0);
	for (size_t l = 0; l < config.layers; l++) {
		norm_a[l] = load(m, SLOT_ATTENTION_NORM, l);
		norm_f[l] = load(m, SLOT_FFN_NORM, l);
		q_of[l] = load(m, SLOT_Q, l);
		k_of[l] = load(m, SLOT_K, l);
		v_of[l] = load(m, SLOT_V, l);
		o_of[l] = load(m, SLOT_O, l);
		gate_of[l] = load(m, SLOT_GATE, l);
		up_of[l] = load(m, SLOT_UP, l);
		down_of[l] = load(m, SLOT_DOWN, l);
	}
}

struct gradients {
	struct safetensors st;
	const char *path;
	size_t seen, weights;
	double worst;
};

static void check(struct gradients *g, const char *name, double *w, size_t n)
{
	const struct tensor *t = NULL;
	double square = 0;
	for (size_t i = 0; i < g->st.count; i++)
		if (strcmp(g->st.tensors[i].name, name) == 0)
			t = &g->st.tensors[i];
	if (!t || t->type != DTYPE_F32 || t->bytes != n * sizeof(float))
		die(g->path, "no gradient of '%s'", name);
	const float *gradient = t->data;
	for (size_t i = 0; i < n; i++)
		square += (double)gradient[i] * gradient[i];
	for (size_t i = 0; i < n; i++) {
		const double old = w[i], h = 1e-4;
		w[i] = old + h;
		double above = mean_loss();
		w[i] = old - h;
		double slope = (above - mean_loss()) / (2 * h);
		w[i] = old;
		double size = fmax(fabs(slope), sqrt(square / (double)n)), error = fabs(slope - gradient[i]) / size;
		if (size == 0 ? gradient[i] != 0 : error > g->worst)
			g->worst = size == 0 ? INFINITY : error;
	}
	g->seen++;
	g->weights += n;
}

static void check_part(struct gradients *g, const struct part *p, const char *format, size_t layer)
{
	char name[128];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	int length = snprintf(name, sizeof name, format, layer);
#pragma GCC diagnostic pop
	snprintf(name + length, sizeof name - (size_t)length, ".weight");
	check(g, name, p->w, p->out * p->in);
	if (!p->b)
		return;
	snprintf(name + length, sizeof name - (size_t)length, ".bias");
	check(g, name, p->b, p->out);
}

int main(int argc, char **argv)
{
	cli_start(argv, usage);
	if (argc < 4)
		cli_usage_error("a model, gradients and ids");
	struct model *m = model_open(argv[1]);
	load_model(m);
	for (int i = 3; i < argc && sequence_count < sizeof sequences / sizeof *sequences; i++, sequence_count++)
		for (char *word = strtok(argv[i], " "); word; word = strtok(NULL, " "))
			ids_add(&sequences[sequence_count], (int32_t)cli_integer("ids", word, 0, (int64_t)config.vocab - 1));
	struct gradients g = {.path = argv[2]};
	size_t size, start;
	map_safetensors(argv[2], &size, &start, &g.st);
	check_part(&g, &embedding, "model.embed_tokens", 0);
	check_part(&g, &final_norm, "model.norm", 0);
	if (!config.tied)
		check_part(&g, &head, "lm_head", 0);
	for (size_t l = 0; l < config.layers; l++) {
		check_part(&g, &norm_a[l], "model.layers.%zu.input_layernorm", l);
		check_part(&g, &norm_f[l], "model.layers.%zu.post_attention_layernorm", l);
		check_part(&g, &q_of[l], "model.layers.%zu.self_attn.q_proj", l);
		check_part(&g, &k_of[l], "model.layers.%zu.self_attn.k_proj", l);
		check_part(&g, &v_of[l], "model.layers.%zu.self_attn.v_proj", l);
		check_part(&g, &o_of[l], "model.layers.%zu.self_attn.o_proj", l);
		check_part(&g, &gate_of[l], "model.layers.%zu.mlp.gate_proj", l);
		check_part(&g, &up_of[l], "model.layers.%zu.mlp.up_proj", l);
		check_part(&g, &down_of[l], "model.layers.%zu.mlp.down_proj", l);
	}
	if (g.seen + 1 != g.st.count)   /* and the loss */
		die(argv[2], "%zu tensors, %zu were looked at", g.st.count, g.seen + 1);
	printf("%zu %.3g\n", g.weights, g.worst);
	return cli_finish();
}
