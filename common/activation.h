/* activation.h: the nonlinearities of feed-forward networks. */
#ifndef LMUTILS_ACTIVATION_H
#define LMUTILS_ACTIVATION_H

#include <math.h>

#include "elementary.h"
#include "family.h"

/* x sigmoid(x).  Ramachandran et al., arXiv:1710.05941 ("swish"). */
static inline float silu(float x)
{
	return x / (1 + exp_f32(-x));
}

/* x times the probability that a standard normal variable is below x: arXiv:1606.08415. */
static inline float gelu(float x)
{
	return 0.5f * x * (1 + erf_f32(x * 0.70710678f));
}

/*
 * The same approximated by tanh, as GPT-2 has it, and by a sigmoid.  The first
 * is x/2 (1 + tanh(u)), u = sqrt(2 / pi) (x + 0.044715 x^3), which is
 * x / (1 + e^-2u).
 */
static inline float gelu_tanh(float x)
{
	return x / (1 + exp_f32(-1.5957691f * (x + 0.044715f * x * x * x)));
}

static inline float gelu_sigmoid(float x)
{
	return x / (1 + exp_f32(-1.702f * x));
}

static inline float relu(float x)
{
	return x > 0 ? x : 0;
}

static inline float sigmoid(float x)
{
	return 1 / (1 + exp_f32(-x));
}

/* x tanh(log(1 + e^x)), with tanh and log resolved: arXiv:1908.08681. */
static inline float mish(float x)
{
	float e = exp_f32(x);
	return x > 15 ? x : x * (e * (e + 2)) / (e * (e + 2) + 2);
}

/* gelu, of which nothing is above 10 (and nothing ever was below -10): arXiv:2004.09602. */
static inline float gelu_10(float x)
{
	float y = gelu(x);
	return y > 10 ? 10 : y;
}

static inline float relu6(float x)
{
	return relu(x) < 6 ? relu(x) : 6;
}

/* x times a sigmoid of three straight lines: arXiv:1905.02244. */
static inline float hardswish(float x)
{
	return x * relu6(x + 3) / 6;
}

/* The probability that a normal variable of mean sqrt(1/2) and variance 1 / (4 pi) is below x: arXiv:2209.10655. */
static inline float laplace(float x)
{
	return 0.5f * (1 + erf_f32((x - 0.707107f) / 0.39894257f));
}

/* The root of log(1 + e^x), which is e^x far below 0 and x far above. */
static inline float sqrt_softplus(float x)
{
	float e = exp_f32(x);
	if (x > 20)
		return sqrtf(x);
	return sqrtf(e > 0x1p-25f ? (float)log_f64(1 + (double)e) : e);
}

static inline float activate(enum activation activation, float x)
{
	switch (activation) {
	case ACTIVATION_SILU:
		return silu(x);
	case ACTIVATION_GELU:
		return gelu(x);
	case ACTIVATION_GELU_TANH:
		return gelu_tanh(x);
	case ACTIVATION_GELU_SIGMOID:
		return gelu_sigmoid(x);
	case ACTIVATION_RELU:
		return relu(x);
	case ACTIVATION_RELU_SQUARED:
		return relu(x) * relu(x);
	case ACTIVATION_RELU6:
		return relu6(x);
	case ACTIVATION_LEAKY_RELU:
		return x > 0 ? x : 0.01f * x;
	case ACTIVATION_TANH:
		return tanh_f32(x);
	case ACTIVATION_SIGMOID:
		return sigmoid(x);
	case ACTIVATION_MISH:
		return mish(x);
	case ACTIVATION_GELU_10:
		return gelu_10(x);
	case ACTIVATION_HARDSWISH:
		return hardswish(x);
	case ACTIVATION_LAPLACE:
		return laplace(x);
	case ACTIVATION_SQRT_SOFTPLUS:
		return sqrt_softplus(x);
	case ACTIVATION_LINEAR:
		return x;
	}
	return x;
}

/*
 * The derivative of those with which models can be trained: has_slope().  Of
 * relu at 0 it is 0.
 */
static inline float silu_slope(float x)
{
	float s = sigmoid(x);
	return s * (1 + x * (1 - s));
}

static inline float gelu_slope(float x)
{
	return 0.5f * (1 + erf_f32(x * 0.70710678f)) + x * 0.39894228f * exp_f32(-0.5f * x * x);
}

/* gelu_tanh is x s, s = sigmoid(2u), so its slope is s + x s (1 - s) 2u'. */
static inline float gelu_tanh_slope(float x)
{
	float s = sigmoid(1.5957691f * (x + 0.044715f * x * x * x));
	return s + x * s * (1 - s) * 1.5957691f * (1 + 0.134145f * x * x);
}

static inline float slope(enum activation activation, float x)
{
	switch (activation) {
	case ACTIVATION_SILU:
		return silu_slope(x);
	case ACTIVATION_GELU:
		return gelu_slope(x);
	case ACTIVATION_GELU_TANH:
		return gelu_tanh_slope(x);
	case ACTIVATION_RELU:
		return x > 0;
	case ACTIVATION_RELU_SQUARED:
		return 2 * relu(x);
	default:
		return activation == ACTIVATION_LINEAR;
	}
}

static inline bool has_slope(enum activation activation)
{
	return activation == ACTIVATION_SILU || activation == ACTIVATION_GELU || activation == ACTIVATION_GELU_TANH ||
	       activation == ACTIVATION_RELU || activation == ACTIVATION_RELU_SQUARED || activation == ACTIVATION_LINEAR;
}

#endif
