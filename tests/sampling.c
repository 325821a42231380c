/*
 * sampling: checks common/sampling.h and common/random.h.
 *
 *	sampling random         the generator: known answers, evenly spread
 *	sampling steps          each step, and orders of them, against a reference
 *	sampling naive          top-k and top-p against the plainest code for them
 *	sampling rows           rows that can't be used
 *	sampling draws          frequencies agree with probabilities
 *	sampling huggingface FILE, llamacpp FILE, mirostat FILE
 *	                        1000 rows against what other programs made of them
 *	sampling dump           those rows
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "sampling.h"

#define LENGTH(a) (sizeof(a) / sizeof *(a))

static int failures;

static void check(bool good, const char *what, double number)
{
	if (good)
		return;
	failures++;
	printf("%s: %.9g\n", what, number);
}

/* Steps as on a command line: "-t 0.5 -k 3 --min-p 0.1". */
static struct sampling parse(const char *text)
{
	static const struct {
		const char *name;
		int option;
	} names[] = {
		{"--bias", SAMPLING_BIAS}, {"--dry", SAMPLING_DRY}, {"--dry-breaker", SAMPLING_DRYBREAK},
		{"--frequency-penalty", SAMPLING_FREQUENCY}, {"--min-p", SAMPLING_MINP},
		{"--mirostat", SAMPLING_MIROSTAT}, {"--presence-penalty", SAMPLING_PRESENCE},
		{"--repetition-penalty", SAMPLING_REPETITION}, {"--top-n-sigma", SAMPLING_SIGMA},
		{"--typical", SAMPLING_TYPICAL}, {"--window", SAMPLING_WINDOW}, {"--xtc", SAMPLING_XTC},
	};
	struct sampling s = {0};
	char copy[400], *option;

	snprintf(copy, sizeof copy, "%s", text);
	for (option = strtok(copy, " "); option; option = strtok(NULL, " ")) {
		int c = option[1];
		for (size_t i = 0; i < LENGTH(names); i++)
			if (strcmp(option, names[i].name) == 0)
				c = names[i].option;
		check(sampling_option(&s, c, strtok(NULL, " ")), text, c);
	}
	return s;
}

static void load(struct candidates *c, const float *logits, size_t n, const char *steps)
{
	struct sampling s = parse(steps);
	struct sampling_place place = {0};

	check(!candidates_load(c, NULL, logits, n), "a row that can be used", 0);
	sampling_apply(&s, c, &place);
	sampling_close(&s);
}

/* ---- the generator ---- */

/* The known answers of Random123, the authors' own implementation. */
static void test_philox(void)
{
	static const struct {
		uint32_t counter[4], key[2], out[4];
	} known[] = {
		{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff},
		 {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
		 {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	};
	uint32_t out[4];

	for (size_t i = 0; i < LENGTH(known); i++) {
		philox(known[i].key, known[i].counter, out);
		check(memcmp(out, known[i].out, sizeof out) == 0, "known answer", (double)i);
	}
}

/* Sum of (observed - expected)^2 / expected. */
static double chi_square(const unsigned *observed, const double *p, size_t n, unsigned draws)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (observed[i] - p[i] * draws) * (observed[i] - p[i] * draws) / (p[i] * draws);
	return sum;
}

/* Pairs of numbers whose seed, seq or pos differ by one fall evenly into 16 x 16 boxes. */
static void test_spread(void)
{
	static const struct {
		int seed, seq, pos, draw;
	} steps[] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};
	double p[256];

	for (size_t i = 0; i < 256; i++)
		p[i] = 1.0 / 256;
	for (size_t k = 0; k < LENGTH(steps); k++) {
		unsigned count[256] = {0};
		double last = 0, chi;

		for (int i = 0; i <= 100000; i++) {
			double u = random_uniform((uint64_t)(i * steps[k].seed), i * steps[k].seq,
						  i * steps[k].pos, (uint32_t)(i * steps[k].draw));

			check(u >= 0 && u < 1, "in [0, 1)", u);
			if (i > 0)
				count[(int)(16 * last) * 16 + (int)(16 * u)]++;
			last = u;
		}
		chi = chi_square(count, p, 256, 100000);
		check(chi > 190 && chi < 330, "chi square with 255 degrees of freedom", chi);
	}
}

