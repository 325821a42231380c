/* sampling.c: the choice of the next token.  See sampling.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "elementary.h"
#include "memory.h"
#include "penalty.h"
#include "random.h"
#include "sampling.h"

#define LOG_2 0.693147180559945309417

/*
 * What a step can be: what it does to the candidates, in one of three forms, and
 * the numbers of its option.  A new kind is a new row of the table below.
 */
struct sampling_kind {
	const char *name;               /* of its option */
	int option;                     /* getopt's value */
	void (*filter)(struct candidates *c, double x);
	void (*penalty)(struct candidates *c, const struct history_token *tokens, size_t n, double x);
	void (*other)(const struct sampling *s, const struct sampling_step *step, struct candidates *c,
		      struct sampling_place *place);
	bool draws;                     /* after it a token is drawn; else the best is taken */
	bool looks_back;                /* it needs the tokens so far */
	bool tokens;                    /* a list of tokens, with the first number for each */
	struct sampling_number {
		const char *name;
		double min, max;        /* max 0: there is no such number */
		double otherwise;       /* if it is left out */
		bool whole;
	} numbers[SAMPLING_NUMBERS_MAX];
};

/* ---- the steps ---- */

/*
 * 2. Temperature: z[i] = z[i] / t, of which z* / t is put into `zero`.  Towards
 * 0, all but the best fall away: 0 is the limit.  (Ackley, Hinton and Sejnowski,
 * "A learning algorithm for Boltzmann machines", 1985.)
 */
static void temperature(struct candidates *c, double t)
{
	double max = candidates_top(c)->score;

	if (t == 0) {
		candidates_best(c, 1);
		return;
	}
	for (size_t i = 0; i < c->n; i++)
		c->list[i].score = score_bounded((c->list[i].score - max) / t);
	c->zero = score_bounded((c->zero + max) / t);
}

/* 3. Top-k: the k best.  (Fan et al., "Hierarchical neural story generation", arXiv:1805.04833.) */
static void top_k(struct candidates *c, double k)
{
	if (k < (double)c->n)
		candidates_best(c, (size_t)k);
}

/*
 * 4. Top-p: the best whose probabilities first sum up to the mass.  (Holtzman et al.,
 * "The curious case of neural text degeneration", arXiv:1904.09751.)
 */
static void top_p(struct candidates *c, double mass)
{
	if (mass == 1)
		return;
	candidates_softmax(c);
	candidates_nearest(c, INFINITY, mass);
}

/*
 * 5. Min-p: those with p[i] >= m p*, which is z[i] >= z* + log m.  (Nguyen et
 * al., "Turning up the heat: min-p sampling", arXiv:2407.01082.)
 */
static void min_p(struct candidates *c, double m)
{
	if (m > 0)
		candidates_above(c, candidates_top(c)->score + log_f64(m));
}

/*
 * 6. Typical: H = - sum of p[i] log p[i] is how much a token surprises on the
 * average; those whose own surprise, -log p[i], is nearest to it, as few as have
 * the given mass.  With L the log of the sum of e^z[j], -log p[i] = L - z[i], so that
 * these are the z[i] nearest to L - H.  (Meister et al., "Locally typical sampling", arXiv:2202.00666.)
 */
static void typical(struct candidates *c, double mass)
{
	double entropy = 0, log_sum;

	if (mass == 1)
		return;
	candidates_softmax(c);
	log_sum = candidates_top(c)->score - log_f64(candidates_top(c)->p);
	for (size_t i = 0; i < c->n; i++)
		entropy += c->list[i].p * (log_sum - c->list[i].score);
	candidates_nearest(c, log_sum - entropy, mass);
}

/*
 * 7. Top-n-sigma: z[i] >= z* - n sigma, with sigma the standard deviation of the
 * scores.  (Tang et al., "Top-n-sigma: not all logits are you need", arXiv:2411.07641.)
 */
static void top_n_sigma(struct candidates *c, double n)
{
	double max = candidates_top(c)->score, mean = 0, variance = 0;

	for (size_t i = 0; i < c->n; i++)
		mean += (c->list[i].score - max) / (double)c->n;
	for (size_t i = 0; i < c->n; i++) {
		double off = c->list[i].score - max - mean;

		variance += off * off / (double)c->n;
	}
	candidates_above(c, fmin(max, max - n * sqrt(variance)));
}

