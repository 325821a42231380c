/* onig.c: from Oniguruma's syntax to PCRE2's.  See onig.h. */
#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "onig.h"
#include "utf8.h"

#define DEPTH_MAX 200           /* of groups and classes within each other */
#define REPEAT_MAX 65535        /* what PCRE2 takes in {n,m} */
#define NO_ATOM SIZE_MAX
#define ITEMS_MAX 96            /* bytes of what stands for a property */

/* What a quantifier that stands here applies to. */
struct group {
	size_t start;           /* where its translation begins */
	int options;            /* (?i: opened within, which end where it ends */
};

struct translation {
	const char *at, *end;
	struct bytes *out;
	size_t atom;            /* where the last atom's translation begins, or NO_ATOM */
	bool repeated;          /* it has a quantifier already */
	struct group groups[DEPTH_MAX];
	int depth;
	char *why;
	size_t why_size;
};

static bool wrong(struct translation *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(struct translation *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(t->why, t->why_size, format, args);
	va_end(args);
	return false;
}

static void add(struct bytes *b, const char *s)
{
	bytes_add(b, s, strlen(s));
}

static void add_bytes(struct bytes *b, const struct bytes *more)
{
	if (more->n > 0)
		bytes_add(b, more->data, more->n);
}

/* A character, so that nothing can be read into it. */
static void add_code(struct bytes *b, uint32_t code)
{
	char text[16];
	snprintf(text, sizeof text, "\\x{%x}", (unsigned)code);
	add(b, text);
}

/* Puts (?: before what begins at start, and ) behind it. */
static void wrap(struct bytes *out, size_t start)
{
	bytes_add(out, "...", 3);
	memmove(out->data + start + 3, out->data + start, out->n - 3 - start);
	memcpy(out->data + start, "(?:", 3);
	add(out, ")");
}

/*
 * Properties: what stands for each within PCRE2's [].
 */

/* The superscripts and fractions of Latin-1 are word characters for Oniguruma, but not within its own []. */
#define WORD_IN_CLASS "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"
#define WORD WORD_IN_CLASS "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"

static const struct {
	const char *name, *items;
} properties[] = {
	{"letter", "\\p{L}"}, {"casedletter", "\\p{Lu}\\p{Ll}\\p{Lt}"}, {"lc", "\\p{Lu}\\p{Ll}\\p{Lt}"},
	{"uppercaseletter", "\\p{Lu}"}, {"lowercaseletter", "\\p{Ll}"}, {"titlecaseletter", "\\p{Lt}"},
	{"modifierletter", "\\p{Lm}"}, {"otherletter", "\\p{Lo}"}, {"mark", "\\p{M}"}, {"combiningmark", "\\p{M}"},
	{"nonspacingmark", "\\p{Mn}"}, {"spacingmark", "\\p{Mc}"}, {"enclosingmark", "\\p{Me}"}, {"number", "\\p{N}"},
	{"decimalnumber", "\\p{Nd}"}, {"letternumber", "\\p{Nl}"}, {"othernumber", "\\p{No}"},
	{"punctuation", "\\p{P}"}, {"connectorpunctuation", "\\p{Pc}"}, {"dashpunctuation", "\\p{Pd}"},
	{"openpunctuation", "\\p{Ps}"}, {"closepunctuation", "\\p{Pe}"}, {"initialpunctuation", "\\p{Pi}"},
	{"finalpunctuation", "\\p{Pf}"}, {"otherpunctuation", "\\p{Po}"}, {"symbol", "\\p{S}"},
	{"mathsymbol", "\\p{Sm}"}, {"currencysymbol", "\\p{Sc}"}, {"modifiersymbol", "\\p{Sk}"},
	{"othersymbol", "\\p{So}"}, {"separator", "\\p{Z}"}, {"spaceseparator", "\\p{Zs}"},
	{"lineseparator", "\\p{Zl}"}, {"paragraphseparator", "\\p{Zp}"}, {"other", "\\p{C}"},
	{"control", "\\p{Cc}"}, {"format", "\\p{Cf}"}, {"surrogate", "\\p{Cs}"}, {"privateuse", "\\p{Co}"},
	{"unassigned", "\\p{Cn}"},
	{"alnum", "\\p{Alphabetic}\\p{Nd}"}, {"alpha", "\\p{Alphabetic}"}, {"ascii", "\\x{0}-\\x{7f}"},
	{"blank", "\\p{Zs}\\x{9}"}, {"cntrl", "\\p{Cc}"}, {"digit", "\\p{Nd}"}, {"lower", "\\p{Lowercase}"},
	{"punct", "\\p{P}"}, {"space", "\\p{White_Space}"}, {"upper", "\\p{Uppercase}"},
	{"xdigit", "0-9A-Fa-f"}, {"word", WORD}, {"any", "\\x{0}-\\x{10ffff}"}, {"assigned", "\\P{Cn}"},
	{"graph", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}"},
	{"print", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}\\p{Zs}"},
};

static bool compiles(const char *pattern)
{
	int error;
	size_t offset;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP,
					 &error, &offset, NULL);
	pcre2_code_free(code);
	return code != NULL;
}

