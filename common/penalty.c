/* penalty.c: lower scores for what the text has said before.  See penalty.h. */
#include <stdlib.h>
#include <string.h>

#include "elementary.h"
#include "memory.h"
#include "penalty.h"
#include "vocabulary.h"

/* A number for each candidate's id, as far as a vocabulary has them; at first 0. */
struct tally {
	uint32_t *of;           /* [size] */
	size_t size;
};

static uint32_t tally_of(const struct tally *t, int32_t id)
{
	return (size_t)id < t->size ? t->of[id] : 0;
}

static struct tally tally_new(const struct candidates *c)
{
	int32_t largest = 0;
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].id > largest)
			largest = c->list[i].id;
	size_t size = (size_t)(largest < VOCABULARY_ID_MAX ? largest : VOCABULARY_ID_MAX) + 1;
	return (struct tally){mem_zero(size, sizeof(uint32_t)), size};
}

/* How often each candidate is among n tokens. */
static struct tally count_tokens(const struct candidates *c, const struct history_token *tokens, size_t n)
{
	struct tally t = tally_new(c);
	for (size_t i = 0; i < n; i++)
		if (tokens[i].id >= 0 && (size_t)tokens[i].id < t.size)
			t.of[tokens[i].id]++;
	return t;
}

/*
 * 10. Repetition penalty: z[i] / theta, or theta z[i] where z[i] < 0, once for
 * all times.  (Keskar et al., "CTRL: a conditional transformer language model",
 * arXiv:1909.05858, where all are divided, which favours those below 0;
 * multiplied as in Hugging Face's transformers.)
 */
void penalty_repetition(struct candidates *c, const struct history_token *tokens, size_t n, double theta)
{
	struct tally times = count_tokens(c, tokens, n);
	for (size_t i = 0; i < c->n; i++) {
		double z = c->list[i].score + c->zero;
		if (tally_of(&times, c->list[i].id) > 0)
			c->list[i].score = score_bounded((z < 0 ? z * theta : z / theta) - c->zero);
	}
	free(times.of);
}

/* 11. Presence penalty: z[i] - alpha.  (OpenAI's API.) */
void penalty_presence(struct candidates *c, const struct history_token *tokens, size_t n, double alpha)
{
	struct tally times = count_tokens(c, tokens, n);
	for (size_t i = 0; i < c->n; i++)
		if (tally_of(&times, c->list[i].id) > 0)
			c->list[i].score = score_bounded(c->list[i].score - alpha);
	free(times.of);
}

/* 12. Frequency penalty: z[i] - alpha times[i].  (OpenAI's API.) */
void penalty_frequency(struct candidates *c, const struct history_token *tokens, size_t n, double alpha)
{
	struct tally times = count_tokens(c, tokens, n);
	for (size_t i = 0; i < c->n; i++)
		c->list[i].score = score_bounded(c->list[i].score - alpha * tally_of(&times, c->list[i].id));
	free(times.of);
}

/* ---- DRY ---- */

/*
 * Where in the n bytes of s a breaker ends that begins in the first `within`
 * of them: the last such place; 0: there is none.
 */
static size_t breaker_end(const struct dry *dry, const char *s, size_t n, size_t within)
{
	size_t end = 0;
	for (size_t i = 0; i < dry->breaker_count; i++) {
		size_t length = strlen(dry->breakers[i]), most = within - 1 + length < n ? within - 1 + length : n;
		for (const char *from = s, *at; (at = memmem(from, most - (size_t)(from - s), dry->breakers[i], length));
		     from = at + 1)
			if ((size_t)(at - s) + length > end)
				end = (size_t)(at - s) + length;
	}
	return end;
}

static bool is_breaker(const struct dry *dry, int32_t id)
{
	size_t n;
	const char *text = dry->texts ? token_text(dry->texts, id, &n) : NULL;
	return text && n > 0 && breaker_end(dry, text, n, n) > 0;
}

/* How many of the last tokens follow the one in which the last breaker ends; n without one. */
static size_t since_breaker(const struct history_token *tokens, size_t n, const struct dry *dry)
{
	size_t longest = 0, since = n, length, end = 0;
	struct bytes text = {0}, next = {0};    /* a token's, with as much of what follows as a breaker may have */
	for (size_t i = 0; i < dry->breaker_count; i++)
		if (strlen(dry->breakers[i]) > longest)
			longest = strlen(dry->breakers[i]);
	for (size_t i = n; dry->texts && longest > 0 && i-- > 0 && end == 0;) {
		const char *own = token_text(dry->texts, tokens[i].id, &length);
		text.n = 0;
		bytes_add(&text, own, length);
		bytes_add(&text, next.data, next.n < longest ? next.n : longest - 1);
		end = length ? breaker_end(dry, text.data, text.n, length) : 0;
		if (end > 0)
			since = n - i;
		for (size_t at = 0; at < end; at += length, since--)
			token_text(dry->texts, tokens[n - since].id, &length);
		struct bytes other = next;
		next = text;
		text = other;
	}
	bytes_free(&text);
	bytes_free(&next);
	return since;
}

/*
 * same[k] for 0 < k < n: how many tokens in front of the last k are the same as
 * those at the end.  (The Z function of the tokens in reverse; Gusfield, "Algorithms on
 * strings, trees, and sequences", 1997.)
 */
static void find_repeats(const struct history_token *tokens, size_t n, uint32_t *same)
{
	const struct history_token *last = tokens + n - 1;
	size_t left = 0, right = 0;     /* the match that reaches furthest: [left, right) */
	for (size_t k = 1; k < n; k++) {
		size_t length = 0;
		if (k < right)
			length = same[k - left] < right - k ? same[k - left] : right - k;
		while (k + length < n && last[-(ptrdiff_t)length].id == last[-(ptrdiff_t)(k + length)].id)
			length++;
		same[k] = (uint32_t)length;
		if (k + length > right) {
			left = k;
			right = k + length;
		}
	}
}

/* base^y, or what is as good as infinite. */
static double power(double base, double y)
{
	return y * log_f64(base) < 600 ? pow_f64(base, y) : SCORE_MAX;
}

/*
 * 13. DRY: where the last m tokens, none of them before a breaker, have been in
 * the text before, the token that followed them there gets
 * z[i] - multiplier base^(m - allowed), with the largest m of it, if that is at
 * least `allowed`.  (p-e-w, "DRY: a modern repetition penalty", 2024; as in
 * llama.cpp.)
 */
void penalty_dry(struct candidates *c, const struct history_token *tokens, size_t n, const struct dry *dry)
{
	size_t most = since_breaker(tokens, n, dry);
	if (n < 2 || most < dry->allowed)
		return;
	struct tally longest = tally_new(c);    /* m + 1 */
	uint32_t *same = mem_array(n, sizeof *same);
	find_repeats(tokens, n, same);
	for (size_t k = 1; k < n; k++) {
		int32_t followed = tokens[n - k].id;
		size_t m = same[k] < most ? same[k] : most;
		if (m >= dry->allowed && followed >= 0 && (size_t)followed < longest.size &&
		    m + 1 > longest.of[followed])
			longest.of[followed] = (uint32_t)m + 1;
	}
	for (size_t i = 0; i < c->n; i++) {
		uint32_t m = tally_of(&longest, c->list[i].id);
		if (m > 0 && !is_breaker(dry, c->list[i].id)) {
			double lower = dry->multiplier * power(dry->base, (double)(m - 1 - dry->allowed));
			c->list[i].score = score_bounded(c->list[i].score - lower);
		}
	}
	free(longest.of);
	free(same);
}
