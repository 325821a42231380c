/* pattern.c: a regular expression as a network of bytes.  See pattern.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "memory.h"
#include "pattern.h"
#include "utf8.h"

enum {
	DEPTH_MAX = 200,                /* of groups within groups, */
	STACKED_MAX = 10,               /* and of repetitions of one atom */
	REPEAT_MAX = 100000,
	WORK_MAX = 4 * PATTERN_NODES_MAX,
	CHARACTER_MAX = 0x10ffff,
};

/* Characters, as ranges; sorted and apart only after set_sort. */
struct set {
	struct range {
		uint32_t low, high;
	} *ranges;
	size_t n, room;
};

/* What a part of the expression says. */
struct part {
	enum { EMPTY, SET, SEQUENCE, CHOICE, REPEAT } kind;
	struct set set;
	int32_t a, b;                   /* the parts it is made of */
	size_t min, max;                /* REPEAT; max SIZE_MAX: any number */
};

struct parser {
	const char *text, *at;
	struct part *parts;
	size_t count, room, depth, work;
	struct pattern *out;
	char *why;
	size_t size;
	jmp_buf failed;
};

static _Noreturn void fail(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static _Noreturn void fail(struct parser *p, const char *format, ...)
{
	va_list arguments;
	int n = snprintf(p->why, p->size, "at byte %zu: ", (size_t)(p->at - p->text));
	va_start(arguments, format);
	if (n >= 0 && (size_t)n < p->size)
		vsnprintf(p->why + n, p->size - (size_t)n, format, arguments);
	va_end(arguments);
	longjmp(p->failed, 1);
}

static int32_t add_part(struct parser *p, struct part part)
{
	if (p->count == p->room)
		p->parts = mem_resize(p->parts, p->room = 2 * p->room + 64, sizeof *p->parts);
	p->parts[p->count] = part;
	return (int32_t)p->count++;
}

static bool take(struct parser *p, const char *word)
{
	size_t n = strlen(word);
	if (strncmp(p->at, word, n) != 0)
		return false;
	p->at += n;
	return true;
}

/* ---- sets of characters ---- */

static void set_add(struct set *s, uint32_t low, uint32_t high)
{
	if (s->n == s->room)
		s->ranges = mem_resize(s->ranges, s->room = 2 * s->room + 4, sizeof *s->ranges);
	s->ranges[s->n++] = (struct range){low, high};
}

static int by_low(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	return (x->low > y->low) - (x->low < y->low);
}

static void set_sort(struct set *s)
{
	size_t n = 0;
	if (s->n > 0)
		qsort(s->ranges, s->n, sizeof *s->ranges, by_low);
	for (size_t i = 0; i < s->n; i++)
		if (n > 0 && s->ranges[i].low <= s->ranges[n - 1].high + 1) {
			if (s->ranges[i].high > s->ranges[n - 1].high)
				s->ranges[n - 1].high = s->ranges[i].high;
		} else {
			s->ranges[n++] = s->ranges[i];
		}
	s->n = n;
}

static void set_invert(struct set *s)
{
	struct set other = {0};
	uint32_t from = 0;
	set_sort(s);
	for (size_t i = 0; i < s->n; i++) {
		if (s->ranges[i].low > from)
			set_add(&other, from, s->ranges[i].low - 1);
		from = s->ranges[i].high + 1;
	}
	if (from <= CHARACTER_MAX)
		set_add(&other, from, CHARACTER_MAX);
	free(s->ranges);
	*s = other;
}

/* The ranges of a string of pairs, "09az"; all others, if not `in`. */
static void set_add_pairs(struct set *s, const char *pairs, bool in)
{
	struct set own = {0};
	for (; *pairs; pairs += 2)
		set_add(&own, (unsigned char)pairs[0], (unsigned char)pairs[1]);
	if (!in)
		set_invert(&own);
	for (size_t i = 0; i < own.n; i++)
		set_add(s, own.ranges[i].low, own.ranges[i].high);
	free(own.ranges);
}

/* The characters whose general category begins with `name`: L, Lu, ...; false: there is no such. */
static bool set_add_category(struct set *s, const char *name, bool in)
{
	bool found = false;
	for (utf8proc_int32_t c = 0; c <= CHARACTER_MAX; c++) {
		const char *category = utf8proc_category_string(c);
		bool is = strncmp(category, name, strlen(name)) == 0;
		found |= is;
		if (is == in && s->n > 0 && s->ranges[s->n - 1].high + 1 == (uint32_t)c)
			s->ranges[s->n - 1].high++;
		else if (is == in)
			set_add(s, (uint32_t)c, (uint32_t)c);
	}
	return found;
}

/* ---- reading the expression ---- */

static const struct {
	char letter;
	const char *pairs;
} classes[] = {{'d', "09"}, {'w', "09AZaz__"}, {'s', "\t\r  "}, {'h', "\t\t  "}, {'v', "\n\r"}};

static const struct {
	const char *name, *pairs;
} posix[] = {
	{"[:alnum:]", "09AZaz"}, {"[:alpha:]", "AZaz"}, {"[:blank:]", "\t\t  "}, {"[:digit:]", "09"},
	{"[:lower:]", "az"}, {"[:punct:]", "!/:@[`{~"}, {"[:space:]", "\t\r  "}, {"[:upper:]", "AZ"},
	{"[:word:]", "09AZaz__"}, {"[:xdigit:]", "09AFaf"},
};

static uint32_t character(struct parser *p)
{
	size_t length;
	uint32_t code = 0;
	if (utf8_decode(p->at, strlen(p->at), &length, &code) != UTF8_VALID)
		fail(p, "not UTF-8");
	p->at += length;
	return code;
}

/* At most `most` hexadecimal digits, at least one. */
static uint32_t hexadecimal(struct parser *p, size_t most)
{
	uint32_t code = 0;
	size_t n = strspn(p->at, "0123456789abcdefABCDEF");
	if (n == 0 || (n > most && most > 4))
		fail(p, "not the number of a character");
	for (size_t i = 0; i < n && i < most; i++, p->at++)
		code = 16 * code + (uint32_t)(*p->at <= '9' ? *p->at - '0' : (*p->at | 32) - 'a' + 10);
	if (code > CHARACTER_MAX)
		fail(p, "there is no character %x", code);
	return code;
}

static void property(struct parser *p, struct set *set, bool in)
{
	char name[8] = {0};
	size_t n = 1;
	bool braces = take(p, "{");
	if (braces && take(p, "^"))
		in = !in;
	if (braces)
		n = strcspn(p->at, "}");
	if (n == 0 || n > 2 || strlen(p->at) < n)
		fail(p, "of \\p, only general categories such as L and Lu are supported");
	memcpy(name, p->at, n);
	p->at += n;
	if (braces && !take(p, "}"))
		fail(p, "'}' is missing");
	if (!set_add_category(set, name, in))
		fail(p, "'%s' is no general category", name);
}

/*
 * What follows a backslash: a class is added to set, and UINT32_MAX returned;
 * else the character.
 */
static uint32_t escape(struct parser *p, struct set *set)
{
	char c = *p->at;
	if (!c)
		fail(p, "nothing follows '\\'");
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if ((c | 32) == classes[i].letter) {
			set_add_pairs(set, classes[i].pairs, c & 32);
			p->at++;
			return UINT32_MAX;
		}
	if (c < 'A' || (c > 'Z' && c < 'a') || c > 'z') {
		if (c >= '0' && c <= '9')
			fail(p, "\\%c: references are not supported", c);
		return character(p);
	}
	p->at++;
	switch (c) {
	case 'a':
		return '\a';
	case 'e':
		return 0x1b;
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'u':
		return hexadecimal(p, 4);
	case 'x':
		if (take(p, "{")) {
			uint32_t code = hexadecimal(p, 6);
			if (!take(p, "}"))
				fail(p, "'}' is missing");
			return code;
		}
		return hexadecimal(p, 2);
	case 'p':
	case 'P':
		property(p, set, c == 'p');
		return UINT32_MAX;
	default:
		p->at--;
		fail(p, "\\%c is not supported", c);
	}
}

/* A part of a class in brackets that is a character, or UINT32_MAX after adding a class. */
static uint32_t bracket_item(struct parser *p, struct set *set)
{
	if (take(p, "\\")) {
		if (take(p, "b"))
			return '\b';
		return escape(p, set);
	}
	for (size_t i = 0; i < sizeof posix / sizeof *posix; i++)
		if (take(p, posix[i].name)) {
			set_add_pairs(set, posix[i].pairs, true);
			return UINT32_MAX;
		}
	if (strncmp(p->at, "[:", 2) == 0 || strncmp(p->at, "[.", 2) == 0 || strncmp(p->at, "[=", 2) == 0)
		fail(p, "not a class that is supported");
	return character(p);
}

static void bracket(struct parser *p, struct set *set)
{
	const char *start = p->at;
	bool invert = take(p, "^");
	for (bool first = true; first || *p->at != ']'; first = false) {
		if (!*p->at) {
			p->at = start;
			fail(p, "']' is missing");
		}
		uint32_t low = bracket_item(p, set), high = low;
		if (p->at[0] == '-' && p->at[1] && p->at[1] != ']') {
			p->at++;
			high = bracket_item(p, set);
			if (low == UINT32_MAX || high == UINT32_MAX || high < low)
				fail(p, "not a range");
		}
		if (low != UINT32_MAX)
			set_add(set, low, high);
	}
	p->at++;
	if (invert)
		set_invert(set);
}

static int32_t choice(struct parser *p);

static int32_t group(struct parser *p)
{
	const char *start = p->at;
	if (++p->depth > DEPTH_MAX)
		fail(p, "more than %d groups within each other", DEPTH_MAX);
	if (take(p, "?") && !take(p, ":")) {
		size_t name = strcspn(p->at, ">");
		bool named = (p->at[0] == '<' && p->at[1] != '=' && p->at[1] != '!') ||
			     strncmp(p->at, "P<", 2) == 0;
		if (!named || !p->at[name])
			fail(p, "(?%.2s: only (...), (?:...) and (?<name>...) are supported", p->at);
		p->at += name + 1;
	} else if (*p->at == '*') {
		fail(p, "(* is not supported");
	}
	int32_t part = choice(p);
	if (!take(p, ")")) {
		p->at = start;
		fail(p, "')' is missing");
	}
	p->depth--;
	return part;
}

/* Is it the end of a choice of the whole expression, where $ says nothing new? */
static bool is_end(const struct parser *p, const char *at)
{
	return p->depth == 0 && (!*at || *at == '|');
}

static void add_character_or_class(struct parser *p, struct set *set)
{
	if (take(p, ".")) {
		set_add(set, 0, '\n' - 1);
		set_add(set, '\n' + 1, CHARACTER_MAX);
	} else if (take(p, "[")) {
		bracket(p, set);
	} else {
		uint32_t code = take(p, "\\") ? escape(p, set) : character(p);
		if (code != UINT32_MAX)
			set_add(set, code, code);
	}
}

static int32_t atom(struct parser *p)
{
	char c = *p->at;
	if (take(p, "("))
		return group(p);
	if (c == '*' || c == '+' || c == '?')
		fail(p, "'%c': there is nothing before it to repeat", c);
	if (c == '^' || (c == '$' && !is_end(p, p->at + 1)))
		fail(p, "'%c' is supported at the very %s only", c, c == '^' ? "start" : "end");
	if (take(p, "$"))
		return add_part(p, (struct part){.kind = EMPTY});
	int32_t part = add_part(p, (struct part){.kind = SET});
	add_character_or_class(p, &p->parts[part].set);
	return part;
}

/* A number of at most 6 digits; how many there are. */
static size_t digits(struct parser *p, const char *s, size_t *number)
{
	size_t n = strspn(s, "0123456789");
	*number = strtoul(s, NULL, 10);
	if (n > 6 || *number > REPEAT_MAX)
		fail(p, "more than %d repetitions", REPEAT_MAX);
	return n;
}

/* {n}, {n,}, {,m} or {n,m}; false, and nothing taken, if it is none of them. */
static bool braces(struct parser *p, size_t *min, size_t *max)
{
	const char *s = p->at;
	size_t first, second = 0;
	if (*s++ != '{')
		return false;
	s += first = digits(p, s, min);
	*max = *min;
	if (*s == ',') {
		s += 1 + (second = digits(p, s + 1, max));
		if (second == 0)
			*max = SIZE_MAX;
	}
	if (*s != '}' || first + second == 0)
		return false;
	if (*max < *min)
		fail(p, "from %zu to %zu times", *min, *max);
	p->at = s + 1;
	return true;
}

static int32_t repeated(struct parser *p)
{
	int32_t a = atom(p);
	for (size_t min, max, times = 0;; times++) {
		if (take(p, "*"))
			min = 0, max = SIZE_MAX;
		else if (take(p, "+"))
			min = 1, max = SIZE_MAX;
		else if (take(p, "?"))
			min = 0, max = 1;
		else if (!braces(p, &min, &max))
			return a;
		if (times == STACKED_MAX)
			fail(p, "more than %d repetitions of each other", STACKED_MAX);
		a = add_part(p, (struct part){.kind = REPEAT, .a = a, .min = min, .max = max});
		if (*p->at == '+')
			fail(p, "what gives nothing back ('+' behind a repetition) is not supported");
		take(p, "?");   /* as few as possible: the same texts */
	}
}

static int32_t sequence(struct parser *p)
{
	int32_t a = add_part(p, (struct part){.kind = EMPTY});
	if (p->depth == 0)
		take(p, "^");
	while (*p->at && *p->at != '|' && *p->at != ')') {
		int32_t b = repeated(p);
		a = add_part(p, (struct part){.kind = SEQUENCE, .a = a, .b = b});
	}
	return a;
}

static int32_t choice(struct parser *p)
{
	int32_t a = sequence(p);
	while (take(p, "|")) {
		int32_t b = sequence(p);
		a = add_part(p, (struct part){.kind = CHOICE, .a = a, .b = b});
	}
	return a;
}

/* ---- the network, from its end to its start ---- */

static int32_t add_node(struct parser *p, struct pattern_node node)
{
	struct pattern *out = p->out;
	if (out->count == PATTERN_NODES_MAX) {
		p->at = p->text;
		fail(p, "the expression is too large: more than %d nodes", PATTERN_NODES_MAX);
	}
	if (out->count == out->room)
		out->nodes = mem_resize(out->nodes, out->room = 2 * out->room + 64, sizeof *out->nodes);
	out->nodes[out->count] = node;
	return (int32_t)out->count++;
}

static int32_t add_fork(struct parser *p, int32_t next, int32_t other)
{
	return add_node(p, (struct pattern_node){.fork = true, .next = next, .other = other});
}

static size_t encode(uint32_t code, unsigned char out[4])
{
	return (size_t)utf8proc_encode_char((utf8proc_int32_t)code, out);
}

/*
 * The nodes of a set, from which one comes to tails[0]; tails[k] is before it
 * by k bytes of 80 to bf, or PATTERN_END while there is no such node.
 */
struct set_nodes {
	int32_t tails[4];
	int32_t start;                  /* PATTERN_END: of nothing yet */
};

static int32_t tail(struct parser *p, struct set_nodes *nodes, size_t k)
{
	if (k > 0 && nodes->tails[k] == PATTERN_END) {
		int32_t next = tail(p, nodes, k - 1);
		nodes->tails[k] = add_node(p, (struct pattern_node){.low = 0x80, .high = 0xbf, .next = next});
	}
	return nodes->tails[k];
}

/*
 * The bytes of the characters from low to high, which are equally long: cut
 * where the bytes behind the first that differs would not be all of 80 to bf.
 */
static void add_range(struct parser *p, struct set_nodes *nodes, uint32_t low, uint32_t high)
{
	unsigned char a[4], b[4];
	size_t n = encode(low, a), full = 0;
	encode(high, b);
	for (size_t i = 1; i < n; i++) {
		uint32_t block = (1u << 6 * i) - 1, cut = 0;
		if ((low & ~block) == (high & ~block))
			continue;
		if (low & block)
			cut = (low | block) + 1;
		else if ((high & block) != block)
			cut = high & ~block;
		if (cut) {
			add_range(p, nodes, cut, high);
			add_range(p, nodes, low, cut - 1);
			return;
		}
	}
	while (full + 1 < n && a[n - 1 - full] == 0x80 && b[n - 1 - full] == 0xbf)
		full++;
	int32_t next = tail(p, nodes, full);
	for (size_t i = n - full; i-- > 0;)
		next = add_node(p, (struct pattern_node){.low = a[i], .high = b[i], .next = next});
	nodes->start = nodes->start == PATTERN_END ? next : add_fork(p, next, nodes->start);
}

static int32_t build_set(struct parser *p, struct set *set, int32_t next)
{
	static const struct range equally_long[] = {
		{0, 0x7f}, {0x80, 0x7ff}, {0x800, 0xd7ff}, {0xe000, 0xffff}, {0x10000, CHARACTER_MAX},
	};
	struct set_nodes nodes = {{next, PATTERN_END, PATTERN_END, PATTERN_END}, PATTERN_END};
	set_sort(set);
	for (size_t i = set->n; i-- > 0;)
		for (size_t k = sizeof equally_long / sizeof *equally_long; k-- > 0;) {
			uint32_t low = set->ranges[i].low, high = set->ranges[i].high;
			if (low < equally_long[k].low)
				low = equally_long[k].low;
			if (high > equally_long[k].high)
				high = equally_long[k].high;
			if (low <= high)
				add_range(p, &nodes, low, high);
		}
	if (nodes.start == PATTERN_END) {
		p->at = p->text;
		fail(p, "a class that no character is in");
	}
	return nodes.start;
}

static int32_t build(struct parser *p, int32_t part, int32_t next);

static int32_t build_repeat(struct parser *p, int32_t part, int32_t next)
{
	size_t min = p->parts[part].min, max = p->parts[part].max;
	int32_t a = p->parts[part].a, start = next;
	if (max == SIZE_MAX) {
		int32_t loop = add_fork(p, next, next), body = build(p, a, loop);
		p->out->nodes[loop].next = body;
		start = min > 0 ? body : loop;
		min -= min > 0;
	} else {
		for (size_t i = min; i < max; i++)
			start = add_fork(p, build(p, a, start), next);
	}
	while (min-- > 0)
		start = build(p, a, start);
	return start;
}

/* The nodes of a part, from which one comes to next; the first of them. */
static int32_t build(struct parser *p, int32_t part, int32_t next)
{
	if (++p->work > WORK_MAX) {
		p->at = p->text;
		fail(p, "the expression is too large: too many repetitions");
	}
	const struct part *parts = p->parts;
	for (; parts[part].kind == SEQUENCE; part = parts[part].a)
		next = build(p, parts[part].b, next);
	if (parts[part].kind == SET)
		return build_set(p, &p->parts[part].set, next);
	if (parts[part].kind == REPEAT)
		return build_repeat(p, part, next);
	if (parts[part].kind == EMPTY)
		return next;
	int32_t other = build(p, parts[part].b, next);
	for (part = parts[part].a; parts[part].kind == CHOICE; part = parts[part].a)
		other = add_fork(p, build(p, parts[part].b, next), other);
	return add_fork(p, build(p, part, next), other);
}

bool pattern_compile(struct pattern *out, const char *text, char *why, size_t size)
{
	struct parser *p = mem_zero(1, sizeof *p);
	*p = (struct parser){.text = text, .at = text, .out = out, .why = why, .size = size};
	*out = (struct pattern){0};
	if (setjmp(p->failed) == 0) {
		int32_t whole = choice(p);
		if (*p->at)
			fail(p, "')' without '('");
		out->start = build(p, whole, PATTERN_END);
		p->why = NULL;
	} else {
		pattern_free(out);
	}
	for (size_t i = 0; i < p->count; i++)
		free(p->parts[i].set.ranges);
	bool good = !p->why;
	free(p->parts);
	free(p);
	return good;
}

void pattern_free(struct pattern *p)
{
	free(p->nodes);
	*p = (struct pattern){0};
}
