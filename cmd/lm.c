/* lm: builds the pipeline of a model from its configuration, closes it to a loop, and runs it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat.h"
#include "cli.h"
#include "conversation.h"
#include "loop.h"
#include "memory.h"
#include "model.h"
#include "pipeline.h"
#include "sampling.h"
#include "stage.h"
#include "threads.h"

/* Long options without a short one; --sequences has STAGE_SEQUENCES. */
enum {
	BARE = STAGE_SEQUENCES + 1, CHAT, CHUNK, EOS, IDS, LINES, MESSAGES, PLAIN, PRINT, STAGES, STOP, SYSTEM, TEMPLATE
};

static void usage(FILE *f)
{
	fputs("usage: lm [-0hVx] [-c context] [-f file] [-j threads] [-m model] [-n tokens]\n"
	      "          [--bare] [--chat [--system text] [--template name]] [--chunk n]\n"
	      "          [--ids] [--lines] [--plain] [--sequences n] [--stages]\n"
	      "          [option of sample ...] [--print [-l layers]]\n"
	      "          [prompt ... | --messages file]\n"
	      "\n"
	      "Continue each prompt, or standard input: tok | embed | ... sample | tok -d\n"
	      "  -0, --null, --lines  each prompt ends with a NUL byte; each line is a prompt\n"
	      "  -c, --context N      positions a sequence may have (the model's)\n"
	      "  -f, --file FILE, -m, --model MODEL  the prompt's; instead of $LM_MODEL\n"
	      "  -h, --help, -V, --version\n"
	      "  -j, --threads N      of each stage ($LM_THREADS, or one a processor)\n"
	      "  -l, --layers A-B, --print   print the pipeline, or these layers, for a shell\n"
	      "  -n, --tokens N       at most so many tokens a sequence, or an answer\n"
	      "  -x, --exact          activations in F32 with every type of weight\n"
	      "  --bare, --ids, --plain, --chunk N  how the prompt is read: see tok\n"
	      "  --chat, --messages FILE, --system TEXT, --template NAME  answer: see tok\n"
	      "  --sequences N, --stages    held at most; a process for each stage\n"
	      "What ends a text, what it may be, and chance; see sample, too:\n"
	      "  --ban ID,..., --eos ID,..., --first ID,..., --regex RE, -s, --seed N,\n"
	      "  --stop TEXT, --bias ID=B,..., --dry M, --dry-breaker TEXT, --window N,\n"
	      "  --frequency-penalty A, --presence-penalty A, --repetition-penalty R,\n"
	      "  -k, --top-k N, --min-p M, --mirostat TAU, -p, --top-p P, --top-n-sigma N,\n"
	      "  -t, --temperature T, --typical P, --xtc P\n", f);
}

static const struct option options[] = {
	{"ban", required_argument, NULL, CONSTRAINT_BAN},
	{"bare", no_argument, NULL, BARE},
	{"bias", required_argument, NULL, SAMPLING_BIAS},
	{"chat", no_argument, NULL, CHAT},
	{"chunk", required_argument, NULL, CHUNK},
	{"context", required_argument, NULL, 'c'},
	{"dry", required_argument, NULL, SAMPLING_DRY},
	{"dry-breaker", required_argument, NULL, SAMPLING_DRYBREAK},
	{"eos", required_argument, NULL, EOS},
	{"exact", no_argument, NULL, 'x'},
	{"file", required_argument, NULL, 'f'},
	{"first", required_argument, NULL, CONSTRAINT_FIRST},
	{"frequency-penalty", required_argument, NULL, SAMPLING_FREQUENCY},
	CLI_HELP,
	{"ids", no_argument, NULL, IDS},
	{"layers", required_argument, NULL, 'l'},
	{"lines", no_argument, NULL, LINES},
	{"messages", required_argument, NULL, MESSAGES},
	{"min-p", required_argument, NULL, SAMPLING_MINP},
	{"mirostat", required_argument, NULL, SAMPLING_MIROSTAT},
	{"model", required_argument, NULL, 'm'},
	{"null", no_argument, NULL, '0'},
	{"plain", no_argument, NULL, PLAIN},
	{"presence-penalty", required_argument, NULL, SAMPLING_PRESENCE},
	{"print", no_argument, NULL, PRINT},
	{"regex", required_argument, NULL, CONSTRAINT_REGEX},
	{"repetition-penalty", required_argument, NULL, SAMPLING_REPETITION},
	{"seed", required_argument, NULL, 's'},
	{"sequences", required_argument, NULL, STAGE_SEQUENCES},
	{"stages", no_argument, NULL, STAGES},
	{"stop", required_argument, NULL, STOP},
	{"system", required_argument, NULL, SYSTEM},
	{"temperature", required_argument, NULL, 't'},
	{"template", required_argument, NULL, TEMPLATE},
	{"threads", required_argument, NULL, 'j'},
	{"tokens", required_argument, NULL, 'n'},
	{"top-k", required_argument, NULL, 'k'},
	{"top-n-sigma", required_argument, NULL, SAMPLING_SIGMA},
	{"top-p", required_argument, NULL, 'p'},
	{"typical", required_argument, NULL, SAMPLING_TYPICAL},
	CLI_VERSION,
	{"window", required_argument, NULL, SAMPLING_WINDOW},
	{"xtc", required_argument, NULL, SAMPLING_XTC},
	{0},
};