/* ---- the steps ---- */

/* Made with the logits warpers of Hugging Face's transformers 5. */
static const float logits[10] = {0.5f, 2.25f, -1, 3, 1.75f, -3.5f, 2, 0, -0.25f, 1};
static const struct {
	const char *steps;
	int ids[10];
	double p[10];
} reference[] = {
	{"-t 1", {3, 1, 6, 4, 9, 0, 7, 8, 2, 5}, {0.407738647, 0.192602099, 0.149998666, 0.116819078, 0.055181425, 0.033469226, 0.020300112, 0.015809743, 0.007467994, 0.000613010}},
	{"-t 0.5", {3, 1, 6, 4, 9, 0, 7, 8, 2, 5}, {0.680307308, 0.151797079, 0.092069582, 0.055843024, 0.012460263, 0.004583875, 0.001686313, 0.001022801, 0.000228218, 0.000001538}},
	{"-t 2", {3, 1, 6, 4, 9, 0, 7, 8, 2, 5}, {0.245241281, 0.168551703, 0.148746356, 0.131268198, 0.090219225, 0.070262803, 0.054720726, 0.048290871, 0.033189798, 0.009509036}},
	{"-k 3", {3, 1, 6}, {0.543405612, 0.256686636, 0.199907753}},
	{"-p 0.8", {3, 1, 6, 4}, {0.470200836, 0.222107148, 0.172977221, 0.134714795}},
	{"-p 0.95 -t 2", {3, 1, 6, 4, 9, 0}, {0.287070439, 0.197300435, 0.174117023, 0.153657733, 0.105607313, 0.082247058}},
	{"-t 2 -p 0.95", {3, 1, 6, 4, 9, 0, 7, 8}, {0.256179863, 0.176069673, 0.155380941, 0.137123199, 0.094243305, 0.073396760, 0.057161454, 0.050444806}},
	{"-k 3 -p 0.7", {3, 1}, {0.679178699, 0.320821301}},
	{"-p 0.7 -k 3", {3, 1, 6}, {0.543405612, 0.256686636, 0.199907753}},
	{"-t 0.7 -k 5 -p 0.9", {3, 1, 6, 4}, {0.571478435, 0.195742193, 0.136955427, 0.095823945}},
	{"-t 1.5 -p 0.9 -k 10", {3, 1, 6, 4, 9, 0}, {0.332555294, 0.201704982, 0.170739588, 0.144527929, 0.087660625, 0.062811582}},

	/* What goes without saying. */
	{"", {3}, {1}},
	{"-t 0", {3}, {1}},
	{"-k 1", {3}, {1}},
	{"-p 0", {3}, {1}},
	{"-t 1e-300", {3}, {1}},
	{"-k 3 -t 0", {3}, {1}},
	{"-k 2 -p 1", {3, 1}, {0.679178699, 0.320821301}},
};

static void test_steps(void)
{
	struct candidate list[10];
	struct candidates c = {.list = list};

	for (size_t k = 0; k < LENGTH(reference); k++) {
		size_t n = 0;

		load(&c, logits, 10, reference[k].steps);
		candidates_best(&c, c.n);
		while (c.list[c.n - 1].p == 0)
			c.n--;
		while (n < 10 && reference[k].p[n] > 0)
			n++;
		check(c.n == n, reference[k].steps, (double)c.n);
		for (size_t i = 0; i < n && i < c.n; i++) {
			check(c.list[i].id == reference[k].ids[i], reference[k].steps, c.list[i].id);
			check(fabs(c.list[i].p - reference[k].p[i]) < 1e-7, reference[k].steps, c.list[i].p);
		}
	}
}

/* Logits of which many are equal. */
static void random_row(float *row, size_t n, int seed)
{
	for (size_t i = 0; i < n; i++)
		row[i] = (float)(int)(40 * random_uniform((uint64_t)seed, 0, (int32_t)i, 0)) / 4;
}

/* How many of the others come before candidate i. */
static size_t rank(const float *row, size_t n, size_t i)
{
	size_t before = 0;

	for (size_t j = 0; j < n; j++)
		before += row[j] > row[i] || (row[j] == row[i] && j < i);
	return before;
}

