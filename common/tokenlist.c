/* tokenlist.c: tokens named on the command line.  See tokenlist.h. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "memory.h"
#include "tokenlist.h"

static void add(struct token_list *list, char *name, bool values, double min, double max)
{
	double value = 0;
	if (values) {
		char *number = strrchr(name, '=');
		if (!number || number == name)
			cli_usage_error("%s: '%s': must be TOKEN=NUMBER", list->option, name);
		*number++ = '\0';
		value = cli_real(list->option, number, min, max);
	}
	if (!*name)
		cli_usage_error("%s: a token is missing", list->option);
	bool is_id = name[strspn(name, "0123456789")] == '\0';
	int32_t id = is_id ? (int32_t)cli_integer(list->option, name, 0, INT32_MAX) : -1;
	list->tokens = mem_resize(list->tokens, list->n + 1, sizeof *list->tokens);
	list->tokens[list->n++] = (struct named_token){id, value, mem_string(name)};
}

void token_list_add(struct token_list *list, const char *option, const char *text, bool values, double min,
		    double max)
{
	char *copy = mem_string(text), *rest = copy;
	list->option = option;
	for (char *end; rest; rest = end) {
		if ((end = strchr(rest, ',')))
			*end++ = '\0';
		add(list, rest, values, min, max);
	}
	free(copy);
}

bool token_list_has_names(const struct token_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->tokens[i].id < 0)
			return true;
	return false;
}

/* The only token that stands for a text. */
static int32_t find_text(const char *option, const struct tokenizer *t, const char *name)
{
	int32_t found = -1;
	struct bytes text = {0};
	for (int32_t id = 0; (size_t)id < tokenizer_size(t); id++) {
		text.n = 0;
		tokenizer_text(t, id, &text);
		if (text.n != strlen(name) || memcmp(text.data, name, text.n) != 0)
			continue;
		if (found >= 0)
			cli_usage_error("%s: '%s' is the text of the tokens %d and %d: give an id", option, name,
					found, id);
		found = id;
	}
	bytes_free(&text);
	if (found < 0)
		cli_usage_error("%s: '%s' is neither an id nor the piece or text of a token", option, name);
	return found;
}

void token_list_resolve(struct token_list *list, const struct tokenizer *t)
{
	for (size_t i = 0; i < list->n; i++) {
		struct named_token *token = &list->tokens[i];
		if (token->id >= 0)
			continue;
		if (!t)
			cli_usage_error("%s: '%s': needs the tokenizer of a model (-m)", list->option, token->name);
		token->id = tokenizer_id(t, token->name);
		if (token->id < 0)
			token->id = find_text(list->option, t, token->name);
	}
}

void token_id_within(const char *option, int32_t id, size_t vocab)
{
	if (id >= 0 && (size_t)id >= vocab)
		cli_usage_error("%s: %d: the model has the tokens 0 to %zu", option, id, vocab - 1);
}

void token_list_within(const struct token_list *list, size_t vocab)
{
	for (size_t i = 0; i < list->n; i++)
		token_id_within(list->option, list->tokens[i].id, vocab);
}

static int by_id(const void *a, const void *b)
{
	const struct named_token *x = a, *y = b;
	return (x->id > y->id) - (x->id < y->id);
}

void token_list_sort(struct token_list *list)
{
	size_t n = 0;
	if (list->n > 0)
		qsort(list->tokens, list->n, sizeof *list->tokens, by_id);
	for (size_t i = 0; i < list->n; i++)
		if (n > 0 && list->tokens[n - 1].id == list->tokens[i].id) {
			list->tokens[n - 1].value += list->tokens[i].value;
			free(list->tokens[i].name);
		} else {
			list->tokens[n++] = list->tokens[i];
		}
	list->n = n;
}

const struct named_token *token_list_find(const struct token_list *list, int32_t id)
{
	struct named_token key = {.id = id};
	return list->n ? bsearch(&key, list->tokens, list->n, sizeof key, by_id) : NULL;
}

void token_list_free(struct token_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->tokens[i].name);
	free(list->tokens);
	*list = (struct token_list){0};
}
