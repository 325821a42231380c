/*
 * random.h: random numbers that are a function of where they are used.
 *
 * There is no state: the number for the token at position pos of sequence seq
 * depends on the seed, seq and pos alone, so that it is the same whatever else
 * is in the batch, and a continued stream goes on as if it had not stopped.
 */
#ifndef LMUTILS_RANDOM_H
#define LMUTILS_RANDOM_H

#include <stdint.h>

/*
 * Philox4x32-10: turns the counter into 4 random words by 10 rounds of
 * multiplication and exclusive or with a key.  Salmon, Moraes, Dror and Shaw,
 * "Parallel random numbers: as easy as 1, 2, 3", SC11, 2011.
 */
void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

/*
 * Uniform in [0, 1), a multiple of 2^-53: the first two words of Philox with
 * the seed as key and the counter (pos, seq, draw, 0).  draw tells apart the
 * numbers that one token needs, from 0.
 */
double random_uniform(uint64_t seed, int32_t seq, int32_t pos, uint32_t draw);

#endif
