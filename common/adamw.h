/*
 * adamw.h: from gradients to new weights.
 *
 * Each weight goes its own step: against its gradient's running mean m, by the
 * size of its usual gradient, the root of the running mean v of its square.
 * Kingma and Ba, Adam, arXiv:1412.6980; decay beside the gradient instead of
 * within it, Loshchilov and Hutter, Decoupled Weight Decay Regularization,
 * arXiv:1711.05101.
 */
#ifndef LMUTILS_ADAMW_H
#define LMUTILS_ADAMW_H

#include "model.h"

struct adamw {
	double beta1, beta2, eps;       /* of the running means; added to the root */
	double decay;                   /* of matrices, times the rate; vectors do not decay */
	double clip;                    /* the norm of all gradients is at most this; 0: any */
	float *m, *v;                   /* [weights] running means, zeros at first */
};

/*
 * The rate of step 1 to total: a straight line up to peak at the step warmup,
 * then half a cosine down to least at the step total.
 */
double adamw_rate(double peak, double least, int64_t step, int64_t warmup, int64_t total);

/* The root of the sum of squares of n gradients. */
double gradient_norm(const float *gradients, size_t n);

/*
 * Step `step` (from 1) of the weights of a model_copy.  With norm the gradients'
 * and c = min(1, clip / (norm + 1e-6)), g = c gradient:
 *	w = w (1 - rate decay)                  matrices only
 *	m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
 *	w = w - rate m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + eps)
 */
void adamw_step(const struct adamw *a, struct model *model, const float *gradients, double norm, int64_t step,
		double rate);

#endif
