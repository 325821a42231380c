/* tokenizer_lists.c: pieces and merges from a tokenizer's files.  See tokenizer_lists.h. */
#include <string.h>

#include "cli.h"
#include "tokenizer_lists.h"

/*
 * Finding them.
 */

static void find_in_model(struct json_reader *r, struct long_lists *lists)
{
	if (reader_peek(r) != '{') {
		reader_skip(r);
		return;
	}
	for (reader_enter(r, '{'); reader_more(r, '{');) {
		size_t n;
		const char *name = reader_name(r, &n);
		if (reader_is(name, n, "vocab"))
			reader_take(r, &lists->vocabulary);
		else if (reader_is(name, n, "merges"))
			reader_take(r, &lists->merges);
		else
			reader_skip(r);
	}
}

/* Adds the file from `from` on to the rest, with one of the lists, if it is there, left out; until where. */
static size_t leave_out(const struct json_reader *list, size_t from, struct bytes *rest)
{
	if (!list->s || list->at < from)
		return from;
	const char *line = list->s + list->at, *end = list->s + list->n;
	bytes_add(rest, list->s + from, list->at + 1 - from);
	while ((line = memchr(line, '\n', (size_t)(end - line)))) {
		bytes_add(rest, "\n", 1);
		line++;
	}
	return list->n - 1;
}

struct long_lists lists_find(const char *path, const char *s, size_t n, struct bytes *rest)
{
	struct long_lists lists = {0};
	struct json_reader r = {.path = path, .s = s, .n = n};
	if (reader_peek(&r) != '{')
		die(path, "not a tokenizer.json (not an object)");
	for (reader_enter(&r, '{'); reader_more(&r, '{');) {
		size_t length;
		const char *name = reader_name(&r, &length);
		if (reader_is(name, length, "model"))
			find_in_model(&r, &lists);
		else
			reader_skip(&r);
	}
	reader_finish(&r);
	bool vocabulary_first = lists.vocabulary.at < lists.merges.at;
	size_t done = leave_out(vocabulary_first ? &lists.vocabulary : &lists.merges, 0, rest);
	done = leave_out(vocabulary_first ? &lists.merges : &lists.vocabulary, done, rest);
	bytes_add(rest, s + done, n - done);
	return lists;
}

/*
 * Reading them.
 */

void list_vocabulary(struct json_reader *r, struct vocabulary *v)
{
	if (!r->s || reader_peek(r) != '{')
		die(r->path, "model: 'vocab' is not an object");
	for (reader_enter(r, '{'); reader_more(r, '{');) {
		size_t n;
		const char *piece = reader_name(r, &n);
		int64_t id = reader_integer(r);
		if (id < 0 || id > VOCABULARY_ID_MAX)
			die(r->path, "the id of '%.*s' is %lld, not in [0, %d]", n < 100 ? (int)n : 100, piece,
			    (long long)id, VOCABULARY_ID_MAX);
		vocabulary_add(v, piece, n, (int32_t)id);
	}
	vocabulary_forget(v);
	reader_finish(r);
}

static void add_merge(const char *path, struct bpe *b, size_t rank, const char *left, size_t n, const char *right,
		      size_t m)
{
	const char *missing = bpe_add_merge(b, rank, left, n, right, m);
	if (missing)
		die(path, "merge %zu, '%.*s' and '%.*s': %s is not in the vocabulary", rank,
		    n < 100 ? (int)n : 100, left, m < 100 ? (int)m : 100, right, missing);
}

void list_merge(const char *path, struct bpe *b, size_t rank, const char *line, size_t n)
{
	const char *space = memchr(line, ' ', n), *end = line + n;
	if (!space || memchr(space + 1, ' ', (size_t)(end - space - 1)))
		die(path, "merge %zu, '%.*s', is not two pieces", rank, n < 200 ? (int)n : 200, line);
	add_merge(path, b, rank, line, (size_t)(space - line), space + 1, (size_t)(end - space - 1));
}

/* ["a", "b"] */
static void read_pair(struct json_reader *r, struct bpe *b, size_t rank, struct bytes *left)
{
	size_t n = 0, count = 0;
	const char *s = NULL;
	for (reader_enter(r, '['); reader_more(r, '['); count++) {
		if (count == 2 || reader_peek(r) != '"')
			reader_broken(r, "merge %zu is not two pieces", rank);
		if (count == 1) {
			left->n = 0;
			bytes_add(left, s, n);
		}
		s = reader_string(r, &n);
	}
	if (count != 2)
		reader_broken(r, "merge %zu is not two pieces", rank);
	add_merge(r->path, b, rank, left->n ? left->data : "", left->n, s, n);
}

void list_merges(struct json_reader *r, struct bpe *b)
{
	struct bytes left = {0};
	size_t rank = 0, n;
	if (!r->s || reader_peek(r) != '[')
		die(r->path, "model: 'merges' is not a list");
	for (reader_enter(r, '['); reader_more(r, '[');) {
		if (reader_peek(r) == '[') {
			read_pair(r, b, rank++, &left);
			continue;
		}
		if (reader_peek(r) != '"')
			reader_broken(r, "merge %zu is not two pieces", rank);
		const char *line = reader_string(r, &n);
		if (n < 8 || memcmp(line, "#version", 8) != 0)
			list_merge(r->path, b, rank++, line, n);
	}
	reader_finish(r);
	bytes_free(&left);
}