/* The items of a property by its name, in which case, spaces, - and _ do not count. */
static bool find_property(struct translation *t, const char *name, size_t n, char items[ITEMS_MAX])
{
	char plain[40];
	size_t m = 0;
	for (size_t i = 0; i < n && m + 1 < sizeof plain; i++)
		if (isalnum((unsigned char)name[i]))
			plain[m++] = name[i];
		else if (name[i] != ' ' && name[i] != '-' && name[i] != '_')
			return wrong(t, "no property '%.*s'", (int)n, name);
	plain[m] = '\0';
	for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
		if (strcasecmp(plain, properties[i].name) == 0) {
			strcpy(items, properties[i].items);
			return true;
		}
	/* A script, not its extensions; a category; or another property. */
	snprintf(items, ITEMS_MAX, "\\p{sc:%s}", plain);
	if (m > 2 && compiles(items))
		return true;
	snprintf(items, ITEMS_MAX, "\\p{%s}", plain);
	return compiles(items) || wrong(t, "no property '%.*s'", (int)n, name);
}

/* True if items are one property, so that \P is its opposite. */
static bool is_one_property(const char *items)
{
	return items[0] == '\\' && (items[1] == 'p' || items[1] == 'P') && strchr(items, '}')[1] == '\0';
}

/*
 * Classes.
 */

/* What one character may be: items for [], and other expressions, each after a |. */
struct class {
	struct bytes items, others;
};

static void class_free(struct class *c)
{
	bytes_free(&c->items);
	bytes_free(&c->others);
}

/* Adds a property or its opposite to a class. */
static void class_add(struct class *c, const char *items, bool negative)
{
	if (strcmp(items, WORD) == 0)
		items = WORD_IN_CLASS;
	if (!negative) {
		add(&c->items, items);
	} else if (is_one_property(items)) {
		add(&c->items, items[1] == 'p' ? "\\P" : "\\p");
		add(&c->items, items + 2);
	} else {
		add(&c->others, "|[^");
		add(&c->others, items);
		add(&c->others, "]");
	}
}

/* The expression of a class, or of any character that it is not. */
static void class_write(const struct class *c, bool negative, struct bytes *out)
{
	if (c->others.n == 0) {
		add(out, c->items.n == 0 ? (negative ? "(?s:." : "(?!") : negative ? "[^" : "[");
		add_bytes(out, &c->items);
		add(out, c->items.n == 0 ? ")" : "]");
		return;
	}
	add(out, negative ? "(?:(?!" : "(?:");
	if (c->items.n > 0) {
		add(out, "[");
		add_bytes(out, &c->items);
		add(out, "]");
	}
	bytes_add(out, c->others.data + (c->items.n == 0), c->others.n - (c->items.n == 0));
	add(out, negative ? ")(?s:.))" : ")");
}

/* \p{NAME}, \p{^NAME} or \P{NAME}, of which the two first characters were read. */
static bool read_property(struct translation *t, bool *negative, char items[ITEMS_MAX])
{
	const char *close = memchr(t->at, '}', (size_t)(t->end - t->at));
	if (t->at == t->end || *t->at != '{' || !close)
		return wrong(t, "\\p without {name}");
	const char *name = t->at + 1;
	t->at = close + 1;
	if (*name == '^') {
		name++;
		*negative = !*negative;
	}
	return find_property(t, name, (size_t)(close - name), items);
}

