/* lmtrain: text -> a model that predicts it: its weights, learned from the loss of every next token. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "learning.h"
#include "memory.h"
#include "stage.h"
#include "threads.h"

static void usage(FILE *f)
{
	fputs("usage: lmtrain -n steps -o directory [-0hV] [-b rows] [-c context] [-e steps]\n"
	      "               [-j threads] [-m model] [-r rate] [-s seed] [option ...] [-]\n"
	      "\n"
	      "Read text, learn to predict it, write a model into a directory.\n"
	      "  -0, --null, --lines        each NUL, each newline ends a document\n"
	      "  -b, --batch N              rows, that is tokens, of a step at most (4096)\n"
	      "  --bare, --ids              add no BOS and EOS; numbers instead of text\n"
	      "  -c, --context N            rows of a sequence at most (-b, the model's)\n"
	      "  -e, --every N              report and validate each N steps (100)\n"
	      "  --fresh                    begin with random weights if -m has others, too\n"
	      "  --gradients FILE           write those of the first batch instead\n"
	      "  -h, --help, -V, --version  print this help; the version\n"
	      "  -j, --threads N            at most so many ($LM_THREADS, or one a processor)\n"
	      "  -m, --model MODEL          its configuration, tokenizer and, if any, weights\n"
	      "  -n, --steps N, --until N   steps in all; stop after this one for now\n"
	      "  -o, --output DIRECTORY     where the model is made\n"
	      "  -r, --rate R, --least R, --warmup N  of steps: peak (1e-3), last, rise\n"
	      "  -s, --seed N, --std S      of initial weights and order (0); deviation (.02)\n"
	      "  --type F32|BF16, --save N  of the weights written (F32), each N steps (1000)\n"
	      "  --betas B,B, --epsilon E   of AdamW's two means (.9,.95), beside them (1e-8)\n"
	      "  --clip C, --decay D        gradients' norm at most (1); of matrices (.1)\n"
	      "  --validate FILE            text whose loss is reported, too\n", f);
}

enum { BARE = STAGE_SEQUENCES + 1, BETAS, CLIP, DECAY, EPSILON, FRESH, GRADIENTS, IDS, LEAST, LINES, SAVE, STD, TYPE, UNTIL, VALIDATE, WARMUP };

static const struct option options[] = {
	{"bare", no_argument, NULL, BARE},
	{"batch", required_argument, NULL, 'b'},
	{"betas", required_argument, NULL, BETAS},
	{"clip", required_argument, NULL, CLIP},
	{"context", required_argument, NULL, 'c'},
	{"decay", required_argument, NULL, DECAY},
	{"epsilon", required_argument, NULL, EPSILON},
	{"every", required_argument, NULL, 'e'},
	{"fresh", no_argument, NULL, FRESH},
	{"gradients", required_argument, NULL, GRADIENTS},
	CLI_HELP,
	{"ids", no_argument, NULL, IDS},
	{"least", required_argument, NULL, LEAST},
	{"lines", no_argument, NULL, LINES},
	{"model", required_argument, NULL, 'm'},
	{"null", no_argument, NULL, '0'},
	{"output", required_argument, NULL, 'o'},
	{"rate", required_argument, NULL, 'r'},
	{"save", required_argument, NULL, SAVE},
	{"seed", required_argument, NULL, 's'},
	{"std", required_argument, NULL, STD},
	{"steps", required_argument, NULL, 'n'},
	{"threads", required_argument, NULL, 'j'},
	{"type", required_argument, NULL, TYPE},
	{"until", required_argument, NULL, UNTIL},
	{"validate", required_argument, NULL, VALIDATE},
	CLI_VERSION,
	{"warmup", required_argument, NULL, WARMUP},
	{0},
};

/* The options: what to learn, and from which text. */
struct job {
	struct learning learning;
	struct prompts prompts;                 /* how documents are read */
	size_t batch, context;                  /* rows of a step, of a sequence; 0: not said */
	const char *validate, *gradients;
	bool ids;
};

static double rate_option(const char *name, const char *text)
{
	return cli_real(name, text, 0, 1e9);
}

/* "B1,B2" */
static void take_betas(struct adamw *a, const char *text)
{
	char *first = mem_string(text), *comma = strchr(first, ',');
	if (!comma)
		cli_usage_error("--betas: '%s' is not two numbers with a comma between them", text);
	*comma = '\0';
	a->beta1 = cli_real("--betas", first, 0, 0.999999);
	a->beta2 = cli_real("--betas", comma + 1, 0, 0.999999);
	free(first);
}

