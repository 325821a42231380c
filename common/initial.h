/*
 * initial.h: where training begins: small random numbers.
 */
#ifndef LMUTILS_INITIAL_H
#define LMUTILS_INITIAL_H

#include "training.h"

/*
 * Matrices normal with deviation std, those that write to the residual stream
 * with std / sqrt(2 layers), so that their sum stays as small (Radford et al.,
 * Language Models are Unsupervised Multitask Learners, 2019, section 2.3);
 * norms 1, biases 0.  A number depends on the seed, its tensor and its place.
 */
void initial_weights(struct training *t, uint64_t seed, double std);

#endif
