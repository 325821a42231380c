/* answer.c: the tokens that answer a frame.  See answer.h. */
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "cli.h"
#include "memory.h"

static size_t count_wanted(const struct rows *r)
{
	size_t m = 0;

	for (size_t i = 0; i < r->n; i++)
		m += !r->want || r->want[i];
	return m;
}

/* A sequence has ended with token id, or -1. */
static void check_match(struct answering *a, const struct history_sequence *history, int32_t seq, int32_t id)
{
	if (constraint_matches(&a->choice.sampling.may, history, id))
		return;
	warn(NULL, "sequence %d: ends before its text matches --regex", seq);
	a->unmatched = true;
}

/* The token after a row, from row k of the scores. */
static struct answer_token answer_row(struct answering *a, const struct scores *scores, size_t k,
				      const struct history_sequence *history, int32_t seq, int32_t pos,
				      const struct stream *in)
{
	struct sampling_place place = {.seq = seq, .pos = pos, .history = history};
	struct history_token chosen = choice_make(&a->choice, scores, k, &place, in);
	struct answer_token token = {.id = chosen.id, .seq = seq, .pos = pos};

	if (!a->choice.show)
		token.last = stopping_token(&a->stop, seq, pos, chosen.id,
					    constraint_completes(&a->choice.sampling.may, history, chosen.id));
	if (token.last)
		check_match(a, history, seq, chosen.id);
	if (history)
		history_choose(&a->history, seq, chosen, token.last);
	return token;
}

size_t answer_frame(struct answering *a, const struct frame *f, const struct stream *in, const struct rows *r,
		    struct answer_token *tokens)
{
	bool look_back = sampling_needs_history(&a->choice.sampling);
	size_t n = 0, k = 0, m = count_wanted(r);
	struct scores scores = {0};

	if (!a->choice.show)
		stopping_prepare(&a->stop, f, in, r);
	if (look_back)
		history_prepare(&a->history, f, in);
	if (m > 0)
		scores = choice_scores(f, in, m);
	for (size_t i = 0; i < r->n; i++) {
		const struct history_sequence *history = NULL;
		int32_t seq = r->seq[i], pos = r->pos[i];

		if (look_back)
			history = history_row(&a->history, in, seq, pos, r->ids[i]);
		if (r->want && !r->want[i])
			continue;
		if (pos == INT32_MAX)
			die(in->name, "frame %lu: row %zu: no position is left", in->frames, i);
		if (a->choice.show || stopping_wants(&a->stop, seq, pos + 1))
			tokens[n++] = answer_row(a, &scores, k, history, seq, pos + 1, in);
		else
			check_match(a, history, seq, -1);
		k++;
	}
	return a->choice.show ? 0 : n;
}

void answer_write(struct answering *a, struct stream *out, const struct answer_token *tokens, size_t n,
		  const char *model)
{
	struct frame f = {0};
	int32_t *ids = frame_put1(&f, "ids", DTYPE_I32, n), *seq = frame_put1(&f, "seq", DTYPE_I32, n);
	int32_t *pos = frame_put1(&f, "pos", DTYPE_I32, n);
	uint8_t *want = frame_put1(&f, "want", DTYPE_U8, n);
	int32_t *ended = mem_array(a->stop.count, sizeof *ended);

	for (size_t i = 0; i < n; i++) {
		ids[i] = tokens[i].id;
		seq[i] = tokens[i].seq;
		pos[i] = tokens[i].pos;
		want[i] = !tokens[i].last;
	}
	n = stopping_tell(&a->stop, ended);
	if (n > 0)
		memcpy(frame_put1(&f, "free", DTYPE_I32, n), ended, n * sizeof *ended);
	if (model)
		frame_set_meta(&f, "model", model);
	frame_set_meta(&f, "stage", "sample");
	stream_write(out, &f);
	frame_free(&f);
	free(ended);
}

void answer_rest(struct stream *in)
{
	struct frame f;
	bool unanswered = false;

	while (stream_read(in, &f)) {
		const struct tensor *scores = frame_find(&f, "logits");
		unanswered |= scores && scores->shape[0] > 0 && scores->rank == 2;
		frame_free(&f);
	}
	if (unanswered)
		warn(in->name, "logits came after every sequence had ended; nothing was sampled from them");
}