/* Digits of a number in a base, at most `most`; false if there is none or it is too large. */
static bool read_number(struct translation *t, int base, int most, uint32_t *code)
{
	static const char digits[] = "0123456789abcdef";
	const char *start = t->at;
	*code = 0;
	for (; t->at < t->end && t->at - start < most; t->at++) {
		const char *digit = *t->at ? strchr(digits, tolower((unsigned char)*t->at)) : NULL;
		if (!digit || digit - digits >= base)
			break;
		*code = *code * (uint32_t)base + (uint32_t)(digit - digits);
	}
	return t->at > start && *code <= 0x10ffff && !(*code >= 0xd800 && *code < 0xe000);
}

/* \x41, \x{41}, \u0041 after their letter. */
static bool read_code(struct translation *t, char letter, uint32_t *code)
{
	bool braces = letter == 'x' && t->at < t->end && *t->at == '{';
	t->at += braces;
	if (!read_number(t, 16, braces ? 8 : letter == 'x' ? 2 : 4, code))
		return wrong(t, "\\%c without the number of a character", letter);
	if (braces && (t->at == t->end || *t->at++ != '}'))
		return wrong(t, "\\x{ without }");
	if (letter == 'x' && !braces && *code >= 0x80)
		return wrong(t, "\\x%02x is not a character", (unsigned)*code);
	return true;
}

enum escape { ESCAPE_WRONG, ESCAPE_CODE, ESCAPE_CLASS, ESCAPE_OTHER };

/* The escapes of single letters that stand for one character, or for a class. */
static const struct {
	char letter, code;
	const char *items;
} escapes[] = {
	{'a', '\a', NULL}, {'e', 033, NULL}, {'f', '\f', NULL}, {'n', '\n', NULL}, {'r', '\r', NULL},
	{'t', '\t', NULL}, {'v', '\v', NULL},
	{'d', 0, "\\p{Nd}"}, {'h', 0, "0-9A-Fa-f"}, {'s', 0, "\\p{White_Space}"}, {'w', 0, WORD},
};

/*
 * An escape after its backslash: a character, or a class that may be
 * negative; or something else, of which only the letter is read.
 */
static enum escape read_escape(struct translation *t, uint32_t *code, char items[ITEMS_MAX], bool *negative)
{
	size_t length;
	if (t->at == t->end)
		return wrong(t, "\\ at the end") ? ESCAPE_OTHER : ESCAPE_WRONG;
	unsigned char c = (unsigned char)*t->at;
	utf8_decode(t->at, (size_t)(t->end - t->at), &length, code);
	t->at += length;
	*negative = isupper(c);
	if (c == 'p' || c == 'P')
		return read_property(t, negative, items) ? ESCAPE_CLASS : ESCAPE_WRONG;
	if (c == 'x' || c == 'u')
		return read_code(t, (char)c, code) ? ESCAPE_CODE : ESCAPE_WRONG;
	for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
		if (escapes[i].items ? tolower(c) == escapes[i].letter : c == escapes[i].letter) {
			if (!escapes[i].items) {
				*code = (uint32_t)escapes[i].code;
				return ESCAPE_CODE;
			}
			strcpy(items, escapes[i].items);
			return ESCAPE_CLASS;
		}
	return isalnum(c) ? ESCAPE_OTHER : ESCAPE_CODE;
}

/* [:name:] or [:^name:], whose [: is next; false if it is not one.  Here, punct has the symbols too. */
static bool read_posix(struct translation *t, struct class *c)
{
	const char *name = t->at + 2, *p = name;
	char items[ITEMS_MAX];
	bool negative = p < t->end && *p == '^';
	name += negative;
	for (p = name; p < t->end && isalpha((unsigned char)*p); p++)
		;
	if (t->end - p < 2 || p[0] != ':' || p[1] != ']' || p - name > 20 || !find_property(t, name, (size_t)(p - name), items))
		return false;
	if (p - name == 5 && strncasecmp(name, "punct", 5) == 0)
		strcpy(items, "\\p{P}\\p{S}");
	t->at = p + 2;
	class_add(c, items, negative);
	return true;
}

