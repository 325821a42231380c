/* pipeline.c: puts a pipeline together and writes it for a shell.  See pipeline.h. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "memory.h"
#include "pipeline.h"

#ifndef LM_PROGPREFIX
#define LM_PROGPREFIX ""
#endif

/* ---- putting it together ---- */

/*
 * The program of that name beside the one that is running.  Installed programs
 * may have a prefix to their names; those in the build tree have none.
 */
static char *sibling(const char *program)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n < 0)
		die("/proc/self/exe", "%s", strerror(errno));
	self[n] = '\0';
	char *base = strrchr(self, '/') + 1;
	bool prefixed = strcmp(base, LM_PROGPREFIX "lm") == 0;
	*base = '\0';
	return mem_printf("%s%s%s", self, prefixed ? LM_PROGPREFIX : "", program);
}

static void append(struct process *s, const char *word)
{
	s->argv = mem_resize(s->argv, s->argc + 2, sizeof *s->argv);
	s->argv[s->argc++] = mem_string(word);
	s->argv[s->argc] = NULL;
}

static char *joined(char *const *words)
{
	char *text = mem_string(words[0]);
	while (*++words) {
		char *longer = mem_printf("%s %s", text, *words);
		free(text);
		text = longer;
	}
	return text;
}

static struct process *new_stage(struct pipeline *p)
{
	p->stages = mem_resize(p->stages, p->count + 1, sizeof *p->stages);
	p->stages[p->count] = (struct process){0};
	return &p->stages[p->count++];
}

void pipeline_function(struct pipeline *p, const char *label, int (*run)(void *, int, int), void *what)
{
	struct process *s = new_stage(p);
	s->label = mem_string(label);
	s->run = run;
	s->what = what;
}

void pipeline_add(struct pipeline *p, const char *program, ...)
{
	struct process *s = new_stage(p);
	s->path = sibling(program);
	append(s, strrchr(s->path, '/') + 1);
	va_list words;
	va_start(words, program);
	for (const char *word; (word = va_arg(words, const char *));)
		append(s, word);
	va_end(words);
	s->label = joined(s->argv);
}

void pipeline_word(struct pipeline *p, const char *word)
{
	append(&p->stages[p->count - 1], word);
}

void pipeline_words(struct pipeline *p, char *const *words)
{
	while (*words)
		pipeline_word(p, *words++);
}

void pipeline_free(struct pipeline *p)
{
	for (size_t i = 0; i < p->count; i++) {
		struct process *s = &p->stages[i];
		for (size_t k = 0; k < s->argc; k++)
			free(s->argv[k]);
		free(s->argv);
		free(s->path);
		free(s->label);
	}
	free(p->stages);
}

/* ---- writing it for a shell ---- */

static void print_word(const char *word, FILE *out)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_-+./,:@%";
	if (*word && !word[strspn(word, safe)]) {
		fputs(word, out);
		return;
	}
	putc('\'', out);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", out);
		else
			putc(*word, out);
	putc('\'', out);
}

/* Would a shell that is given the bare name run this file? */
static bool on_path(const char *name, const char *path)
{
	const char *list = getenv("PATH");
	struct stat ours, found;
	if (!list || stat(path, &ours) < 0)
		return false;
	for (;;) {
		size_t n = strcspn(list, ":");
		char *file = n ? mem_printf("%.*s/%s", (int)n, list, name) : mem_printf("./%s", name);
		bool runs = access(file, X_OK) == 0 && stat(file, &found) == 0 && S_ISREG(found.st_mode);
		free(file);
		if (runs)
			return found.st_dev == ours.st_dev && found.st_ino == ours.st_ino;
		if (!list[n])
			return false;
		list += n + 1;
	}
}

static void print_stage(const struct process *s, FILE *out)
{
	print_word(on_path(s->argv[0], s->path) ? s->argv[0] : s->path, out);
	for (size_t i = 1; i < s->argc; i++) {
		putc(' ', out);
		print_word(s->argv[i], out);
	}
}

void pipeline_print_chain(const struct pipeline *p, FILE *out)
{
	for (size_t i = 0; i < p->count; i++) {
		if (i > 0)
			fputs(" |\n", out);
		print_stage(&p->stages[i], out);
	}
	putc('\n', out);
}

/*
 * The loop is a fifo, which vanishes once both its ends are open: nothing that
 * may happen to a stage afterwards can leave it behind.  Its reading end is
 * opened before the source runs, and whether it succeeds or not: tee, which
 * opens the other, would wait for ever.  When the source fails, nothing is
 * fed back, and the stages see a stream without an end.
 */
void pipeline_print_loop(const struct pipeline *p, const char *model, FILE *out)
{
	fputs("(\n\tLM_MODEL=", out);
	print_word(model, out);
	fputs("; export LM_MODEL\n"
	      "\tdir=$(mktemp -d) || exit\n"
	      "\ttrap 'rm -rf \"$dir\"' EXIT\n"
	      "\ttrap 'exit 1' HUP INT TERM\n"
	      "\tmkfifo \"$dir/loop\" || exit\n"
	      "\t{\n"
	      "\t\trm -rf \"$dir\"\n"
	      "\t\t", out);
	print_stage(&p->stages[0], out);
	if (p->input) {
		fputs(" <", out);
		print_word(p->input, out);
	}
	fputs(" && cat <&3\n\t} 3<\"$dir/loop\" |\n", out);
	for (size_t i = 1; i + 1 < p->count; i++) {
		putc('\t', out);
		print_stage(&p->stages[i], out);
		fputs(" |\n", out);
	}
	fputs("\ttee \"$dir/loop\" |\n\t", out);
	print_stage(&p->stages[p->count - 1], out);
	fputs("\n)\n", out);
}
