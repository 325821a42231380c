/*
 * rows.c: fingerprints of a stream's rows.
 *
 *	rows TENSOR [SEQ] < STREAM
 *
 * prints "seq pos fingerprint" for each row that has a value in TENSOR (for
 * logits: each wanted row), or with SEQ "pos fingerprint" for those of one
 * sequence.  Streams that hold the same values print the same lines, sorted,
 * however they are cut into frames.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "hash.h"
#include "stream.h"

static void usage(FILE *f)
{
	fputs("usage: rows tensor [seq]\n", f);
}

int main(int argc, char **argv)
{
	struct stream in = {.fd = STDIN_FILENO, .name = "stdin"};
	struct frame f;
	cli_start(argv, usage);
	if (argc != 2 && argc != 3)
		cli_usage_error("wrong number of operands");
	int64_t seq = argc == 3 ? cli_integer("seq", argv[2], 0, INT32_MAX) : -1;
	while (stream_read(&in, &f)) {
		struct rows r = frame_rows(&f, &in, NEED_SEQ | NEED_POS);
		const struct tensor *t = frame_find(&f, argv[1]);
		size_t used = 0;
		for (size_t i = 0; t && i < r.n; i++) {
			bool all = t->rank > 0 && t->shape[0] == r.n;
			if (!all && r.want && !r.want[i])
				continue;
			size_t row = all ? i : used++, bytes = t->bytes / t->shape[0];
			struct hash h = hash_start();
			hash_add(&h, (const char *)t->data + row * bytes, bytes);
			if (seq < 0)
				printf("%d ", r.seq[i]);
			if (seq < 0 || r.seq[i] == seq)
				printf("%d %016llx\n", r.pos[i], (unsigned long long)hash_end(&h));
		}
		frame_free(&f);
	}
	return cli_finish();
}
