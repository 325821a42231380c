/* prompt.c: from texts to frames.  See prompt.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static void warn_invalid(struct prompts *p, const char *label, size_t invalid)
{
	if (invalid != SIZE_MAX && !p->warned)
		warn(label, "not UTF-8 at offset %zu, U+FFFD is taken instead", invalid);
	p->warned = p->warned || invalid != SIZE_MAX;
}

/* Adds one sequence. */
static void add_ids(struct prompts *p, const char *label, struct ids ids)
{
	if (ids.n == 0)
		die(label, "no tokens");
	if (p->count == p->room) {
		p->room = p->room ? 2 * p->room : 16;
		p->sequences = mem_resize(p->sequences, p->room, sizeof *p->sequences);
	}
	p->sequences[p->count++] = ids;
}

static void add_message(struct prompts *p, struct messages *m, const char *label, const char *s, size_t n)
{
	enum role role = m->n % 2 ? ROLE_ASSISTANT : ROLE_USER;
	warn_invalid(p, label, messages_add(m, role, s, n));
}

/* Adds a conversation, and frees it. */
static void add_messages(struct prompts *p, const char *label, struct messages *m)
{
	struct chat_text text = {0};
	struct ids ids = {0};
	messages_check(m, label);
	chat_render(p->chat, m, &text);
	chat_encode(p->chat, &text, &ids);
	chat_text_free(&text);
	messages_free(m);
	add_ids(p, label, ids);
}

static void add_sequence(struct prompts *p, const char *label, const char *s, size_t n)
{
	struct ids ids = {0};
	if (p->trainer) {
		warn_invalid(p, label, trainer_add(p->trainer, s, n));
		return;
	}
	if (p->chat) {
		struct messages m = {0};
		add_message(p, &m, label, s, n);
		add_messages(p, label, &m);
		return;
	}
	if (p->tokenizer) {
		size_t invalid;
		ids.n = tokenizer_encode(p->tokenizer, s, n, p->flags, &ids.data, &invalid);
		warn_invalid(p, label, invalid);
	} else {
		parse_ids(label, s, n, &ids);
	}
	add_ids(p, label, ids);
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

static struct bytes read_all(const char *label, int fd)
{
	struct bytes text = {0};
	char buffer[65536];
	ssize_t n;
	while ((n = io_read(fd, buffer, sizeof buffer)) > 0)
		bytes_add(&text, buffer, (size_t)n);
	if (n < 0)
		die(label, "%s", strerror(errno));
	return text;
}

void prompts_read(struct prompts *p, const char *label, int fd)
{
	struct bytes text = read_all(label, fd);
	prompts_add(p, label, text.n ? text.data : "", text.n);
	bytes_free(&text);
}

void prompts_operands(struct prompts *p, char **operands, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *label = mem_printf("operand %zu", i + 1);
		if (strcmp(operands[i], "-") == 0)
			prompts_read(p, "stdin", STDIN_FILENO);
		else
			prompts_add(p, label, operands[i], strlen(operands[i]));
		free(label);
	}
	if (count == 0)
		prompts_read(p, "stdin", STDIN_FILENO);
}

/* A message from standard input; the newline that ends its last line is none of it. */
static void read_message(struct prompts *p, struct messages *m)
{
	struct bytes text = read_all("stdin", STDIN_FILENO);
	if (text.n > 0 && text.data[text.n - 1] == '\n')
		text.n--;
	add_message(p, m, "stdin", text.n ? text.data : "", text.n);
	bytes_free(&text);
}

void prompts_chat(struct prompts *p, char **operands, size_t count, const char *file)
{
	struct messages m = {0};
	if (file)
		messages_read(&m, file);
	for (size_t i = 0; i < count; i++) {
		char *label = mem_printf("operand %zu", i + 1);
		if (strcmp(operands[i], "-") == 0)
			read_message(p, &m);
		else
			add_message(p, &m, label, operands[i], strlen(operands[i]));
		free(label);
	}
	if (!file && count == 0)
		read_message(p, &m);
	add_messages(p, file ? file : "the messages", &m);
}

/* The rows of the frame that is being filled. */
struct batch {
	struct stream *out;
	const char *model;              /* its hash, or NULL */
	int32_t *ids, *seq, *pos;       /* [n] */
	size_t n, room;
	bool want;
};

/* Full with `room` rows; there may be `most` at some time. */
static struct batch batch_new(struct stream *out, const char *model, size_t most, size_t room)
{
	return (struct batch){
		.out = out, .model = model, .room = room,
		.ids = mem_array(most, sizeof(int32_t)),
		.seq = mem_array(most, sizeof(int32_t)),
		.pos = mem_array(most, sizeof(int32_t)),
	};
}

static void batch_free(struct batch *b)
{
	free(b->ids);
	free(b->seq);
	free(b->pos);
}

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

static void add_row(struct batch *b, int32_t id, size_t seq, size_t pos)
{
	b->ids[b->n] = id;
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
	struct batch b = batch_new(out, p->model, most, chunk);
	b.want = want_all;
	for (size_t s = 0; s < p->count; s++)
		for (size_t i = 0; i + 1 < p->sequences[s].n; i++)
			add_row(&b, p->sequences[s].data[i], s, i);
	write_batch(&b);
	b.room = p->count;
	b.want = true;
	for (size_t s = 0; s < p->count; s++)
		add_row(&b, p->sequences[s].data[p->sequences[s].n - 1], s, p->sequences[s].n - 1);
	stream_write_end(out);
	batch_free(&b);
}

void prompts_write_turn(struct stream *out, const char *model, const struct ids *ids, size_t pos, size_t chunk)
{
	struct batch b = batch_new(out, model, chunk, chunk);
	for (size_t i = 0; i + 1 < ids->n; i++)
		add_row(&b, ids->data[i], 0, pos + i);
	write_batch(&b);
	b.want = true;
	add_row(&b, ids->data[ids->n - 1], 0, pos + ids->n - 1);
	write_batch(&b);
	batch_free(&b);
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
