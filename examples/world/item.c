/* item.c: text from templates.  See grammar.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "grammar.h"
#include "hash.h"
#include "memory.h"

#define NAMES_MAX 48
#define DEPTH_MAX 40
#define CONDITIONS_MAX 4
#define MISTAKES_MAX 10000      /* tries to find a wrong answer */
#define TEMPLATES_LEAST 8       /* of a rule, as far as the share of its questions is concerned */

/* In the text that is being made: where what is asked for begins and ends. */
#define ASKED '\1'
#define ANSWERED '\2'

/* A name within a template, and what it stands for: a row, a text, or else a choice. */
struct name {
	const char *name;
	size_t n;
	const struct table *table;
	char *text;
	int value;                      /* the row or the choice */
};

/* An item that is being made. */
struct draft {
	const struct grammar *g;
	struct chance *chance;
	struct bytes *out;
	struct bytes *wrong;
	const char *template;           /* for messages */
	struct name names[NAMES_MAX];
	int name_count, depth;
	bool asked;
};

/* Part of a template. */
struct span {
	const char *p, *end;
};

static void expand(struct draft *d, struct span s);

static _Noreturn void wrong_template(const struct draft *d, const char *why, struct span s)
{
	die(d->template, "%s: %.*s", why, (int)(s.end - s.p), s.p);
}

static struct span whole(const char *s)
{
	return (struct span){s, s + strlen(s)};
}

static bool is_word(struct span s, const char *word)
{
	return strlen(word) == (size_t)(s.end - s.p) && memcmp(word, s.p, (size_t)(s.end - s.p)) == 0;
}

/* The first of the characters that is not within brackets; else the end. */
static const char *find(struct span s, const char *characters)
{
	int depth = 0;
	for (const char *p = s.p; p < s.end; p++) {
		if (depth == 0 && strchr(characters, *p))
			return p;
		if (strchr("({<", *p))
			depth++;
		else if (strchr(")}>", *p))
			depth--;
	}
	return s.end;
}

/* Takes what stands before the character away from s, and the character. */
static struct span before(struct span *s, const char *characters)
{
	struct span head = {s->p, find(*s, characters)};
	s->p = head.end < s->end ? head.end + 1 : s->end;
	return head;
}

/* Whether s begins with NAME and one of the characters; takes both away then. */
static bool take_name(struct span *s, const char *characters, struct span *name)
{
	const char *p = s->p;
	while (p < s->end && (isalnum((unsigned char)*p) || *p == '_'))
		p++;
	if (p == s->end || !strchr(characters, *p))
		return false;
	*name = (struct span){s->p, p};
	s->p = p + 1;
	return true;
}

static struct name *lookup(struct draft *d, struct span s)
{
	for (int i = d->name_count; i-- > 0;)
		if (d->names[i].n == (size_t)(s.end - s.p) && memcmp(d->names[i].name, s.p, d->names[i].n) == 0)
			return &d->names[i];
	return NULL;
}

static struct name *call(struct draft *d, struct span s)
{
	if (d->name_count == NAMES_MAX)
		wrong_template(d, "too many names", s);
	struct name *n = &d->names[d->name_count++];
	*n = (struct name){.name = s.p, .n = (size_t)(s.end - s.p)};
	return n;
}

/* The text of a span, apart from what is being written. */
static char *apart(struct draft *d, struct span s)
{
	struct bytes text = {NULL, 0, 0}, *out = d->out;
	d->out = &text;
	expand(d, s);
	d->out = out;
	bytes_terminate(&text);
	return text.data;
}

/* ---- rows ---- */

static int column(struct draft *d, const struct table *t, struct span s)
{
	int c = table_column(t, s.p, (size_t)(s.end - s.p));
	if (c < 0)
		wrong_template(d, "no such column", s);
	return c;
}

/* A condition on rows: c=X or c!X. */
struct condition {
	int column;
	const char *value;
	size_t n;
	bool equal;
};

