/* activation.h: the nonlinearities of feed-forward networks. */
#ifndef LMUTILS_ACTIVATION_H
#define LMUTILS_ACTIVATION_H

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

/* The same approximated by tanh, as GPT-2 has it, and by a sigmoid. */
static inline float gelu_tanh(float x)
{
	return 0.5f * x * (1 + tanh_f32(0.79788456f * (x + 0.044715f * x * x * x)));
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
		return relu(x) < 6 ? relu(x) : 6;
	case ACTIVATION_LEAKY_RELU:
		return x > 0 ? x : 0.01f * x;
	case ACTIVATION_TANH:
		return tanh_f32(x);
	case ACTIVATION_SIGMOID:
		return sigmoid(x);
	case ACTIVATION_MISH:
		return mish(x);
	case ACTIVATION_LINEAR:
		return x;
	}
	return x;
}

#endif
