/*
 * gradients.h: the way back through each part of the model: from the gradient
 * of what the part gave, that of what it was given and those of its weights.
 *
 * The gradient of a value is the derivative of the loss by each of its
 * elements; dx stands for the gradient of x.  Gradients of weights are added to
 * what is there, since a weight is used by every row; the rows' order, ascending,
 * is the order of the sum (those of norms are summed by 128 rows first), whatever
 * the number of threads.
 *
 * The derivation by hand: attention, Dao et al., FlashAttention, arXiv:2205.14135,
 * appendix B.4; RMSNorm, Zhang and Sennrich, arXiv:1910.07467; the chain rule for
 * networks, Rumelhart, Hinton and Williams, Learning representations by
 * back-propagating errors, Nature 323, 1986.
 */
#ifndef LMUTILS_GRADIENTS_H
#define LMUTILS_GRADIENTS_H

#include "attention.h"
#include "model.h"

/*
 * y = x W^T + b:  dx = dy W,  dW += dy^T x,  db += the sum of dy's rows.
 * x[n, in], dy[n, out], dx[n, in] (NULL: not wanted; with add, added to what is
 * there), dw[out, in], db[out] (NULL without a bias).  W must be F32.
 */
struct linear_gradient {
	const struct linear *l;
	float *dw, *db;
};
void linear_backward(const struct linear_gradient *g, const float *x, const float *dy, size_t n, float *dx, bool add);

/*
 * y = x s w, s = 1 / sqrt(mean(x^2) + eps):  with x' = x s and e = dy w,
 * dx += s (e - x' mean(e x')),  dw += the sum over rows of dy x'.
 */
void norm_backward(const struct norm *w, const float *x, const float *dy, size_t n, size_t d, float *dx, float *dw);

/*
 * Steps 5 to 7 of attention: z = P v with P = softmax(scale q k^T), k and v as
 * the layer keeps them.  For each query head, D = the sum of dz z, and
 * dP = dz v^T,  dS = P (dP - D) scale,  dq = dS k,  dk += dS^T q,  dv += P^T dz.
 * P is made again from q and k, which costs less than to keep it.
 * q, z, dz, dq[n, heads, head_dim]; dk, dv[n, kv_heads, head_dim], not added to.
 * The rows must be whole sequences, one after the other, each from position 0 on.
 */
void attention_backward(const struct attention *a, const struct rows *r, const float *q, const float *z,
			const float *dz, float *dq, float *dk, float *dv);

/* x[i] = row ids[i] of the embedding:  dw[ids[i]] += dx[i]. */
void embedding_backward(const int32_t *ids, const float *dx, size_t n, size_t d, float *dw);

/*
 * The loss of each row, -log softmax(logits)[target], its sum returned; the
 * logits[n, vocab] become their gradient, (softmax - 1 at the target) scale.
 */
double loss_backward(float *logits, const int32_t *targets, size_t n, size_t vocab, float scale);

#endif