static bool read_class(struct translation *t, struct bytes *out, int depth);

/* Adds a class within a class. */
static bool read_nested(struct translation *t, struct class *c, int depth)
{
	struct bytes nested = {0};
	bool good = read_class(t, &nested, depth);
	if (good) {
		add(&c->others, "|");
		add_bytes(&c->others, &nested);
	}
	bytes_free(&nested);
	return good;
}

/* A character of a class, escaped or not: its code, or what else was added. */
static enum escape read_member(struct translation *t, struct class *c, uint32_t *code)
{
	size_t length;
	char items[ITEMS_MAX];
	bool negative;
	if (*t->at != '\\') {
		utf8_decode(t->at, (size_t)(t->end - t->at), &length, code);
		t->at += length;
		return ESCAPE_CODE;
	}
	t->at++;
	enum escape escape = read_escape(t, code, items, &negative);
	if (escape == ESCAPE_CLASS) {
		class_add(c, items, negative);
	} else if (escape == ESCAPE_OTHER && *code == 'b') {
		*code = '\b';
		return ESCAPE_CODE;
	} else if (escape == ESCAPE_OTHER && *code >= '0' && *code <= '7') {
		t->at--;
		return read_number(t, 8, 3, code) ? ESCAPE_CODE : ESCAPE_WRONG;
	} else if (escape == ESCAPE_OTHER && strchr("RXcCMN", (int)*code)) {
		return wrong(t, "\\%c in []", (int)*code) ? ESCAPE_OTHER : ESCAPE_WRONG;
	}
	return escape == ESCAPE_OTHER ? ESCAPE_CODE : escape;
}

/* A range or a single member. */
static bool read_range(struct translation *t, struct class *c)
{
	uint32_t low, high;
	enum escape is = read_member(t, c, &low);
	if (is != ESCAPE_CODE)
		return is != ESCAPE_WRONG;
	add_code(&c->items, low);
	if (t->end - t->at < 2 || t->at[0] != '-' || t->at[1] == ']' || t->at[1] == '[')
		return true;
	t->at++;
	is = read_member(t, c, &high);
	if (is == ESCAPE_CLASS) {
		add_code(&c->items, '-');
		return true;
	}
	if (is == ESCAPE_WRONG || high < low)
		return is == ESCAPE_WRONG ? false : wrong(t, "empty range in []");
	add(&c->items, "-");
	add_code(&c->items, high);
	return true;
}

/* The members up to && or ]. */
static bool read_members(struct translation *t, struct class *c, bool first, int depth)
{
	for (; t->at < t->end; first = false) {
		if (*t->at == ']' && !first)
			return true;
		if (t->end - t->at >= 2 && t->at[0] == '&' && t->at[1] == '&')
			return true;
		if (*t->at == '[' && t->end - t->at >= 2 && t->at[1] == ':' && read_posix(t, c))
			continue;
		if (*t->at == '[' ? !read_nested(t, c, depth + 1) : !read_range(t, c))
			return false;
	}
	return wrong(t, "[ without ]");
}

/*
 * A class from its [ on.  What several sets joined by && have in common is
 * what the last one has if look-aheads find it in all the others.
 */
static bool read_class(struct translation *t, struct bytes *out, int depth)
{
	struct bytes common = {0};
	bool negative = t->end - t->at >= 2 && t->at[1] == '^', first = true, good;
	if (depth > DEPTH_MAX)
		return wrong(t, "too many [ in each other");
	t->at += 1 + negative;
	for (;; first = false) {
		struct class c = {0};
		good = read_members(t, &c, first, depth);
		bool last = !good || *t->at == ']';
		if (good && last && common.n == 0) {
			class_write(&c, negative, out);
		} else if (good) {
			add(&common, last ? "" : "(?=");
			class_write(&c, false, &common);
			add(&common, last ? "" : ")");
		}
		class_free(&c);
		if (last)
			break;
		t->at += 2;
	}
	if (good && common.n > 0) {
		add(out, negative ? "(?:(?!" : "(?:");
		add_bytes(out, &common);
		add(out, negative ? ")(?s:.))" : ")");
	}
	t->at += good;
	bytes_free(&common);
	return good;
}

