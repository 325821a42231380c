/* trie.c: a set of strings, walked through byte by byte.  See trie.h. */
#include <stdlib.h>

#include "cli.h"
#include "memory.h"
#include "trie.h"
#include "vocabulary.h"

/* From a node by a byte to another; node 0 is the root, and where no edge leads. */
struct trie_edge {
	uint64_t from;          /* node << 8 | byte */
	uint32_t to;            /* 0: the edge is free */
	int32_t id;             /* of the string that ends here, or -1 */
};

static uint64_t edge_of(uint32_t node, char byte)
{
	return (uint64_t)node << 8 | (unsigned char)byte;
}

/* The edge, or the free one where it belongs. */
static struct trie_edge *find_edge(const struct trie *t, uint64_t from)
{
	size_t mask = t->room - 1, i = hash_number(from) & mask;
	while (t->edges[i].to != 0 && t->edges[i].from != from)
		i = (i + 1) & mask;
	return &t->edges[i];
}

static void grow(struct trie *t)
{
	struct trie_edge *old = t->edges;
	size_t old_room = t->room;
	t->room = old_room ? 2 * old_room : 1024;
	t->edges = mem_zero(t->room, sizeof *t->edges);
	for (size_t i = 0; i < old_room; i++)
		if (old[i].to != 0)
			*find_edge(t, old[i].from) = old[i];
	free(old);
}

void trie_add(struct trie *t, const char *s, size_t n, int32_t id)
{
	struct trie_edge *edge = NULL;
	uint32_t node = TRIE_ROOT;
	for (size_t i = 0; i < n; i++) {
		if (2 * (t->count + 1) > t->room)
			grow(t);
		edge = find_edge(t, edge_of(node, s[i]));
		if (edge->to == 0) {
			if (t->count >= UINT32_MAX / 2)
				die(NULL, "vocabulary too large");
			*edge = (struct trie_edge){edge_of(node, s[i]), (uint32_t)++t->count, -1};
		}
		node = edge->to;
	}
	edge->id = id;
}

bool trie_step(const struct trie *t, uint32_t *node, char byte, int32_t *id)
{
	if (t->count == 0)
		return false;
	const struct trie_edge *edge = find_edge(t, edge_of(*node, byte));
	*node = edge->to;
	*id = edge->id;
	return edge->to != 0;
}

void trie_free(struct trie *t)
{
	free(t->edges);
	*t = (struct trie){0};
}
