/* constraint.c: which tokens may come next at all.  See constraint.h. */
#include "cli.h"
#include "constraint.h"

static void regex_option(struct constraint *may, const char *expression)
{
	char why[200];

	if (may->regex)
		cli_usage_error("--regex: given twice");
	may->regex = automaton_new(expression, why, sizeof why);
	if (!may->regex)
		cli_usage_error("--regex: '%.300s': %s", expression, why);
}

bool constraint_option(struct constraint *may, int c, const char *argument)
{
	switch (c) {
	case CONSTRAINT_BAN:
		token_list_add(&may->ban, "--ban", argument, false, 0, 0);
		return true;
	case CONSTRAINT_FIRST:
		token_list_add(&may->first, "--first", argument, false, 0, 0);
		return true;
	case CONSTRAINT_REGEX:
		regex_option(may, argument);
		return true;
	default:
		return false;
	}
}

void constraint_within(const struct constraint *may, size_t vocab)
{
	token_list_within(&may->ban, vocab);
	token_list_within(&may->first, vocab);
}

bool constraint_has_names(const struct constraint *may)
{
	return token_list_has_names(&may->ban) || token_list_has_names(&may->first);
}

void constraint_resolve(struct constraint *may, const struct tokenizer *t)
{
	token_list_resolve(&may->ban, t);
	token_list_sort(&may->ban);
	token_list_resolve(&may->first, t);
}

static bool is_eos(const struct constraint *may, int32_t id)
{
	for (size_t i = 0; i < may->eos_count; i++)
		if (may->eos[i] == id)
			return true;
	return false;
}

/* The state after the text that has been made. */
static int32_t regex_state(const struct constraint *may, const struct history_sequence *q)
{
	int32_t state = automaton_start(may->regex);

	for (size_t i = q->made; i < q->n; i++) {
		size_t n;
		const char *text = token_text(may->texts, q->tokens[i].id, &n);

		state = automaton_next(may->regex, state, text, n);
	}
	return state;
}

/* A token that ends the text may come where it matches; another one, where it has a text that may follow. */
static bool may_follow(const struct constraint *may, int32_t state, int32_t id)
{
	size_t n;

	if (is_eos(may, id))
		return automaton_accepts(may->regex, state);
	const char *text = token_text(may->texts, id, &n);
	return n > 0 && automaton_next(may->regex, state, text, n) != AUTOMATON_DEAD;
}

void constraint_apply(const struct constraint *may, struct candidates *c, const struct history_sequence *q)
{
	if (may->ban.n == 0 && may->first.n == 0 && !may->regex)
		return;
	int32_t state = may->regex ? regex_state(may, q) : AUTOMATON_DEAD;
	int32_t first = q && q->n - q->made < may->first.n ? may->first.tokens[q->n - q->made].id : -1;
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		int32_t id = c->list[i].id;

		if ((first < 0 || id == first) && !token_list_find(&may->ban, id) &&
		    (!may->regex || may_follow(may, state, id)))
			c->list[n++] = c->list[i];
	}
	c->n = n;
}

static int32_t state_after(const struct constraint *may, const struct history_sequence *q, int32_t id)
{
	size_t n;
	const char *text = token_text(may->texts, id, &n);

	return automaton_next(may->regex, regex_state(may, q), text, n);
}

static bool eos_may_come(const struct constraint *may)
{
	for (size_t i = 0; i < may->eos_count; i++)
		if (!token_list_find(&may->ban, may->eos[i]))
			return true;
	return false;
}

bool constraint_completes(const struct constraint *may, const struct history_sequence *q, int32_t id)
{
	if (!may->regex || eos_may_come(may))
		return false;
	int32_t state = state_after(may, q, id);
	return automaton_accepts(may->regex, state) && !automaton_continues(may->regex, state);
}

bool constraint_matches(const struct constraint *may, const struct history_sequence *q, int32_t id)
{
	return !may->regex || is_eos(may, id) || automaton_accepts(may->regex, state_after(may, q, id));
}

void constraint_destroy(struct constraint *may)
{
	token_list_free(&may->ban);
	token_list_free(&may->first);
	automaton_free(may->regex);
	token_texts_free(may->texts);
}
