/* tok: text -> frames with ids, seq, pos and want, [n] each; -d: such frames -> text. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat.h"
#include "cli.h"
#include "listing.h"
#include "memory.h"
#include "model.h"
#include "prompt.h"
#include "stage.h"
#include "stream.h"
#include "tokenizer.h"
#include "transcript.h"
#include "vocabulary.h"

enum {
	BARE = 256, BYTES, CHAT, CHUNK, IDS, LINES, MAX_LENGTH, MESSAGES, MIN_FREQUENCY, PATTERN, PLAIN, SHOW, SPECIAL,
	SYSTEM, TEMPLATE, TRAIN, WANT
};

static void usage(FILE *f)
{
	fputs("usage: tok [-0hV] [--bare] [--bytes] [--chat [--system text] [--template name]]\n"
	      "           [--chunk n] [--ids] [--lines] [-m model] [--plain] [--show]\n"
	      "           [--want all|last] [text ... | --messages file]\n"
	      "       tok -d [-0hV] [--bytes] [--ids] [--lines] [-m model] [--plain] [--show]\n"
	      "       tok --train n [training option] ... [-0] [--lines] [text ...]\n"
	      "Turn each text (standard input if there is none) into tokens; or back.\n"
	      "\n"
	      "  -0, --null, --lines  texts end with a NUL byte; each line is a text\n"
	      "      --bare           add no begin-of-sequence token or template\n"
	      "      --bytes          lose no byte; with -d, write those that are not UTF-8\n"
	      "      --chat           texts are messages, by turns the user's and the model's\n"
	      "             --messages FILE (in JSON), --system TEXT, --template NAME\n"
	      "      --chunk N        rows a frame of the prompt may have (512)\n"
	      "  -d, --decode         read frames, write text\n"
	      "  -h, --help, -V, --version\n"
	      "      --ids            numbers instead of text; needs no tokenizer\n"
	      "  -m, --model MODEL    model or tokenizer file, instead of $LM_MODEL\n"
	      "      --plain          special tokens written in the text are text; with -d,\n"
	      "                       they are written\n"
	      "      --show           print a table of the tokens\n"
	      "      --train N        learn N tokens from the texts, write tokenizer.json\n"
	      "             --special TEXT, --pattern REGEX, --min-frequency N, --max-length N\n"
	      "      --want WHICH     ask for predictions after all tokens, or the last ones\n", f);
}

static const struct option table[] = {
	{"null", no_argument, NULL, '0'},
	{"bare", no_argument, NULL, BARE},
	{"bytes", no_argument, NULL, BYTES},
	{"chat", no_argument, NULL, CHAT},
	{"chunk", required_argument, NULL, CHUNK},
	{"decode", no_argument, NULL, 'd'},
	CLI_HELP,
	{"ids", no_argument, NULL, IDS},
	{"lines", no_argument, NULL, LINES},
	{"max-length", required_argument, NULL, MAX_LENGTH},
	{"messages", required_argument, NULL, MESSAGES},
	{"min-frequency", required_argument, NULL, MIN_FREQUENCY},
	{"model", required_argument, NULL, 'm'},
	{"pattern", required_argument, NULL, PATTERN},
	{"plain", no_argument, NULL, PLAIN},
	{"show", no_argument, NULL, SHOW},
	{"special", required_argument, NULL, SPECIAL},
	{"system", required_argument, NULL, SYSTEM},
	{"template", required_argument, NULL, TEMPLATE},
	{"train", required_argument, NULL, TRAIN},
	CLI_VERSION,
	{"want", required_argument, NULL, WANT},
	{0},
};

/* What is to be done. */
struct job {
	bool given[WANT + 1];           /* options, by getopt's value */
	const char *model, *messages, *system, *template;
	size_t chunk;
	bool want_all;
	struct prompts prompts;
	struct transcript text;
	struct trainer_options training;
	char **operands;
	size_t operand_count;
};

/* Options that do not go together, or one only with another. */
static const struct {
	int option, other;
	bool needs;
} rules[] = {
	{BARE, 'd', false}, {CHAT, 'd', false}, {CHUNK, 'd', false}, {TRAIN, 'd', false}, {WANT, 'd', false},
	{CHAT, BARE, false}, {CHAT, BYTES, false}, {CHAT, IDS, false}, {IDS, BYTES, false},
	{MESSAGES, CHAT, true}, {SYSTEM, CHAT, true}, {TEMPLATE, CHAT, true}, {MESSAGES, LINES, false},
	{MESSAGES, '0', false},
	{MAX_LENGTH, TRAIN, true}, {MIN_FREQUENCY, TRAIN, true}, {PATTERN, TRAIN, true}, {SPECIAL, TRAIN, true},
	{TRAIN, CHUNK, false}, {TRAIN, WANT, false}, {TRAIN, 'm', false}, {TRAIN, BARE, false}, {TRAIN, BYTES, false}, {TRAIN, CHAT, false}, {TRAIN, IDS, false}, {TRAIN, PLAIN, false},
	{TRAIN, SHOW, false},
};

/* An option as it is written: -d, --chat. */
static const char *spelled(int option)
{
	static char names[2][32];
	static int turn;
	const struct option *o = table;
	while (o->val != option)
		o++;
	turn = !turn;
	if (option < BARE)
		snprintf(names[turn], sizeof names[turn], "-%c", option);
	else
		snprintf(names[turn], sizeof names[turn], "--%s", o->name);
	return names[turn];
}