static void test_naive(void)
{
	enum { N = 500 };
	float row[N];
	struct candidate list[N];
	struct candidates c = {.list = list};
	char steps[40];

	for (int seed = 0; seed < 40; seed++) {
		double sum = 0, mass = 0, p = (seed + 0.5) / 40;
		size_t by_rank[N], k = (size_t)seed * 13 % N + 1;

		random_row(row, N, seed);
		for (size_t i = 0; i < N; i++)
			by_rank[rank(row, N, i)] = i;

		snprintf(steps, sizeof steps, "-k %zu", k);
		load(&c, row, N, steps);
		check(c.n == k, steps, (double)c.n);
		for (size_t i = 0; i < c.n; i++)
			check((size_t)c.list[i].id == by_rank[i], steps, (double)i);

		snprintf(steps, sizeof steps, "-p %.17g", p);
		load(&c, row, N, steps);
		for (size_t i = 0; i < N; i++)
			sum += exp(row[i]);
		for (k = 0; mass < p * sum; k++)
			mass += exp(row[by_rank[k]]);
		check(c.n == k, steps, (double)c.n);
		for (size_t i = 0; i < c.n; i++)
			check((size_t)c.list[i].id == by_rank[i], steps, (double)i);
	}
}

/* ---- against other programs ---- */

/*
 * A thousand rows of logits, some flat and some peaked, and for each a text with
 * many repetitions.  tests/data/sampling says how the references were made.
 */
enum { GOLDEN_ROWS = 1000, LOGITS_MAX = 256, TEXT_MAX = 128 };

struct golden {
	float logits[LOGITS_MAX];
	size_t n;
	struct history_token text[TEXT_MAX];
	size_t length;
};

static void golden_row(struct golden *g, int32_t row)
{
	g->n = 64 + (size_t)(row * 37) % 193;
	for (size_t i = 0; i < g->n; i++) {
		double sum = 0;
		for (uint32_t k = 0; k < 4; k++)
			sum += random_uniform(1, row, (int32_t)i, k) - 0.5;
		g->logits[i] = (float)((1 + row % 7) * sum);
	}
	if (row % 3 == 0)
		g->logits[row % 64] += 7;
	g->length = 20 + (size_t)(row * 11) % 100;
	for (size_t i = 0; i < g->length; i++)
		g->text[i].id = (int32_t)(random_uniform(2, row, (int32_t)i, 0) * (3 + row % 9));
}

/* For whoever makes the references: a line a row, n, the logits, length, the ids. */
static void dump_rows(void)
{
	struct golden g;

	for (int32_t row = 0; row < GOLDEN_ROWS; row++) {
		golden_row(&g, row);
		printf("%zu", g.n);
		for (size_t i = 0; i < g.n; i++)
			printf(" %.9g", g.logits[i]);
		printf(" %zu", g.length);
		for (size_t i = 0; i < g.length; i++)
			printf(" %d", g.text[i].id);
		putchar('\n');
	}
}

/* What several lists of candidates leave: a fingerprint of all ids, and a sum over all probabilities. */
struct summary {
	uint32_t hash;
	double sum;
};

static void summary_add(struct summary *s, struct candidates *c)
{
	bool kept[LOGITS_MAX] = {false};

	for (size_t i = 0; i < c->n; i++) {
		if (c->list[i].p == 0)
			continue;
		kept[c->list[i].id] = true;
		s->sum += c->list[i].p * (c->list[i].id * 37 % 101);
	}
	for (uint32_t id = 0; id < LOGITS_MAX; id++)
		if (kept[id])
			s->hash = (s->hash ^ id) * 16777619;
	s->hash = (s->hash ^ LOGITS_MAX) * 16777619;
}

/* A text for each id: "a" for 0 and so on, of which 3 is a newline. */
static struct token_texts *letters(void)
{
	struct token_texts *texts = calloc(1, sizeof *texts);

	texts->count = LOGITS_MAX;
	texts->ends = calloc(texts->count, sizeof *texts->ends);
	for (size_t id = 0; id < texts->count; id++) {
		char letter = id == 3 ? '\n' : (char)('a' + id % 26);
		bytes_add(&texts->text, &letter, 1);
		texts->ends[id] = texts->text.n;
	}
	return texts;
}

