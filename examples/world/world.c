/*
 * world.c: writes the text that the default model is trained on, a document a
 * line, or questions about it that the text never answers; see README.md here.
 *
 * Most kinds of document are items made of the templates in text/KIND.tsv, whose
 * rules are called KIND or KIND.SOMETHING.  The text is a function of the seed, and
 * each document of the seed and its number alone.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "grammar.h"
#include "hash.h"
#include "memory.h"

#define TOKENS_MAX 240          /* of a document, about: the model is trained on 256 */
#define TRIES_MAX  200          /* for each question */

/* A document that is being written. */
struct document {
	const struct grammar *grammar;
	struct chance chance;
	struct bytes text;
	int tokens, wanted;             /* about so many it has, and should have */
};

struct kind {
	const char *name;
	int share;                      /* in hundredths */
	void (*write)(struct document *, const struct kind *);
	const char *like;               /* the kind whose rules it takes; NULL: it has its own */
	/* filled in when the grammar is read */
	const struct rule **rules;
	int *weights, rule_count;
};

static void write_items(struct document *, const struct kind *);
static void write_mixed(struct document *, const struct kind *);
static void write_repeats(struct document *, const struct kind *);
static void write_chants(struct document *, const struct kind *);

/* The first one's share is of all documents, and -r changes it; the others' are of the rest. */
static struct kind kinds[] = {
	{"repeats", 35, write_repeats, NULL, NULL, NULL, 0},
	{"stories", 29, write_items, NULL, NULL, NULL, 0},
	{"facts", 18, write_items, NULL, NULL, NULL, 0},
	{"pairs", 14, write_items, NULL, NULL, NULL, 0},
	{"agreement", 9, write_items, NULL, NULL, NULL, 0},
	{"bites", 8, write_items, NULL, NULL, NULL, 0},
	{"pronouns", 9, write_items, NULL, NULL, NULL, 0},
	{"counting", 3, write_items, NULL, NULL, NULL, 0},
	{"spelling", 3, write_items, NULL, NULL, NULL, 0},
	{"names", 3, write_items, NULL, NULL, NULL, 0},
	{"mixed", 4, write_mixed, NULL, NULL, NULL, 0},
	{"chants", 0, write_chants, "repeats", NULL, NULL, 0},     /* only with -k */
};
#define KINDS (int)(sizeof kinds / sizeof *kinds)

/* ---- kinds and their rules ---- */

/* How often a rule among those of its kind: as there are rows in the table it begins with. */
static int weight_of(const struct grammar *g, const struct rule *r)
{
	const char *slot = strchr(r->templates[0].text, '{'), *name = slot ? strchr(slot, ':') : NULL;
	const struct table *t = name ? grammar_table(g, name + 1, strcspn(name + 1, "./}")) : NULL;
	return t ? t->height : 1;
}

static void find_rules(const struct grammar *g, struct kind *k)
{
	const char *kind = k->like ? k->like : k->name;
	size_t n = strlen(kind);
	k->rules = mem_array((size_t)g->rule_count, sizeof(struct rule *));
	k->weights = mem_array((size_t)g->rule_count, sizeof *k->weights);
	for (int i = 0; i < g->rule_count; i++) {
		const char *name = g->rules[i].name;
		if (strncmp(name, kind, n) == 0 && (name[n] == '\0' || name[n] == '.')) {
			k->weights[k->rule_count] = weight_of(g, &g->rules[i]);
			k->rules[k->rule_count++] = &g->rules[i];
		}
	}
	if (k->rule_count == 0 && k->write != write_mixed)
		die(k->name, "no rules of this kind");
}

