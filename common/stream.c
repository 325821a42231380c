/* stream.c: frames in, frames out.  See stream.h and lmstream(5). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "io.h"
#include "memory.h"
#include "stream.h"

/* Bytes a buffer grows to before anything has arrived. */
#define FIRST_CHUNK ((size_t)1 << 20)

/* "frame 3" of the messages: the one being read. */
#define FRAME_TEXT "frame %lu: "
#define FRAME_NUMBER(s) ((s)->frames + 1)

/* The next n bytes of a frame; `before` of its total have been read, or of the part so named. */
static void read_part(struct stream *in, void *buffer, size_t n, size_t before, size_t total,
		      const char *part)
{
	ssize_t got = io_read(in->fd, buffer, n);
	if (got < 0)
		die(in->name, FRAME_TEXT "%s", FRAME_NUMBER(in), strerror(errno));
	if ((size_t)got < n)
		die(in->name, "truncated frame %lu: %zu of %zu bytes%s", FRAME_NUMBER(in),
		    before + (size_t)got, total, part);
}

/* The tensors' bytes.  Memory grows as they arrive, not as the header claims. */
static void *read_data(struct stream *in, size_t header, size_t n)
{
	size_t room = n < FIRST_CHUNK ? n : FIRST_CHUNK, have = 0;
	char *data = mem_aligned(room, 1);
	for (;;) {
		read_part(in, data + have, room - have, header + have, header + n, "");
		have = room;
		if (have == n)
			return data;
		room = n - have < have ? n : 2 * have;
		char *larger = mem_aligned(room, 1);
		memcpy(larger, data, have);
		free(data);
		data = larger;
	}
}

/* Points a tensor at its bytes, or at an aligned copy where a foreign writer put them oddly. */
static void place(struct frame *f, struct tensor *t)
{
	t->data = (char *)f->buffer + t->offset;
	if (t->offset % dtype_size(t->type)) {
		t->owned = mem_aligned(t->bytes, 1);
		t->data = memcpy(t->owned, t->data, t->bytes);
	}
}

/*
 * A header and what it says.  In a loop one frame is like the last: its header
 * is read and written by comparing it with that of the one before.
 */
struct known {
	char *text;
	size_t n;
	struct safetensors st;
};

static void know(struct known *k, char *text, size_t n, const struct safetensors *st)
{
	free(k->text);
	safetensors_free(&k->st);
	*k = (struct known){text, n, safetensors_copy(st)};
}

/* As safetensors_parse; takes the JSON. */
static bool parse(char *json, size_t n, struct safetensors *st, char *why, size_t size)
{
	static struct known last;
	if (last.text && last.n == n && memcmp(last.text, json, n) == 0) {
		*st = safetensors_copy(&last.st);
		free(json);
		return true;
	}
	if (!safetensors_parse(json, n, st, why, size))
		return false;
	know(&last, json, n, st);
	return true;
}

/* As safetensors_header; the bytes are valid until the next call. */
static const char *header(const struct safetensors *st, size_t *length)
{
	static struct known last;
	if (!last.text || !safetensors_alike(&last.st, st)) {
		char *text = safetensors_header(st, length);
		know(&last, text, *length, st);
	}
	*length = last.n;
	return last.text;
}

bool stream_read(struct stream *in, struct frame *f)
{
	unsigned char prefix[8];
	char why[256];
	*f = (struct frame){0};
	ssize_t got = io_read(in->fd, prefix, sizeof prefix);
	if (got < 0)
		die(in->name, "%s", strerror(errno));
	if (got == 0) {
		if (!in->ended)
			die(in->name, "the stream stops after %lu frames without an end frame", in->frames);
		return false;
	}
	if (got < 8)
		die(in->name, "truncated frame %lu: %zd of 8 bytes of its length", FRAME_NUMBER(in), got);
	size_t n = 0;
	for (int i = 7; i >= 0; i--)
		n = n << 8 | prefix[i];
	if (n < 2 || n > STREAM_HEADER_MAX || n % 8)
		die(in->name, FRAME_TEXT "header of %zu bytes, must be a multiple of 8 in [2, %d]",
		    FRAME_NUMBER(in), n, STREAM_HEADER_MAX);
	char *json = mem_array(n, 1);
	read_part(in, json, n, 8, 8 + n, " of its header");
	size_t used = n;
	while (used > 0 && json[used - 1] == ' ')
		used--;
	if (n - used >= 64)
		die(in->name, FRAME_TEXT "header padded with %zu spaces, must be fewer than 64",
		    FRAME_NUMBER(in), n - used);
	if (json[0] != '{')
		die(in->name, FRAME_TEXT "header does not begin with '{'", FRAME_NUMBER(in));
	if (!parse(json, used, &f->st, why, sizeof why))
		die(in->name, FRAME_TEXT "%s", FRAME_NUMBER(in), why);
	f->buffer = read_data(in, 8 + n, f->st.bytes);
	for (size_t i = 0; i < f->st.count; i++)
		place(f, &f->st.tensors[i]);
	in->frames++;
	in->ended = frame_is_end(f);
	return true;
}

