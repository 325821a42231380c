/* stopping.c: when a sequence of sampled tokens is complete.  See stopping.h. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "memory.h"
#include "stopping.h"
#include "tokenlist.h"

size_t stopping_eos(const char *text, size_t vocab, int32_t ids[EOS_MAX])
{
	size_t n = 0;

	if (strcmp(text, "none") == 0)
		return 0;
	char *copy = mem_string(text), *rest = copy;
	for (char *end; rest; rest = end) {
		if ((end = strchr(rest, ',')))
			*end++ = '\0';
		if (n == EOS_MAX)
			cli_usage_error("--eos: more than %d ids", EOS_MAX);
		ids[n] = (int32_t)cli_integer("--eos", rest, 0, INT32_MAX);
		token_id_within("--eos", ids[n++], vocab);
	}
	free(copy);
	return n;
}

bool stopping_option(struct stopping *s, int c, const char *argument)
{
	switch (c) {
	case STOPPING_EOS:
		s->eos = s->given_eos;
		s->eos_count = stopping_eos(argument, SIZE_MAX, s->given_eos);
		s->eos_text = argument;
		return true;
	case STOPPING_STOP:
		if (!*argument)
			cli_usage_error("--stop: the text is empty");
		s->texts = mem_resize(s->texts, s->text_count + 1, sizeof *s->texts);
		s->texts[s->text_count++] = (char *)argument;
		return true;
	case 'n':
		s->tokens = (size_t)cli_integer("-n", argument, 0, INT32_MAX);
		return true;
	default:
		return false;
	}
}

void stopping_defaults(struct stopping *s, const struct model *m)
{
	if (m && s->eos_text)
		stopping_eos(s->eos_text, m->config.vocab, s->given_eos);
	if (m && !s->eos_text) {
		s->eos = m->config.eos;
		s->eos_count = m->config.eos_count;
	}
	if (m)
		s->context = model_context(m, s->context);
	else if (s->context == 0)
		s->context = INT32_MAX;
}

static struct stopping_sequence *sequence(struct stopping *s, const struct stream *in, int32_t seq)
{
	frame_check_sequence(in, seq, s->limit);
	if ((size_t)seq >= s->count) {
		size_t count = (size_t)seq < s->limit / 2 ? 2 * (size_t)seq + 1 : s->limit;

		s->sequences = mem_resize(s->sequences, count, sizeof *s->sequences);
		memset(s->sequences + s->count, 0, (count - s->count) * sizeof *s->sequences);
		s->count = count;
	}
	return &s->sequences[seq];
}

/* ---- the tokens of a sequence and their text ---- */

/* True if the text contains one of those looked for, now that it has grown. */
static bool add_text(const struct stopping *s, struct stopping_sequence *q, const char *text, size_t n)
{
	size_t before = q->length;

	q->text = mem_resize(q->text, before + n + 1, 1);
	memcpy(q->text + before, text, n);
	q->length += n;
	for (size_t i = 0; i < s->text_count; i++) {
		size_t overlap = strlen(s->texts[i]) - 1;
		size_t from = before > overlap ? before - overlap : 0;

		if (memmem(q->text + from, q->length - from, s->texts[i], overlap + 1))
			return true;
	}
	return false;
}

static bool decode(const struct stopping *s, struct stopping_sequence *q, int32_t id)
{
	size_t n;

	if (s->text_count == 0)
		return false;
	if (!q->decoder)
		q->decoder = decoder_new(s->tokenizer, 0);
	const char *text = decoder_next(q->decoder, id, &n);
	return add_text(s, q, text, n);
}

/* Keeps n tokens and their text. */
static void truncate_tokens(const struct stopping *s, struct stopping_sequence *q, size_t n)
{
	if (n >= q->n)
		return;
	q->n = n;
	decoder_free(q->decoder);
	q->decoder = NULL;
	q->length = 0;
	for (size_t i = 0; i < n; i++)
		decode(s, q, q->ids[i]);
}

/* ---- sequences begin, end and are forgotten ---- */