/* Each step alone with four values, taken in turn, and all together. */
static const char *const huggingface_steps[][4] = {
	{"-t 1 --repetition-penalty 1.1", "-t 1 --repetition-penalty 1.3", "--repetition-penalty 2 -t 1",
	 "--repetition-penalty 0.8 -t 1"},
	{"-t 0.5", "-t 0.7", "-t 1.5", "-t 2"},
	{"-k 1", "-k 5", "-k 20", "-k 50"},
	{"-p 0.5", "-p 0.8", "-p 0.9", "-p 0.99"},
	{"--min-p 0.02", "--min-p 0.05", "--min-p 0.1", "--min-p 0.3"},
	{"--typical 0.2", "--typical 0.5", "--typical 0.9", "--typical 0.95"},
	{"--bias 3=2,7=-1.5 -t 1", "--bias 0=4 -t 1", "--bias 1=-9,2=0.25,60=3 -t 1", "--bias 5=-2.5 -t 1"},
	{"--bias 3=2,7=-1.5 --repetition-penalty 1.2 -t 0.8 -k 40 -p 0.95 --min-p 0.02 --typical 0.9",
	 "--repetition-penalty 1.3 -t 1.5 -k 50 -p 0.9 --typical 0.95", "--bias 0=4 -t 2 -p 0.9 --min-p 0.1",
	 "--repetition-penalty 1.1 -t 0.7 -k 20 --min-p 0.05"},
}, *const llamacpp_steps[][4] = {
	{"--window 64 --repetition-penalty 1.1 --frequency-penalty 0.25 --presence-penalty 0.5 -t 1",
	 "--window 10 --repetition-penalty 1.3 -t 1", "--window 30 --frequency-penalty 0.5 -t 1",
	 "--window 5 --presence-penalty -1.5 -t 1"},
	{"--dry-breaker none --dry 0.8 -t 1", "--dry-breaker none --dry 1,1.2,1 -t 1",
	 "--dry-breaker none --dry 0.5,3,3 -t 1", "--window 12 --dry-breaker none --dry 2,1.1,1 -t 1"},
	{"--dry-breaker \n --dry 0.8 -t 1", "--dry-breaker \n --dry 1,1.2,1 -t 1",
	 "--dry-breaker \n --dry-breaker ac --dry 0.5,3,1 -t 1", "--window 12 --dry-breaker ac --dry 2,1.1,1 -t 1"},
	{"--top-n-sigma 1", "--top-n-sigma 0.5", "--top-n-sigma 1.5", "--top-n-sigma 2"},
	{"--xtc 1,0.1", "--xtc 1,0.05", "--xtc 1,0.02", "--xtc 1,0.3"},
	{"--min-p 0.02", "--min-p 0.05", "--min-p 0.1", "--min-p 0.3"},
	{"--typical 0.2", "--typical 0.5", "--typical 0.9", "--typical 0.95"},
	{"--window 64 --repetition-penalty 1.1 --dry-breaker none --dry 0.8 --top-n-sigma 2 -k 40 "
	 "-p 0.9 --min-p 0.02 --xtc 1,0.1 -t 0.8",
	 "--top-n-sigma 1.5 --xtc 1,0.05 -t 0.5", "--window 10 --presence-penalty 0.5 -k 20 --typical 0.95 -p 0.95 -t 1.5",
	 "--dry-breaker none --dry 0.8 -k 30 --min-p 0.05 --xtc 1,0.02 -t 0.9"},
};

static void summarize(struct summary *sum, const struct golden *g, const char *steps)
{
	struct candidate list[LOGITS_MAX];
	struct candidates c = {.list = list};
	struct sampling s = parse(steps);
	struct history_sequence q = {.tokens = (struct history_token *)g->text, .n = g->length};
	struct sampling_place place = {.history = &q};

	s.may.texts = letters();
	candidates_load(&c, NULL, g->logits, g->n);
	sampling_apply(&s, &c, &place);
	summary_add(sum, &c);
	sampling_close(&s);
}

