/* jsonreader.c: JSON without a tree.  See jsonreader.h. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "cli.h"
#include "jsonreader.h"
#include "utf8.h"

_Noreturn void reader_broken(const struct json_reader *r, const char *format, ...)
{
	char why[400];
	size_t line = r->before + 1;
	va_list arguments;
	for (size_t i = 0; i < r->at && i < r->n; i++)
		line += r->s[i] == '\n';
	va_start(arguments, format);
	vsnprintf(why, sizeof why, format, arguments);
	va_end(arguments);
	die(r->path, "line %zu: %s", line, why);
}

char reader_peek(struct json_reader *r)
{
	while (r->at < r->n && (r->s[r->at] == ' ' || r->s[r->at] == '\n' || r->s[r->at] == '\t' || r->s[r->at] == '\r'))
		r->at++;
	return r->at < r->n ? r->s[r->at] : '\0';
}

static void expect(struct json_reader *r, char c)
{
	if (reader_peek(r) != c)
		reader_broken(r, "'%c' expected", c);
	r->at++;
}

void reader_enter(struct json_reader *r, char bracket)
{
	expect(r, bracket);
	r->first = true;
}

bool reader_more(struct json_reader *r, char bracket)
{
	char closing = bracket == '{' ? '}' : ']';
	bool first = r->first;
	r->first = false;
	if (reader_peek(r) == closing) {
		r->at++;
		return false;
	}
	if (!first)
		expect(r, ',');
	return true;
}

/* Four hexadecimal digits. */
static uint32_t code_unit(struct json_reader *r)
{
	uint32_t code = 0;
	for (int i = 0; i < 4; i++, r->at++) {
		static const char digits[] = "0123456789abcdef0123456789ABCDEF";
		const char *digit = r->at < r->n && r->s[r->at] ? strchr(digits, r->s[r->at]) : NULL;
		if (!digit)
			reader_broken(r, "invalid escape");
		code = code << 4 | ((uint32_t)(digit - digits) & 15);
	}
	return code;
}

/* What follows "\u", which for a character beyond U+FFFF is two escapes. */
static void decode_unicode(struct json_reader *r)
{
	utf8proc_uint8_t utf8[4];
	uint32_t code = code_unit(r);
	if (code >= 0xd800 && code < 0xdc00 && r->n - r->at >= 2 && memcmp(r->s + r->at, "\\u", 2) == 0) {
		r->at += 2;
		uint32_t low = code_unit(r);
		code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : low;
	}
	if (code >= 0xd800 && code < 0xe000)
		reader_broken(r, "half a surrogate pair");
	utf8proc_ssize_t n = utf8proc_encode_char((utf8proc_int32_t)code, utf8);
	bytes_add(&r->decoded, (char *)utf8, (size_t)n);
}

static void decode_escape(struct json_reader *r)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char c = r->at < r->n ? r->s[r->at++] : '\0';
	const char *name = c ? strchr(names, c) : NULL;
	if (c == 'u')
		decode_unicode(r);
	else if (name)
		bytes_add(&r->decoded, values + (name - names), 1);
	else
		reader_broken(r, "invalid escape");
}

/* The end of a run of characters that stand for themselves. */
static size_t run_end(const struct json_reader *r)
{
	size_t at = r->at;
	while (at < r->n && r->s[at] != '"' && r->s[at] != '\\' && (unsigned char)r->s[at] >= ' ')
		at++;
	return at;
}

const char *reader_string(struct json_reader *r, size_t *n)
{
	expect(r, '"');
	const char *s = r->s + r->at;
	size_t end = run_end(r);
	*n = end - r->at;
	r->decoded.n = 0;
	while (end < r->n && r->s[end] == '\\') {
		bytes_add(&r->decoded, r->s + r->at, end - r->at);
		r->at = end + 1;
		decode_escape(r);
		end = run_end(r);
	}
	if (r->decoded.n > 0) {
		bytes_add(&r->decoded, r->s + r->at, end - r->at);
		s = r->decoded.data;
		*n = r->decoded.n;
	}
	r->at = end;
	if (end == r->n || r->s[end] != '"')
		reader_broken(r, end == r->n ? "a string without an end" : "a control character in a string");
	if (!utf8_valid(s, *n))
		reader_broken(r, "a string that is not UTF-8");
	r->at++;
	return s;
}

const char *reader_name(struct json_reader *r, size_t *n)
{
	const char *name = reader_string(r, n);
	expect(r, ':');
	return name;
}

bool reader_is(const char *name, size_t n, const char *wanted)
{
	return n == strlen(wanted) && memcmp(name, wanted, n) == 0;
}

