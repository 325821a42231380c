/* corpus.c: the text to learn from.  See corpus.h. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "corpus.h"
#include "hash.h"
#include "memory.h"
#include "random.h"

/* Cuts ids[first] to ids[first + n - 1], a document, into parts of at most `longest` rows. */
static void add_document(struct corpus *c, size_t *room, size_t first, size_t n, size_t longest)
{
	for (size_t at = 0, rows; at + 1 < n; at += rows) {
		rows = n - 1 - at < longest ? n - 1 - at : longest;
		if (c->count == *room) {
			*room = *room ? 2 * *room : 64;
			c->parts = mem_resize(c->parts, *room, sizeof *c->parts);
		}
		c->parts[c->count++] = (struct part){first + at, rows};
		c->predictions += rows;
	}
}

void corpus_init(struct corpus *c, struct prompts *p, const char *name, int32_t end, size_t longest, size_t vocab)
{
	size_t total = 0, room = 0;
	*c = (struct corpus){0};
	for (size_t i = 0; i < p->count; i++)
		total += p->sequences[i].n + 1;
	c->ids = mem_array(total, sizeof *c->ids);
	for (size_t i = 0; i < p->count; i++) {
		const struct ids *s = &p->sequences[i];
		size_t first = c->n;
		memcpy(c->ids + c->n, s->data, s->n * sizeof *s->data);
		c->n += s->n;
		if (end >= 0 && (s->n == 0 || s->data[s->n - 1] != end))
			c->ids[c->n++] = end;
		for (size_t k = first; k < c->n; k++)
			if ((size_t)c->ids[k] >= vocab)
				die(name, "document %zu: id %d, must be in [0, %zu]", i + 1, c->ids[k], vocab - 1);
		add_document(c, &room, first, c->n - first, longest);
	}
	prompts_free(p);
	if (c->count == 0)
		die(name, "nothing to predict: no document has two tokens");
}

/* Fisher and Yates, with a random number for each place. */
static void shuffle(struct corpus *c)
{
	if (!c->order)
		c->order = mem_array(c->count, sizeof *c->order);
	for (size_t i = 0; i < c->count; i++)
		c->order[i] = i;
	for (size_t i = c->count - 1; i > 0; i--) {
		double u = random_uniform(c->seed, (int32_t)c->epoch, (int32_t)i, 0);
		size_t j = (size_t)(u * (double)(i + 1)), swap = c->order[i];
		c->order[i] = c->order[j];
		c->order[j] = swap;
	}
}

static void add_part(const struct corpus *c, const struct part *part, int32_t seq, struct batch *b)
{
	for (size_t i = 0; i < part->n; i++, b->n++) {
		b->ids[b->n] = c->ids[part->first + i];
		b->targets[b->n] = c->ids[part->first + i + 1];
		b->seq[b->n] = seq;
		b->pos[b->n] = (int32_t)i;
	}
}

bool corpus_next(struct corpus *c, struct batch *b, bool once)
{
	int32_t *memory = mem_array(4 * c->batch, sizeof *memory);
	*b = (struct batch){0, memory, memory + c->batch, memory + 2 * c->batch, memory + 3 * c->batch};
	for (int32_t seq = 0;; seq++) {
		if (c->next == c->count && (b->n > 0 || once)) {
			if (b->n > 0)
				return true;
			batch_free(b);
			c->next = 0;
			return false;
		}
		if (c->next == c->count) {
			c->next = 0;
			c->epoch++;
			shuffle(c);
		}
		if (!c->order)
			shuffle(c);
		const struct part *part = &c->parts[c->order[c->next]];
		if (b->n + part->n > c->batch)
			return true;
		add_part(c, part, seq, b);
		c->next++;
	}
}

uint64_t corpus_hash(const struct corpus *c)
{
	struct hash h = hash_start();
	hash_add(&h, c->ids, c->n * sizeof *c->ids);
	hash_add(&h, c->parts, c->count * sizeof *c->parts);
	return hash_end(&h);
}

void batch_free(struct batch *b)
{
	free(b->ids);
}

void corpus_free(struct corpus *c)
{
	free(c->ids);
	free(c->parts);
	free(c->order);
}
