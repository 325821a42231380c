/*
 * stream.h: the stream between the stages, lmstream(5).
 *
 * A stream is a sequence of frames, each a complete safetensors file; the last
 * is an end frame (no tensors, metadata "end" = "1").  A frame is a batch of
 * rows (tokens): tensors whose first dimension is the number of rows.
 *
 * Functions that read or write die with one line on any error; what they
 * return can be relied on.
 */
#ifndef LMUTILS_STREAM_H
#define LMUTILS_STREAM_H

#include "safetensors.h"

#define STREAM_HEADER_MAX (1 << 20)     /* bytes of JSON a frame may have */
#define STREAM_ROWS_MAX   (1 << 16)     /* rows a frame may have */

struct frame {
	struct safetensors st;
	void *buffer;                   /* the bytes as read, which tensors point into */
};

/* The usual tensors of a frame, looked up and checked once. */
struct rows {
	size_t n;                       /* rows */
	const int32_t *ids, *seq, *pos; /* [n] */
	const uint8_t *want;            /* [n]; NULL: every row */
	const float *x;                 /* [n, d], the residual stream */
	size_t d;
};

/* Which of them a stage needs; others may be absent and are then NULL. */
enum { NEED_IDS = 1, NEED_SEQ = 2, NEED_POS = 4, NEED_X = 8 };

/* One end of a stream: a descriptor, and where in the stream we are. */
struct stream {
	int fd;
	const char *name;               /* for messages: "stdin", a file's path */
	unsigned long frames;           /* frames read or written so far */
	bool ended;                     /* the last of them was an end frame */
	bool roomy;             /* its pipe has been made as large as may be */
};

/*
 * Reads exactly one frame and nothing beyond it.  False at the end of the
 * stream, which must come right after an end frame.
 */
bool stream_read(struct stream *in, struct frame *f);

/*
 * Writes a frame whole, at once.  Its tensors are put in the order of
 * safetensors_header; "lmutils" (the version of the profile) is added to the
 * metadata.
 */
void stream_write(struct stream *out, struct frame *f);

/* Writes an end frame. */
void stream_write_end(struct stream *out);

bool frame_is_end(const struct frame *f);
void frame_free(struct frame *f);

/* The tensor of that name, or NULL. */
struct tensor *frame_find(const struct frame *f, const char *name);

/*
 * The data of tensor `name`, which must have this type and shape; SIZE_MAX in
 * shape accepts any extent.  NULL if it is absent; dies if it is different.
 */
const void *frame_data(const struct frame *f, const struct stream *in, const char *name,
		       enum dtype type, int rank, const size_t *shape);

/*
 * A tensor of that name, type and shape with room for its data, in place of
 * the one that was there, if any.  Returns the (uninitialised) data.
 */
void *frame_put(struct frame *f, const char *name, enum dtype type, int rank, const size_t *shape);

/* As frame_put for one and two dimensions. */
void *frame_put1(struct frame *f, const char *name, enum dtype type, size_t n);
void *frame_put2(struct frame *f, const char *name, enum dtype type, size_t n, size_t m);

void frame_drop(struct frame *f, const char *name);

/* Metadata; get gives NULL where there is none. */
const char *frame_meta(const struct frame *f, const char *key);
void frame_set_meta(struct frame *f, const char *key, const char *value);

/* What a frame says of sequences before its rows; counts are 0 where nothing is said. */
struct orders {
	const int32_t *ended;           /* [ended_count], from `free`: forget them */
	const int32_t (*forks)[2];      /* [fork_count], from `fork`: {a, b}, b becomes a copy of a */
	size_t ended_count, fork_count;
};
struct orders frame_orders(const struct frame *f, const struct stream *in);

/* Dies unless the number of a sequence is in [0, limit). */
void frame_check_sequence(const struct stream *in, int32_t seq, size_t limit);

/*
 * The rows of a frame.  Dies if a tensor in need is absent or any has another
 * type or another number of rows, if seq or pos is negative, or if there are
 * more than STREAM_ROWS_MAX.  A frame without any of them has 0 rows, whatever
 * is needed.
 */
struct rows frame_rows(const struct frame *f, const struct stream *in, unsigned need);

#endif
