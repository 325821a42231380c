/* kvcache.c: keys and values by (seq, pos).  See kvcache.h. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "kvcache.h"
#include "memory.h"

void kv_init(struct kv_cache *c, size_t kv_heads, size_t head_dim, size_t context, size_t limit)
{
	*c = (struct kv_cache){kv_heads, head_dim, context, limit, NULL, 0};
}

static size_t block_floats(const struct kv_cache *c)
{
	return c->kv_heads * KV_BLOCK * c->head_dim;
}

static struct kv_block *block_new(const struct kv_cache *c)
{
	struct kv_block *b = mem_array(1, sizeof *b);
	b->references = 1;
	b->k = mem_aligned(block_floats(c), sizeof *b->k);
	b->v = mem_aligned(block_floats(c), sizeof *b->v);
	return b;
}

static void block_release(struct kv_block *b)
{
	if (--b->references)
		return;
	free(b->k);
	free(b->v);
	free(b);
}

static void truncate_sequence(struct kv_sequence *s, size_t length)
{
	size_t keep = (length + KV_BLOCK - 1) / KV_BLOCK;
	while (s->block_count > keep)
		block_release(s->blocks[--s->block_count]);
	if (s->length > length)
		s->length = length;
}

static void forget(struct kv_sequence *s)
{
	truncate_sequence(s, 0);
	free(s->blocks);
	*s = (struct kv_sequence){0};
}

static struct kv_sequence *sequence(struct kv_cache *c, const struct stream *in, int32_t seq)
{
	frame_check_sequence(in, seq, c->limit);
	if ((size_t)seq >= c->count) {
		size_t count = (size_t)seq + 1 > 2 * c->count ? (size_t)seq + 1 : 2 * c->count;
		c->sequences = mem_resize(c->sequences, count, sizeof *c->sequences);
		memset(c->sequences + c->count, 0, (count - c->count) * sizeof *c->sequences);
		c->count = count;
	}
	return &c->sequences[seq];
}

static void fork_sequence(struct kv_cache *c, const struct stream *in, int32_t from, int32_t to)
{
	sequence(c, in, from);
	struct kv_sequence *b = sequence(c, in, to), *a = sequence(c, in, from);
	if (a == b)
		return;
	forget(b);
	b->length = a->length;
	b->block_count = a->block_count;
	b->blocks = mem_array(a->block_count, sizeof *b->blocks);
	for (size_t i = 0; i < a->block_count; i++) {
		b->blocks[i] = a->blocks[i];
		b->blocks[i]->references++;
	}
}

void kv_prepare(struct kv_cache *c, const struct frame *f, const struct stream *in,
		const struct rows *r)
{
	struct orders o = frame_orders(f, in);
	for (size_t i = 0; i < o.ended_count; i++)
		forget(sequence(c, in, o.ended[i]));
	for (size_t i = 0; i < o.fork_count; i++)
		fork_sequence(c, in, o.forks[i][0], o.forks[i][1]);

	for (size_t i = 0; i < r->n; i++) {
		struct kv_sequence *s = sequence(c, in, r->seq[i]);
		size_t pos = (size_t)r->pos[i];
		if (pos >= c->context)
			die(in->name, "frame %lu: sequence %d: position %zu, the context of %zu positions is full (-c)",
			    in->frames, r->seq[i], pos, c->context);
		if (s->frame != in->frames)
			truncate_sequence(s, pos);
		s->frame = in->frames;
		if (pos != s->length)
			die(in->name, "frame %lu: sequence %d: position %zu, must be %zu", in->frames,
			    r->seq[i], pos, s->length);
		s->length++;
	}
}

void kv_at(struct kv_cache *c, int32_t seq, int32_t pos, float **k, float **v)
{
	struct kv_sequence *s = &c->sequences[seq];
	size_t i = (size_t)pos / KV_BLOCK, offset = (size_t)pos % KV_BLOCK * c->head_dim;
	if (i == s->block_count) {
		s->blocks = mem_resize(s->blocks, i + 1, sizeof *s->blocks);
		s->blocks[s->block_count++] = block_new(c);
	}
	if (s->blocks[i]->references > 1) {
		struct kv_block *shared = s->blocks[i], *own = block_new(c);
		memcpy(own->k, shared->k, block_floats(c) * sizeof *own->k);
		memcpy(own->v, shared->v, block_floats(c) * sizeof *own->v);
		block_release(shared);
		s->blocks[i] = own;
	}
	*k = s->blocks[i]->k + offset;
	*v = s->blocks[i]->v + offset;
}

const struct kv_block *kv_block(const struct kv_cache *c, int32_t seq, size_t block)
{
	return c->sequences[seq].blocks[block];
}

void kv_destroy(struct kv_cache *c)
{
	for (size_t i = 0; i < c->count; i++)
		forget(&c->sequences[i]);
	free(c->sequences);
}