/* A line of the references for each row. */
static void test_golden(const char *path, const char *const (*steps)[4], size_t count, double tolerance)
{
	FILE *f = fopen(path, "r");
	unsigned hash;
	double sum;
	struct golden g;

	if (!f) {
		perror(path);
		exit(1);
	}
	for (int32_t row = 0; row < GOLDEN_ROWS; row++) {
		struct summary own = {0};
		golden_row(&g, row);
		for (size_t i = 0; i < count; i++)
			summarize(&own, &g, steps[i][row % 4]);
		check(fscanf(f, "%x %lf", &hash, &sum) == 2, "references end at row", row);
		check(hash == own.hash, "other candidates are left in row", row);
		check(fabs(sum - own.sum) < tolerance, "other probabilities in row", row);
	}
	fclose(f);
}

/*
 * Mirostat: a sequence of all rows.  A line of the reference is the candidates it
 * left, the sum over them, and what it chose, from which the next mu follows.
 */
static void test_mirostat(const char *path)
{
	FILE *f = fopen(path, "r");
	struct candidate list[LOGITS_MAX];
	struct candidates c = {.list = list};
	struct sampling s = parse("--mirostat 3,0.2");
	struct history_token last = {0};
	struct history_sequence q = {.tokens = &last};
	struct golden g;
	unsigned hash;
	double sum;
	int id;

	if (!f) {
		perror(path);
		exit(1);
	}
	for (int32_t row = 0; row < GOLDEN_ROWS; row++) {
		struct summary own = {0};
		struct sampling_place place = {.history = &q};
		golden_row(&g, row);
		candidates_load(&c, NULL, g.logits, g.n);
		sampling_apply(&s, &c, &place);
		summary_add(&own, &c);
		check(fscanf(f, "%x %lf %d", &hash, &sum, &id) == 3, "references end at row", row);
		check(hash == own.hash, "other candidates are left in row", row);
		check(fabs(sum - own.sum) < 1e-3, "other probabilities in row", row);
		for (size_t i = 0; i < c.n; i++)
			if (c.list[i].id == id)
				sampling_learn(&s, &place, c.list[i].p);
		last.mu = place.mu;
		q.n = 1;
	}
	sampling_close(&s);
	fclose(f);
}

static void test_rows(void)
{
	static const float nan_row[] = {1, NAN, 2}, infinite[] = {1, INFINITY}, none[] = {-INFINITY, -INFINITY};
	static const float some[] = {-INFINITY, 1, -INFINITY, 2, -3e38f, 3e38f, 3e38f};
	static const int32_t ids[] = {9, 8, 7, 6, 5, 4, 3};
	struct candidate list[7];
	struct candidates c = {.list = list};
	struct sampling greedy = parse(""), one = parse("-t 1");
	struct sampling_place place = {0};

	check(candidates_load(&c, NULL, nan_row, 3) != NULL, "NaN is an error", 0);
	check(candidates_load(&c, NULL, infinite, 2) != NULL, "infinity is an error", 0);
	check(candidates_load(&c, NULL, none, 2) != NULL, "nothing but -infinity is an error", 0);
	check(candidates_load(&c, NULL, none, 0) != NULL, "nothing is an error", 0);
	check(candidates_load(&c, ids, some, 7) == NULL, "-infinity is none", 0);
	check(c.n == 5, "-infinity is not a candidate", (double)c.n);
	sampling_apply(&greedy, &c, &place);
	check(c.list[0].id == 3, "the lowest id among equals", c.list[0].id);
	candidates_load(&c, ids, some, 7);
	sampling_apply(&one, &c, &place);
	check(candidates_draw(&c, 0)->id == 4, "the first with a chance", 0);
	check(candidates_draw(&c, 0.75)->id == 3, "the second", 0);
	check(candidates_draw(&c, 1)->id == 3, "rounding does not reach what has no chance", 0);
}

/* ---- draws ---- */

#define DRAWS 100000

/* Chi square that n candidates (n - 1 degrees of freedom) exceed once in 1000 times. */
static double bound(size_t n)
{
	static const double bounds[] = {10.828, 13.816, 16.266, 18.467, 20.515, 22.458, 24.322, 26.124, 27.877};

	return bounds[n - 2];
}

