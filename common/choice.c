/* choice.c: from a frame's logits to tokens.  See choice.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choice.h"
#include "cli.h"
#include "memory.h"

#define SHOWN 10

struct scores choice_scores(const struct frame *f, const struct stream *in, size_t m)
{
	struct scores s = {0};

	s.logits = frame_data(f, in, "logits", DTYPE_F32, 2, (size_t[]){m, SIZE_MAX});
	if (s.logits) {
		s.n = frame_find(f, "logits")->shape[1];
		return s;
	}
	s.ids = frame_data(f, in, "top.ids", DTYPE_I32, 2, (size_t[]){m, SIZE_MAX});
	if (!s.ids)
		die(in->name, "frame %lu: no tensor 'logits' or 'top.ids'", in->frames);
	s.n = frame_find(f, "top.ids")->shape[1];
	s.logits = frame_data(f, in, "top.logits", DTYPE_F32, 2, (size_t[]){m, s.n});
	s.lse = frame_data(f, in, "top.lse", DTYPE_F32, 1, (size_t[]){m});
	if (!s.logits || !s.lse)
		die(in->name, "frame %lu: no tensor '%s'", in->frames, s.logits ? "top.lse" : "top.logits");
	for (size_t i = 0; i < m * s.n; i++)
		if (s.ids[i] < 0)
			die(in->name, "frame %lu: 'top.ids' has a negative id", in->frames);
	return s;
}

struct history_token choice_make(struct choice *c, const struct scores *s, size_t k, struct sampling_place *place,
				 const struct stream *in)
{
	struct candidates *list = &c->candidates;
	const int32_t *ids = s->ids ? s->ids + k * s->n : NULL;

	list->list = mem_resize(list->list, s->n, sizeof *list->list);
	const char *why = candidates_load(list, ids, s->logits + k * s->n, s->n);
	if (why)
		die(in->name, "frame %lu: row %zu of the logits: %s", in->frames, k, why);
	if (c->show)
		c->lse = s->lse ? s->lse[k] : candidates_log_sum_exp(list);
	const struct candidate *choice = sampling_choose(&c->sampling, list, place);
	if (!choice)
		die(in->name, "frame %lu: row %zu of the logits: sequence %d, position %d: no token may come%s",
		    in->frames, k, place->seq, place->pos,
		    c->sampling.may.regex ? " without leaving --regex" : " (--ban, --first)");
	struct history_token token = {choice->id, place->mu};
	if (c->show) {
		candidates_best(list, list->n);
		c->show(c, place->seq, place->pos, token.id);
	}
	return token;
}

choice_show *choice_show_named(const char *text, bool terminal)
{
	bool table = text ? strcmp(text, "table") == 0 : terminal;

	if (text && !table && strcmp(text, "json") != 0)
		cli_usage_error("--show: '%s' is neither json nor table", text);
	return table ? choice_table : choice_json;
}

/* A piece as a JSON string; control characters could do anything to a terminal. */
static void print_piece(const char *piece)
{
	putchar('"');
	for (const unsigned char *c = (const unsigned char *)piece; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			printf("\\u%04x", *c);
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			printf("\\u%04x", *++c);
		else
			printf(*c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	putchar('"');
}

static const char *piece_of(const struct choice *c, int32_t id)
{
	return c->tokenizer ? tokenizer_piece(c->tokenizer, id) : NULL;
}

void choice_table(const struct choice *c, int32_t seq, int32_t pos, int32_t id)
{
	size_t n = c->candidates.n;

	printf("sequence %d, position %d:\n", seq, pos);
	printf("%10s %9s %8s%s\n", "id", "logprob", "p", c->tokenizer ? "  piece" : "");
	for (size_t i = 0; i < n && i < SHOWN; i++) {
		const struct candidate *k = &c->candidates.list[i];
		const char *piece = piece_of(c, k->id);

		printf("%c%9d %9.4f %8.4f", k->id == id ? '*' : ' ', k->id, k->logit - c->lse, k->p);
		if (piece) {
			fputs("  ", stdout);
			print_piece(piece);
		}
		putchar('\n');
	}
	if (n > SHOWN)
		printf("and %zu more; the choice is %d\n", n - SHOWN, id);
	fflush(stdout);
}

void choice_json(const struct choice *c, int32_t seq, int32_t pos, int32_t id)
{
	printf("{\"seq\":%d,\"pos\":%d,\"id\":%d,\"candidates\":[", seq, pos, id);
	for (size_t i = 0; i < c->candidates.n; i++) {
		const struct candidate *k = &c->candidates.list[i];
		const char *piece = piece_of(c, k->id);

		printf("%s{\"id\":%d,", i ? "," : "", k->id);
		if (piece) {
			fputs("\"piece\":", stdout);
			print_piece(piece);
			putchar(',');
		}
		printf("\"logprob\":%.9g,\"p\":%.9g}", k->logit - c->lse, k->p);
	}
	puts("]}");
	fflush(stdout);
}

void choice_destroy(struct choice *c)
{
	free(c->candidates.list);
	sampling_close(&c->sampling);
}
