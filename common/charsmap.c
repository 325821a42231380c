/* charsmap.c: SentencePiece's map of characters.  See charsmap.h. */
#include <stdlib.h>
#include <string.h>

#include "charsmap.h"
#include "memory.h"

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

const char *charsmap_match(const struct charsmap *map, const char *s, size_t n, size_t *length, size_t *m)
{
	const char *found = NULL;
	if (map->unit_count == 0)
		return NULL;
	size_t node = unit_offset(map->units[0]);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		node ^= c;
		if (node >= map->unit_count || unit_label(map->units[node]) != c)
			break;
		uint32_t unit = map->units[node];
		node ^= unit_offset(unit);
		if (!(unit & 0x100) || node >= map->unit_count)
			continue;
		size_t at = map->units[node] & 0x7fffffff;
		if (at >= map->strings_bytes)
			continue;
		found = map->strings + at;
		*length = i + 1;
	}
	if (found)
		*m = strlen(found);
	return found;
}

void charsmap_free(struct charsmap *map)
{
	free(map->units);
	free(map->strings);
}