static void forget(struct stopping *s, struct stopping_sequence *q)
{
	s->live -= q->seen && !q->ended;
	decoder_free(q->decoder);
	free(q->ids);
	free(q->text);
	*q = (struct stopping_sequence){0};
}

static void begin(struct stopping *s, struct stopping_sequence *q)
{
	s->live += !q->seen || q->ended;
	q->seen = true;
	q->ended = q->told = false;
	s->began = true;
}

static void end(struct stopping *s, struct stopping_sequence *q)
{
	s->live--;
	q->ended = true;
	q->ended_in = s->frames;
}

static void fork_sequence(struct stopping *s, const struct stream *in, int32_t from, int32_t to)
{
	sequence(s, in, from);
	struct stopping_sequence *b = sequence(s, in, to), *a = sequence(s, in, from);

	if (a == b)
		return;
	forget(s, b);
	if (!a->seen)
		return;
	begin(s, b);
	b->last = a->last;
	b->first = a->first;
	b->n = a->n;
	b->ids = mem_array(a->n, sizeof *b->ids);
	memcpy(b->ids, a->ids, a->n * sizeof *b->ids);
	for (size_t i = 0; i < b->n; i++)
		decode(s, b, b->ids[i]);
}

void stopping_prepare(struct stopping *s, const struct frame *f, const struct stream *in,
		      const struct rows *r)
{
	struct orders o = frame_orders(f, in);

	s->frames++;
	for (size_t i = 0; i < o.ended_count; i++)
		forget(s, sequence(s, in, o.ended[i]));
	for (size_t i = 0; i < o.fork_count; i++)
		fork_sequence(s, in, o.forks[i][0], o.forks[i][1]);
	for (size_t i = 0; i < r->n; i++) {
		struct stopping_sequence *q = sequence(s, in, r->seq[i]);

		if (!q->seen)
			begin(s, q);
		else if (r->pos[i] <= q->last)
			truncate_tokens(s, q, r->pos[i] > q->first ? (size_t)(r->pos[i] - q->first) : 0);
		q->last = r->pos[i];
	}
}

/* ---- the criteria ---- */

/* True, after a warning, if the context has no room for that position. */
static bool is_full(struct stopping *s, int32_t seq, size_t pos)
{
	if (pos < s->context)
		return false;
	warn(NULL, "sequence %d: context of %zu positions is full", seq, s->context);
	s->cut = true;
	return true;
}

bool stopping_wants(struct stopping *s, int32_t seq, int32_t pos)
{
	struct stopping_sequence *q = &s->sequences[seq];

	if (q->ended) {
		begin(s, q);
		truncate_tokens(s, q, 0);
	}
	if (s->tokens > 0 && !is_full(s, seq, (size_t)pos))
		return true;
	end(s, q);
	return false;
}

bool stopping_token(struct stopping *s, int32_t seq, int32_t pos, int32_t id, bool complete)
{
	struct stopping_sequence *q = &s->sequences[seq];
	bool ended = complete;

	if (q->n == 0)
		q->first = pos;
	q->ids = mem_resize(q->ids, q->n + 1, sizeof *q->ids);
	q->ids[q->n++] = id;
	for (size_t i = 0; i < s->eos_count; i++)
		ended |= id == s->eos[i];
	ended |= decode(s, q, id);
	ended |= q->n >= s->tokens;
	if (ended || is_full(s, seq, (size_t)pos + 1)) {
		end(s, q);
		return true;
	}
	return false;
}

bool stopping_done(const struct stopping *s)
{
	return s->began && s->live == 0;
}

size_t stopping_tell(struct stopping *s, int32_t *seqs)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct stopping_sequence *q = &s->sequences[i];

		if (q->ended && !q->told && q->ended_in < s->frames) {
			q->told = true;
			seqs[n++] = (int32_t)i;
		}
	}
	return n;
}

void stopping_destroy(struct stopping *s)
{
	for (size_t i = 0; i < s->count; i++)
		forget(s, &s->sequences[i]);
	free(s->sequences);
}