/* Options that are passed on, and to which stages. */
enum {
	TOK = 1, EMBED = 2, ATTN = 4, FFN = 8, LOGITS = 16, SAMPLE = 32, DECODE = 64,
	ENDING = 128,           /* sample, except in a conversation, which looks itself after what ends an answer */
};

static const struct passed {
	int option;
	const char *word;
	unsigned to;
	int64_t min, max;       /* of a number that is checked here; max 0: where it is used */
} passed[] = {
	{'0', "-0", TOK | DECODE, 0, 0},
	{'c', "-c", ATTN | SAMPLE, 0, 0},
	{'j', "-j", ATTN | FFN | LOGITS, 1, THREADS_MAX},
	{'k', "-k", SAMPLE, 0, 0},
	{'n', "-n", ENDING, 0, INT32_MAX},
	{'p', "-p", SAMPLE, 0, 0},
	{'s', "-s", SAMPLE, 0, INT64_MAX},
	{'t', "-t", SAMPLE, 0, 0},
	{'x', "-x", EMBED | ATTN | FFN | LOGITS, 0, 0},
	{CONSTRAINT_BAN, "--ban", SAMPLE, 0, 0},
	{SAMPLING_BIAS, "--bias", SAMPLE, 0, 0},
	{SAMPLING_DRY, "--dry", SAMPLE, 0, 0},
	{SAMPLING_DRYBREAK, "--dry-breaker", SAMPLE, 0, 0},
	{CONSTRAINT_FIRST, "--first", SAMPLE, 0, 0},
	{SAMPLING_FREQUENCY, "--frequency-penalty", SAMPLE, 0, 0},
	{SAMPLING_MINP, "--min-p", SAMPLE, 0, 0},
	{SAMPLING_MIROSTAT, "--mirostat", SAMPLE, 0, 0},
	{SAMPLING_PRESENCE, "--presence-penalty", SAMPLE, 0, 0},
	{CONSTRAINT_REGEX, "--regex", SAMPLE, 0, 0},
	{SAMPLING_REPETITION, "--repetition-penalty", SAMPLE, 0, 0},
	{SAMPLING_SIGMA, "--top-n-sigma", SAMPLE, 0, 0},
	{SAMPLING_TYPICAL, "--typical", SAMPLE, 0, 0},
	{SAMPLING_WINDOW, "--window", SAMPLE, 0, 0},
	{SAMPLING_XTC, "--xtc", SAMPLE, 0, 0},
	{BARE, "--bare", TOK, 0, 0},
	{CHAT, "--chat", TOK, 0, 0},
	{CHUNK, "--chunk", TOK, 0, 0},
	{EOS, "--eos", ENDING, 0, 0},
	{IDS, "--ids", TOK | DECODE, 0, 0},
	{LINES, "--lines", TOK | DECODE, 0, 0},
	{MESSAGES, "--messages", TOK, 0, 0},
	{PLAIN, "--plain", TOK, 0, 0},
	{STAGE_SEQUENCES, "--sequences", ATTN | SAMPLE, 0, 0},
	{STOP, "--stop", ENDING, 0, 0},
	{SYSTEM, "--system", TOK, 0, 0},
	{TEMPLATE, "--template", TOK, 0, 0},
};