static struct condition condition(struct draft *d, const struct table *t, struct span s)
{
	struct span name = before(&s, "=!");
	struct condition c = {column(d, t, name), s.p, (size_t)(s.end - s.p), *name.end == '='};
	const struct name *other = lookup(d, s);
	if (other && other->table) {
		c.value = other->table->rows[other->value][column(d, other->table, name)];
		c.n = strlen(c.value);
	}
	return c;
}

static bool taken(const struct draft *d, const struct table *t, int row)
{
	for (int i = 0; i < d->name_count; i++)
		if (d->names[i].table == t && d->names[i].value == row)
			return true;
	return false;
}

/* A random row for TABLE/CONDITION/... */
static int pick(struct draft *d, const struct table *t, struct span conditions)
{
	struct condition cs[CONDITIONS_MAX];
	int n = 0, *fits = mem_array((size_t)t->height, sizeof *fits), count = 0;
	for (struct span s = conditions; s.p < s.end;) {
		if (n == CONDITIONS_MAX)
			wrong_template(d, "too many conditions", conditions);
		cs[n++] = condition(d, t, before(&s, "/"));
	}
	for (int row = 0; row < t->height; row++) {
		bool fit = !taken(d, t, row);
		for (int i = 0; i < n && fit; i++)
			fit = (strncmp(t->rows[row][cs[i].column], cs[i].value, cs[i].n) == 0 &&
			       t->rows[row][cs[i].column][cs[i].n] == '\0') == cs[i].equal;
		if (fit)
			fits[count++] = row;
	}
	if (count == 0)
		wrong_template(d, "no row fits", conditions);
	int row = fits[chance_below(d->chance, count)];
	free(fits);
	return row;
}

static void put(struct draft *d, const char *s, size_t n)
{
	bytes_add(d->out, s, n);
}

static void put_letters(struct draft *d, const char *word)
{
	for (const char *c = word; *c; c++) {
		if (c > word)
			put(d, "-", 1);
		put(d, c, 1);
	}
}

/* The column, itself a template, of a row. */
static void put_column(struct draft *d, const struct table *t, int row, struct span s)
{
	if (s.p == s.end) {
		put(d, t->rows[row][0], strlen(t->rows[row][0]));
		return;
	}
	char *name = apart(d, s);
	if (strcmp(name, "letters") == 0)
		put_letters(d, t->rows[row][0]);
	else if (strcmp(name, "-") != 0)
		expand(d, whole(t->rows[row][column(d, t, whole(name))]));
	free(name);
}

/* What stands within { }. */
static void slot(struct draft *d, struct span s)
{
	struct span all = s, name;
	if (take_name(&s, "=", &name)) {
		char *text = apart(d, s);
		call(d, name)->text = text;
		put(d, text, strlen(text));
		return;
	}
	bool fresh = take_name(&s, ":", &name);
	struct span head = before(&s, ".");
	if (!fresh) {
		const struct name *n = lookup(d, head);
		if (!n || !(n->table || n->text))
			wrong_template(d, "no such name", all);
		if (n->text)
			put(d, n->text, strlen(n->text));
		else
			put_column(d, n->table, n->value, s);
		return;
	}
	struct span table = before(&head, "/");
	const struct table *t = grammar_table(d->g, table.p, (size_t)(table.end - table.p));
	if (!t)
		wrong_template(d, "no such table", all);
	int row = pick(d, t, head);
	if (name.p < name.end) {
		struct name *n = call(d, name);
		n->table = t;
		n->value = row;
	}
	put_column(d, t, row, s);
}

/* ---- choices ---- */

static int alternatives(struct span s)
{
	int n = 1;
	while (find(s, "|") < s.end) {
		before(&s, "|");
		n++;
	}
	return n;
}

static struct span alternative(struct span s, int i)
{
	for (; i > 0; i--)
		before(&s, "|");
	return before(&s, "|");
}

/* Which of the alternatives: v's, if they have a name. */
static int choose(struct draft *d, struct span *s)
{
	struct span name;
	bool named = take_name(s, ":", &name);
	int n = alternatives(*s);
	struct name *is = named ? lookup(d, name) : NULL;
	if (is && (is->table || is->text || is->value >= n))
		wrong_template(d, "no such choice", *s);
	if (is)
		return is->value;
	int i = chance_below(d->chance, n);
	if (named)
		call(d, name)->value = i;
	return i;
}

