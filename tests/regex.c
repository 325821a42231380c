/*
 * regex: the matches of a regular expression in a text, each in < >.
 *
 * usage: regex PATTERN TEXT
 */
#include <string.h>

#include "cli.h"
#include "regex.h"

static void usage(FILE *out)
{
	fprintf(out, "usage: regex PATTERN TEXT\n");
}

int main(int argc, char **argv)
{
	char why[200];
	size_t start, end;
	cli_start(argv, usage);
	if (argc != 3)
		cli_usage_error("two operands are needed");
	struct regex *r = regex_compile(argv[1], strlen(argv[1]), why, sizeof why);
	if (!r)
		die(argv[1], "%s", why);
	struct regex_search search = regex_search(r, argv[2], strlen(argv[2]));
	while (regex_next(&search, &start, &end))
		printf("<%.*s>", (int)(end - start), argv[2] + start);
	printf("\n");
	regex_free(r);
	return cli_finish();
}