static void check_options(const struct job *j)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (j->given[rules[i].option] && j->given[rules[i].other] != rules[i].needs)
			cli_usage_error("%s: %s with %s", spelled(rules[i].option), rules[i].needs ? "only" : "not",
					spelled(rules[i].other));
	if (j->messages && j->operand_count > 0)
		cli_usage_error("--messages: not with a text");
}

static void take_option(struct job *j, int c)
{
	j->given[c] = true;
	switch (c) {
	case '0':
		j->prompts.end = j->text.end = '\0';
		j->prompts.split = j->text.terminate = true;
		break;
	case BARE:
		j->prompts.flags |= TOKENIZE_BARE;
		break;
	case BYTES:
		j->prompts.flags |= TOKENIZE_BYTES;
		j->text.decode |= DECODE_BYTES;
		break;
	case CHUNK:
		j->chunk = (size_t)cli_integer("--chunk", optarg, 1, STREAM_ROWS_MAX);
		break;
	case IDS:
		j->text.terminate = true;
		break;
	case LINES:
		j->prompts.split = j->text.terminate = true;
		break;
	case MAX_LENGTH:
		j->training.max_length = (size_t)cli_integer("--max-length", optarg, 1, INT32_MAX);
		break;
	case MESSAGES:
		j->messages = optarg;
		break;
	case 'm':
		j->model = optarg;
		break;
	case MIN_FREQUENCY:
		j->training.min_count = cli_integer("--min-frequency", optarg, 0, INT64_MAX);
		break;
	case PATTERN:
		j->training.pattern = optarg;
		break;
	case PLAIN:
		j->prompts.flags |= TOKENIZE_PLAIN;
		j->text.decode |= DECODE_SPECIAL;
		break;
	case SPECIAL:
		if (!*optarg)
			cli_usage_error("--special: the text is empty");
		j->training.specials[j->training.special_count++] = optarg;
		break;
	case SYSTEM:
		j->system = optarg;
		break;
	case TEMPLATE:
		j->template = optarg;
		break;
	case TRAIN:
		j->training.size = (size_t)cli_integer("--train", optarg, 256, VOCABULARY_ID_MAX + 1);
		break;
	case WANT:
		j->want_all = strcmp(optarg, "all") == 0;
		if (!j->want_all && strcmp(optarg, "last") != 0)
			cli_usage_error("--want: '%s' is neither all nor last", optarg);
		break;
	}
}

/* Text -> frames, or a table. */
static void encode(struct job *j)
{
	struct prompts *p = &j->prompts;
	struct stream out = {.fd = STDOUT_FILENO, .name = "stdout"};
	char *hash = model_available(j->model) ? model_hash(model_path(j->model)) : NULL;
	struct chat *c = j->given[CHAT] ? chat_open(model_path(j->model), j->template, j->system, p->tokenizer) : NULL;
	p->model = hash;
	p->chat = c;
	if (c && !p->split)
		prompts_chat(p, j->operands, j->operand_count, j->messages);
	else
		prompts_operands(p, j->operands, j->operand_count);
	if (j->given[SHOW] || isatty(STDOUT_FILENO))
		prompts_show(p);
	else
		prompts_write(p, &out, j->chunk, j->want_all);
	prompts_free(p);
	free(hash);
	if (c)
		chat_free(c);
}

/* Frames -> text, or a table. */
static void decode(struct job *j)
{
	struct stream in = {.fd = STDIN_FILENO, .name = "stdin"};
	struct transcript *t = &j->text;
	bool show = j->given[SHOW];
	struct frame f;
	if (show)
		listing_header(t->tokenizer);
	while (stream_read(&in, &f)) {
		if (show)
			listing_frame(t->tokenizer, &f, &in);
		else
			transcript_add(t, &f, &in);
		frame_free(&f);
	}
	transcript_finish(t);
	if (!show && isatty(STDOUT_FILENO) && t->last != '\n')
		putchar('\n');
}

/* Text -> a tokenizer.json. */
static void train(struct job *j)
{
	struct trainer *t = trainer_new(&j->training);
	j->prompts.trainer = t;
	prompts_operands(&j->prompts, j->operands, j->operand_count);
	trainer_merge(t);
	trainer_write(t, stdout);
	trainer_free(t);
}

int main(int argc, char **argv)
{
	struct job j = {
		.chunk = 512, .prompts = {.end = '\n'}, .text = {.end = '\n'},
		.training = {.min_count = 2, .max_length = SIZE_MAX},
	};

	cli_start(argv, usage);
	j.training.specials = mem_array((size_t)argc, sizeof *j.training.specials);
	for (int c; (c = cli_option(argc, argv, table)) != -1;)
		take_option(&j, c);
	j.operands = argv + optind;
	j.operand_count = (size_t)(argc - optind);
	check_options(&j);
	if (j.given['d'])
		stage_no_operands(argc, argv);
	struct tokenizer *t = j.given[IDS] || j.given[TRAIN] ? NULL : tokenizer_open(model_path(j.model));
	j.prompts.tokenizer = j.text.tokenizer = t;
	if (j.given[TRAIN])
		train(&j);
	else if (j.given['d'])
		decode(&j);
	else
		encode(&j);
	if (t)
		tokenizer_free(t);
	free(j.training.specials);
	return cli_finish();
}
