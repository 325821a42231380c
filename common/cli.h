/*
 * cli.h: what every program of lmutils does in the same way at its edges:
 * names, options, numbers in options, help, errors and the end.
 *
 * Errors are one line, "tool: object: reason", on standard error.  Exit 1 is a
 * failure of data, input or output, or the model; exit 2 is wrong usage.
 */
#ifndef LMUTILS_CLI_H
#define LMUTILS_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LMUTILS_VERSION "0.1"

/* The program's short name ("attn"), valid after cli_start(). */
extern const char *cli_name;

/*
 * Call first in main.  Takes the short name from argv[0], remembers how to
 * print the usage, and makes sure that descriptors 0 to 2 are not handed out
 * to files by accident when they were closed.  usage(FILE *) prints the
 * complete help, whose first line is "usage: NAME ...".
 */
void cli_start(char **argv, void (*usage)(FILE *));

/*
 * getopt_long over an alphabetical table that ends with an all-zero row.  The
 * short options are those rows whose val is a character, so that nothing has
 * to be said twice.  Answers -h and -V itself (and exits 0), reports unknown
 * options (exit 2), returns -1 at the end, and leaves optind and optarg as
 * getopt does.
 */
int cli_option(int argc, char **argv, const struct option *table);

/* The rows every program has; they stand in its table. */
#define CLI_HELP    {"help", no_argument, NULL, 'h'}
#define CLI_VERSION {"version", no_argument, NULL, 'V'}

/*
 * Numbers in options: the whole text must be one, within [min, max], and
 * finite; otherwise exit 2 with a line that names the option, what was found
 * and the range.  option is written as a user writes it ("-l").
 */
int64_t cli_integer(const char *option, const char *text, int64_t min, int64_t max);
double cli_real(const char *option, const char *text, double min, double max);

/* Wrong usage: "NAME: reason", then the usage line; exit 2. */
_Noreturn void cli_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A failure: "NAME: object: reason"; exit 1.  object may be NULL. */
_Noreturn void die(const char *object, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Puts '?' for control characters (C0, DEL, and C1 in UTF-8), which could make a
 * terminal do anything.
 */
void cli_harmless(char *text);

/* The same line without the exit. */
void warn(const char *object, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Closes standard output and says so if anything written to it was lost.
 * Returns the exit status: 0, or 1 after a message.  Every path that succeeds
 * ends with it.
 */
int cli_finish(void);

#endif