/* Those that were given, in the order in which they were. */
struct given {
	const struct passed *row;
	const char *value;
};

static const struct passed *find_passed(int option)
{
	for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
		if (passed[i].option == option)
			return &passed[i];
	return NULL;
}

/* The last one of an option, or NULL. */
static const struct given *find_given(const struct given *given, int option)
{
	const struct given *last = NULL;
	for (; given->row; given++)
		if (given->row->option == option)
			last = given;
	return last;
}

static const char *value_of(const struct given *given, int option)
{
	const struct given *g = find_given(given, option);
	return g ? g->value : NULL;
}

/* Wrong usage, if one of these options was given too. */
static void not_with(const struct given *given, const char *option, const int *others)
{
	for (; *others; others++)
		if (find_given(given, *others))
			cli_usage_error("%s: not with %s", find_given(given, *others)->row->word, option);
}

/* Without a prompt, is it a conversation? */
static bool converses(const struct given *given)
{
	return find_given(given, CHAT) && isatty(STDIN_FILENO) && !find_given(given, MESSAGES) &&
	       !find_given(given, LINES) && !find_given(given, '0');
}

/* The options of the pipeline's last stage, which is one of these kinds. */
static void pass(struct pipeline *p, unsigned kinds, const struct given *given)
{
	for (; given->row; given++)
		if (given->row->to & kinds) {
			pipeline_word(p, given->row->word);
			if (given->value)
				pipeline_word(p, given->value);
		}
}

/* attn and ffn of the layers, a process each; their model, unless it is NULL, by -m. */
static void add_layers(struct pipeline *p, size_t first, size_t last, const char *model,
		       const struct given *given)
{
	for (size_t l = first; l <= last; l++) {
		char *layer = mem_printf("%zu", l);
		for (unsigned kind = ATTN; kind <= FFN; kind *= 2) {
			pipeline_add(p, kind == ATTN ? "attn" : "ffn", "-l", layer, NULL);
			if (model)
				pipeline_words(p, (char *[]){"-m", (char *)model, NULL});
			pass(p, kind, given);
		}
		free(layer);
	}
}

/* embed | the layers | logits */
static void add_model(struct pipeline *p, size_t layers, bool stages, const struct given *given)
{
	pipeline_add(p, "embed", NULL);
	pass(p, EMBED, given);
	if (stages) {
		add_layers(p, 0, layers - 1, NULL, given);
	} else {
		pipeline_add(p, "block", "-l", "0-", NULL);
		pass(p, ATTN | FFN, given);
	}
	pipeline_add(p, "logits", NULL);
	pass(p, LOGITS, given);
}

/* tok | embed | the layers | logits | sample | tok -d */
static void add_all(struct pipeline *p, size_t layers, bool stages, char **prompts,
		    const struct given *given)
{
	pipeline_add(p, "tok", NULL);
	pass(p, TOK, given);
	bool dash = false;
	for (char **prompt = prompts; *prompt; prompt++)
		dash |= **prompt == '-';
	if (dash)
		pipeline_word(p, "--");
	pipeline_words(p, prompts);
	add_model(p, layers, stages, given);
	pipeline_add(p, "sample", NULL);
	pass(p, SAMPLE | ENDING, given);
	pipeline_add(p, "tok", "-d", NULL);
	pass(p, DECODE, given);
}

/* What ends an answer, as an option of sample: the mark that does, and the model's end ids. */
static char *chat_eos(const struct chat *c, const struct model *m)
{
	int32_t end = chat_end(c);
	char *eos = mem_printf("%d", end);
	for (size_t i = 0; i < m->config.eos_count && i + 1 < EOS_MAX; i++)
		if (m->config.eos[i] != end && (size_t)m->config.eos[i] < m->config.vocab) {
			char *longer = mem_printf("%s,%d", eos, m->config.eos[i]);
			free(eos);
			eos = longer;
		}
	return eos;
}

