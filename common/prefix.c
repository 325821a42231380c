/* prefix.c: which string of a set a text begins with.  See prefix.h. */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "prefix.h"

struct prefix {
	const char *s;
	size_t n, order;
	int32_t value;
};

void prefix_add(struct prefix_set *set, const char *s, size_t n, int32_t value)
{
	if (set->count == set->room) {
		set->room = set->room ? 2 * set->room : 64;
		set->prefixes = mem_resize(set->prefixes, set->room, sizeof *set->prefixes);
	}
	set->prefixes[set->count] = (struct prefix){s, n, set->count, value};
	set->count++;
}

static int compare_text(const struct prefix *a, const struct prefix *b)
{
	int c = memcmp(a->s, b->s, a->n < b->n ? a->n : b->n);
	return c ? c : (a->n > b->n) - (a->n < b->n);
}

static int compare(const void *left, const void *right)
{
	const struct prefix *a = left, *b = right;
	int c = compare_text(a, b);
	return c ? c : (a->order > b->order) - (a->order < b->order);
}

void prefix_sort(struct prefix_set *set)
{
	size_t kept = 0;
	if (set->count)
		qsort(set->prefixes, set->count, sizeof *set->prefixes, compare);
	for (size_t i = 0; i < set->count; i++)
		if (kept == 0 || compare_text(&set->prefixes[kept - 1], &set->prefixes[i]) != 0)
			set->prefixes[kept++] = set->prefixes[i];
	set->count = kept;
	for (size_t c = 0, i = 0; c <= 256; c++) {
		while (i < kept && (unsigned char)set->prefixes[i].s[0] < c)
			i++;
		set->first[c] = i;
	}
}

/* The first of prefixes[low..high), all longer than depth, with byte depth >= c. */
static size_t lower_bound(const struct prefix_set *set, size_t low, size_t high, size_t depth, unsigned c)
{
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if ((unsigned char)set->prefixes[middle].s[depth] < c)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool prefix_match(const struct prefix_set *set, const char *s, size_t n, size_t *length, int32_t *value)
{
	bool found = false;
	if (n == 0)
		return false;
	/* prefixes[low..high) agree with s in the first depth bytes; the shortest is first. */
	unsigned c = (unsigned char)s[0];
	size_t low = set->first[c], high = set->first[c + 1];
	for (size_t depth = 1; low < high; depth++) {
		if (set->prefixes[low].n == depth) {
			*length = depth;
			*value = set->prefixes[low++].value;
			found = true;
		}
		if (depth == n)
			break;
		c = (unsigned char)s[depth];
		low = lower_bound(set, low, high, depth, c);
		high = lower_bound(set, low, high, depth, c + 1);
	}
	return found;
}

void prefix_free(struct prefix_set *set)
{
	free(set->prefixes);
	*set = (struct prefix_set){0};
}