/*
 * 8. XTC, "exclude top choices": with the given probability, all that have
 * p[i] >= threshold but the least likely of them.  (p-e-w, 2024.)
 */
static void xtc(const struct sampling *s, const struct sampling_step *step, struct candidates *c,
		struct sampling_place *place)
{
	const struct candidate *least = NULL;
	size_t n = 0;
	struct candidate kept;

	if (random_uniform(s->seed, place->seq, place->pos, ++place->draws) >= step->number[0])
		return;
	candidates_softmax(c);
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].p >= step->number[1] && (!least || candidate_better(least, &c->list[i])))
			least = &c->list[i];
	if (!least)
		return;
	kept = *least;
	for (size_t i = 0; i < c->n; i++)
		if (!candidate_better(&c->list[i], &kept))
			c->list[n++] = c->list[i];
	c->n = n;
}

/*
 * 9. Mirostat 2: those whose surprise, -log2 p[i], is at most mu.  After the
 * draw mu moves towards what makes the surprise tau on the average: by
 * -eta (-log2 p - tau), with the p that the choice was drawn with.  At first mu is 2 tau.
 * (Basu et al., "Mirostat", arXiv:2007.14966.)
 */
static void mirostat(const struct sampling *s, const struct sampling_step *step, struct candidates *c,
		     struct sampling_place *place)
{
	const struct history_sequence *q = place->history;
	const struct candidate *best;

	(void)s;
	place->mu = q && q->n > q->made ? q->tokens[q->n - 1].mu : 2 * step->number[0];
	candidates_softmax(c);
	best = candidates_top(c);
	candidates_above(c, fmin(best->score, best->score - log_f64(best->p) - LOG_2 * place->mu));
}

/* No scores are changed: the penalties behind it look at the last n tokens alone. */
static void window(const struct sampling *s, const struct sampling_step *step, struct candidates *c,
		   struct sampling_place *place)
{
	size_t n = place->history ? place->history->n : 0, last = (size_t)step->number[0];

	(void)s, (void)c;
	place->from = n > last ? n - last : 0;
}

/* The tokens that penalties look at. */
static const struct history_token *past(const struct sampling_place *place, size_t *n)
{
	const struct history_sequence *q = place->history;

	*n = q ? q->n - place->from : 0;
	return q ? q->tokens + place->from : NULL;
}

static void dry(const struct sampling *s, const struct sampling_step *step, struct candidates *c,
		struct sampling_place *place)
{
	size_t n;
	const struct history_token *tokens = past(place, &n);
	struct dry d = {
		.multiplier = step->number[0], .base = step->number[1], .allowed = (size_t)step->number[2],
		.breakers = s->breakers, .breaker_count = s->breaker_count, .texts = s->may.texts,
	};

	penalty_dry(c, tokens, n, &d);
}

/* 14. Bias: z[i] + b[i]. */
static void bias(const struct sampling *s, const struct sampling_step *step, struct candidates *c,
		 struct sampling_place *place)
{
	(void)s, (void)place;
	for (size_t i = 0; i < c->n; i++) {
		const struct named_token *token = token_list_find(&step->tokens, c->list[i].id);

		if (token)
			c->list[i].score = score_bounded(c->list[i].score + token->value);
	}
}

