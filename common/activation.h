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

static inline float activate(enum activation activation, float x)
{
	switch (activation) {
	case ACTIVATION_SILU:
		return silu(x);
	}
	return x;
}

#endif