/*
 * The rest of the syntax.
 */

static void begin_atom(struct translation *t)
{
	t->atom = t->out->n;
	t->repeated = false;
}

static bool translate_escape(struct translation *t)
{
	static const char border[] = "(?:(?<=[" WORD "])(?![" WORD "])|(?<![" WORD "])(?=[" WORD "]))";
	static const char no_border[] = "(?:(?<=[" WORD "])(?=[" WORD "])|(?<![" WORD "])(?![" WORD "]))";
	char items[ITEMS_MAX];
	uint32_t code;
	bool negative;
	begin_atom(t);
	t->at++;
	switch (read_escape(t, &code, items, &negative)) {
	case ESCAPE_WRONG:
		return false;
	case ESCAPE_CODE:
		add_code(t->out, code);
		return true;
	case ESCAPE_CLASS:
		add(t->out, negative ? "[^" : "[");
		add(t->out, items);
		add(t->out, "]");
		return true;
	case ESCAPE_OTHER:
		break;
	}
	switch (code) {
	case 'b':
		add(t->out, border);
		break;
	case 'B':
		add(t->out, no_border);
		break;
	case 'N':
		add(t->out, "[^\\n]");
		break;
	case 'O':
		add(t->out, "(?s:.)");
		break;
	case 'c': case 'C': case 'M': case 'y': case 'Y':
		return wrong(t, "\\%c", (int)code);
	default:
		if (!isdigit((int)code) && !strchr("AGKRXZgkz", (int)code)) {
			add_code(t->out, code);
			break;
		}
		bytes_add(t->out, (char[]){'\\', (char)code}, 2);
		while (isdigit((int)code) && t->at < t->end && isdigit((unsigned char)*t->at))
			bytes_add(t->out, t->at++, 1);
		break;
	}
	return true;
}

/* (?imx-imx) or (?imx-imx: from the first of these letters on; m is called s in PCRE2. */
static bool translate_options(struct translation *t)
{
	struct group *g = &t->groups[t->depth];
	add(t->out, "(?");
	for (; t->at < t->end && *t->at != ')' && *t->at != ':'; t->at++) {
		if (!strchr("imx-", *t->at))
			return wrong(t, "(?%c", *t->at);
		bytes_add(t->out, *t->at == 'm' ? "s" : t->at, 1);
	}
	if (t->at == t->end)
		return wrong(t, "( without )");
	add(t->out, ":");
	if (*t->at++ == ')') {
		g->options++;
		t->atom = NO_ATOM;
		return g->options < DEPTH_MAX || wrong(t, "too many options");
	}
	t->groups[++t->depth] = (struct group){t->out->n - 1, 0};
	return true;
}

/* What may follow "(?", besides options, as it stands. */
static const char *const group_starts[] = {":", "=", "!", ">", "<=", "<!"};

static bool translate_group(struct translation *t)
{
	size_t start = t->out->n;
	if (t->depth + 1 == DEPTH_MAX)
		return wrong(t, "too many ( in each other");
	t->at++;
	if (t->end - t->at >= 2 && t->at[0] == '?' && t->at[1] == '#') {
		const char *close = memchr(t->at, ')', (size_t)(t->end - t->at));
		t->at = close ? close + 1 : t->end;
		return close || wrong(t, "( without )");
	}
	if (t->end - t->at < 2 || t->at[0] != '?') {
		add(t->out, "(");
	} else {
		size_t n = 0, room = (size_t)(t->end - ++t->at);
		for (size_t i = 0; i < sizeof group_starts / sizeof *group_starts && n == 0; i++)
			if (strncmp(t->at, group_starts[i], room < 2 ? room : strlen(group_starts[i])) == 0)
				n = strlen(group_starts[i]);
		if (n == 0 && *t->at == '<') {
			const char *close = memchr(t->at, '>', room);
			n = close ? (size_t)(close + 1 - t->at) : 1;
		}
		if (n == 0) {
			int depth = t->depth;
			if (!translate_options(t))
				return false;
			t->groups[t->depth].start = t->depth > depth ? start : t->groups[t->depth].start;
			t->atom = NO_ATOM;
			return true;
		}
		add(t->out, "(?");
		bytes_add(t->out, t->at, n < room ? n : room);
		t->at += n < room ? n : room;
	}
	t->groups[++t->depth] = (struct group){start, 0};
	t->atom = NO_ATOM;
	return true;
}

