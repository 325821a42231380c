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

static void decode(struct transcript *t, bool show)
{
	struct stream in = {.fd = STDIN_FILENO, .name = "stdin"};
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

/* Writes the tokenizer.json that the texts make. */
static void train(const struct trainer_options *options, struct prompts *p, char **texts, size_t count)
{
	struct trainer *t = trainer_new(options);
	p->trainer = t;
	prompts_operands(p, texts, count);
	trainer_merge(t);
	trainer_write(t, stdout);
	trainer_free(t);
}

int main(int argc, char **argv)
{
	struct prompts p = {.end = '\n'};
	struct transcript text = {.end = '\n'};
	struct stream out = {.fd = STDOUT_FILENO, .name = "stdout"};
	struct trainer_options training = {.min_count = 2, .max_length = SIZE_MAX};
	const char *model = NULL, *messages = NULL, *system = NULL, *template = NULL;
	const char *forth = NULL, *with_chat = NULL, *with_train = NULL;        /* an option that only these have */
	size_t chunk = 512;
	bool back = false, chat = false, ids = false, show = false, want_all = false;

	cli_start(argv, usage);
	training.specials = mem_array((size_t)argc, sizeof *training.specials);
	for (int c; (c = cli_option(argc, argv, table)) != -1;)
		switch (c) {
		case '0':
			p.end = text.end = '\0';
			p.split = text.terminate = true;
			break;
		case BARE:
			p.flags |= TOKENIZE_BARE;
			forth = "--bare";
			break;
		case BYTES:
			p.flags |= TOKENIZE_BYTES;
			text.decode |= DECODE_BYTES;
			break;
		case CHAT:
			chat = true;
			forth = "--chat";
			break;
		case CHUNK:
			forth = "--chunk";
			chunk = (size_t)cli_integer("--chunk", optarg, 1, STREAM_ROWS_MAX);
			break;
		case 'd':
			back = true;
			break;
		case IDS:
			ids = text.terminate = true;
			break;
		case LINES:
			p.split = text.terminate = true;
			break;
		case MAX_LENGTH:
			training.max_length = (size_t)cli_integer("--max-length", optarg, 1, INT32_MAX);
			with_train = "--max-length";
			break;
		case MESSAGES:
			messages = optarg;
			with_chat = "--messages";
			break;
		case 'm':
			model = optarg;
			break;
		case MIN_FREQUENCY:
			training.min_count = cli_integer("--min-frequency", optarg, 0, INT64_MAX);
			with_train = "--min-frequency";
			break;
		case PATTERN:
			training.pattern = optarg;
			with_train = "--pattern";
			break;
		case PLAIN:
			p.flags |= TOKENIZE_PLAIN;
			text.decode |= DECODE_SPECIAL;
			break;
		case SHOW:
			show = true;
			break;
		case SPECIAL:
			if (!*optarg)
				cli_usage_error("--special: the text is empty");
			training.specials[training.special_count++] = optarg;
			with_train = "--special";
			break;
		case SYSTEM:
			system = optarg;
			with_chat = "--system";
			break;
		case TEMPLATE:
			template = optarg;
			with_chat = "--template";
			break;
		case TRAIN:
			training.size = (size_t)cli_integer("--train", optarg, 256, VOCABULARY_ID_MAX + 1);
			forth = "--train";
			break;
		case WANT:
			forth = "--want";
			want_all = strcmp(optarg, "all") == 0;
			if (!want_all && strcmp(optarg, "last") != 0)
				cli_usage_error("--want: '%s' is neither all nor last", optarg);
			break;
		}
	if (back && forth)
		cli_usage_error("%s: not with -d", forth);
	if (with_train && !training.size)
		cli_usage_error("%s: only with --train", with_train);
	if (training.size && (chat || ids || show || p.flags))
		cli_usage_error("--train: not with %s", chat ? "--chat" : ids ? "--ids" : show ? "--show" :
				p.flags & TOKENIZE_BYTES ? "--bytes" : p.flags & TOKENIZE_BARE ? "--bare" : "--plain");
	if (with_chat && !chat)
		cli_usage_error("%s: only with --chat", with_chat);
	if (chat && (ids || p.flags & (TOKENIZE_BARE | TOKENIZE_BYTES)))
		cli_usage_error("--chat: not with %s", ids ? "--ids" : p.flags & TOKENIZE_BARE ? "--bare" : "--bytes");
	if (ids && p.flags & TOKENIZE_BYTES)
		cli_usage_error("--ids: not with --bytes");
	if (messages && (p.split || optind < argc))
		cli_usage_error("--messages: not with %s", p.split ? "--lines or -0" : "a text");
	if (back)
		stage_no_operands(argc, argv);

	if (training.size) {
		train(&training, &p, argv + optind, (size_t)(argc - optind));
		free(training.specials);
		return cli_finish();
	}
	free(training.specials);
	struct tokenizer *t = ids ? NULL : tokenizer_open(model_path(model));
	p.tokenizer = text.tokenizer = t;
	char *hash = !back && model_available(model) ? model_hash(model_path(model)) : NULL;
	p.model = hash;
	struct chat *c = chat ? chat_open(model_path(model), template, system, t) : NULL;
	p.chat = c;
	if (back)
		decode(&text, show);
	else if (chat && !p.split)
		prompts_chat(&p, argv + optind, (size_t)(argc - optind), messages);
	else
		prompts_operands(&p, argv + optind, (size_t)(argc - optind));
	if (!back && (show || isatty(STDOUT_FILENO)))
		prompts_show(&p);
	else if (!back)
		prompts_write(&p, &out, chunk, want_all);
	prompts_free(&p);
	free(hash);
	if (c)
		chat_free(c);
	if (t)
		tokenizer_free(t);
	return cli_finish();
}
