/* regex.c: the regular expressions of tokenizers.  See regex.h. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "cli.h"
#include "memory.h"
#include "onig.h"
#include "regex.h"
#include "utf8.h"

/*
 * What bounds a search.  From one start, PCRE2 counts steps; that it tries
 * START_MAX starts a call lets the clock be looked at in between.
 */
#define STEPS_MIN 1000000               /* of a short text, */
#define STEPS_PER_BYTE 64               /* and for each byte of a longer one */
#define START_MAX 64
#define TRIES_PER_LOOK 16
#define SECONDS_MIN 10.0                /* of processor time */
#define SECONDS_PER_BYTE 10e-6
#define HEAP_MAX (512 * 1024)           /* KiB */
#define STACK_MIN ((size_t)64 << 10)
#define STACK_MAX ((size_t)512 << 20)

struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	char *pattern;                  /* as it was given, for messages */
};

static _Noreturn void out_of_memory(void)
{
	die(NULL, "out of memory (a regular expression)");
}

static pcre2_code *compile(const struct bytes *pattern, char *why, size_t size)
{
	int error;
	size_t offset;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	if (!context)
		out_of_memory();
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)(pattern->n ? pattern->data : ""), pattern->n,
					 PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |
					 PCRE2_USE_OFFSET_LIMIT, &error, &offset, context);
	pcre2_compile_context_free(context);
	if (!code)
		pcre2_get_error_message(error, (PCRE2_UCHAR *)why, size);
	return code;
}

struct regex *regex_compile(const char *pattern, size_t n, char *why, size_t size)
{
	struct bytes translated = {0};
	pcre2_code *code = NULL;
	if (onig_translate(pattern, n, &translated, why, size))
		code = compile(&translated, why, size);
	bytes_free(&translated);
	if (!code)
		return NULL;
	struct regex *r = mem_zero(1, sizeof *r);
	r->code = code;
	r->pattern = mem_printf("pattern '%.*s'", n < 300 ? (int)n : 300, pattern);
	r->data = pcre2_match_data_create(1, NULL);
	r->context = pcre2_match_context_create(NULL);
	if (!r->data || !r->context)
		out_of_memory();
	pcre2_set_heap_limit(r->context, HEAP_MAX);
	if (pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0)
		r->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
	if (r->stack)
		pcre2_jit_stack_assign(r->context, NULL, r->stack);
	return r;
}

void regex_free(struct regex *r)
{
	if (!r)
		return;
	pcre2_match_data_free(r->data);
	pcre2_match_context_free(r->context);
	pcre2_jit_stack_free(r->stack);
	pcre2_code_free(r->code);
	free(r->pattern);
	free(r);
}

struct regex_search regex_search(const struct regex *r, const char *s, size_t n)
{
	return (struct regex_search){.regex = r, .s = s, .n = n, .last = SIZE_MAX};
}

/* Dies when the search has taken too long.  The clock is not looked at for short ones. */
static void look_at_clock(struct regex_search *search)
{
	if (++search->tries % TRIES_PER_LOOK)
		return;
	double now = (double)clock() / CLOCKS_PER_SEC;
	if (search->deadline == 0)
		search->deadline = now + SECONDS_MIN + SECONDS_PER_BYTE * (double)search->n;
	else if (now > search->deadline)
		die(search->regex->pattern, "takes too long for a text of %zu bytes", search->n);
}

/* The first match that begins in [from, limit]. */
static bool match(struct regex_search *search, size_t from, size_t limit, size_t *start, size_t *end)
{
	const struct regex *r = search->regex;
	size_t steps = search->n > (UINT32_MAX - STEPS_MIN) / STEPS_PER_BYTE ? UINT32_MAX :
		       STEPS_MIN + STEPS_PER_BYTE * search->n;
	look_at_clock(search);
	pcre2_set_match_limit(r->context, (uint32_t)steps);
	pcre2_set_depth_limit(r->context, (uint32_t)steps);
	pcre2_set_offset_limit(r->context, limit);
	int found = pcre2_match(r->code, (PCRE2_SPTR)search->s, search->n, from, PCRE2_NO_UTF_CHECK, r->data,
				r->context);
	if (found == PCRE2_ERROR_NOMATCH)
		return false;
	if (found < 0) {
		char why[160];
		pcre2_get_error_message(found, (PCRE2_UCHAR *)why, sizeof why);
		die(r->pattern, "too much work for a text of %zu bytes (%s)", search->n, why);
	}
	size_t *pair = pcre2_get_ovector_pointer(r->data);
	*start = pair[0];
	*end = pair[1];
	if (*start > *end)
		die(r->pattern, "a match that ends before it begins");
	return true;
}

/* Where the character ends that is, or is in, s[at]. */
static size_t character_end(const struct regex_search *search, size_t at)
{
	for (at++; at < search->n && ((unsigned char)search->s[at] & 0xc0) == 0x80; at++)
		;
	return at;
}

bool regex_next(struct regex_search *search, size_t *start, size_t *end)
{
	while (search->from <= search->n) {
		size_t limit = search->n - search->from > START_MAX ? search->from + START_MAX : search->n;
		if (!match(search, search->from, limit, start, end)) {
			search->from = character_end(search, limit);
		} else if (*start == *end && *end == search->last) {
			search->from = character_end(search, search->from);
		} else {
			search->from = search->last = *end;
			return true;
		}
	}
	return false;
}
