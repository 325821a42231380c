/* transcript.c: the rows of a stream as text.  See transcript.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cli.h"
#include "memory.h"
#include "transcript.h"

struct transcript_sequence {
	int32_t number;
	int64_t next;                   /* position expected; -1: any */
	struct decoder *decoder;        /* NULL before the first row, and for numbers */
	struct bytes text;              /* that waits to be printed */
	bool numbers;                   /* some have been printed, a blank must follow */
	bool ended;
};

/* Where a sequence of this number, the newest of several, is or should stand. */
static size_t find_place(const struct transcript *t, int32_t number)
{
	size_t low = 0, high = t->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->sequences[middle]->number <= number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The sequence of this number that has not ended, or NULL. */
static struct transcript_sequence *find(const struct transcript *t, int32_t number)
{
	size_t i = find_place(t, number);
	if (i == 0 || t->sequences[i - 1]->number != number || t->sequences[i - 1]->ended)
		return NULL;
	return t->sequences[i - 1];
}

static struct transcript_sequence *find_or_add(struct transcript *t, int32_t number, const struct stream *in)
{
	struct transcript_sequence *s = find(t, number);
	if (s)
		return s;
	if (t->count == TRANSCRIPT_SEQUENCES)
		die(in->name, "frame %lu: more than %d sequences that have not ended", in->frames, TRANSCRIPT_SEQUENCES);
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->sequences = mem_resize(t->sequences, t->room, sizeof *t->sequences);
	}
	size_t i = find_place(t, number);
	memmove(&t->sequences[i + 1], &t->sequences[i], (t->count - i) * sizeof *t->sequences);
	t->count++;
	s = t->sequences[i] = mem_zero(1, sizeof *s);
	s->number = number;
	s->next = -1;
	return s;
}

static void end_sequence(struct transcript_sequence *s)
{
	size_t n;
	if (s->decoder) {
		const char *text = decoder_end(s->decoder, &n);
		bytes_add(&s->text, text, n);
		decoder_free(s->decoder);
		s->decoder = NULL;
	}
	s->ended = true;
}

static void add_id(const struct transcript *t, struct transcript_sequence *s, int32_t id, int32_t pos)
{
	size_t n;
	if (!t->tokenizer) {
		char number[16];
		n = (size_t)snprintf(number, sizeof number, s->numbers ? " %d" : "%d", id);
		bytes_add(&s->text, number, n);
		s->numbers = true;
		return;
	}
	if (!s->decoder)
		s->decoder = decoder_new(t->tokenizer, t->decode | (pos == 0 ? DECODE_BEGINS : 0));
	const char *text = decoder_next(s->decoder, id, &n);
	bytes_add(&s->text, text, n);
}

static void add_row(struct transcript *t, int32_t id, int32_t number, int32_t pos, const struct stream *in)
{
	struct transcript_sequence *s = find_or_add(t, number, in);
	if (pos == 0 && s->next > 0) {
		end_sequence(s);
		s = find_or_add(t, number, in);
	}
	if (s->next >= 0 && pos > s->next)
		die(in->name, "frame %lu: sequence %d goes on at position %d instead of %lld", in->frames, number,
		    pos, (long long)s->next);
	if (pos < s->next) {
		decoder_free(s->decoder);
		s->decoder = NULL;
	}
	add_id(t, s, id, pos);
	s->next = (int64_t)pos + 1;
}

/* Sequence b goes on where a is now. */
static void fork_sequence(struct transcript *t, int32_t a, int32_t b, const struct stream *in)
{
	const struct transcript_sequence *from = find(t, a);
	if (!from || a == b)
		return;
	struct transcript_sequence *to = find_or_add(t, b, in);
	decoder_free(to->decoder);
	to->decoder = from->decoder ? decoder_copy(from->decoder) : NULL;
	to->next = from->next;
}

static void print(struct transcript *t, const char *s, size_t n)
{
	if (n == 0)
		return;
	fwrite(s, 1, n, stdout);
	t->last = s[n - 1];
}

/* Prints what there is of the current sequence, and if it has ended, of the next. */
static void print_ready(struct transcript *t)
{
	while (t->count > 0) {
		struct transcript_sequence *s = t->current;
		if (!s && !t->complete && t->sequences[0]->number != 0)
			break;          /* one with a lower number may come yet */
		if (!s) {
			s = t->current = t->sequences[0];
			if (t->separate && !t->terminate)
				print(t, "\n", 1);
			t->separate = true;
		}
		print(t, s->text.data, s->text.n);
		s->text.n = 0;
		if (!s->ended)
			break;
		if (t->terminate)
			print(t, &t->end, 1);
		size_t i = 0;
		while (t->sequences[i] != s)
			i++;
		t->count--;
		memmove(&t->sequences[i], &t->sequences[i + 1], (t->count - i) * sizeof *t->sequences);
		bytes_free(&s->text);
		free(s);
		t->current = NULL;
	}
	if (fflush(stdout) == EOF)
		die("stdout", "%s", strerror(errno));
}

void transcript_add(struct transcript *t, const struct frame *f, const struct stream *in)
{
	struct rows r = frame_rows(f, in, NEED_IDS | NEED_SEQ | NEED_POS);
	struct orders o = frame_orders(f, in);
	for (size_t i = 0; i < o.ended_count; i++) {
		struct transcript_sequence *s = find(t, o.ended[i]);
		if (s)
			end_sequence(s);
	}
	for (size_t i = 0; i < o.fork_count; i++)
		fork_sequence(t, o.forks[i][0], o.forks[i][1], in);
	for (size_t i = 0; i < r.n; i++)
		add_row(t, r.ids[i], r.seq[i], r.pos[i], in);
	for (size_t i = 0; i < r.n; i++)
		t->complete |= !r.want || r.want[i];
	print_ready(t);
}

void transcript_finish(struct transcript *t)
{
	for (size_t i = 0; i < t->count; i++)
		end_sequence(t->sequences[i]);
	t->complete = true;
	print_ready(t);
	free(t->sequences);
}
