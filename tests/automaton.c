/*
 * automaton.c: what a regular expression says of texts.
 *
 *	automaton EXPRESSION <TEXTS
 *
 * prints for each text, ended by NUL, "match" if it matches, "more" if it is the
 * beginning of a longer match, both, or "no".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "automaton.h"
#include "cli.h"

static void usage(FILE *f)
{
	fputs("usage: automaton expression\n", f);
}

int main(int argc, char **argv)
{
	char why[200], *line = NULL;
	size_t room = 0;
	cli_start(argv, usage);
	if (argc != 2)
		cli_usage_error("wrong number of operands");
	struct automaton *a = automaton_new(argv[1], why, sizeof why);
	if (!a)
		cli_usage_error("'%s': %s", argv[1], why);
	for (ssize_t n; (n = getdelim(&line, &room, '\0', stdin)) > 0;) {
		n -= line[n - 1] == '\0';
		int32_t state = automaton_next(a, automaton_start(a), line, (size_t)n);
		bool match = automaton_accepts(a, state), more = automaton_continues(a, state);
		printf("%s%s%s%s\n", match ? "match" : "", match && more ? " " : "", more ? "more" : "",
		       match || more ? "" : "no");
	}
	free(line);
	automaton_free(a);
	return cli_finish();
}