static struct kind *find_kind(const char *name)
{
	for (int i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static const struct rule *random_rule(const struct kind *k, struct chance *c)
{
	int sum = 0, i = 0;
	for (int j = 0; j < k->rule_count; j++)
		sum += k->weights[j];
	for (int left = chance_below(c, sum); left >= k->weights[i]; i++)
		left -= k->weights[i];
	return k->rules[i];
}

static const struct kind *random_kind(struct chance *c)
{
	if (chance_below(c, 100) < kinds[0].share)
		return &kinds[0];
	int left = chance_below(c, 100), i = 1;
	for (; left >= kinds[i].share; i++)
		left -= kinds[i].share;
	return &kinds[i];
}

/* ---- documents ---- */

/* About how many tokens: words and marks.  A word that is not in the vocabulary has more. */
static int count_tokens(const struct bytes *text)
{
	int n = 0;
	for (size_t i = 0; i < text->n; i++) {
		bool letter = isalnum((unsigned char)text->data[i]);
		n += (letter && (i == 0 || !isalnum((unsigned char)text->data[i - 1]))) ||
		     (!letter && text->data[i] != ' ');
	}
	return n;
}

static void add_text(struct document *doc, const struct bytes *text)
{
	if (doc->text.n > 0)
		bytes_add(&doc->text, " ", 1);
	bytes_add(&doc->text, text->data, text->n);
	doc->tokens += count_tokens(text);
}

/* Adds an item, unless it is a question or there is no room for it: then false. */
static bool add_item(struct document *doc, const struct kind *k)
{
	struct item item = {0};
	double nats = doc->chance.nats;
	item_make(&item, doc->grammar, random_rule(k, &doc->chance), true, &doc->chance);
	bool full = doc->tokens > 0 && doc->tokens + count_tokens(&item.text) > TOKENS_MAX;
	if (item.set == SET_TEXT && !full)
		add_text(doc, &item.text);
	else
		doc->chance.nats = nats;
	item_free(&item);
	return !full;
}

static void write_items(struct document *doc, const struct kind *k)
{
	while (doc->tokens < doc->wanted && add_item(doc, k))
		;
}

/* Items of all kinds together. */
static void write_mixed(struct document *doc, const struct kind *mixed)
{
	bool room = true;
	(void)mixed;
	while (doc->tokens < doc->wanted && room) {
		const struct kind *k = random_kind(&doc->chance);
		if (k->write == write_items)
			room = add_item(doc, k);
	}
}

/* Some random words. */
static struct bytes random_words(struct document *doc, const struct kind *k, int count)
{
	struct bytes words = {NULL, 0, 0};
	for (int i = 0; i < count; i++) {
		struct item item = {0};
		item_make(&item, doc->grammar, random_rule(k, &doc->chance), false, &doc->chance);
		if (i > 0)
			bytes_add(&words, " ", 1);
		bytes_add(&words, item.text.data, item.text.n);
		item_free(&item);
	}
	return words;
}

#define CHANTED 64              /* copies in a chant, as far as there is room */

/*
 * Random words, then the same ones again, once or several times, the more often
 * the fewer they are, or in a chant always often; and so on with others.
 */
static void write_copies(struct document *doc, const struct kind *k, bool chant)
{
	struct chance *c = &doc->chance;
	while (doc->tokens < doc->wanted) {
		int period = chant || chance_below(c, 5) ? 2 + chance_below(c, 15) : 17 + chance_below(c, 32);
		struct bytes words = random_words(doc, k, period);
		int size = count_tokens(&words), copies = chant ? CHANTED : 2 + chance_below(c, 3 + 8 / size);
		bool room = doc->tokens + 2 * size < TOKENS_MAX;
		for (int i = 0; i < copies && room && doc->tokens + size < TOKENS_MAX; i++)
			add_text(doc, &words);
		bytes_free(&words);
		if (!room)
			return;
	}
}

static void write_repeats(struct document *doc, const struct kind *k)
{
	write_copies(doc, k, false);
}

static void write_chants(struct document *doc, const struct kind *k)
{
	write_copies(doc, k, true);
}

/* What has been written of a kind, for -e. */
struct sum {
	long documents, characters;
	double nats;
};

static void write_documents(const struct grammar *g, const struct kind *only, uint64_t seed,
			    int32_t count, bool label, struct sum sums[KINDS])
{
	for (int32_t i = 0; i < count; i++) {
		struct document doc = {.grammar = g, .chance = {seed, i, 0, 0}};
		const struct kind *k = only ? only : random_kind(&doc.chance);
		doc.wanted = 8 + chance_below(&doc.chance, TOKENS_MAX - 8);
		k->write(&doc, k);
		if (label)
			printf("%s\t", k->name);
		printf("%.*s\n", (int)doc.text.n, doc.text.data);
		struct sum *s = &sums[k - kinds];
		s->documents++;
		s->characters += (long)doc.text.n;
		s->nats += doc.chance.nats;
		bytes_free(&doc.text);
	}
}

static void write_sums(const struct sum sums[KINDS])
{
	fprintf(stderr, "%-10s %10s %12s %10s %10s\n", "kind", "documents", "characters", "nats/doc", "nats/char");
	for (int i = 0; i < KINDS; i++)
		if (sums[i].documents > 0)
			fprintf(stderr, "%-10s %10ld %12ld %10.2f %10.4f\n", kinds[i].name, sums[i].documents,
				sums[i].characters, sums[i].nats / (double)sums[i].documents,
				sums[i].nats / (double)sums[i].characters);
}

/* ---- questions ---- */

/* Pairs of words that stand in a relation: columns a and b of a table, each row a pair. */
static const struct relation {
	const char *class, *table, *a, *b;
} relations[] = {
	{"gender", "hero", "word", "partner"},
	{"capital", "country", "country", "capital"},
	{"number", "noun", "one", "many"},
	{"tense", "verb", "present", "past"},
};

/* Words of a class: a column of a table. */
static const struct concept {
	const char *class, *table, *column;
} concepts[] = {
	{"place", "place", "place"},
	{"colour", "colour", "colour"},
	{"name", "person", "name"},
	{"animal", "animal", "one"},
	{"country", "country", "country"},
	{"capital", "country", "capital"},
	{"number", "number", "word"},
	{"verb", "verb", "past"},
};

/* The words of a column; dies where there is none. */
static const struct table *column_of(const struct grammar *g, const char *table, const char *name, int *column)
{
	const struct table *t = grammar_table(g, table, strlen(table));
	*column = t ? table_column(t, name, strlen(name)) : -1;
	if (*column < 0)
		die(table, "no column %s", name);
	return t;
}

/* Makes one question, a line; false where chance gave none. */
typedef bool ask(struct bytes *line, const struct grammar *g, const struct kind *k, bool final, struct chance *c);

static void add_fields(struct bytes *line, int n, const char *const fields[])
{
	for (int i = 0; i < n; i++) {
		bytes_add(line, "\t", i > 0);
		bytes_add(line, fields[i], strlen(fields[i]));
	}
	bytes_terminate(line);
}

static bool ask_item(struct bytes *line, const struct grammar *g, const struct kind *k, bool final, struct chance *c)
{
	struct item item = {0};
	const struct rule *r = random_rule(k, c);
	item_make(&item, g, r, true, c);
	const char *dot = strchr(r->name, '.');
	bool fits = item.set == (final ? SET_FINAL : SET_SEARCH);
	if (fits) {
		bytes_add(line, item.prompt.data, item.prompt.n);
		bytes_add(line, "\t ", 2);
		bytes_add(line, item.right.data, item.right.n);
		bytes_add(line, "\t ", 2);
		bytes_add(line, item.wrong.data, item.wrong.n);
		bytes_add(line, "\t", 1);
		add_fields(line, 1, (const char *[]){item.class.n ? item.class.data : dot ? dot + 1 : r->name});
	}
	item_free(&item);
	return fits;
}

/* A fingerprint of words, in whatever order. */
static uint64_t hash_words(int n, const char *const words[])
{
	uint64_t sum = 0;
	for (int i = 0; i < n; i++) {
		struct hash h = hash_start();
		hash_add(&h, words[i], strlen(words[i]));
		sum += hash_end(&h);
	}
	struct hash h = hash_start();
	hash_add(&h, &sum, sizeof sum);
	return hash_end(&h);
}

static bool ask_analogy(struct bytes *line, const struct grammar *g, const struct kind *k, bool final, struct chance *c)
{
	const struct relation *r = &relations[chance_below(c, sizeof relations / sizeof *relations)];
	int a, b;
	const struct table *t = column_of(g, r->table, r->a, &a);
	column_of(g, r->table, r->b, &b);
	char **pair = t->rows[chance_below(c, t->height)], **other = t->rows[chance_below(c, t->height)];
	bool set = hash_words(4, (const char *[]){pair[a], pair[b], other[a], other[b]}) & 1;
	(void)k;
	if (pair == other || strcmp(pair[a], other[b]) == 0 || set != final)
		return false;
	bool back = chance_below(c, 2);
	add_fields(line, 5, (const char *[]){pair[back ? b : a], pair[back ? a : b], other[back ? b : a],
					     other[back ? a : b], r->class});
	return true;
}

static bool ask_concept(struct bytes *line, const struct grammar *g, const struct kind *k, bool final, struct chance *c)
{
	const struct concept *is = &concepts[chance_below(c, sizeof concepts / sizeof *concepts)];
	int column;
	const struct table *t = column_of(g, is->table, is->column, &column);
	(void)k, (void)final;
	add_fields(line, 2, (const char *[]){t->rows[chance_below(c, t->height)][column], is->class});
	return true;
}

static const struct task {
	const char *name;
	ask *ask;
} tasks[] = {
	{"agreement", ask_item},
	{"analogies", ask_analogy},
	{"bites", ask_item},
	{"concepts", ask_concept},
	{"facts", ask_item},
	{"pronouns", ask_item},
};
#define TASKS (sizeof tasks / sizeof *tasks)

static const struct task *find_task(const char *name)
{
	for (size_t i = 0; i < TASKS; i++)
		if (strcmp(tasks[i].name, name) == 0)
			return &tasks[i];
	return NULL;
}

static bool is_among(char *const *lines, int n, const char *line)
{
	while (n-- > 0)
		if (strcmp(lines[n], line) == 0)
			return true;
	return false;
}

/* Up to count different questions: as many as are found. */
static void write_questions(const struct grammar *g, const struct task *task, bool final, uint64_t seed, int32_t count)
{
	char **lines = mem_array((size_t)count, sizeof *lines);
	int n = 0;
	for (int32_t i = 0; i < INT32_MAX && i / TRIES_MAX < count && n < count; i++) {
		struct chance chance = {seed, i, 0, 0};
		struct bytes line = {NULL, 0, 0};
		if (!task->ask(&line, g, find_kind(task->name), final, &chance) || is_among(lines, n, line.data)) {
			bytes_free(&line);
			continue;
		}
		puts(line.data);
		lines[n++] = line.data;
	}
	while (n > 0)
		free(lines[--n]);
	free(lines);
}

/* ---- the program ---- */

static const struct option options[] = {
	{"data", required_argument, NULL, 'd'},
	{"entropy", no_argument, NULL, 'e'},
	{"final", no_argument, NULL, 'f'},
	CLI_HELP,
	{"kind", required_argument, NULL, 'k'},
	{"label", no_argument, NULL, 'l'},
	{"number", required_argument, NULL, 'n'},
	{"question", required_argument, NULL, 'q'},
	{"repeats", required_argument, NULL, 'r'},
	{"seed", required_argument, NULL, 's'},
	CLI_VERSION,
	{NULL, 0, NULL, 0},
};

static void usage(FILE *to)
{
	fputs("usage: world [-el] [-d DIR] [-k KIND] [-n N] [-r R] [-s SEED]\n"
	      "       world -q TASK [-f] [-d DIR] [-n N] [-s SEED]\n"
	      "\n"
	      "Write documents to train on, one a line, or questions that they never answer.\n"
	      "\n"
	      "  -d, --data=DIR       the words and the templates [those of the source]\n"
	      "  -e, --entropy        at the end, to stderr: the nats of all choices, by kind\n"
	      "  -f, --final          the other questions: those to be asked once, at the end\n"
	      "  -h, --help           show this help\n"
	      "  -k, --kind=KIND      only agreement, bites, counting, facts, mixed, names,\n"
	      "                       pairs, pronouns, repeats, spelling or stories; or\n"
	      "                       chants, repeats of the same words in all of a document\n"
	      "  -l, --label          the kind and a tab before each document\n"
	      "  -n, --number=N       so many documents, or questions at most [1000]\n"
	      "  -q, --question=TASK  agreement, bites, facts, pronouns: a prompt, a right and\n"
	      "                       a wrong answer, and a class, between tabs; analogies:\n"
	      "                       a is to b as c to d, class; concepts: word, class\n"
	      "  -r, --repeats=R      R of 100 documents repeat random words [35]\n"
	      "  -s, --seed=SEED      another text [0]\n"
	      "  -V, --version        show the version\n", to);
}

int main(int argc, char **argv)
{
	const char *dir = WORLD_DATA;
	const struct kind *kind = NULL;
	const struct task *task = NULL;
	bool entropy = false, final = false, label = false;
	int32_t count = 1000;
	uint64_t seed = 0;

	cli_start(argv, usage);
	for (int c; (c = cli_option(argc, argv, options)) != -1;)
		switch (c) {
		case 'd':
			dir = optarg;
			break;
		case 'e':
			entropy = true;
			break;
		case 'f':
			final = true;
			break;
		case 'k':
			if (!(kind = find_kind(optarg)))
				cli_usage_error("-k: '%s' is no kind of document", optarg);
			break;
		case 'l':
			label = true;
			break;
		case 'n':
			count = (int32_t)cli_integer("-n", optarg, 1, 1000000000);
			break;
		case 'q':
			if (!(task = find_task(optarg)))
				cli_usage_error("-q: '%s' is no task", optarg);
			break;
		case 'r':
			kinds[0].share = (int)cli_integer("-r", optarg, 0, 100);
			break;
		case 's':
			seed = (uint64_t)cli_integer("-s", optarg, 0, INT64_MAX);
			break;
		}
	if (optind < argc)
		cli_usage_error("unexpected operand '%s'", argv[optind]);
	if (task && (kind || label || entropy))
		cli_usage_error("-q goes with neither -e, -k nor -l");
	if (kind && kind->write == write_mixed && kinds[0].share == 100)
		cli_usage_error("-k mixed: with -r 100 there is nothing to mix");

	struct grammar *g = grammar_load(dir);
	for (int i = 0; i < KINDS; i++)
		find_rules(g, &kinds[i]);
	if (task) {
		write_questions(g, task, final, seed, count);
	} else {
		struct sum sums[KINDS] = {0};
		write_documents(g, kind, seed, count, label, sums);
		if (entropy)
			write_sums(sums);
	}
	for (int i = 0; i < KINDS; i++) {
		free(kinds[i].rules);
		free(kinds[i].weights);
	}
	grammar_free(g);
	return cli_finish();
}