/* Another text than `right`, for other rows in place of the last one that was named. */
static char *mistake(struct draft *d, struct span s, const char *right)
{
	struct chance chance = *d->chance;
	for (int i = d->name_count; i-- > 0;)
		if (d->names[i].table) {
			struct name *last = &d->names[i];
			int row = last->value, tries = 0;
			char *text = NULL;
			do {
				if (tries++ == MISTAKES_MAX)
					wrong_template(d, "no other row has another answer", s);
				free(text);
				last->value = chance_below(&chance, last->table->height);
				text = apart(d, s);
			} while (strcmp(text, right) == 0);
			last->value = row;
			return text;
		}
	wrong_template(d, "no row to make a mistake about", s);
}

/* What stands within < >. */
static void asked(struct draft *d, struct span s)
{
	struct span name, rest = s;
	int n = alternatives(s), i = take_name(&rest, ":", &name) ? choose(d, &s) : 0;
	char *right = apart(d, alternative(s, i)), *wrong;
	if (n == 1)
		wrong = mistake(d, s, right);
	else
		wrong = apart(d, alternative(s, (i + 1) % n));
	if (!d->asked) {
		put(d, (char[]){ASKED}, 1);
		put(d, right, strlen(right));
		put(d, (char[]){ANSWERED}, 1);
		bytes_add(d->wrong, wrong, strlen(wrong));
		d->asked = true;
	} else {
		put(d, right, strlen(right));
	}
	free(right);
	free(wrong);
}

/* ---- templates ---- */

static void rule(struct draft *d, struct span s)
{
	const struct rule *r = grammar_rule(d->g, s.p, (size_t)(s.end - s.p));
	if (!r)
		wrong_template(d, "no such rule", s);
	expand(d, whole(r->templates[chance_below(d->chance, r->n)].text));
}

/* ^WORD and ^^WORD: the form of a verb by the tense of the item. */
static void verb(struct draft *d, struct span s)
{
	bool many = s.p < s.end && *s.p == '^';
	s.p += many;
	const struct table *t = grammar_table(d->g, "verb", strlen("verb"));
	for (int row = 0; t && row < t->height; row++)
		if (is_word(s, t->rows[row][0])) {
			put_column(d, t, row, whole(many ? "$tenses" : "$tense"));
			return;
		}
	wrong_template(d, "no such verb", s);
}

static const char *word_end(struct span s)
{
	const char *p = s.p;
	while (p < s.end && (isalnum((unsigned char)*p) || *p == '_' || *p == '^'))
		p++;
	return p;
}

static void expand(struct draft *d, struct span s)
{
	if (++d->depth > DEPTH_MAX)
		wrong_template(d, "too deep", s);
	while (s.p < s.end) {
		char c = *s.p++;
		if (strchr("({<", c)) {
			struct span inner = {s.p, find(s, ")}>")};
			if (inner.end == s.end)
				wrong_template(d, "bracket without its other one", s);
			if (c == '{')
				slot(d, inner);
			else if (c == '<')
				asked(d, inner);
			else {
				int i = choose(d, &inner);
				expand(d, alternative(inner, i));
			}
			s.p = inner.end + 1;
		} else if (c == '$' || c == '^') {
			struct span word = {s.p, word_end(s)};
			if (c == '$')
				rule(d, word);
			else
				verb(d, word);
			s.p = word.end;
		} else {
			put(d, &c, 1);
		}
	}
	d->depth--;
}

/* ---- whole items ---- */

static bool is_mark(char c)
{
	return c == ASKED || c == ANSWERED;
}

/* Whether the word that begins at p wants "an". */
static bool wants_n(const char *p)
{
	return strchr("aeiouAEIOU", *p) && strncmp(p, "one", 3) != 0 && strncmp(p, "uni", 3) != 0;
}

/*
 * Single spaces, none before a full stop; "an" before vowels; capitals where a
 * sentence starts, as the first one may, unless ~ is there.
 */
