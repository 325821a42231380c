/* automaton.c: how far a text may be the beginning of a match.  See automaton.h. */
#include <stdlib.h>
#include <string.h>

#include "automaton.h"
#include "cli.h"
#include "memory.h"
#include "pattern.h"
#include "vocabulary.h"

enum {
	STATES_MAX = 1 << 14,           /* of 1 KiB each, */
	MEMBERS_MAX = 1 << 23,          /* and the nodes in all of them */
	SLOTS = 2 * STATES_MAX,
	WORK_MAX = 1 << 26,             /* nodes looked at: about a quarter of a second */
	UNKNOWN = -1,
};

/* The nodes one may be at: those for a byte, rising. */
struct state {
	size_t first, n;                /* members[first] ... */
	bool accepts;
	int32_t next[256];              /* by the byte; UNKNOWN: not made yet */
};

struct automaton {
	struct pattern pattern;
	char *name;                     /* for messages */
	struct state *states;
	size_t count, room;
	int32_t *members;
	size_t member_count, member_room;
	int32_t *slots;                 /* [SLOTS], a hash table: a state, or UNKNOWN */
	uint8_t *seen;                  /* [nodes] */
	int32_t *stack, *reached;       /* [nodes + 1] */
	size_t work;
};

static void count_work(struct automaton *a, size_t work)
{
	a->work += work;
	if (a->work > WORK_MAX)
		die(a->name, "too much work (more than %d steps for a token)", WORK_MAX);
}

/* Adds to reached[n] the nodes for a byte that node leads to by no byte at all; true if the end is there. */
static bool reach(struct automaton *a, int32_t node, size_t *n)
{
	bool end = false;
	size_t depth = 0;
	a->stack[depth++] = node;
	while (depth > 0) {
		int32_t i = a->stack[--depth];
		if (i == PATTERN_END) {
			end = true;
			continue;
		}
		if (a->seen[i])
			continue;
		a->seen[i] = 1;
		const struct pattern_node *is = &a->pattern.nodes[i];
		a->reached[(*n)++] = i;
		if (is->fork) {
			a->stack[depth++] = is->other;
			a->stack[depth++] = is->next;
		}
	}
	return end;
}

static int by_number(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
	return (x > y) - (x < y);
}

/* Drops the forks from what was reached, and sorts the rest. */
static size_t take_members(struct automaton *a, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		int32_t node = a->reached[i];
		a->seen[node] = 0;
		if (!a->pattern.nodes[node].fork)
			a->reached[kept++] = node;
	}
	qsort(a->reached, kept, sizeof *a->reached, by_number);
	count_work(a, n + 8 * kept);
	return kept;
}

static int32_t add_state(struct automaton *a, size_t n, bool accepts)
{
	if (a->count == STATES_MAX || a->member_count + n > MEMBERS_MAX)
		die(a->name, "needs too much memory (more than %d states or %d nodes in them for a token)", STATES_MAX,
		    MEMBERS_MAX);
	if (a->count == a->room)
		a->states = mem_resize(a->states, a->room = 2 * a->room + 16, sizeof *a->states);
	if (n > a->member_room - a->member_count)
		a->members = mem_resize(a->members, a->member_room = 2 * a->member_room + n, sizeof *a->members);
	struct state *s = &a->states[a->count];
	*s = (struct state){.first = a->member_count, .n = n, .accepts = accepts};
	for (size_t i = 0; i < 256; i++)
		s->next[i] = UNKNOWN;
	if (n > 0)
		memcpy(a->members + s->first, a->reached, n * sizeof *a->members);
	a->member_count += n;
	return (int32_t)a->count++;
}

/* The state of the first n that were reached, which may be an old one. */
static int32_t find_state(struct automaton *a, size_t n, bool accepts)
{
	uint64_t hash = hash_bytes((const char *)a->reached, n * sizeof *a->reached) + accepts;
	size_t slot = hash % SLOTS;
	for (; a->slots[slot] != UNKNOWN; slot = (slot + 1) % SLOTS) {
		const struct state *s = &a->states[a->slots[slot]];
		if (s->n == n && s->accepts == accepts &&
		    (n == 0 || memcmp(a->members + s->first, a->reached, n * sizeof *a->reached) == 0))
			return a->slots[slot];
	}
	return a->slots[slot] = add_state(a, n, accepts);
}

static void forget_states(struct automaton *a)
{
	a->count = a->member_count = 0;
	for (size_t i = 0; i < SLOTS; i++)
		a->slots[i] = UNKNOWN;
	find_state(a, 0, false);        /* AUTOMATON_DEAD */
}

struct automaton *automaton_new(const char *expression, char *why, size_t size)
{
	struct automaton *a = mem_zero(1, sizeof *a);
	if (!pattern_compile(&a->pattern, expression, why, size)) {
		free(a);
		return NULL;
	}
	a->name = mem_printf("expression '%.300s'", expression);
	a->slots = mem_array(SLOTS, sizeof *a->slots);
	a->seen = mem_zero(a->pattern.count + 1, 1);
	/* each fork is gone through once, and puts two nodes on the stack */
	a->stack = mem_array(2 * a->pattern.count + 2, sizeof *a->stack);
	a->reached = mem_array(a->pattern.count + 1, sizeof *a->reached);
	forget_states(a);
	return a;
}

void automaton_free(struct automaton *a)
{
	if (!a)
		return;
	pattern_free(&a->pattern);
	free(a->name);
	free(a->states);
	free(a->members);
	free(a->slots);
	free(a->seen);
	free(a->stack);
	free(a->reached);
	free(a);
}

int32_t automaton_start(struct automaton *a)
{
	size_t n = 0;
	a->work = 0;
	if (a->count > STATES_MAX / 2 || a->member_count > MEMBERS_MAX / 2)
		forget_states(a);
	bool accepts = reach(a, a->pattern.start, &n);
	return find_state(a, take_members(a, n), accepts);
}

static int32_t make_next(struct automaton *a, int32_t state, uint8_t byte)
{
	size_t n = 0;
	bool accepts = false;
	for (size_t i = 0; i < a->states[state].n; i++) {
		const struct pattern_node *node = &a->pattern.nodes[a->members[a->states[state].first + i]];
		if (byte >= node->low && byte <= node->high)
			accepts |= reach(a, node->next, &n);
	}
	count_work(a, a->states[state].n);
	int32_t next = find_state(a, take_members(a, n), accepts);
	return a->states[state].next[byte] = next;
}

int32_t automaton_next(struct automaton *a, int32_t state, const char *s, size_t n)
{
	for (size_t i = 0; i < n && state != AUTOMATON_DEAD; i++) {
		int32_t next = a->states[state].next[(uint8_t)s[i]];
		state = next == UNKNOWN ? make_next(a, state, (uint8_t)s[i]) : next;
	}
	return state;
}

bool automaton_accepts(const struct automaton *a, int32_t state)
{
	return a->states[state].accepts;
}

bool automaton_continues(const struct automaton *a, int32_t state)
{
	return a->states[state].n > 0;
}