/* embed | the layers | logits | sample, and from there to the beginning a conversation */
static void add_conversation(struct pipeline *p, struct conversation *c, size_t layers, bool stages,
			     const struct given *given)
{
	add_model(p, layers, stages, given);
	pipeline_add(p, "sample", "--eos", "none", NULL);
	pass(p, SAMPLE, given);
	pipeline_function(p, "the conversation", conversation_hold, c);
	if (value_of(given, CHUNK))
		c->chunk = (size_t)cli_integer("--chunk", value_of(given, CHUNK), 1, STREAM_ROWS_MAX);
	if (value_of(given, 'n'))
		c->stop.tokens = (size_t)cli_integer("-n", value_of(given, 'n'), 0, INT32_MAX);
	c->stop.eos_count = stopping_eos(value_of(given, EOS), SIZE_MAX, c->eos);
	for (; given->row; given++)
		if (given->row->option == STOP)
			c->stop.texts[c->stop.text_count++] = (char *)given->value;
}

int main(int argc, char **argv)
{
	struct stage_options o = {0};
	struct sampling sampling = {.count = 0};        /* whose options are checked */
	const struct passed *row;
	size_t given_count = 0, most = 2;       /* an --eos, the end, and no more than there are letters */
	for (int i = 1; i < argc; i++)
		most += strlen(argv[i]);
	struct given *given = mem_zero(most, sizeof *given);
	const char *file = NULL, *layers = NULL;
	bool print = false, stages = false;

	cli_start(argv, usage);
	for (int c; (c = cli_option(argc, argv, options)) != -1;)
		switch (c) {
		case 'f':
			file = optarg;
			break;
		case 'l':
			layers = optarg;
			break;
		case PRINT:
			print = true;
			break;
		case STAGES:
			stages = true;
			break;
		default:
			row = find_passed(c);
			if (row && row->max)
				cli_integer(row->word, optarg, row->min, row->max);
			else if (!sampling_option(&sampling, c, optarg))
				stage_option(&o, c, optarg);
			if (row)
				given[given_count++] = (struct given){row, optarg};
		}
	char **prompts = argv + optind;
	bool chat = find_given(given, CHAT), talk = !print && !file && !*prompts && converses(given);
	if (file)
		not_with(given, "-f", (int[]){MESSAGES, 0});
	if (chat)
		not_with(given, "--chat", (int[]){BARE, IDS, 0});
	if (talk)
		not_with(given, "a conversation", (int[]){CONSTRAINT_REGEX, 0});
	if (*prompts && file)
		cli_usage_error("a prompt is in -f or in an operand, not in both");
	if (layers && (!print || *prompts || file || chat))
		cli_usage_error("-l: only with --print, and without a prompt");
	if (*prompts && strcmp(*prompts, "-") == 0 && !prompts[1])
		prompts++;

	struct model *m = model_open(model_path(o.model));
	struct pipeline p = {.input = file && strcmp(file, "-") != 0 ? file : NULL};
	struct tokenizer *t = chat ? tokenizer_open(m->path) : NULL;
	struct chat *c = chat ? chat_open(m->path, value_of(given, TEMPLATE), value_of(given, SYSTEM), t) : NULL;
	struct conversation *conversation = talk ? conversation_new(c, m, o.context, (size_t)argc) : NULL;
	char *eos = chat ? chat_eos(c, m) : NULL;
	int32_t ids[EOS_MAX];
	int status;
	sampling_within(&sampling, m->config.vocab);
	if (find_given(given, EOS))
		stopping_eos(value_of(given, EOS), m->config.vocab, ids);
	if (chat && !find_given(given, EOS))
		given[given_count] = (struct given){find_passed(EOS), eos};
	if (layers) {
		struct layers l = stage_layers(layers, true);
		stage_layers_within(&l, m);
		add_layers(&p, l.first, l.last, o.model, given);
	} else if (talk) {
		add_conversation(&p, conversation, m->config.layers, stages, given);
	} else {
		add_all(&p, m->config.layers, stages, prompts, given);
	}
	if (layers)
		pipeline_print_chain(&p, stdout);
	else if (print)
		pipeline_print_loop(&p, m->path, stdout);
	else
		setenv("LM_MODEL", m->path, 1);
	model_close(m);
	status = print ? cli_finish() : loop_run(&p);
	pipeline_free(&p);
	sampling_close(&sampling);
	if (talk)
		conversation_free(conversation);
	if (chat) {
		chat_free(c);
		tokenizer_free(t);
	}
	free(eos);
	free(given);
	return status;
}
