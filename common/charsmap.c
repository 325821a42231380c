/* charsmap.c: SentencePiece's map of characters.  See charsmap.h. */
#include <stdlib.h>
#include <string.h>

#include "charsmap.h"
#include "memory.h"
#include "utf8.h"

static uint32_t little_endian(const char *s)
{
	const unsigned char *c = (const unsigned char *)s;
	return c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24;
}

bool charsmap_load(struct charsmap *map, const char *blob, size_t n)
{
	if (n < 4 || little_endian(blob) > n - 4)
		return false;
	size_t trie = little_endian(blob);
	map->unit_count = trie / 4;
	map->units = mem_array(map->unit_count, sizeof *map->units);
	for (size_t i = 0; i < map->unit_count; i++)
		map->units[i] = little_endian(blob + 4 + 4 * i);
	map->strings_bytes = n - 4 - trie;
	map->strings = mem_array(map->strings_bytes + 1, 1);
	memcpy(map->strings, blob + 4 + trie, map->strings_bytes);
	map->strings[map->strings_bytes] = '\0';
	return true;
}

/*
 * A unit of the trie: in bits 0 to 7 the byte that leads to it (bit 31 is 0
 * too), in bit 8 whether a key ends here, and the offset of its children in
 * bits 10 to 30, times 256 if bit 9 is set.  A unit in which bit 31 is set is a
 * leaf, and holds a value.
 */
static uint32_t unit_label(uint32_t unit)
{
	return unit & 0x800000ff;
}

static uint32_t unit_offset(uint32_t unit)
{
	return (unit >> 10) << ((unit & 0x200) >> 6);
}

/* A walk through the trie. */
struct walk {
	const struct charsmap *map;
	size_t node;
};

/* One step, by a byte; false if no key goes on so.  *found becomes the replacement of a key that ends here, or NULL. */
static bool step(struct walk *w, char byte, const char **found)
{
	const struct charsmap *map = w->map;
	unsigned char c = (unsigned char)byte;
	*found = NULL;
	w->node ^= c;
	if (w->node >= map->unit_count || unit_label(map->units[w->node]) != c)
		return false;
	uint32_t unit = map->units[w->node];
	w->node ^= unit_offset(unit);
	if (!(unit & 0x100) || w->node >= map->unit_count)
		return true;
	size_t at = map->units[w->node] & 0x7fffffff;
	if (at < map->strings_bytes)
		*found = map->strings + at;
	return true;
}

static struct walk walk(const struct charsmap *map)
{
	return (struct walk){map, map->unit_count ? unit_offset(map->units[0]) : SIZE_MAX};
}

const char *charsmap_match(const struct charsmap *map, const char *s, size_t n, size_t *length, size_t *m)
{
	struct walk w = walk(map);
	const char *found = NULL, *here;
	for (size_t i = 0; i < n && step(&w, s[i], &here); i++)
		if (here) {
			found = here;
			*length = i + 1;
		}
	if (found)
		*m = strlen(found);
	return found;
}

const char *charsmap_transform(const struct charsmap *map, const char *s, size_t n, size_t *m)
{
	struct walk w = walk(map);
	const char *found = NULL;
	for (size_t i = 0; !found && i < n && s[i] != '\0' && step(&w, s[i], &found); i++)
		;
	if (found)
		*m = strlen(found);
	return found;
}

bool charsmap_valid(const struct charsmap *map)
{
	return utf8_valid(map->strings, map->strings_bytes);
}

void charsmap_free(struct charsmap *map)
{
	free(map->units);
	free(map->strings);
}