static void tidy(const struct bytes *in, struct bytes *out, bool start)
{
	size_t word = 0;                /* where the last one begins in out */
	for (size_t i = 0; i < in->n; i++) {
		char c = in->data[i];
		if (c == ' ') {
			size_t next = i + 1;
			while (next < in->n && in->data[next] == ' ')
				next++;
			if (out->n == 0 || next == in->n || strchr(".,!?;:", in->data[next]) ||
			    out->data[out->n - 1] == ' ')
				continue;
			if (out->n - word == 1 && tolower((unsigned char)out->data[word]) == 'a' &&
			    wants_n(&in->data[next]))
				bytes_add(out, "n", 1);
			word = out->n + 1;
		} else if (isalpha((unsigned char)c)) {
			if (start)
				c = (char)toupper((unsigned char)c);
			start = false;
		} else if (strchr(".!?", c)) {
			start = true;
		} else if (isdigit((unsigned char)c) || c == '~') {
			start = false;
		}
		if (c == '~')
			continue;
		bytes_add(out, &c, 1);
	}
	bytes_terminate(out);
}

/* Parts a text at its marks: what is before and between them is a question. */
static void part(const struct bytes *text, struct item *item)
{
	struct bytes *to = &item->prompt;
	for (size_t i = 0; i < text->n; i++) {
		char c = text->data[i];
		if (is_mark(c))
			to = c == ASKED ? &item->right : NULL;
		else {
			bytes_add(&item->text, &c, 1);
			if (to)
				bytes_add(to, &c, 1);
		}
	}
	bytes_terminate(&item->text);
	if (!to && item->prompt.n > 0 && item->prompt.data[item->prompt.n - 1] == ' ')
		item->prompt.n--;
	bytes_terminate(&item->prompt);
	bytes_terminate(&item->right);
}

/* The key of an item: what its names stand for, but for those that begin with _. */
static uint64_t key(const struct draft *d)
{
	struct hash h = hash_start();
	for (int i = 0; i < d->name_count; i++) {
		const struct name *n = &d->names[i];
		if (*n->name == '_')
			continue;
		hash_add(&h, n->name, n->n);
		if (n->table)
			hash_add(&h, n->table->rows[n->value][0], strlen(n->table->rows[n->value][0]));
		else if (!n->text)
			hash_add(&h, &n->value, sizeof n->value);
	}
	return hash_end(&h);
}

/*
 * A key leaves out two of a rule's templates (of 8, if there are fewer): one is
 * asked while searching, the other one at the end.
 */
static enum set set_of(uint64_t key, int template, int templates)
{
	uint64_t n = (uint64_t)(templates < TEMPLATES_LEAST ? TEMPLATES_LEAST : templates);
	if (key % n == (uint64_t)template)
		return SET_SEARCH;
	return (key + 1) % n == (uint64_t)template ? SET_FINAL : SET_TEXT;
}

void item_make(struct item *item, const struct grammar *g, const struct rule *r, bool sentence, struct chance *c)
{
	int i = chance_below(c, r->n);
	const struct template *t = &r->templates[i];
	struct bytes raw = {NULL, 0, 0}, tidied = {NULL, 0, 0};
	struct draft d = {.g = g, .chance = c, .out = &raw, .wrong = &item->wrong, .template = t->text};
	expand(&d, whole(t->text));
	bytes_terminate(&raw);
	tidy(&raw, &tidied, sentence);
	part(&tidied, item);
	bytes_terminate(&item->wrong);
	item->set = d.asked ? set_of(key(&d), i, r->n) : SET_TEXT;
	d.out = &item->class;
	if (t->class)
		expand(&d, whole(t->class));
	bytes_terminate(&item->class);
	for (int k = 0; k < d.name_count; k++)
		free(d.names[k].text);
	bytes_free(&raw);
	bytes_free(&tidied);
}

void item_free(struct item *item)
{
	bytes_free(&item->text);
	bytes_free(&item->prompt);
	bytes_free(&item->right);
	bytes_free(&item->wrong);
	bytes_free(&item->class);
}
