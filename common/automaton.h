/*
 * automaton.h: how far a text may be the beginning of one that matches a
 * regular expression.
 *
 * A state stands for all that the bytes so far leave open; the next byte leads
 * to another state, which is made when it is first needed.  Every state but
 * AUTOMATON_DEAD can be completed to a match, so that no text leads astray.
 *
 * Sources: R. Cox, "Regular expression matching can be simple and fast", 2007;
 * B. T. Willard and R. Louf, "Efficient guided generation for large language
 * models", arXiv:2307.09702.
 */
#ifndef LMUTILS_AUTOMATON_H
#define LMUTILS_AUTOMATON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTOMATON_DEAD 0

struct automaton;

/* On failure NULL, and in why[size] where in the expression and for what reason. */
struct automaton *automaton_new(const char *expression, char *why, size_t size);
void automaton_free(struct automaton *a);

/*
 * The state before the first byte.  What was made before may be forgotten, and
 * its states are valid no more; the work of the calls that follow is counted anew.
 */
int32_t automaton_start(struct automaton *a);

/*
 * The state after n more bytes.  Dies, naming the expression, if since
 * automaton_start more states or steps were needed than any sensible expression
 * does: the time and the memory are bounded.
 */
int32_t automaton_next(struct automaton *a, int32_t state, const char *s, size_t n);

/* May the text end here?  May it go on? */
bool automaton_accepts(const struct automaton *a, int32_t state);
bool automaton_continues(const struct automaton *a, int32_t state);

#endif