/*
 * A frame that does not fit into a pipe costs both its ends a switch for each
 * 64 KB: a larger pipe, where one can be had, costs memory only.  (The kernel
 * gives a user 64 MB for them, /proc/sys/fs/pipe-user-pages-soft.)
 */
#define ROOM (1 << 18)
static void make_room(struct stream *out, size_t bytes)
{
	if (out->roomy || bytes <= 1 << 16)
		return;
	if (fcntl(out->fd, F_GETPIPE_SZ) < ROOM)
		fcntl(out->fd, F_SETPIPE_SZ, ROOM);     /* not a pipe, or no more to be had: as before */
	out->roomy = true;
}

void stream_write(struct stream *out, struct frame *f)
{
	frame_set_meta(f, "lmutils", "1");
	size_t length, count = f->st.count;
	safetensors_order(f->st.tensors, count);
	const char *text = header(&f->st, &length);
	if (length - 8 > STREAM_HEADER_MAX)
		die(out->name, "frame %lu: its header would have %zu bytes, at most %d", out->frames + 1,
		    length - 8, STREAM_HEADER_MAX);
	struct iovec *vector = mem_array(count + 1, sizeof *vector);
	size_t bytes = length;
	vector[0] = (struct iovec){(char *)text, length};
	for (size_t i = 0; i < count; i++) {
		vector[i + 1] = (struct iovec){f->st.tensors[i].data, f->st.tensors[i].bytes};
		bytes += f->st.tensors[i].bytes;
	}
	make_room(out, bytes);
	if (io_writev(out->fd, vector, (int)count + 1) < 0)
		die(out->name, "%s", strerror(errno));
	free(vector);
	out->frames++;
}

void stream_write_end(struct stream *out)
{
	struct frame end = {0};
	frame_set_meta(&end, "end", "1");
	stream_write(out, &end);
	frame_free(&end);
	out->ended = true;
}

bool frame_is_end(const struct frame *f)
{
	const char *end = frame_meta(f, "end");
	return f->st.count == 0 && end && strcmp(end, "1") == 0;
}

void frame_free(struct frame *f)
{
	safetensors_free(&f->st);
	free(f->buffer);
	f->buffer = NULL;
}

struct tensor *frame_find(const struct frame *f, const char *name)
{
	for (size_t i = 0; i < f->st.count; i++)
		if (strcmp(f->st.tensors[i].name, name) == 0)
			return &f->st.tensors[i];
	return NULL;
}

const void *frame_data(const struct frame *f, const struct stream *in, const char *name,
		       enum dtype type, int rank, const size_t *shape)
{
	struct tensor *t = frame_find(f, name);
	if (!t)
		return NULL;
	bool fits = t->type == type && t->rank == rank;
	for (int i = 0; fits && i < rank; i++)
		fits = shape[i] == SIZE_MAX || shape[i] == t->shape[i];
	if (!fits) {
		char want[TENSOR_RANK_MAX * 22 + 3] = "", *p = want;
		for (int i = 0; i < rank; i++)
			p += shape[i] == SIZE_MAX ? sprintf(p, "%sn", i ? ", " : "")
						  : sprintf(p, "%s%zu", i ? ", " : "", shape[i]);
		die(in->name, "frame %lu: tensor '%s' is %s %s, must be %s [%s]", in->frames, name,
		    dtype_name(t->type), shape_text(t->rank, t->shape), dtype_name(type), want);
	}
	return t->data;
}

