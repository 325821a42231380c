/* prompt.c: from texts to frames.  See prompt.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "io.h"
#include "listing.h"
#include "memory.h"
#include "prompt.h"

/* Numbers between white space. */
static void parse_ids(const char *label, const char *s, size_t n, struct ids *ids)
{
	static const char blanks[] = " \t\n\v\f\r";
	char *copy = mem_array(n + 1, 1), *rest;
	memcpy(copy, s, n);
	copy[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (!copy[i])
			die(label, "a NUL byte among the ids");
	for (char *word = strtok_r(copy, blanks, &rest); word; word = strtok_r(NULL, blanks, &rest)) {
		char *end;
		errno = 0;
		long long id = strtoll(word, &end, 10);
		if (*end || errno || id < 0 || id > INT32_MAX)
			die(label, "'%s' is not an id in [0, %d]", word, INT32_MAX);
		ids_add(ids, (int32_t)id);
	}
	free(copy);
}

/* Adds one sequence. */
static void add_sequence(struct prompts *p, const char *label, const char *s, size_t n)
{
	struct ids ids = {0};
	size_t invalid = SIZE_MAX;
	if (p->tokenizer)
		ids.n = tokenizer_encode(p->tokenizer, s, n, p->flags, &ids.data, &invalid);
	else
		parse_ids(label, s, n, &ids);
	if (invalid != SIZE_MAX && !p->warned)
		warn(label, "not UTF-8 at offset %zu, U+FFFD is taken instead", invalid);
	p->warned = p->warned || invalid != SIZE_MAX;
	if (ids.n == 0)
		die(label, "no tokens");
	if (p->count == p->room) {
		p->room = p->room ? 2 * p->room : 16;
		p->sequences = mem_resize(p->sequences, p->room, sizeof *p->sequences);
	}
	p->sequences[p->count++] = ids;
}

void prompts_add(struct prompts *p, const char *label, const char *s, size_t n)
{
	if (!p->split) {
		add_sequence(p, label, s, n);
		return;
	}
	size_t number = 1, length;
	for (size_t at = 0; at < n; at += length + 1, number++) {
		const char *end = memchr(s + at, p->end, n - at);
		length = end ? (size_t)(end - s) - at : n - at;
		char *where = mem_printf("%s: %s %zu", label, p->end ? "line" : "text", number);
		add_sequence(p, where, s + at, length);
		free(where);
	}
}

void prompts_read(struct prompts *p, const char *label, int fd)
{
	struct bytes text = {0};
	char buffer[65536];
	ssize_t n;
	while ((n = io_read(fd, buffer, sizeof buffer)) > 0)
		bytes_add(&text, buffer, (size_t)n);
	if (n < 0)
		die(label, "%s", strerror(errno));
	prompts_add(p, label, text.n ? text.data : "", text.n);
	bytes_free(&text);
}

/* The rows of the frame that is being filled. */
struct batch {
	struct stream *out;
	const char *model;              /* its hash, or NULL */
	int32_t *ids, *seq, *pos;       /* [n] */
	size_t n, room;
	bool want;
};

static void write_batch(struct batch *b)
{
	struct frame f = {0};
	if (b->n == 0)
		return;
	memcpy(frame_put1(&f, "ids", DTYPE_I32, b->n), b->ids, b->n * sizeof *b->ids);
	memcpy(frame_put1(&f, "seq", DTYPE_I32, b->n), b->seq, b->n * sizeof *b->seq);
	memcpy(frame_put1(&f, "pos", DTYPE_I32, b->n), b->pos, b->n * sizeof *b->pos);
	memset(frame_put1(&f, "want", DTYPE_U8, b->n), b->want, b->n);
	if (b->model)
		frame_set_meta(&f, "model", b->model);
	frame_set_meta(&f, "stage", "tok");
	stream_write(b->out, &f);
	frame_free(&f);
	b->n = 0;
}

static void add_row(struct batch *b, const struct ids *sequence, size_t seq, size_t pos)
{
	b->ids[b->n] = sequence->data[pos];
	b->seq[b->n] = (int32_t)seq;
	b->pos[b->n] = (int32_t)pos;
	if (++b->n == b->room)
		write_batch(b);
}

void prompts_write(const struct prompts *p, struct stream *out, size_t chunk, bool want_all)
{
	if (p->count == 0)
		die(NULL, "no text, and so nothing to predict from");
	if (p->count > STREAM_ROWS_MAX)
		die(out->name, "%zu sequences, a frame has room for the last tokens of %d", p->count, STREAM_ROWS_MAX);
	size_t most = chunk > p->count ? chunk : p->count;
	struct batch b = {out, p->model, mem_array(most, sizeof *b.ids), mem_array(most, sizeof *b.seq),
			  mem_array(most, sizeof *b.pos), 0, chunk, want_all};
	for (size_t s = 0; s < p->count; s++)
		for (size_t i = 0; i + 1 < p->sequences[s].n; i++)
			add_row(&b, &p->sequences[s], s, i);
	write_batch(&b);
	b.room = p->count;
	b.want = true;
	for (size_t s = 0; s < p->count; s++)
		add_row(&b, &p->sequences[s], s, p->sequences[s].n - 1);
	stream_write_end(out);
	free(b.ids);
	free(b.seq);
	free(b.pos);
}

void prompts_show(const struct prompts *p)
{
	listing_header(p->tokenizer);
	for (size_t s = 0; s < p->count; s++)
		for (size_t i = 0; i < p->sequences[s].n; i++)
			listing_token(p->tokenizer, (int32_t)s, (int32_t)i, p->sequences[s].data[i]);
}

void prompts_free(struct prompts *p)
{
	for (size_t s = 0; s < p->count; s++)
		free(p->sequences[s].data);
	free(p->sequences);
}
