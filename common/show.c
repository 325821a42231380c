/* show.c: frames for people.  See show.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "elementary.h"
#include "memory.h"
#include "numeric.h"
#include "show.h"
#include "tokenizer.h"

#define SHOWN 10        /* likeliest tokens */

/* The piece of an id, quoted; empty where the model has no tokenizer. */
static const char *piece(const struct model *m, int32_t id)
{
	static struct tokenizer *tokenizer;
	static char quoted[80];
	if (!tokenizer && tokenizer_exists(m->path))
		tokenizer = tokenizer_open(m->path);
	const char *text = tokenizer ? tokenizer_piece(tokenizer, id) : NULL;
	quoted[0] = '\0';
	if (text)
		snprintf(quoted, sizeof quoted, "'%s'", text);
	cli_harmless(quoted);
	return quoted;
}

static void show_likeliest(const struct model *m, const float *logits, size_t vocab)
{
	float max = max_f32(logits, vocab);
	float *p = mem_array(vocab, sizeof *p);
	exp_shifted(logits, max, p, vocab);
	float sum = sum_f32(p, vocab);
	for (size_t i = 0; i < SHOWN && i < vocab; i++) {
		size_t best = 0;
		for (size_t id = 1; id < vocab; id++)
			if (p[id] > p[best])
				best = id;
		printf("%12.4f %8.4f %8zu  %s\n", logits[best], p[best] / sum, best, piece(m, (int32_t)best));
		p[best] = -1;
	}
	free(p);
}

/* Which row of the frame the k-th of the scores belongs to: the k-th wanted one. */
static void show_heading(const struct rows *r, size_t k)
{
	size_t row = 0;
	for (; row < r->n; row++)
		if ((!r->want || r->want[row]) && k-- == 0)
			break;
	if (r->seq && r->pos && row < r->n)
		printf("after sequence %d, position %d:\n", r->seq[row], r->pos[row]);
	printf("%12s %8s %8s\n", "logit", "p", "id");
}

static void show_logits(const struct frame *f, const struct stream *s, const struct rows *r,
			const struct model *m)
{
	const float *logits = frame_data(f, s, "logits", DTYPE_F32, 2, (size_t[]){SIZE_MAX, SIZE_MAX});
	const size_t *shape = frame_find(f, "logits")->shape;
	for (size_t k = 0; k < shape[0] && shape[1] > 0; k++) {
		show_heading(r, k);
		show_likeliest(m, logits + k * shape[1], shape[1]);
	}
}

static void show_top(const struct frame *f, const struct stream *s, const struct rows *r,
		     const struct model *m)
{
	const int32_t *ids = frame_data(f, s, "top.ids", DTYPE_I32, 2, (size_t[]){SIZE_MAX, SIZE_MAX});
	const size_t *shape = frame_find(f, "top.ids")->shape;
	const float *logits = frame_data(f, s, "top.logits", DTYPE_F32, 2, shape);
	const float *lse = frame_data(f, s, "top.lse", DTYPE_F32, 1, shape);
	if (!logits || !lse)
		die(s->name, "frame %lu: no tensor '%s'", s->frames, logits ? "top.lse" : "top.logits");
	for (size_t i = 0; i < shape[0] * shape[1]; i++) {
		if (i % shape[1] == 0)
			show_heading(r, i / shape[1]);
		printf("%12.4f %8.4f %8d  %s\n", logits[i], exp_f32(logits[i] - lse[i / shape[1]]), ids[i],
		       piece(m, ids[i]));
	}
}

static void show_rows(const struct rows *r, const struct model *m)
{
	printf("%5s %5s %8s %12s  %s\n", "seq", "pos", "id", r->x ? "norm" : "", "piece");
	for (size_t i = 0; i < r->n; i++) {
		printf("%5d %5d", r->seq ? r->seq[i] : 0, r->pos ? r->pos[i] : (int)i);
		if (r->ids)
			printf(" %8d", r->ids[i]);
		else
			printf(" %8s", "");
		if (r->x)
			printf(" %12.4f", sqrtf(dot_f32(r->x + i * r->d, r->x + i * r->d, r->d)));
		else
			printf(" %12s", "");
		printf("  %s\n", r->ids ? piece(m, r->ids[i]) : "");
	}
}

void show_frame(const struct frame *f, const struct stream *s, const struct model *m)
{
	struct rows r = frame_rows(f, s, 0);
	if (frame_find(f, "logits"))
		show_logits(f, s, &r, m);
	else if (frame_find(f, "top.ids"))
		show_top(f, s, &r, m);
	else
		show_rows(&r, m);
	for (size_t i = 0; i < f->st.count; i++) {
		const struct tensor *t = &f->st.tensors[i];
		if (strchr(t->name, '.') && strncmp(t->name, "top.", 4) != 0)
			printf("%s %s %s\n", t->name, dtype_name(t->type), shape_text(t->rank, t->shape));
	}
	fflush(stdout);
}