/* How far counts by id are from the probabilities of candidates, in units of the bound. */
static double deviation(const unsigned *count, const struct candidates *c)
{
	unsigned observed[10];
	double p[10];

	for (size_t i = 0; i < c->n; i++) {
		observed[i] = count[c->list[i].id];
		p[i] = c->list[i].p;
	}
	return chi_square(observed, p, c->n, DRAWS) / bound(c->n);
}

/* Of draws with (u scaled by) the generator. */
static double frequencies(const char *steps, uint64_t seed, double scale)
{
	struct candidate list[10];
	struct candidates c = {.list = list};
	unsigned count[10] = {0};

	load(&c, logits, 10, steps);
	for (int i = 0; i < DRAWS; i++)
		count[candidates_draw(&c, scale * random_uniform(seed, 0, i, 0))->id]++;
	return deviation(count, &c);
}

static void test_draws(void)
{
	static const char *const tests[] = {
		"-t 1", "-t 2", "-k 3", "-t 2 -p 0.95", "-t 0.7 -k 5 -p 0.9", "--min-p 0.1", "--typical 0.9",
		"--top-n-sigma 1.5", "--xtc 1,0.15", "--mirostat 1.5", "--bias 5=6,3=-2 -t 1.5",
	};

	for (size_t i = 0; i < LENGTH(tests); i++) {
		double off = frequencies(tests[i], 1, 1);

		check(off < 1, tests[i], off);
		off = frequencies(tests[i], 1, 0.99);
		check(off > 1, "a generator that is wrong by 1 % is found out", off);
	}
}

/*
 * XTC in half of all choices: the tokens are spread as the mean of both
 * distributions.  A mutant that takes one random number for both decisions is found out.
 */
static void test_chance_of_xtc(void)
{
	struct candidate list[10], all[10], some[10];
	struct candidates c = {.list = list}, without = {.list = all}, with = {.list = some};
	unsigned count[10] = {0}, mutant[10] = {0};
	struct sampling s = parse("-t 1 --xtc 0.5,0.15");

	s.seed = 3;
	load(&without, logits, 10, "-t 1");
	load(&with, logits, 10, "-t 1 --xtc 1,0.15");
	for (int i = 0; i < DRAWS; i++) {
		struct sampling_place place = {.pos = i};
		double u = random_uniform(3, 0, i, 0);

		candidates_load(&c, NULL, logits, 10);
		count[sampling_choose(&s, &c, &place)->id]++;
		mutant[candidates_draw(u < 0.5 ? &with : &without, u)->id]++;
	}
	check(with.n < without.n, "XTC leaves some out", (double)with.n);
	for (size_t i = 0; i < without.n; i++) {
		without.list[i].p /= 2;
		for (size_t k = 0; k < with.n; k++)
			if (with.list[k].id == without.list[i].id)
				without.list[i].p += with.list[k].p / 2;
	}
	check(deviation(count, &without) < 1, "XTC in half of the choices", deviation(count, &without));
	check(deviation(mutant, &without) > 1, "the mutant is found out", deviation(mutant, &without));
	sampling_close(&s);
}

int main(int argc, char **argv)
{
	const char *what = argc >= 2 ? argv[1] : "", *path = argc == 3 ? argv[2] : NULL;

	if (strcmp(what, "random") == 0) {
		test_philox();
		test_spread();
	} else if (strcmp(what, "steps") == 0) {
		test_steps();
	} else if (strcmp(what, "naive") == 0) {
		test_naive();
	} else if (strcmp(what, "rows") == 0) {
		test_rows();
	} else if (strcmp(what, "dump") == 0) {
		dump_rows();
	} else if (path && strcmp(what, "huggingface") == 0) {
		test_golden(path, huggingface_steps, LENGTH(huggingface_steps), 1e-5);
	} else if (path && strcmp(what, "llamacpp") == 0) {
		test_golden(path, llamacpp_steps, LENGTH(llamacpp_steps), 1e-3);
	} else if (path && strcmp(what, "mirostat") == 0) {
		test_mirostat(path);
	} else if (strcmp(what, "draws") == 0) {
		test_draws();
		test_chance_of_xtc();
	} else {
		fputs("usage: sampling random | steps | naive | rows | draws | dump | huggingface FILE | llamacpp FILE |\n"
		      "       mirostat FILE\n", stderr);
		return 2;
	}
	return failures > 0;
}
