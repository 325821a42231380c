/*
 * frame.c: writes a frame.
 *
 *	frame [KEY=VALUE...] [NAME:TYPE[:COLUMNS]=NUMBER,NUMBER...] ...
 *
 * With a type (I32, U8 or F32) an operand is a tensor, of one dimension or, with
 * COLUMNS, two; without one it is metadata.
 *
 *	frame ids:I32=1,400 seq:I32=0,0 pos:I32=0,1 fork:I32:2=0,1
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "memory.h"
#include "stream.h"

static void usage(FILE *f)
{
	fputs("usage: frame [key=value ...] [name:type[:columns]=number,... ...]\n", f);
}

static void add_tensor(struct frame *f, const char *name, char *type, const char *numbers)
{
	char *columns = strchr(type, ':');
	size_t n = *numbers != '\0', width = 0;
	if (columns) {
		*columns++ = '\0';
		width = (size_t)cli_integer(name, columns, 1, 1 << 20);
	}
	for (const char *c = numbers; *c; c++)
		n += *c == ',';
	enum dtype t = strcmp(type, "I32") == 0 ? DTYPE_I32 : strcmp(type, "F32") == 0 ? DTYPE_F32 : DTYPE_U8;
	void *data = width ? frame_put2(f, name, t, n / width, width) : frame_put1(f, name, t, n);
	for (size_t i = 0; i < n; i++) {
		char *end;
		double x = strtod(numbers, &end);
		if (t == DTYPE_I32)
			((int32_t *)data)[i] = (int32_t)x;
		else if (t == DTYPE_F32)
			((float *)data)[i] = (float)x;
		else
			((uint8_t *)data)[i] = (uint8_t)x;
		numbers = end + 1;
	}
}

int main(int argc, char **argv)
{
	struct stream out = {.fd = STDOUT_FILENO, .name = "stdout"};
	struct frame f = {0};
	cli_start(argv, usage);
	for (int i = 1; i < argc; i++) {
		char *name = mem_string(argv[i]), *equals = strchr(name, '=');
		if (!equals)
			cli_usage_error("%s: no value", name);
		*equals = '\0';
		char *type = strchr(name, ':');
		if (type) {
			*type++ = '\0';
			add_tensor(&f, name, type, equals + 1);
		} else {
			frame_set_meta(&f, name, equals + 1);
		}
		free(name);
	}
	stream_write(&out, &f);
	frame_free(&f);
	return cli_finish();
}
