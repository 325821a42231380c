/*
 * regex.h: the regular expressions of tokenizers.
 *
 * They are written in the syntax of Oniguruma, with Unicode's properties, and
 * run by PCRE2, into whose syntax they are translated where the two part:
 * \s \d \w \b \h, names of properties, nested classes [a[bc]] and [a&&[^b]],
 * {,n}, a{2}+, (?m) and what an option in mid-pattern extends to.
 *
 * Sources: Oniguruma, doc/RE and regparse.c; pcre2pattern(3).
 */
#ifndef LMUTILS_REGEX_H
#define LMUTILS_REGEX_H

#include <stdbool.h>
#include <stddef.h>

struct regex;

/* n bytes of valid UTF-8; on failure NULL, and the reason in why[size]. */
struct regex *regex_compile(const char *pattern, size_t n, char *why, size_t size);
void regex_free(struct regex *r);

/* The search for one match after the other in n bytes of valid UTF-8. */
struct regex_search {
	const struct regex *regex;
	const char *s;
	size_t n;
	size_t from;            /* where the next match may begin */
	size_t last;            /* where the last one ended; SIZE_MAX: there was none */
	unsigned long tries;
	double deadline;        /* in seconds of processor time; 0: not needed yet */
};

struct regex_search regex_search(const struct regex *r, const char *s, size_t n);

/*
 * The next match, from *start to *end, or false.  A match of nothing where the
 * last one ended does not count.  Dies, naming the pattern, where a match takes
 * more steps or memory than any tokenizer's pattern should: the time is bounded
 * whatever the pattern.
 */
bool regex_next(struct regex_search *search, size_t *start, size_t *end);

#endif