static const struct sampling_kind kinds[] = {
	{"-t", 't', .filter = temperature, .draws = true, .numbers = {{"", 0, 1e6, 0, false}}},
	{"-k", 'k', .filter = top_k, .draws = true, .numbers = {{"", 1, INT32_MAX, 0, true}}},
	{"-p", 'p', .filter = top_p, .draws = true, .numbers = {{"", 0, 1, 0, false}}},
	{"--min-p", SAMPLING_MINP, .filter = min_p, .draws = true, .numbers = {{"", 0, 1, 0, false}}},
	{"--typical", SAMPLING_TYPICAL, .filter = typical, .draws = true, .numbers = {{"", 0, 1, 0, false}}},
	{"--top-n-sigma", SAMPLING_SIGMA, .filter = top_n_sigma, .draws = true, .numbers = {{"", 0, 1e6, 0, false}}},
	{"--xtc", SAMPLING_XTC, .other = xtc, .draws = true,
	 .numbers = {{" probability", 0, 1, 0, false}, {" threshold", 0, 1, 0.1, false}}},
	{"--mirostat", SAMPLING_MIROSTAT, .other = mirostat, .draws = true, .looks_back = true,
	 .numbers = {{" tau", 0, 1e6, 0, false}, {" eta", 0, 1e6, 0.1, false}}},
	{"--window", SAMPLING_WINDOW, .other = window, .numbers = {{"", 0, INT32_MAX, 0, true}}},
	{"--repetition-penalty", SAMPLING_REPETITION, .penalty = penalty_repetition, .looks_back = true,
	 .numbers = {{"", 1e-6, 1e6, 0, false}}},
	{"--presence-penalty", SAMPLING_PRESENCE, .penalty = penalty_presence, .looks_back = true,
	 .numbers = {{"", -1e6, 1e6, 0, false}}},
	{"--frequency-penalty", SAMPLING_FREQUENCY, .penalty = penalty_frequency, .looks_back = true,
	 .numbers = {{"", -1e6, 1e6, 0, false}}},
	{"--dry", SAMPLING_DRY, .other = dry, .looks_back = true,
	 .numbers = {{" multiplier", 0, 1e6, 0, false}, {" base", 1, 1e6, 1.75, false}, {" length", 0, INT32_MAX, 2, true}}},
	{"--bias", SAMPLING_BIAS, .other = bias, .tokens = true, .numbers = {{"", -1e6, 1e6, 0, false}}},
};

/* ---- options ---- */

/* The numbers of an option, separated by commas; those at the end may be left out. */
static void read_numbers(struct sampling_step *step, const char *argument)
{
	const struct sampling_kind *kind = step->kind;
	char *copy = mem_string(argument), *rest = copy;

	for (size_t i = 0; i < SAMPLING_NUMBERS_MAX && kind->numbers[i].max > 0; i++) {
		const struct sampling_number *n = &kind->numbers[i];
		char *option = mem_printf("%s%s", kind->name, n->name);
		bool last = i + 1 == SAMPLING_NUMBERS_MAX || kind->numbers[i + 1].max == 0;
		char *end = rest && !last ? strchr(rest, ',') : NULL;

		if (end)
			*end++ = '\0';
		if (!rest)
			step->number[i] = n->otherwise;
		else if (n->whole)
			step->number[i] = (double)cli_integer(option, rest, (int64_t)n->min, (int64_t)n->max);
		else
			step->number[i] = cli_real(option, rest, n->min, n->max);
		rest = end;
		free(option);
	}
	free(copy);
}

static bool step_option(struct sampling *s, int c, const char *argument)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		const struct sampling_kind *k = &kinds[i];

		if (k->option != c)
			continue;
		if (s->count == SAMPLING_STEPS_MAX)
			cli_usage_error("%s: more than %d steps", k->name, SAMPLING_STEPS_MAX);
		for (size_t j = 0; j < s->count; j++)
			if (c == SAMPLING_MIROSTAT && s->steps[j].kind == k)
				cli_usage_error("%s: given twice", k->name);
		struct sampling_step *step = &s->steps[s->count++];
		*step = (struct sampling_step){.kind = k};
		if (k->tokens)
			token_list_add(&step->tokens, k->name, argument, true, k->numbers[0].min, k->numbers[0].max);
		else
			read_numbers(step, argument);
		return true;
	}
	return false;
}

static void breaker_option(struct sampling *s, const char *text)
{
	s->breakers_given = true;
	if (strcmp(text, "none") == 0)
		return;
	if (!*text)
		cli_usage_error("--dry-breaker: the text is empty");
	s->breakers = mem_resize(s->breakers, s->breaker_count + 1, sizeof *s->breakers);
	s->breakers[s->breaker_count++] = mem_string(text);
}