static void take_option(struct job *j, int c)
{
	switch (c) {
	case '0':
	case LINES:
		j->prompts.split = true;
		j->prompts.end = c == LINES ? '\n' : '\0';
		break;
	case BARE:
		j->prompts.flags |= TOKENIZE_BARE;
		break;
	case 'b':
		j->batch = (size_t)cli_integer("-b", optarg, 1, STREAM_ROWS_MAX);
		break;
	case BETAS:
		take_betas(&j->learning.adamw, optarg);
		break;
	case 'c':
		j->context = (size_t)cli_integer("-c", optarg, 1, STREAM_ROWS_MAX);
		break;
	case CLIP:
		j->learning.adamw.clip = rate_option("--clip", optarg);
		break;
	case DECAY:
		j->learning.adamw.decay = rate_option("--decay", optarg);
		break;
	case 'e':
		j->learning.every = cli_integer("-e", optarg, 1, INT64_MAX);
		break;
	case EPSILON:
		j->learning.adamw.eps = cli_real("--epsilon", optarg, 1e-30, 1);
		break;
	case FRESH:
		j->learning.fresh = true;
		break;
	case GRADIENTS:
		j->gradients = optarg;
		break;
	case IDS:
		j->ids = true;
		break;
	case 'j':
		threads_choose(optarg);
		break;
	case LEAST:
		j->learning.least = rate_option("--least", optarg);
		break;
	case 'm':
		j->learning.from = optarg;
		break;
	case 'n':
		j->learning.steps = cli_integer("-n", optarg, 0, INT32_MAX);
		break;
	case 'o':
		j->learning.directory = optarg;
		break;
	case 'r':
		j->learning.rate = rate_option("-r", optarg);
		break;
	case SAVE:
		j->learning.save = cli_integer("--save", optarg, 1, INT64_MAX);
		break;
	case 's':
		j->learning.seed = (uint64_t)cli_integer("-s", optarg, 0, INT64_MAX);
		break;
	case STD:
		j->learning.std = rate_option("--std", optarg);
		break;
	case TYPE:
		if (strcmp(optarg, "F32") != 0 && strcmp(optarg, "BF16") != 0)
			cli_usage_error("--type: '%s' is neither F32 nor BF16", optarg);
		j->learning.type = *optarg == 'F' ? DTYPE_F32 : DTYPE_BF16;
		break;
	case UNTIL:
		j->learning.until = cli_integer("--until", optarg, 0, INT32_MAX);
		break;
	case VALIDATE:
		j->validate = optarg;
		break;
	case WARMUP:
		j->learning.warmup = cli_integer("--warmup", optarg, 0, INT32_MAX);
		break;
	}
}

/* ---- the text ---- */

/* The text of a descriptor as a corpus. */
static void read_corpus(struct job *j, struct corpus *c, const char *name, int fd)
{
	struct prompts p = j->prompts;
	bool bare = p.flags & TOKENIZE_BARE;
	prompts_read(&p, name, fd);
	const struct config *config = &j->learning.model->config;
	corpus_init(c, &p, name, bare || config->eos_count == 0 ? -1 : config->eos[0], j->context, config->vocab);
	c->seed = j->learning.seed;
	c->batch = j->batch;
}

static void read_text(struct job *j)
{
	struct tokenizer *t = j->ids ? NULL : tokenizer_open(j->learning.from);
	j->prompts.tokenizer = t;
	read_corpus(j, &j->learning.corpus, "stdin", STDIN_FILENO);
	if (j->validate) {
		int fd = open(j->validate, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			die(j->validate, "%s", strerror(errno));
		read_corpus(j, &j->learning.validation, j->validate, fd);
		close(fd);
	}
	if (t)
		tokenizer_free(t);
}

static void check_options(const struct job *j)
{
	if (!j->learning.directory && !j->gradients)
		cli_usage_error("where to? -o is missing");
	if (j->learning.steps < 0 && !j->gradients)
		cli_usage_error("how many steps? -n is missing");
	if (j->learning.warmup > j->learning.steps && !j->gradients)
		cli_usage_error("--warmup: %" PRId64 " of %" PRId64 " steps", j->learning.warmup, j->learning.steps);
}

/* Sequences have no more rows than the model has positions, nor, unless -c says so, than a step has. */
static void choose_sizes(struct job *j, size_t positions)
{
	size_t most = positions < STREAM_ROWS_MAX ? positions : STREAM_ROWS_MAX;
	if (j->context == 0)
		j->context = j->batch;
	if (j->context > most)
		j->context = most;
	if (j->batch < j->context)
		j->batch = j->context;
}

int main(int argc, char **argv)
{
	struct job j = {
		.batch = 4096, .prompts = {.end = '\n'},
		.learning = {
			.steps = -1, .until = INT64_MAX, .every = 100, .save = 1000, .rate = 1e-3, .std = 0.02,
			.type = DTYPE_F32, .adamw = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .decay = 0.1, .clip = 1},
		},
	};
	struct learning *l = &j.learning;

	cli_start(argv, usage);
	mem_keep();
	for (int c; (c = cli_option(argc, argv, options)) != -1;)
		take_option(&j, c);
	stage_no_operands(argc, argv);
	check_options(&j);
	l->from = model_path(l->from);
	learning_open(l);
	choose_sizes(&j, l->model->config.context);
	if (l->steps > 0 || j.gradients)
		read_text(&j);
	if (j.gradients)
		learning_gradients(l, j.gradients);
	else
		learning_run(l);
	learning_close(l);
	return cli_finish();
}
