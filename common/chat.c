/* chat.c: a conversation as the text that a model was trained on.  See chat.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chat.h"
#include "cli.h"
#include "memory.h"
#include "utf8.h"

/* ---- parts ---- */

static struct chat_part *add_part(struct chat_text *t, const char *mark)
{
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->parts = mem_resize(t->parts, t->room, sizeof *t->parts);
	}
	t->parts[t->n] = (struct chat_part){.mark = mark};
	return &t->parts[t->n++];
}

/* Adds text; what is put without a mark in between is one. */
static void put(struct chat_text *t, const char *s, size_t n)
{
	if (n == 0)
		return;
	bool more = t->n > 0 && !t->parts[t->n - 1].mark;
	bytes_add(more ? &t->parts[t->n - 1].text : &add_part(t, NULL)->text, s, n);
}

/* The mark that s begins with, or NULL. */
static const char *mark_at(const struct chat_layout *l, const char *s)
{
	for (size_t i = 0; i < CHAT_MARKS && l->marks[i]; i++)
		if (strncmp(s, l->marks[i], strlen(l->marks[i])) == 0)
			return l->marks[i];
	return NULL;
}

/* Adds a text of the template, in which marks are marks. */
static void put_template(struct chat_text *t, const struct chat_layout *l, const char *s)
{
	while (*s) {
		const char *mark = mark_at(l, s);
		if (mark)
			add_part(t, mark);
		else
			put(t, s, 1);
		s += mark ? strlen(mark) : 1;
	}
}

void chat_text_free(struct chat_text *t)
{
	for (size_t i = 0; i < t->n; i++)
		bytes_free(&t->parts[i].text);
	free(t->parts);
}

/* ---- messages ---- */

struct span {
	const char *s;
	size_t n;
};

/* What Python's str.strip() takes for a blank. */
static bool is_blank(uint32_t c)
{
	return utf8_is_space(c) || (c >= 0x1c && c <= 0x1f);
}

/* Without the blanks at its left or right end. */
static struct span trimmed(struct span t, bool left, bool right, bool (*blank)(uint32_t))
{
	size_t length;
	uint32_t c = 0;
	while (left && t.n > 0 && utf8_decode(t.s, t.n, &length, &c) == UTF8_VALID && blank(c)) {
		t.s += length;
		t.n -= length;
	}
	while (right && t.n > 0) {
		length = utf8_length_before(t.s, t.n);
		if (utf8_decode(t.s + t.n - length, length, &length, &c) != UTF8_VALID || !blank(c))
			break;
		t.n -= length;
	}
	return t;
}

static struct span content_of(const struct message *m)
{
	return (struct span){m->text.n ? m->text.data : "", m->text.n};
}

static void put_span(struct chat_text *out, struct span t, bool trim)
{
	if (trim)
		t = trimmed(t, true, true, is_blank);
	put(out, t.s, t.n);
}

/* An answer without the thoughts before it. */
static struct span without_thought(const struct chat_template *t, struct span answer)
{
	const char *mark = t->thought, *found;
	bool cut = false;
	while (mark && answer.n > 0 && (found = memmem(answer.s, answer.n, mark, strlen(mark)))) {
		found += strlen(mark);
		answer.n -= (size_t)(found - answer.s);
		answer.s = found;
		cut = true;
	}
	while (cut && answer.n > 0 && *answer.s == '\n')
		answer.s++, answer.n--;
	return answer;
}

static void put_date(struct chat_text *out, const char *date)
{
	char today[32];
	time_t now = time(NULL);
	if (!*date && strftime(today, sizeof today, "%d %b %Y", localtime(&now)) > 0)
		date = today;
	put(out, date, strlen(date));
	put(out, "\n\n", 2);
}

static void put_system(const struct chat *c, const struct span *system, struct chat_text *out)
{
	const struct chat_template *t = c->template;
	const struct chat_frame *frame = &t->layout->roles[ROLE_SYSTEM];
	put_template(out, t->layout, frame->before);
	if (t->preamble)
		put(out, t->preamble, strlen(t->preamble));
	if (t->date)
		put_date(out, t->date);
	if (system)
		put_span(out, *system, t->layout->trim & CHAT_TRIM_SYSTEM);
	put_template(out, t->layout, frame->after);
}

/* The user's message; system: what is to stand in front of it, or NULL. */
static void put_user(const struct chat *c, const struct span *system, struct span text, struct chat_text *out)
{
	const struct chat_layout *l = c->template->layout;
	const struct chat_frame *frame = &l->roles[ROLE_USER], *first = &l->roles[ROLE_SYSTEM];
	struct bytes whole = {0};
	if (l->trim & CHAT_TRIM_USER)
		text = trimmed(text, true, true, is_blank);
	if (system) {
		bytes_add(&whole, first->before, strlen(first->before));
		bytes_add(&whole, system->s, system->n);
		bytes_add(&whole, first->after, strlen(first->after));
	}
	bytes_add(&whole, text.s, text.n);
	put_template(out, l, frame->before);
	put_span(out, (struct span){whole.n ? whole.data : "", whole.n}, l->trim & CHAT_TRIM_BOTH);
	put_template(out, l, frame->after);
	bytes_free(&whole);
}