void *frame_put(struct frame *f, const char *name, enum dtype type, int rank, const size_t *shape)
{
	struct tensor *t = frame_find(f, name);
	if (t) {
		free(t->owned);
	} else {
		struct safetensors *st = &f->st;
		st->tensors = mem_resize(st->tensors, st->count + 1, sizeof *st->tensors);
		t = &st->tensors[st->count++];
		t->name = mem_string(name);
	}
	t->type = type;
	t->rank = rank;
	t->bytes = dtype_size(type);
	for (int i = 0; i < rank; i++) {
		t->shape[i] = shape[i];
		if (!size_muladd(t->bytes, shape[i], 0, &t->bytes))
			die(NULL, "tensor '%s' %s is too large", name, shape_text(rank, shape));
	}
	t->data = t->owned = mem_aligned(t->bytes, 1);
	return t->data;
}

void *frame_put1(struct frame *f, const char *name, enum dtype type, size_t n)
{
	return frame_put(f, name, type, 1, &n);
}

void *frame_put2(struct frame *f, const char *name, enum dtype type, size_t n, size_t m)
{
	return frame_put(f, name, type, 2, (size_t[]){n, m});
}

void frame_drop(struct frame *f, const char *name)
{
	struct tensor *t = frame_find(f, name);
	if (!t)
		return;
	free(t->name);
	free(t->owned);
	struct tensor *last = &f->st.tensors[--f->st.count];
	memmove(t, t + 1, (size_t)(last - t) * sizeof *t);
}

const char *frame_meta(const struct frame *f, const char *key)
{
	return json_string_value(json_object_get(f->st.metadata, key));
}

void frame_set_meta(struct frame *f, const char *key, const char *value)
{
	if (!f->st.metadata)
		f->st.metadata = json_object();
	json_object_set_new(f->st.metadata, key, json_string(value));
}

/* A tensor of one value a row, and that all of them agree on the number of rows. */
static const void *row_tensor(const struct frame *f, const struct stream *in, const char *name,
			      enum dtype type, size_t *rows)
{
	const void *data = frame_data(f, in, name, type, 1, (size_t[]){*rows});
	if (data)
		*rows = frame_find(f, name)->shape[0];
	return data;
}

struct rows frame_rows(const struct frame *f, const struct stream *in, unsigned need)
{
	size_t n = SIZE_MAX;
	struct rows r = {0};
	r.ids = row_tensor(f, in, "ids", DTYPE_I32, &n);
	r.seq = row_tensor(f, in, "seq", DTYPE_I32, &n);
	r.pos = row_tensor(f, in, "pos", DTYPE_I32, &n);
	r.want = row_tensor(f, in, "want", DTYPE_U8, &n);
	r.x = frame_data(f, in, "x", DTYPE_F32, 2, (size_t[]){n, SIZE_MAX});
	if (r.x) {
		n = frame_find(f, "x")->shape[0];
		r.d = frame_find(f, "x")->shape[1];
	}
	if (n == SIZE_MAX)
		return r;
	if (n > STREAM_ROWS_MAX)
		die(in->name, "frame %lu: %zu rows, at most %d", in->frames, n, STREAM_ROWS_MAX);
	const struct {
		unsigned flag;
		const char *name;
		const void *data;
	} needs[] = {
		{NEED_IDS, "ids", r.ids}, {NEED_SEQ, "seq", r.seq},
		{NEED_POS, "pos", r.pos}, {NEED_X, "x", r.x},
	};
	for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
		if (need & needs[i].flag && !needs[i].data)
			die(in->name, "frame %lu: no tensor '%s'", in->frames, needs[i].name);
	for (size_t i = 0; i < n; i++)
		if ((r.seq && r.seq[i] < 0) || (r.pos && r.pos[i] < 0))
			die(in->name, "frame %lu: row %zu: negative seq or pos", in->frames, i);
	r.n = n;
	return r;
}

struct orders frame_orders(const struct frame *f, const struct stream *in)
{
	struct orders o = {0};
	o.ended = frame_data(f, in, "free", DTYPE_I32, 1, (size_t[]){SIZE_MAX});
	o.forks = frame_data(f, in, "fork", DTYPE_I32, 2, (size_t[]){SIZE_MAX, 2});
	if (o.ended)
		o.ended_count = frame_find(f, "free")->shape[0];
	if (o.forks)
		o.fork_count = frame_find(f, "fork")->shape[0];
	return o;
}

void frame_check_sequence(const struct stream *in, int32_t seq, size_t limit)
{
	if (seq < 0 || (size_t)seq >= limit)
		die(in->name, "frame %lu: sequence %d, must be in [0, %zu] (--sequences)", in->frames, seq,
		    limit - 1);
}
