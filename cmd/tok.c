/* tok: text -> frames with ids, seq, pos and want, [n] each; -d: such frames -> text. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "listing.h"
#include "memory.h"
#include "model.h"
#include "prompt.h"
#include "stage.h"
#include "stream.h"
#include "tokenizer.h"
#include "transcript.h"

enum { BARE = 256, CHUNK, IDS, LINES, PLAIN, SHOW, WANT };

static void usage(FILE *f)
{
	fputs("usage: tok [-0hV] [--bare] [--chunk n] [--ids] [--lines] [-m model] [--plain]\n"
	      "           [--show] [--want all|last] [text ...]\n"
	      "       tok -d [-0hV] [--ids] [--lines] [-m model] [--plain] [--show] [-]\n"
	      "\n"
	      "Turn each text (standard input if there is none) into tokens; or back.\n"
	      "\n"
	      "  -0, --null         texts end with a NUL byte\n"
	      "      --bare         add no begin-of-sequence token or template\n"
	      "      --chunk N      rows a frame of the prompt may have (512)\n"
	      "  -d, --decode       read frames, write text\n"
	      "  -h, --help         print this help\n"
	      "      --ids          numbers instead of text; needs no tokenizer\n"
	      "      --lines        each line is a text\n"
	      "  -m, --model MODEL  model directory or tokenizer file, instead of $LM_MODEL\n"
	      "      --plain        special tokens written in the text are text; with -d,\n"
	      "                     they are written\n"
	      "      --show         print a table of the tokens\n"
	      "  -V, --version      print the version\n"
	      "      --want WHICH   ask for predictions after all tokens, or the last ones\n", f);
}

static const struct option table[] = {
	{"null", no_argument, NULL, '0'},
	{"bare", no_argument, NULL, BARE},
	{"chunk", required_argument, NULL, CHUNK},
	{"decode", no_argument, NULL, 'd'},
	CLI_HELP,
	{"ids", no_argument, NULL, IDS},
	{"lines", no_argument, NULL, LINES},
	{"model", required_argument, NULL, 'm'},
	{"plain", no_argument, NULL, PLAIN},
	{"show", no_argument, NULL, SHOW},
	CLI_VERSION,
	{"want", required_argument, NULL, WANT},
	{0},
};

static void encode(struct prompts *p, char **operands, int count, size_t chunk, bool want_all, bool show)
{
	struct stream out = {.fd = STDOUT_FILENO, .name = "stdout"};
	for (int i = 0; i < count; i++) {
		char *label = mem_printf("operand %d", i + 1);
		if (strcmp(operands[i], "-") == 0)
			prompts_read(p, "stdin", STDIN_FILENO);
		else
			prompts_add(p, label, operands[i], strlen(operands[i]));
		free(label);
	}
	if (count == 0)
		prompts_read(p, "stdin", STDIN_FILENO);
	if (show)
		prompts_show(p);
	else
		prompts_write(p, &out, chunk, want_all);
}

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

int main(int argc, char **argv)
{
	struct prompts p = {.end = '\n'};
	struct transcript text = {.end = '\n'};
	const char *model = NULL, *forth = NULL;        /* an option that only encoding has */
	size_t chunk = 512;
	bool back = false, ids = false, show = false, want_all = false;

	cli_start(argv, usage);
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
		case 'm':
			model = optarg;
			break;
		case PLAIN:
			p.flags |= TOKENIZE_PLAIN;
			text.show_special = true;
			break;
		case SHOW:
			show = true;
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
	if (back)
		stage_no_operands(argc, argv);

	struct tokenizer *t = ids ? NULL : tokenizer_open(model_path(model));
	p.tokenizer = text.tokenizer = t;
	char *hash = !back && model_available(model) ? model_hash(model_path(model)) : NULL;
	p.model = hash;
	if (back)
		decode(&text, show);
	else
		encode(&p, argv + optind, argc - optind, chunk, want_all, show || isatty(STDOUT_FILENO));
	prompts_free(&p);
	free(hash);
	if (t)
		tokenizer_free(t);
	return cli_finish();
}
