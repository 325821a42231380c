/*
 * kvcache.h: the keys and values of the tokens seen so far.
 *
 * A layer's attention needs them for every later token; keeping them is what
 * makes the next token cost one row instead of the whole text.  They are kept
 * by (seq, pos), in blocks of 512 positions that are allocated as a sequence
 * grows and shared between a sequence and its forks until one of them writes.
 */
#ifndef LMUTILS_KVCACHE_H
#define LMUTILS_KVCACHE_H

#include "stream.h"

#define KV_BLOCK 512            /* positions a block; also attention's blocks of keys */
#define KV_SEQUENCES 4096       /* sequences a stage holds unless told otherwise */

struct kv_block {
	size_t references;
	float *k, *v;           /* [kv_heads, KV_BLOCK, head_dim] */
};

struct kv_sequence {
	size_t length;          /* positions held: 0 to length - 1 */
	struct kv_block **blocks;
	size_t block_count;
	unsigned long frame;    /* the last that had rows of it, counted from 1 */
};

struct kv_cache {
	size_t kv_heads, head_dim;
	size_t context;         /* positions a sequence may have */
	size_t limit;           /* sequences there may be */
	struct kv_sequence *sequences;
	size_t count;
};

void kv_init(struct kv_cache *c, size_t kv_heads, size_t head_dim, size_t context, size_t limit);
void kv_destroy(struct kv_cache *c);

/*
 * What a frame says to the cache before its rows: `free` [k] forgets
 * sequences, `fork` [k, 2] makes sequence b a copy of a, and the first row of
 * a sequence cuts it off at its pos if that goes back.  Then the rows must
 * continue their sequences without a gap.  Dies if they do not, and for a
 * sequence or position beyond the limits.
 */
void kv_prepare(struct kv_cache *c, const struct frame *f, const struct stream *in,
		const struct rows *r);

/*
 * Room for position pos of a sequence, which kv_prepare has accepted: the key
 * of KV head h is at *k + h * KV_BLOCK * head_dim, likewise the value.
 */
void kv_at(struct kv_cache *c, int32_t seq, int32_t pos, float **k, float **v);

/* A block of a sequence, for reading. */
const struct kv_block *kv_block(const struct kv_cache *c, int32_t seq, size_t block);

#endif
