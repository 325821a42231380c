/*
 * jsonreader.h: JSON read from front to back, a value at a time, without a tree
 * of it: for the lists of a hundred thousand pieces that tokenizers have.  (All
 * other JSON is left to jansson.)
 *
 * All die, naming the file and the line, where the text is not JSON or not of
 * the kind asked for.  Source: RFC 8259.
 */
#ifndef LMUTILS_JSONREADER_H
#define LMUTILS_JSONREADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

/* Set path, s and n, and before, the lines that the file has before s. */
struct json_reader {
	const char *path;
	const char *s;
	size_t n;
	size_t before;

	size_t at;
	bool first;             /* nothing of the innermost list was read yet */
	struct bytes decoded;   /* the latest string, where it had escapes */
};

/* The first character of the next value; '\0' at the end of the text. */
char reader_peek(struct json_reader *r);

/*
 * Goes into an object ('{') or array ('['); then reader_more tells, before each
 * member or element, whether there is one, and at last leaves.
 */
void reader_enter(struct json_reader *r, char bracket);
bool reader_more(struct json_reader *r, char bracket);

/* A member's name, after which its value comes. */
const char *reader_name(struct json_reader *r, size_t *n);

/* Whether a name of n bytes is this one. */
bool reader_is(const char *name, size_t n, const char *wanted);

/* A string of n bytes, valid until the next one is read. */
const char *reader_string(struct json_reader *r, size_t *n);

int64_t reader_integer(struct json_reader *r);

/*
 * A number, rounded as Rust's serde_json does: the digits as an integer, times or
 * divided by a power of ten, which may be one unit of the last place from the best.
 */
double reader_real(struct json_reader *r);

/* Passes over a value, without a look at what is in it. */
void reader_skip(struct json_reader *r);

/* The same; sets `value` to a reader of it, if it is an array or an object. */
void reader_take(struct json_reader *r, struct json_reader *value);

/* Dies unless all was read; frees what belongs to the reader. */
void reader_finish(struct json_reader *r);

/* Dies: the line, and the message. */
_Noreturn void reader_broken(const struct json_reader *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