int64_t reader_integer(struct json_reader *r)
{
	bool negative = reader_peek(r) == '-';
	int64_t x = 0;
	size_t start = r->at += negative;
	for (; r->at < r->n && r->s[r->at] >= '0' && r->s[r->at] <= '9'; r->at++)
		if (__builtin_mul_overflow(x, 10, &x) || __builtin_add_overflow(x, r->s[r->at] - '0', &x))
			reader_broken(r, "a number that is too large");
	if (r->at == start || (r->s[start] == '0' && r->at > start + 1) ||
	    (r->at < r->n && strchr(".eE", r->s[r->at])))
		reader_broken(r, "not an integer");
	return negative ? -x : x;
}

/* 10^n, n >= 0. */
static double power_of_ten(int n)
{
	char number[16];
	double power = 1;
	if (n <= 22) {          /* all of these are exact */
		while (n-- > 0)
			power *= 10;
		return power;
	}
	snprintf(number, sizeof number, "1e%d", n);
	return strtod(number, NULL);
}

#define POWER_MAX 308

static double scale(const struct json_reader *r, double x, int64_t exponent)
{
	for (; exponent < -POWER_MAX && x != 0; exponent += POWER_MAX)
		x /= power_of_ten(POWER_MAX);
	if (x == 0)
		return x;
	x = exponent < 0 ? x / power_of_ten((int)-exponent) :
	    exponent <= POWER_MAX ? x * power_of_ten((int)exponent) : INFINITY;
	if (isinf(x))
		reader_broken(r, "a number that is too large");
	return x;
}

/* Adds digits to *x, as far as they fit; returns how many there were, and in *left how many did not fit. */
static size_t read_digits(struct json_reader *r, uint64_t *x, size_t *left)
{
	size_t start = r->at;
	for (*left = 0; r->at < r->n && r->s[r->at] >= '0' && r->s[r->at] <= '9'; r->at++) {
		unsigned digit = (unsigned)(r->s[r->at] - '0');
		if (*left == 0 && *x <= (UINT64_MAX - digit) / 10)
			*x = *x * 10 + digit;
		else
			++*left;
	}
	return r->at - start;
}

static int64_t read_exponent(struct json_reader *r)
{
	char sign = r->at < r->n ? r->s[r->at] : '\0';
	uint64_t x = 0;
	size_t left;
	r->at += sign == '+' || sign == '-';
	if (read_digits(r, &x, &left) == 0)
		reader_broken(r, "a number expected");
	int64_t exponent = left > 0 || x > INT32_MAX ? INT32_MAX : (int64_t)x;
	return sign == '-' ? -exponent : exponent;
}

double reader_real(struct json_reader *r)
{
	bool negative = reader_peek(r) == '-';
	uint64_t digits = 0;
	int64_t exponent;
	size_t left, start = r->at += negative;
	if (read_digits(r, &digits, &left) == 0 || (r->s[start] == '0' && r->at > start + 1))
		reader_broken(r, "a number expected");
	exponent = (int64_t)left;
	if (r->at < r->n && r->s[r->at] == '.') {
		r->at++;
		size_t more = read_digits(r, &digits, &left);
		if (more == 0)
			reader_broken(r, "a number expected");
		exponent -= (int64_t)(more - left);
	}
	if (r->at < r->n && (r->s[r->at] == 'e' || r->s[r->at] == 'E')) {
		r->at++;
		exponent += read_exponent(r);
	}
	double x = scale(r, (double)digits, exponent);
	return negative ? -x : x;
}

static void skip_string(struct json_reader *r)
{
	for (r->at++; r->at < r->n && r->s[r->at] != '"'; r->at++)
		r->at += r->s[r->at] == '\\';
	if (r->at >= r->n) {
		r->at = r->n;
		reader_broken(r, "a string without an end");
	}
	r->at++;
}

void reader_skip(struct json_reader *r)
{
	size_t depth = 0;
	char c = reader_peek(r);
	do {
		if (c == '\0' || (depth == 0 && (c == '}' || c == ']' || c == ',')))
			reader_broken(r, "a value expected");
		if (c == '"') {
			skip_string(r);
		} else {
			depth += c == '{' || c == '[';
			depth -= c == '}' || c == ']';
			r->at++;
		}
		if (depth == 0 && (c == '"' || c == '}' || c == ']'))
			return;
		c = reader_peek(r);
	} while (depth > 0 || (c != ',' && c != '}' && c != ']'));
}

void reader_take(struct json_reader *r, struct json_reader *value)
{
	char bracket = reader_peek(r);
	size_t start = r->at;
	reader_skip(r);
	if (bracket == '{' || bracket == '[')
		*value = (struct json_reader){.path = r->path, .s = r->s, .n = r->at, .at = start};
}

void reader_finish(struct json_reader *r)
{
	if (reader_peek(r) != '\0' || r->at < r->n)
		reader_broken(r, "more than one value");
	bytes_free(&r->decoded);
}
