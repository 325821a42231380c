/* history.c: the tokens of the sequences.  See history.h. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "history.h"
#include "memory.h"

static struct history_sequence *sequence(struct history *h, const struct stream *in, int32_t seq)
{
	frame_check_sequence(in, seq, h->limit);
	if ((size_t)seq >= h->count) {
		size_t count = (size_t)seq < h->limit / 2 ? 2 * (size_t)seq + 1 : h->limit;
		h->sequences = mem_resize(h->sequences, count, sizeof *h->sequences);
		memset(h->sequences + h->count, 0, (count - h->count) * sizeof *h->sequences);
		for (; h->count < count; h->count++)
			h->sequences[h->count].chosen.id = -1;
	}
	return &h->sequences[seq];
}

static void forget(struct history_sequence *q)
{
	free(q->tokens);
	*q = (struct history_sequence){.chosen.id = -1};
}

static void fork_sequence(struct history *h, const struct stream *in, int32_t from, int32_t to)
{
	sequence(h, in, from);
	struct history_sequence *b = sequence(h, in, to), *a = sequence(h, in, from);
	if (a == b)
		return;
	forget(b);
	*b = *a;
	b->room = a->n;
	b->tokens = mem_array(a->n, sizeof *b->tokens);
	memcpy(b->tokens, a->tokens, a->n * sizeof *b->tokens);
}

void history_prepare(struct history *h, const struct frame *f, const struct stream *in)
{
	struct orders o = frame_orders(f, in);
	for (size_t i = 0; i < o.ended_count; i++)
		forget(sequence(h, in, o.ended[i]));
	for (size_t i = 0; i < o.fork_count; i++)
		fork_sequence(h, in, o.forks[i][0], o.forks[i][1]);
}

/* Goes back to pos, whose token, if it was chosen here, is once more the choice. */
static void truncate(struct history_sequence *q, size_t pos)
{
	q->chosen.id = -1;
	q->ends = false;
	if (pos >= q->made)
		q->chosen = q->tokens[pos];
	else
		q->made = pos;
	q->n = pos;
}

const struct history_sequence *history_row(struct history *h, const struct stream *in, int32_t seq, int32_t pos,
					   int32_t id)
{
	struct history_sequence *q = sequence(h, in, seq);
	size_t at = (size_t)pos;
	if (at >= h->context)
		die(in->name, "frame %lu: sequence %d: position %d, the context of %zu positions is full (-c)",
		    in->frames, seq, pos, h->context);
	if (at > q->n)
		die(in->name, "frame %lu: sequence %d: position %d, must be at most %zu: the tokens before it are needed",
		    in->frames, seq, pos, q->n);
	if (at < q->n)
		truncate(q, at);
	if (q->n == q->room)
		q->tokens = mem_resize(q->tokens, q->room = 2 * q->room + 16, sizeof *q->tokens);
	bool made = id >= 0 && id == q->chosen.id && !q->ends;
	q->tokens[q->n++] = made ? q->chosen : (struct history_token){.id = id};
	if (!made)
		q->made = q->n;
	q->chosen.id = -1;
	q->ends = false;
	return q;
}

void history_choose(struct history *h, int32_t seq, struct history_token chosen, bool ends)
{
	h->sequences[seq].chosen = chosen;
	h->sequences[seq].ends = ends;
}

void history_destroy(struct history *h)
{
	for (size_t i = 0; i < h->count; i++)
		free(h->sequences[i].tokens);
	free(h->sequences);
}