bool sampling_option(struct sampling *s, int c, const char *argument)
{
	if (c == SAMPLING_DRYBREAK) {
		breaker_option(s, argument);
		return true;
	}
	return constraint_option(&s->may, c, argument) || step_option(s, c, argument);
}

static bool has_step(const struct sampling *s, int option)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->steps[i].kind->option == option)
			return true;
	return false;
}

/* The texts that keep DRY from reaching across them, unless others are given. */
static void default_breakers(struct sampling *s)
{
	static const char *const texts[] = {"\n", ":", "\"", "*"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts && !s->breakers_given; i++) {
		s->breakers = mem_resize(s->breakers, s->breaker_count + 1, sizeof *s->breakers);
		s->breakers[s->breaker_count++] = mem_string(texts[i]);
	}
}

static bool needs_texts(const struct sampling *s)
{
	return s->may.regex || (has_step(s, SAMPLING_DRY) && (!s->breakers_given || s->breaker_count > 0));
}

void sampling_within(const struct sampling *s, size_t vocab)
{
	constraint_within(&s->may, vocab);
	for (size_t i = 0; i < s->count; i++)
		token_list_within(&s->steps[i].tokens, vocab);
}

bool sampling_needs_tokenizer(const struct sampling *s)
{
	bool needs = needs_texts(s) || constraint_has_names(&s->may);

	for (size_t i = 0; i < s->count; i++)
		needs |= token_list_has_names(&s->steps[i].tokens);
	return needs;
}

bool sampling_needs_history(const struct sampling *s)
{
	bool needs = s->may.regex || s->may.first.n > 0;

	for (size_t i = 0; i < s->count; i++)
		needs |= s->steps[i].kind->looks_back;
	return needs;
}

void sampling_open(struct sampling *s, const struct tokenizer *t)
{
	constraint_resolve(&s->may, t);
	for (size_t i = 0; i < s->count; i++) {
		token_list_resolve(&s->steps[i].tokens, t);
		token_list_sort(&s->steps[i].tokens);
	}
	if (!needs_texts(s))
		return;
	if (!t)
		cli_usage_error(s->may.regex ? "--regex: needs the tokenizer of a model (-m)" :
				"--dry: needs the tokenizer of a model (-m), or --dry-breaker none");
	s->may.texts = token_texts_new(t);
	if (has_step(s, SAMPLING_DRY))
		default_breakers(s);
}

void sampling_close(struct sampling *s)
{
	for (size_t i = 0; i < s->count; i++)
		token_list_free(&s->steps[i].tokens);
	for (size_t i = 0; i < s->breaker_count; i++)
		free(s->breakers[i]);
	free(s->breakers);
	constraint_destroy(&s->may);
}

/* ---- the choice ---- */

void sampling_apply(const struct sampling *s, struct candidates *c, struct sampling_place *place)
{
	bool draws = false;

	for (size_t i = 0; i < s->count; i++) {
		const struct sampling_step *step = &s->steps[i];
		const struct sampling_kind *kind = step->kind;
		size_t n;
		const struct history_token *tokens = past(place, &n);

		if (kind->filter)
			kind->filter(c, step->number[0]);
		else if (kind->penalty)
			kind->penalty(c, tokens, n, step->number[0]);
		else
			kind->other(s, step, c, place);
		draws |= kind->draws;
	}
	if (!draws)
		candidates_best(c, 1);
	candidates_softmax(c);
}

void sampling_learn(const struct sampling *s, struct sampling_place *place, double p)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->steps[i].kind->option == SAMPLING_MIROSTAT)
			place->mu -= s->steps[i].number[1] * (-log_f64(fmax(p, 1e-300)) / LOG_2 - s->steps[i].number[0]);
}

const struct candidate *sampling_choose(const struct sampling *s, struct candidates *c, struct sampling_place *place)
{
	constraint_apply(&s->may, c, place->history);
	if (c->n == 0)
		return NULL;
	sampling_apply(s, c, place);
	const struct candidate *choice = candidates_draw(c, random_uniform(s->seed, place->seq, place->pos, 0));
	sampling_learn(s, place, choice->p);
	return choice;
}
