/*
 * setpre: a GGUF file without tensors, with another tokenizer.ggml.pre.
 *
 * usage: setpre FILE NAME >OUTPUT
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "gguf.h"
#include "ggufwriter.h"

static void usage(FILE *out)
{
	fprintf(out, "usage: setpre FILE NAME\n");
}

int main(int argc, char **argv)
{
	struct gguf_string pre;
	struct bytes out = {0};
	cli_start(argv, usage);
	if (argc != 3)
		cli_usage_error("two operands are needed");
	struct gguf *g = gguf_open(argv[1]);
	if (!gguf_text(g, "tokenizer.ggml.pre", &pre) || g->tensor_count > 0)
		die(argv[1], "no tokenizer.ggml.pre, or tensors");
	size_t at = (size_t)((const unsigned char *)pre.bytes - g->map);
	bytes_add(&out, (const char *)g->map, at - 8);
	put_string(&out, argv[2]);
	bytes_add(&out, (const char *)g->map + at + pre.n, g->size - at - pre.n);
	put_padding(&out, 32);
	fwrite(out.data, 1, out.n, stdout);
	bytes_free(&out);
	gguf_close(g);
	return cli_finish();
}
