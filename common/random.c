/* random.c: random numbers as a function of seed, sequence and position.  See random.h. */
#include <string.h>

#include "random.h"

#define ROUNDS 10

void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
	uint32_t k0 = key[0], k1 = key[1];

	memcpy(out, counter, 4 * sizeof *out);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t a = (uint64_t)0xd2511f53 * out[0], b = (uint64_t)0xcd9e8d57 * out[2];

		out[0] = (uint32_t)(b >> 32) ^ out[1] ^ k0;
		out[1] = (uint32_t)b;
		out[2] = (uint32_t)(a >> 32) ^ out[3] ^ k1;
		out[3] = (uint32_t)a;
		k0 += 0x9e3779b9;
		k1 += 0xbb67ae85;
	}
}

double random_uniform(uint64_t seed, int32_t seq, int32_t pos, uint32_t draw)
{
	uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
	uint32_t counter[4] = {(uint32_t)pos, (uint32_t)seq, draw, 0}, word[4];

	philox(key, counter, word);
	return (double)(((uint64_t)word[1] << 32 | word[0]) >> 11) * 0x1p-53;
}
