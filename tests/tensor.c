/*
 * tensor.c: the bytes of a tensor.
 *
 *	tensor NAME <STREAM
 *
 * writes the data of tensor NAME of all frames, one after the other.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "stream.h"

static void usage(FILE *f)
{
	fputs("usage: tensor name\n", f);
}

int main(int argc, char **argv)
{
	struct stream in = {.fd = STDIN_FILENO, .name = "stdin"};
	struct frame f;
	cli_start(argv, usage);
	if (argc != 2)
		cli_usage_error("a tensor's name");
	for (; stream_read(&in, &f); frame_free(&f)) {
		const struct tensor *t = frame_find(&f, argv[1]);
		if (t)
			fwrite(t->data, 1, t->bytes, stdout);
	}
	return cli_finish();
}
