/* hash.c: a fingerprint of bytes.  See hash.h. */
#include "hash.h"

struct hash hash_start(void)
{
	return (struct hash){0xcbf29ce484222325};
}

static void add_word(struct hash *h, uint64_t word)
{
	h->state = (h->state ^ word) * 0x100000001b3;
	h->state ^= h->state >> 32;     /* high bits must reach the low ones too */
}

void hash_add(struct hash *h, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t word = 0;
	add_word(h, n);
	for (size_t i = 0; i < n; i++) {
		word |= (uint64_t)p[i] << (8 * (i % 8));
		if (i % 8 == 7 || i + 1 == n) {
			add_word(h, word);
			word = 0;
		}
	}
}

uint64_t hash_end(const struct hash *h)
{
	uint64_t z = h->state;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}
