/*
 * grammar.h: the language in which the world's text is written.
 *
 * words/NAME.tsv is a table: a row a word, with its forms and what is known of
 * it; the first line names the columns.  text/NAME.tsv has rules, a line each:
 * RULE, TEMPLATE and perhaps a CLASS, between tabs.  Lines of the same rule are
 * its alternatives.  Lines that begin with # are comments.  In a template
 *
 *	{v:TABLE}       a random row of a table, called v from here on; its first column
 *	{v:TABLE/c=X}   ... among the rows with X in column c; c!X: without it.  Where
 *	                v2 is the name of a row, X = v2 means that row's column c
 *	{v} {v.c}       the row last called v: its first column, or column c
 *	{:TABLE.c}      a row without a name
 *	{v=TEXT}        TEXT, called v from here on
 *	(A|B|C)         one of them
 *	(v:A|B|C)       one of them, the same one wherever v is asked for
 *	<A|B> <v:A|B>   as (v:A|B), or A: what is asked for when this is a question.
 *	                <A>: the wrong answer is A of another row
 *	$RULE           a template of this rule
 *	^WORD           = {:verb/base=WORD.$tense}; ^^WORD: with .$tenses
 *
 * Columns are templates too.  Rows with different names are different.  Two columns
 * are in every table: "letters", those of the first one with "-" between, and "-",
 * which is empty.
 * Sentences get their capitals (~ before a word: not there), and "a" becomes "an",
 * afterwards.
 *
 * What is named (rows and choices, unless the name begins with _) makes an item
 * what it is: its key.  Whether an
 * item is text or a question is a function of its key and its template, so that
 * what is asked never occurs in the text.  A choice without a name is decoration.
 */
#ifndef LMUTILS_WORLD_GRAMMAR_H
#define LMUTILS_WORLD_GRAMMAR_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

struct table {
	char *name;
	char **columns;                 /* [width] */
	char ***rows;                   /* [height][width] */
	int width, height;
};

struct template {
	char *text, *class;
};

/* Alternatives of the same name. */
struct rule {
	char *name;
	struct template *templates;
	int n;
};

struct grammar {
	struct table *tables;
	struct rule *rules;             /* in the order of the files, which are sorted */
	int table_count, rule_count;
	char **files;                   /* their text, which words and templates are parts of */
	int file_count;
};

/* Reads DIR/words and DIR/text; dies. */
struct grammar *grammar_load(const char *dir);
void grammar_free(struct grammar *g);

/* NULL where there is none. */
const struct table *grammar_table(const struct grammar *g, const char *name, size_t n);
const struct rule *grammar_rule(const struct grammar *g, const char *name, size_t n);

/* The number of a column; -1 where there is none. */
int table_column(const struct table *t, const char *name, size_t n);

/* A source of random choices: a function of the seed and the document. */
struct chance {
	uint64_t seed;
	int32_t document;
	uint32_t draws;
	double nats;                    /* the sum of log n over its choices */
};

/* In [0, n), all alike; n >= 1. */
int chance_below(struct chance *c, int n);

enum set { SET_TEXT, SET_SEARCH, SET_FINAL };

/* Text that has been made of a template. */
struct item {
	enum set set;
	struct bytes text;              /* as text: the right answer in its place */
	struct bytes prompt, right, wrong;      /* as a question; empty where nothing is asked */
	struct bytes class;
};

/*
 * Makes an item of a template of the rule: sentences, or else words, which begin
 * with no capital.  Dies where a template is wrong.
 */
void item_make(struct item *item, const struct grammar *g, const struct rule *r, bool sentence, struct chance *c);
void item_free(struct item *item);

#endif
