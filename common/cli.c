/* cli.c: names, options, errors and the end of a program.  See cli.h. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

const char *cli_name = "lmutils";
static void (*print_usage)(FILE *);

/*
 * A descriptor that was closed by the caller gets /dev/null, opened the wrong
 * way round: reading or writing it still fails, as it should, but no model
 * file can take its number and be written to.
 */
static void occupy_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF)
			(void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

void cli_start(char **argv, void (*usage)(FILE *))
{
	occupy_standard_descriptors();
	if (argv[0] && argv[0][0]) {
		char *slash = strrchr(argv[0], '/');
		if (slash && slash[1])
			argv[0] = slash + 1;
		cli_name = argv[0];
	}
	print_usage = usage;
}

/* The help, under the name by which we were called: an installation may have prefixed it. */
static void print_help(FILE *to, bool only_synopsis)
{
	static const char usage[] = "usage: ";
	char *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);
	if (!memory)
		return;
	print_usage(memory);
	fclose(memory);
	char *end = only_synopsis ? strstr(text, "\n\n") : NULL;
	if (end)
		end[1] = '\0';
	const char *rest = text + strlen(usage);
	fprintf(to, "%s%s%s", usage, cli_name, rest + strcspn(rest, " "));
	free(text);
}

static _Noreturn void help(void)
{
	print_help(stdout, false);
	exit(cli_finish());
}

static _Noreturn void version(void)
{
	printf("%s (lmutils) %s\n", cli_name, LMUTILS_VERSION);
	exit(cli_finish());
}

int cli_option(int argc, char **argv, const struct option *table)
{
	char shorts[3 * 128] = "";
	char *s = shorts;
	for (const struct option *o = table; o->name; o++)
		if (o->val > 0 && o->val < 128) {
			*s++ = (char)o->val;
			if (o->has_arg != no_argument)
				*s++ = ':';
		}
	*s = '\0';
	int c = getopt_long(argc, argv, shorts, table, NULL);
	switch (c) {
	case 'h':
		help();
	case 'V':
		version();
	case '?':
		print_help(stderr, true);
		exit(2);
	}
	return c;
}

int64_t cli_integer(const char *option, const char *text, int64_t min, int64_t max)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (end == text || *end || errno || n < min || n > max)
		cli_usage_error("%s: '%s' is not an integer in [%lld, %lld]", option, text,
				(long long)min, (long long)max);
	return n;
}

double cli_real(const char *option, const char *text, double min, double max)
{
	char *end;
	double x = strtod(text, &end);
	if (end == text || *end || !isfinite(x) || x < min || x > max)
		cli_usage_error("%s: '%s' is not a number in [%.9g, %.9g]", option, text, min, max);
	return x;
}

void cli_harmless(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = '?';
}

static void message(const char *object, const char *format, va_list args)
{
	/* One write, so that lines of the stages of a pipeline do not mix. */
	char reason[1024], line[2048];
	vsnprintf(reason, sizeof reason, format, args);
	int n = object ? snprintf(line, sizeof line, "%s: %s: %s\n", cli_name, object, reason)
		       : snprintf(line, sizeof line, "%s: %s\n", cli_name, reason);
	if (n >= (int)sizeof line) {
		n = sizeof line - 1;
		line[n - 1] = '\n';
	}
	line[n - 1] = '\0';
	cli_harmless(line);
	line[n - 1] = '\n';
	(void)!write(STDERR_FILENO, line, (size_t)n);
}

void cli_usage_error(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	message(NULL, format, args);
	va_end(args);
	print_help(stderr, true);
	exit(2);
}

void die(const char *object, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	message(object, format, args);
	va_end(args);
	fflush(stdout);
	_exit(1);
}

void warn(const char *object, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	message(object, format, args);
	va_end(args);
}

int cli_finish(void)
{
	if (ferror(stdout) | fclose(stdout)) {
		warn("stdout", "%s", errno ? strerror(errno) : "write error");
		return 1;
	}
	return 0;
}
