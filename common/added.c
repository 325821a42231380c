/* added.c: added tokens in a text.  See added.h. */
#include "added.h"
#include "memory.h"
#include "utf8.h"

static void add_part(struct added_parts *parts, size_t start, size_t end, int32_t id)
{
	if (parts->n == parts->room) {
		parts->room = parts->room ? 2 * parts->room : 16;
		parts->data = mem_resize(parts->data, parts->room, sizeof *parts->data);
	}
	parts->data[parts->n++] = (struct added_part){start, end, id};
}

static uint32_t character_at(const char *s, size_t n, size_t *length)
{
	uint32_t code = 0;
	utf8_decode(s, n, length, &code);
	return code;
}

static bool within_word(const char *s, size_t n, size_t start, size_t end)
{
	size_t length, before = start ? utf8_length_before(s, start) : 0;
	return (start > 0 && utf8_is_word(character_at(s + start - before, before, &length))) ||
	       (end < n && utf8_is_word(character_at(s + end, n - end, &length)));
}

struct added_parts added_find(const struct prefix_set *set, const struct added_token *tokens, bool plain,
			      bool exact, const char *s, size_t n)
{
	struct added_parts parts = {0};
	size_t done = 0, length;
	int32_t i;
	for (size_t at = 0; at < n; at += length) {
		if (!prefix_match(set, s + at, n - at, &length, &i)) {
			length = 1;
			continue;
		}
		const struct added_token *token = &tokens[i];
		size_t start = at, end = at + length;
		if ((plain && token->special) || (exact && (token->lstrip || token->rstrip)) ||
		    (token->single_word && within_word(s, n, start, end)))
			continue;
		if (token->lstrip) {
			start = utf8_space_before(s, start);
			if (start < done)
				start = done;
		}
		if (token->rstrip)
			end = utf8_space_after(s, n, end);
		if (done < start)
			add_part(&parts, done, start, -1);
		if (start < end)
			add_part(&parts, start, end, token->id);
		done = end;
	}
	if (done < n)
		add_part(&parts, done, n, -1);
	return parts;
}
