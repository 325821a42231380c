/*
 * only.c: the rows of one sequence.
 *
 *	only SEQ <STREAM
 *
 * passes on ids, seq, pos and want of the rows of sequence SEQ, in frames such as
 * tok's; frames without one are left out.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "stream.h"

static void usage(FILE *f)
{
	fputs("usage: only seq\n", f);
}

static void put_row(struct stream *out, const struct frame *f, const struct rows *r, size_t i)
{
	struct frame own = {0};
	*(int32_t *)frame_put1(&own, "ids", DTYPE_I32, 1) = r->ids[i];
	*(int32_t *)frame_put1(&own, "seq", DTYPE_I32, 1) = r->seq[i];
	*(int32_t *)frame_put1(&own, "pos", DTYPE_I32, 1) = r->pos[i];
	*(uint8_t *)frame_put1(&own, "want", DTYPE_U8, 1) = !r->want || r->want[i];
	if (frame_meta(f, "model"))
		frame_set_meta(&own, "model", frame_meta(f, "model"));
	stream_write(out, &own);
	frame_free(&own);
}

int main(int argc, char **argv)
{
	struct stream in = {.fd = STDIN_FILENO, .name = "stdin"}, out = {.fd = STDOUT_FILENO, .name = "stdout"};
	struct frame f;
	cli_start(argv, usage);
	if (argc != 2)
		cli_usage_error("wrong number of operands");
	int64_t seq = cli_integer("seq", argv[1], 0, INT32_MAX);
	while (stream_read(&in, &f)) {
		struct rows r = frame_rows(&f, &in, NEED_IDS | NEED_SEQ | NEED_POS);
		for (size_t i = 0; i < r.n; i++)
			if (r.seq[i] == seq)
				put_row(&out, &f, &r, i);
		frame_free(&f);
	}
	stream_write_end(&out);
	return cli_finish();
}
