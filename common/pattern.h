/*
 * pattern.h: a regular expression as a network of bytes, for automaton.h.
 *
 * What is regular in the language's proper sense is there: characters, . and
 * classes, groups, |, * + ? {n,m}.  Whatever looks back or ahead (references,
 * assertions, anchors within) is refused.  A character is the bytes of its UTF-8,
 * so that the network may stop in the middle of one.
 *
 * Sources: K. Thompson, "Regular expression search algorithm", 1968; the bytes of
 * a range of characters as in RE2 (R. Cox, "Regular expression matching in the
 * wild", 2010).
 */
#ifndef LMUTILS_PATTERN_H
#define LMUTILS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_NODES_MAX 1000000
#define PATTERN_END (-1)        /* in place of a node: the text may end here */

/* From a node one goes on by a byte in [low, high], or, of a fork, by none either way. */
struct pattern_node {
	bool fork;
	uint8_t low, high;
	int32_t next, other;    /* other: of a fork */
};

struct pattern {
	struct pattern_node *nodes;
	size_t count, room;
	int32_t start;
};

/* On failure false, and in why[size] where and for what reason. */
bool pattern_compile(struct pattern *p, const char *text, char *why, size_t size);

void pattern_free(struct pattern *p);

#endif
