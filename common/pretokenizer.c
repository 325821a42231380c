/* pretokenizer.c: the second step of a tokenizer.  See pretokenizer.h. */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "pretokenizer.h"
#include "utf8.h"

void text_list_add(struct text_list *list, struct text t)
{
	if (t.bytes.n == 0) {
		bytes_free(&t.bytes);
		return;
	}
	if (list->n == list->room) {
		list->room = list->room ? 2 * list->room : 16;
		list->texts = mem_resize(list->texts, list->room, sizeof *list->texts);
	}
	list->texts[list->n++] = t;
}

void text_list_free(struct text_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		bytes_free(&list->texts[i].bytes);
	free(list->texts);
}

/* Adds the part of t from start to end. */
static void add_part(struct text_list *list, const struct text *t, size_t start, size_t end)
{
	struct text part = {.limit = t->limit};
	bytes_add(&part.bytes, t->bytes.data + start, end - start);
	if (t->origin > start)
		part.origin = t->origin < end ? t->origin - start : end - start;
	text_list_add(list, part);
}

/* Cuts t before each occurrence of the delimiter. */
static void split_before(const struct text *t, const struct bytes *delimiter, struct text_list *out)
{
	const char *s = t->bytes.data, *match;
	size_t start = 0, from = 0, n = t->bytes.n;
	while (n - from >= delimiter->n &&
	       (match = memmem(s + from, n - from, delimiter->data, delimiter->n))) {
		size_t at = (size_t)(match - s);
		add_part(out, t, start, at);
		start = at;
		from = at + delimiter->n;
	}
	add_part(out, t, start, n);
}

static bool begins_with(const struct text *t, const struct bytes *b)
{
	return t->bytes.n >= b->n && memcmp(t->bytes.data, b->data, b->n) == 0;
}

static void metaspace(const struct pretokenizer *p, struct text t, struct text_list *out)
{
	const struct bytes *c = &p->content;
	text_replace(&t, " ", 1, c->data, c->n);
	if (!begins_with(&t, c) && (p->prepend == PREPEND_ALWAYS || (p->prepend == PREPEND_FIRST && t.origin)))
		text_prepend(&t, c->data, c->n);
	if (!p->split) {
		text_list_add(out, t);
		return;
	}
	split_before(&t, c, out);
	bytes_free(&t.bytes);
}

/*
 * Split.
 */

/* A text cut into matches and what is between them. */
struct range {
	size_t start, end;
	bool match;
};

struct ranges {
	struct range *data;
	size_t n, room;
};

static void add_range(struct ranges *list, size_t start, size_t end, bool match)
{
	if (list->n == list->room) {
		list->room = list->room ? 2 * list->room : 64;
		list->data = mem_resize(list->data, list->room, sizeof *list->data);
	}
	list->data[list->n++] = (struct range){start, end, match};
}

/* The next occurrence of a plain string from *end on. */
static bool next_string(const struct bytes *pattern, const struct text *t, size_t *start, size_t *end)
{
	const char *s = t->bytes.data;
	const char *found = memmem(s + *end, t->bytes.n - *end, pattern->data, pattern->n);
	if (!found)
		return false;
	*start = (size_t)(found - s);
	*end = *start + pattern->n;
	return true;
}

static struct ranges find_ranges(const struct pretokenizer *p, const struct text *t)
{
	struct ranges list = {0};
	struct regex_search search = {0};
	size_t done = 0, start, end = 0;
	if (p->regex)
		search = regex_search(p->regex, t->bytes.data, t->bytes.n);
	while (p->regex ? regex_next(&search, &start, &end) : next_string(&p->pattern, t, &start, &end)) {
		if (done < start)
			add_range(&list, done, start, p->invert);
		add_range(&list, start, end, !p->invert);
		done = end;
	}
	if (done < t->bytes.n)
		add_range(&list, done, t->bytes.n, p->invert);
	return list;
}

/*
 * Whether a range joins the one before it; with_next looks from the end.
 * before_match: the range before it, in the order looked at, is a match.
 */
static bool joins(const struct pretokenizer *p, bool match, bool before_match)
{
	switch (p->behavior) {
	case SPLIT_CONTIGUOUS:
		return match == before_match;
	case SPLIT_WITH_PREVIOUS:
	case SPLIT_WITH_NEXT:
		return match && !before_match;
	default:
		return false;
	}
}

static void split(const struct pretokenizer *p, const struct text *t, struct text_list *out)
{
	struct ranges list = find_ranges(p, t);
	bool backwards = p->behavior == SPLIT_WITH_NEXT;
	size_t end;
	for (size_t i = 0; i < list.n; i = end) {
		for (end = i + 1; end < list.n; end++)
			if (backwards ? !joins(p, list.data[end - 1].match, list.data[end].match)
				      : !joins(p, list.data[end].match, list.data[end - 1].match))
				break;
		if (p->behavior != SPLIT_REMOVED || !list.data[i].match)
			add_part(out, t, list.data[i].start, list.data[end - 1].end);
	}
	free(list.data);
}

static void cut(size_t characters, const struct text *t, struct text_list *out)
{
	size_t start = 0, count = 0;
	for (size_t at = 0; at < t->bytes.n; at += utf8_length(t->bytes.data + at))
		if (count++ == characters) {
			add_part(out, t, start, at);
			start = at;
			count = 1;
		}
	add_part(out, t, start, t->bytes.n);
}

static void apply(const struct pretokenizer *p, struct text t, struct text_list *out)
{
	switch (p->type) {
	case PRETOKENIZER_METASPACE:
		metaspace(p, t, out);
		break;
	case PRETOKENIZER_SPLIT:
		split(p, &t, out);
		bytes_free(&t.bytes);
		break;
	case PRETOKENIZER_FIXED_LENGTH:
		cut(p->length, &t, out);
		bytes_free(&t.bytes);
		break;
	case PRETOKENIZER_PREFIX:
		if (!begins_with(&t, &p->content))
			text_prepend(&t, p->content.data, p->content.n);
		text_list_add(out, t);
		break;
	case PRETOKENIZER_BYTE_LEVEL:
		text_spell_bytes(&t);
		text_list_add(out, t);
		break;
	}
}

void pretokenizer_apply(const struct pretokenizer *p, struct text_list *list)
{
	struct text_list out = {0};
	for (size_t i = 0; i < list->n; i++)
		apply(p, list->texts[i], &out);
	free(list->texts);
	*list = out;
}

void pretokenizer_free(struct pretokenizer *p)
{
	bytes_free(&p->content);
	bytes_free(&p->pattern);
	regex_free(p->regex);
}
