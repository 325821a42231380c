/* pretokenizer.c: the second step of a tokenizer.  See pretokenizer.h. */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "pretokenizer.h"

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
	struct text part = {0};
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

static void metaspace(const struct pretokenizer *p, struct text t, struct text_list *out)
{
	const struct bytes *r = &p->replacement;
	text_replace(&t, " ", 1, r->data, r->n);
	bool begun = t.bytes.n >= r->n && memcmp(t.bytes.data, r->data, r->n) == 0;
	if (!begun && (p->prepend == PREPEND_ALWAYS || (p->prepend == PREPEND_FIRST && t.origin)))
		text_prepend(&t, r->data, r->n);
	if (!p->split) {
		text_list_add(out, t);
		return;
	}
	split_before(&t, r, out);
	bytes_free(&t.bytes);
}

void pretokenizer_apply(const struct pretokenizer *p, struct text_list *list)
{
	struct text_list out = {0};
	for (size_t i = 0; i < list->n; i++)
		switch (p->type) {
		case PRETOKENIZER_METASPACE:
			metaspace(p, list->texts[i], &out);
			break;
		}
	free(list->texts);
	*list = out;
}