static bool end_group(struct translation *t)
{
	struct group g = t->groups[t->depth];
	if (t->depth-- == 0)
		return wrong(t, ") without (");
	for (; g.options >= 0; g.options--)
		add(t->out, ")");
	t->at++;
	t->atom = g.start;
	t->repeated = false;
	return true;
}

/* {n}, {n,}, {n,m} or {,m}: true, and moves on; otherwise { is a character. */
static bool read_interval(struct translation *t, uint32_t *least, uint32_t *most, bool *range)
{
	const char *start = t->at++;
	bool low = read_number(t, 10, 6, least);
	*range = t->at < t->end && *t->at == ',';
	t->at += *range;
	bool high = *range && read_number(t, 10, 6, most);
	if (!*range)
		*most = *least;
	else if (!high)
		*most = UINT32_MAX;
	if ((low || high) && t->at < t->end && *t->at++ == '}')
		return true;
	t->at = start;
	return false;
}

static bool translate_interval(struct translation *t)
{
	uint32_t least, most;
	bool range;
	char text[40];
	if (!read_interval(t, &least, &most, &range) || t->atom == NO_ATOM) {
		begin_atom(t);
		add_code(t->out, '{');
		t->at++;
		return true;
	}
	if (least > REPEAT_MAX || (most > REPEAT_MAX && most != UINT32_MAX) || most < least)
		return wrong(t, "{%u,%u}", (unsigned)least, (unsigned)most);
	if (most == UINT32_MAX)
		snprintf(text, sizeof text, "{%u,}", (unsigned)least);
	else
		snprintf(text, sizeof text, "{%u,%u}", (unsigned)least, (unsigned)most);
	if (t->repeated)
		wrap(t->out, t->atom);
	add(t->out, text);
	if (range && t->at < t->end && *t->at == '?')
		bytes_add(t->out, t->at++, 1);
	t->repeated = true;
	return true;
}

static bool translate_repeat(struct translation *t)
{
	if (t->atom == NO_ATOM)
		return wrong(t, "%c after nothing", *t->at);
	if (t->repeated)
		wrap(t->out, t->atom);
	bytes_add(t->out, t->at++, 1);
	if (t->at < t->end && (*t->at == '?' || *t->at == '+'))
		bytes_add(t->out, t->at++, 1);
	t->repeated = true;
	return true;
}

static bool translate_next(struct translation *t)
{
	size_t length;
	uint32_t code;
	switch (*t->at) {
	case '\\':
		return translate_escape(t);
	case '[':
		begin_atom(t);
		return read_class(t, t->out, 0);
	case '(':
		return translate_group(t);
	case ')':
		return end_group(t);
	case '*': case '+': case '?':
		return translate_repeat(t);
	case '{':
		return translate_interval(t);
	case '|':
		t->atom = NO_ATOM;
		bytes_add(t->out, t->at++, 1);
		return true;
	case '.': case '^': case '$': case ' ': case '#': case '\n': case '\t':
		begin_atom(t);
		bytes_add(t->out, t->at++, 1);
		return true;
	default:
		begin_atom(t);
		utf8_decode(t->at, (size_t)(t->end - t->at), &length, &code);
		add_code(t->out, code);
		t->at += length;
		return true;
	}
}

bool onig_translate(const char *pattern, size_t n, struct bytes *out, char *why, size_t size)
{
	struct translation t = {
		.at = pattern, .end = pattern + n, .out = out, .atom = NO_ATOM, .why = why, .why_size = size,
	};
	while (t.at < t.end)
		if (!translate_next(&t))
			return false;
	if (t.depth > 0)
		return wrong(&t, "( without )");
	for (; t.groups[0].options > 0; t.groups[0].options--)
		add(out, ")");
	return true;
}