static void put_assistant(const struct chat *c, struct span text, struct chat_text *out)
{
	const struct chat_layout *l = c->template->layout;
	put_template(out, l, l->roles[ROLE_ASSISTANT].before);
	put_span(out, without_thought(c->template, text), l->trim & CHAT_TRIM_ASSISTANT);
	put_template(out, l, l->roles[ROLE_ASSISTANT].after);
}

/* The system message among the messages, or else the template's; false: none. */
static bool find_system(const struct chat *c, const struct messages *m, struct span *system)
{
	bool given = m->n > 0 && m->data[0].role == ROLE_SYSTEM;
	if (given)
		*system = content_of(&m->data[0]);
	else if (c->system)
		*system = (struct span){c->system, strlen(c->system)};
	if ((given || c->system) && c->template->place == CHAT_NOWHERE)
		die(c->path, "the chat template %s has no place for a system message", c->template->name);
	if (!given && !c->system && c->computed)
		die(c->path, "the chat template computes its own system message; give another (--system)");
	return given || c->system;
}

void chat_render(const struct chat *c, const struct messages *m, struct chat_text *out)
{
	const struct chat_template *t = c->template;
	struct span text, *system = find_system(c, m, &text) ? &text : NULL;
	size_t first = m->n > 0 && m->data[0].role == ROLE_SYSTEM;
	if (c->bos)
		add_part(out, t->layout->bos);
	if (t->place == CHAT_ALWAYS || (t->place == CHAT_MESSAGE && system) ||
	    (t->place == CHAT_FILLED && system && system->n > 0))
		put_system(c, system, out);
	for (size_t i = first; i < m->n; i++) {
		bool here = system && ((t->place == CHAT_FIRST && i == first) ||
				       (t->place == CHAT_LAST && i == m->n - 1));
		if (m->data[i].role == ROLE_USER)
			put_user(c, here ? system : NULL, content_of(&m->data[i]), out);
		else
			put_assistant(c, content_of(&m->data[i]), out);
	}
	put_template(out, t->layout, t->layout->prompt);
}

void chat_render_next(const struct chat *c, const struct message *user, struct chat_text *out)
{
	const struct chat_layout *l = c->template->layout;
	put_template(out, l, strstr(l->roles[ROLE_ASSISTANT].after, l->end));
	put_user(c, NULL, content_of(user), out);
	put_template(out, l, l->prompt);
}

/* ---- tokens ---- */

static int32_t mark_id(const struct chat *c, const char *mark, struct strips *strips)
{
	int32_t id = tokenizer_mark(c->tokenizer, mark, strips);
	if (id < 0)
		die(c->path, "the chat template %s needs a token '%s', and there is none", c->template->name, mark);
	return id;
}

int32_t chat_end(const struct chat *c)
{
	struct strips strips;
	return mark_id(c, c->template->layout->end, &strips);
}

/* Dies if one of n ids is that of a mark. */
static void check_forged(const struct chat *c, const int32_t *ids, size_t n)
{
	const struct chat_layout *l = c->template->layout;
	struct strips strips;
	for (size_t k = 0; k < CHAT_MARKS && l->marks[k]; k++) {
		int32_t mark = tokenizer_mark(c->tokenizer, l->marks[k], &strips);
		for (size_t i = 0; i < n && mark >= 0; i++)
			if (ids[i] == mark)
				die(c->path, "'%s' in a message would be taken for a mark by this tokenizer", l->marks[k]);
	}
}

/* What is between marks. */
static void encode_between(const struct chat *c, struct span text, bool begins, struct ids *ids)
{
	int32_t *found = NULL;
	unsigned flags = TOKENIZE_BARE | TOKENIZE_PLAIN | (begins ? 0 : TOKENIZE_INSIDE);
	size_t n = tokenizer_encode(c->tokenizer, text.s, text.n, flags, &found, NULL);
	check_forged(c, found, n);
	for (size_t i = 0; i < n; i++)
		ids_add(ids, found[i]);
	free(found);
}

void chat_encode(const struct chat *c, const struct chat_text *text, struct ids *ids)
{
	struct strips before = {0};
	for (size_t i = 0; i < text->n; i++) {
		const struct chat_part *p = &text->parts[i];
		struct strips after = {0};
		if (p->mark) {
			ids_add(ids, mark_id(c, p->mark, &before));
			continue;
		}
		if (i + 1 < text->n)
			mark_id(c, p[1].mark, &after);
		struct span between = {p->text.data, p->text.n};
		encode_between(c, trimmed(between, before.right, after.left, utf8_is_space), i == 0, ids);
	}
}
