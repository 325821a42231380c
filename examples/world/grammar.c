/* grammar.c: the tables and rules of the world.  See grammar.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>

#include "cli.h"
#include "grammar.h"
#include "io.h"
#include "memory.h"
#include "random.h"

#define FILE_MAX (1 << 24)

int chance_below(struct chance *c, int n)
{
	double u = random_uniform(c->seed, c->document, (int32_t)(c->draws >> 8), c->draws & 255);
	c->draws++;
	c->nats += log(n);
	return (int)(u * n);
}

static bool same(const char *s, const char *t, size_t n)
{
	return strlen(s) == n && memcmp(s, t, n) == 0;
}

const struct table *grammar_table(const struct grammar *g, const char *name, size_t n)
{
	for (int i = 0; i < g->table_count; i++)
		if (same(g->tables[i].name, name, n))
			return &g->tables[i];
	return NULL;
}

const struct rule *grammar_rule(const struct grammar *g, const char *name, size_t n)
{
	for (int i = 0; i < g->rule_count; i++)
		if (same(g->rules[i].name, name, n))
			return &g->rules[i];
	return NULL;
}

int table_column(const struct table *t, const char *name, size_t n)
{
	for (int i = 0; i < t->width; i++)
		if (same(t->columns[i], name, n))
			return i;
	return -1;
}

/* ---- loading ---- */

/* Cuts a line at its tabs, into room for n fields; returns how many there are. */
static int cut(char *line, char **fields, int n)
{
	int count = 0;
	for (char *field = line; field; count++) {
		char *tab = strchr(field, '\t');
		if (tab)
			*tab++ = '\0';
		if (count < n)
			fields[count] = field;
		field = tab;
	}
	return count;
}

/* Calls add for every line of a file that is not empty and no comment. */
static void each_line(struct grammar *g, const char *dir, const char *file,
		      void (*add)(struct grammar *, const char *path, const char *name, char *line))
{
	size_t n;
	char *path = mem_printf("%s/%s", dir, file), *text = io_slurp(path, FILE_MAX, &n);
	char *name = mem_string(file);
	name[strlen(name) - strlen(".tsv")] = '\0';
	for (char *line = text; line && *line;) {
		char *end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		if (*line && *line != '#')
			add(g, path, name, line);
		line = end;
	}
	g->files = mem_resize(g->files, (size_t)g->file_count + 1, sizeof *g->files);
	g->files[g->file_count++] = text;
	free(path);
	free(name);
}

static void add_row(struct grammar *g, const char *path, const char *name, char *line)
{
	struct table *t = g->table_count ? &g->tables[g->table_count - 1] : NULL;
	char *fields[32];
	int n = cut(line, fields, 32);
	if (n > 32)
		die(path, "%d columns instead of 32 at most: %s", n, line);
	if (!t || strcmp(t->name, name)) {      /* the first line: the columns */
		g->tables = mem_resize(g->tables, (size_t)g->table_count + 1, sizeof *g->tables);
		t = &g->tables[g->table_count++];
		*t = (struct table){mem_string(name), mem_array((size_t)n, sizeof *t->columns), NULL, n, 0};
		memcpy(t->columns, fields, (size_t)n * sizeof *fields);
		return;
	}
	if (n != t->width)
		die(path, "%s: %d columns instead of %d", line, n, t->width);
	t->rows = mem_resize(t->rows, (size_t)t->height + 1, sizeof *t->rows);
	t->rows[t->height] = mem_array((size_t)n, sizeof **t->rows);
	memcpy(t->rows[t->height++], fields, (size_t)n * sizeof *fields);
}

static void add_template(struct grammar *g, const char *path, const char *name, char *line)
{
	char *fields[3] = {NULL};
	int n = cut(line, fields, 3);
	(void)name;
	if (n < 2 || n > 3)
		die(path, "%s: %d fields instead of 2 or 3", line, n);
	struct rule *r = (struct rule *)grammar_rule(g, fields[0], strlen(fields[0]));
	if (!r) {
		g->rules = mem_resize(g->rules, (size_t)g->rule_count + 1, sizeof *g->rules);
		r = &g->rules[g->rule_count++];
		*r = (struct rule){fields[0], NULL, 0};
	}
	r->templates = mem_resize(r->templates, (size_t)r->n + 1, sizeof *r->templates);
	r->templates[r->n++] = (struct template){fields[1], fields[2]};
}

static int is_tsv(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);
	return n > 4 && strcmp(entry->d_name + n - 4, ".tsv") == 0;
}

static void each_file(struct grammar *g, const char *dir, const char *part,
		      void (*add)(struct grammar *, const char *, const char *, char *))
{
	struct dirent **files;
	char *path = mem_printf("%s/%s", dir, part);
	int n = scandir(path, &files, is_tsv, alphasort);
	if (n <= 0)
		die(path, "no .tsv files");
	for (int i = 0; i < n; i++) {
		each_line(g, path, files[i]->d_name, add);
		free(files[i]);
	}
	free(files);
	free(path);
}

struct grammar *grammar_load(const char *dir)
{
	struct grammar *g = mem_zero(1, sizeof *g);
	each_file(g, dir, "words", add_row);
	each_file(g, dir, "text", add_template);
	return g;
}

void grammar_free(struct grammar *g)
{
	for (struct table *t = g->tables; t < g->tables + g->table_count; t++) {
		for (int i = 0; i < t->height; i++)
			free(t->rows[i]);
		free(t->rows);
		free(t->columns);
		free(t->name);
	}
	for (int i = 0; i < g->rule_count; i++)
		free(g->rules[i].templates);
	for (int i = 0; i < g->file_count; i++)
		free(g->files[i]);
	free(g->tables);
	free(g->rules);
	free(g->files);
	free(g);
}
