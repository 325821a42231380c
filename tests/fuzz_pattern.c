/*
 * fuzz_pattern.c: for libFuzzer (make fuzz).  A line that may be a regular
 * expression, and a text behind it: the expression is refused with a reason, or
 * says the same of the text at once and byte by byte, and never that a text goes
 * on to a match which no byte continues.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "automaton.h"
#include "pattern.h"

enum { NODES = 5000, TEXT = 64 };       /* few enough for any number of states to do */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool goes_on(struct automaton *a, int32_t state)
{
	for (int c = 0; c < 256; c++)
		if (automaton_next(a, state, (char[]){(char)c}, 1) != AUTOMATON_DEAD)
			return true;
	return false;
}

static void match(const char *expression, const char *text, size_t n)
{
	char why[200];
	struct automaton *a = automaton_new(expression, why, sizeof why);
	if (!a)
		abort();
	int32_t state = automaton_start(a), at_once = automaton_next(a, state, text, n);
	for (size_t i = 0; i < n; i++) {
		if (state != AUTOMATON_DEAD && !automaton_accepts(a, state) && !automaton_continues(a, state))
			abort();
		if (automaton_continues(a, state) != goes_on(a, state))
			abort();
		state = automaton_next(a, state, text + i, 1);
	}
	if (state != at_once)
		abort();
	automaton_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char why[200] = "";
	struct pattern p;
	const uint8_t *end = memchr(data, '\n', n);
	char *expression = strndup((const char *)data, end ? (size_t)(end - data) : n);
	size_t rest = end ? n - (size_t)(end + 1 - data) : 0;
	if (!pattern_compile(&p, expression, why, sizeof why)) {
		if (strlen(why) == 0)
			abort();
	} else {
		size_t count = p.count;
		pattern_free(&p);
		if (count < NODES)
			match(expression, (const char *)data + n - rest, rest < TEXT ? rest : TEXT);
	}
	free(expression);
	return 0;
}
