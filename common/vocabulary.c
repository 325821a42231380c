/* vocabulary.c: pieces and ids.  See vocabulary.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "memory.h"
#include "vocabulary.h"

struct vocabulary_entry {
	size_t at;              /* where in the text */
	uint32_t n;             /* bytes */
	int32_t id;
};

/* The entry counts from 1, 0 is a free slot; what of the hash is kept spares most looks at the entry. */
struct vocabulary_slot {
	uint32_t entry, hash;
};

uint64_t hash_number(uint64_t x)
{
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
	return x ^ x >> 32;
}

uint64_t hash_bytes(const char *s, size_t n)
{
	uint64_t h = n, word;
	for (; n >= 8; n -= 8, s += 8) {
		memcpy(&word, s, 8);
		h = hash_number(h ^ word) + 0x9e3779b97f4a7c15u;
	}
	word = 0;
	if (n > 0)
		memcpy(&word, s, n);
	return hash_number(h ^ word);
}

/* The slot that holds a piece, or the free one where it belongs. */
static struct vocabulary_slot *find_slot(const struct vocabulary *v, const char *piece, size_t n, uint32_t hash)
{
	size_t mask = v->slots_room - 1;
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct vocabulary_slot *slot = &v->slots[i];
		if (slot->entry == 0)
			return slot;
		const struct vocabulary_entry *e = &v->entries[slot->entry - 1];
		if (slot->hash == hash && e->n == n && memcmp(v->text.data + e->at, piece, n) == 0)
			return slot;
	}
}

/* Slots for twice as many entries; never more than half of them are in use. */
static void grow_slots(struct vocabulary *v)
{
	struct vocabulary_slot *old = v->slots;
	size_t old_room = v->slots_room;
	v->slots_room = old_room ? 2 * old_room : 1024;
	v->slots = mem_zero(v->slots_room, sizeof *v->slots);
	for (size_t k = 0; k < old_room; k++) {
		size_t i = old[k].hash & (v->slots_room - 1);
		if (old[k].entry == 0)
			continue;
		while (v->slots[i].entry != 0)
			i = (i + 1) & (v->slots_room - 1);
		v->slots[i] = old[k];
	}
	free(old);
}

/* Fresh zeroed memory, so that the gaps before a large id cost nothing. */
static void grow_by_id(struct vocabulary *v, size_t least)
{
	size_t room = v->by_id_room ? v->by_id_room : 1024;
	while (room < least)
		room *= 2;
	uint32_t *by_id = mem_zero(room, sizeof *by_id);
	if (v->size)
		memcpy(by_id, v->by_id, v->size * sizeof *by_id);
	free(v->by_id);
	v->by_id = by_id;
	v->by_id_room = room;
}

void vocabulary_add(struct vocabulary *v, const char *piece, size_t n, int32_t id)
{
	if (n >= UINT32_MAX || v->count >= UINT32_MAX / 2)
		die(NULL, "vocabulary too large");
	if (2 * (v->count + 1) > v->slots_room)
		grow_slots(v);
	if ((size_t)id >= v->by_id_room)
		grow_by_id(v, (size_t)id + 1);
	uint32_t hash = (uint32_t)hash_bytes(piece, n);
	struct vocabulary_slot *slot = find_slot(v, piece, n, hash);
	if (slot->entry == 0) {
		if (v->count == v->entries_room) {
			v->entries_room = v->entries_room ? 2 * v->entries_room : 512;
			v->entries = mem_resize(v->entries, v->entries_room, sizeof *v->entries);
		}
		v->entries[v->count] = (struct vocabulary_entry){v->text.n, (uint32_t)n, id};
		*slot = (struct vocabulary_slot){(uint32_t)++v->count, hash};
		bytes_add(&v->text, piece, n);
		bytes_add(&v->text, "", 1);
	}
	v->entries[slot->entry - 1].id = id;
	v->by_id[id] = slot->entry;
	if ((size_t)id >= v->size)
		v->size = (size_t)id + 1;
}

void vocabulary_forget(struct vocabulary *v)
{
	if (v->size > 0)
		memset(v->by_id, 0, v->size * sizeof *v->by_id);
	v->size = 0;
	for (size_t i = 0; i < v->count; i++) {
		size_t id = (size_t)v->entries[i].id;
		v->by_id[id] = (uint32_t)i + 1;
		v->size = id < v->size ? v->size : id + 1;
	}
}

int32_t vocabulary_find(const struct vocabulary *v, const char *piece, size_t n)
{
	if (v->count == 0)
		return -1;
	uint32_t entry = find_slot(v, piece, n, (uint32_t)hash_bytes(piece, n))->entry;
	return entry ? v->entries[entry - 1].id : -1;
}

int32_t vocabulary_guess(const struct vocabulary *v, const char *piece, size_t n, int32_t guess)
{
	if ((size_t)guess < v->size && v->by_id[guess] != 0) {
		const struct vocabulary_entry *e = &v->entries[v->by_id[guess] - 1];
		if (e->id == guess && e->n == n && memcmp(v->text.data + e->at, piece, n) == 0)
			return guess;
	}
	return vocabulary_find(v, piece, n);
}

void vocabulary_find_bytes(const struct vocabulary *v, int32_t ids[256])
{
	for (int i = 0; i < 256; i++) {
		char piece[8];
		snprintf(piece, sizeof piece, "<0x%02X>", (unsigned)i);
		ids[i] = vocabulary_find(v, piece, 6);
	}
}

const char *vocabulary_piece(const struct vocabulary *v, int32_t id, size_t *n)
{
	if (id < 0 || (size_t)id >= v->size || v->by_id[id] == 0)
		return NULL;
	const struct vocabulary_entry *e = &v->entries[v->by_id[id] - 1];
	if (n)
		*n = e->n;
	return v->text.data + e->at;
}

void vocabulary_free(struct vocabulary *v)
{
	free(v->entries);
	free(v->slots);
	free(v->by_id);
	bytes_free(&v->text);
	*v = (struct vocabulary){0};
}
