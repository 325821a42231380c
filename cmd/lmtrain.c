/* lmtrain: text -> a model that predicts it: its weights, learned from the loss of every next token. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adamw.h"
#include "checkpoint.h"
#include "cli.h"
#include "corpus.h"
#include "hash.h"
#include "initial.h"
#include "io.h"
#include "memory.h"
#include "replace.h"
#include "stage.h"
#include "threads.h"
#include "training.h"

static void usage(FILE *f)
{
	fputs("usage: lmtrain -n steps -o directory [-0hV] [-b rows] [-c context] [-e steps]\n"
	      "               [-j threads] [-m model] [-r rate] [-s seed] [option ...] [-]\n"
	      "\n"
	      "Read text, learn to predict it, write a model into a directory; go on there if\n"
	      "it was begun.\n"
	      "  -0, --null, --lines        each NUL, each newline ends a document\n"
	      "  -b, --batch N              rows, that is tokens, of a step at most (4096)\n"
	      "  --bare, --ids              add no BOS and EOS; numbers instead of text\n"
	      "  -c, --context N            rows of a sequence at most (the model's)\n"
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
	      "  --validate FILE            text whose loss is reported, too\n"
	      "AdamW: --beta1 .9, --beta2 .95, --clip 1, --decay .1, --epsilon 1e-8\n", f);
}

enum { BARE = STAGE_SEQUENCES + 1, BETA1, BETA2, CLIP, DECAY, EPSILON, FRESH, GRADIENTS, IDS, LEAST, LINES, SAVE, STD, TYPE, UNTIL, VALIDATE, WARMUP };

static const struct option options[] = {
	{"bare", no_argument, NULL, BARE},
	{"batch", required_argument, NULL, 'b'},
	{"beta1", required_argument, NULL, BETA1},
	{"beta2", required_argument, NULL, BETA2},
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

/* All of a run. */
struct run {
	const char *from, *directory, *validate, *gradients;    /* -m, -o, --validate, --gradients */
	int64_t steps, until, every, save, warmup;
	double rate, least, std;
	uint64_t seed;
	size_t batch, context;
	bool fresh;
	enum dtype type;
	struct prompts prompts;         /* how documents are read; then those to learn from */
	struct adamw adamw;

	struct model *model;
	struct training training;
	struct corpus corpus, validation;
	struct checkpoint checkpoint;
	int log;                        /* a descriptor */
	double recent;                  /* the sum of losses since the last report */
	int64_t recent_steps, begun;    /* the step at which this process began */
	struct timespec start;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static double rate_option(const char *name, const char *text)
{
	return cli_real(name, text, 0, 1e9);
}

static void take_option(struct run *r, int c)
{
	switch (c) {
	case '0':
	case LINES:
		r->prompts.split = true;
		r->prompts.end = c == LINES ? '\n' : '\0';
		break;
	case BARE:
		r->prompts.flags |= TOKENIZE_BARE;
		break;
	case 'b':
		r->batch = (size_t)cli_integer("-b", optarg, 1, STREAM_ROWS_MAX);
		break;
	case BETA1:
		r->adamw.beta1 = cli_real("--beta1", optarg, 0, 0.999999);
		break;
	case BETA2:
		r->adamw.beta2 = cli_real("--beta2", optarg, 0, 0.999999);
		break;
	case 'c':
		r->context = (size_t)cli_integer("-c", optarg, 1, STREAM_ROWS_MAX);
		break;
	case CLIP:
		r->adamw.clip = rate_option("--clip", optarg);
		break;
	case DECAY:
		r->adamw.decay = rate_option("--decay", optarg);
		break;
	case 'e':
		r->every = cli_integer("-e", optarg, 1, INT64_MAX);
		break;
	case EPSILON:
		r->adamw.eps = cli_real("--epsilon", optarg, 1e-30, 1);
		break;
	case FRESH:
		r->fresh = true;
		break;
	case GRADIENTS:
		r->gradients = optarg;
		break;
	case IDS:
		r->prompts.tokenizer = NULL;
		break;
	case 'j':
		threads_choose(optarg);
		break;
	case LEAST:
		r->least = rate_option("--least", optarg);
		break;
	case 'm':
		r->from = optarg;
		break;
	case 'n':
		r->steps = cli_integer("-n", optarg, 0, INT32_MAX);
		break;
	case 'o':
		r->directory = optarg;
		break;
	case 'r':
		r->rate = rate_option("-r", optarg);
		break;
	case SAVE:
		r->save = cli_integer("--save", optarg, 1, INT64_MAX);
		break;
	case 's':
		r->seed = (uint64_t)cli_integer("-s", optarg, 0, INT64_MAX);
		break;
	case STD:
		r->std = rate_option("--std", optarg);
		break;
	case TYPE:
		if (strcmp(optarg, "F32") != 0 && strcmp(optarg, "BF16") != 0)
			cli_usage_error("--type: '%s' is neither F32 nor BF16", optarg);
		r->type = *optarg == 'F' ? DTYPE_F32 : DTYPE_BF16;
		break;
	case UNTIL:
		r->until = cli_integer("--until", optarg, 0, INT32_MAX);
		break;
	case VALIDATE:
		r->validate = optarg;
		break;
	case WARMUP:
		r->warmup = cli_integer("--warmup", optarg, 0, INT32_MAX);
		break;
	}
}

/* ---- the text ---- */

/* The text of a descriptor as a corpus; the documents are read as `how` says. */
static void read_corpus(struct run *r, struct corpus *c, const char *name, int fd)
{
	struct prompts p = r->prompts;
	bool bare = p.flags & TOKENIZE_BARE;
	prompts_read(&p, name, fd);
	const struct config *config = &r->model->config;
	corpus_init(c, &p, name, bare || config->eos_count == 0 ? -1 : config->eos[0], r->context, config->vocab);
	c->seed = r->seed;
	c->batch = r->batch;
}

static void read_text(struct run *r)
{
	read_corpus(r, &r->corpus, "stdin", STDIN_FILENO);
	if (!r->validate)
		return;
	int fd = open(r->validate, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(r->validate, "%s", strerror(errno));
	read_corpus(r, &r->validation, r->validate, fd);
	close(fd);
}

/* ---- what is written ---- */

static void make_directory(const struct run *r)
{
	static const char *const files[] = {"config.json", "generation_config.json", "tokenizer.json",
		"tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt"};
	if (mkdir(r->directory, 0777) < 0 && errno != EEXIST)
		die(r->directory, "%s", strerror(errno));
	struct stat from, to;
	if (stat(r->from, &from) == 0 && stat(r->directory, &to) == 0 && from.st_ino == to.st_ino && from.st_dev == to.st_dev)
		die(r->directory, "is the model that is read, too; name another directory");
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		replace_copy(r->from, r->directory, files[i]);
}

static void log_line(struct run *r, const char *line)
{
	struct iovec v = {(void *)line, strlen(line)};
	r->checkpoint.log += (int64_t)v.iov_len;
	if (io_writev(r->log, &v, 1) < 0)
		die(r->directory, "log.tsv: %s", strerror(errno));
}

/* The log, cut off where the checkpoint was. */
static void open_log(struct run *r, bool resumed)
{
	char *path = mem_printf("%s/log.tsv", r->directory);
	struct stat st;
	r->log = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0666);
	if (r->log < 0 || fstat(r->log, &st) < 0)
		die(path, "%s", strerror(errno));
	if (st.st_size < r->checkpoint.log)
		die(path, "%lld bytes, the checkpoint knows of %lld", (long long)st.st_size, (long long)r->checkpoint.log);
	if (ftruncate(r->log, r->checkpoint.log) < 0)
		die(path, "%s", strerror(errno));
	if (!resumed)
		log_line(r, "step\ttokens\trate\tloss\tnorm\tvalidation\n");
	free(path);
}

static void save(struct run *r)
{
	r->checkpoint.epoch = r->corpus.epoch;
	r->checkpoint.next = (int64_t)r->corpus.next;
	if (fsync(r->log) < 0)
		die(r->directory, "log.tsv: %s", strerror(errno));
	checkpoint_write(&r->checkpoint, r->directory, r->model, &r->adamw);
	checkpoint_write_model(r->directory, r->model, r->type);
}

/* ---- training ---- */

/* A fingerprint of all that decides which numbers come out. */
static void fingerprint(struct run *r)
{
	struct hash h = hash_start();
	const double numbers[] = {r->rate, r->least, r->std, r->adamw.beta1, r->adamw.beta2, r->adamw.eps, r->adamw.decay,
		r->adamw.clip, (double)r->steps, (double)r->warmup, (double)r->seed, (double)r->batch, (double)r->fresh};
	uint64_t text = corpus_hash(&r->corpus), validation = r->validate ? corpus_hash(&r->validation) : 0;
	int64_t every = r->validate ? r->every : 0;
	hash_add(&h, numbers, sizeof numbers);
	hash_add(&h, &text, sizeof text);
	hash_add(&h, &validation, sizeof validation);
	hash_add(&h, &every, sizeof every);
	hash_add(&h, r->model->hash, sizeof r->model->hash);
	hash_add(&h, r->model->weights, r->model->weight_count * sizeof *r->model->weights);
	snprintf(r->checkpoint.settings, sizeof r->checkpoint.settings, "%016" PRIx64, hash_end(&h));
}

/* The mean loss over all of the validation text, or NaN if there is none. */
static double validate(struct run *r)
{
	struct batch b;
	double sum = 0;
	if (!r->validate)
		return NAN;
	while (corpus_next(&r->validation, &b, true)) {
		sum += training_loss(&r->training, &b);
		batch_free(&b);
	}
	return sum / (double)r->validation.predictions;
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

/* Progress: a line that is written over on a terminal, else one each --every steps. */
static void report(struct run *r, size_t tokens, double validation)
{
	int64_t step = r->checkpoint.step, done = step - r->begun;
	bool terminal = isatty(STDERR_FILENO);
	bool due = step % r->every == 0 || step == r->steps;
	if (!terminal && !due)
		return;
	double seconds = seconds_since(&r->start), left = seconds / (double)done * (double)(r->steps - step);
	char text[64] = "";
	if (!isnan(validation))
		snprintf(text, sizeof text, ", validation %.4f", validation);
	fprintf(stderr, "%s%s: step %" PRId64 " of %" PRId64 ": loss %.4f%s, %.0f tokens/s, %d:%02d:%02d left%s",
		terminal ? "\r\33[K" : "", cli_name, step, r->steps, r->recent / (double)r->recent_steps, text,
		(double)tokens / seconds, (int)(left / 3600), (int)(left / 60) % 60, (int)left % 60, terminal && !due ? "" : "\n");
	if (due) {
		r->recent = 0;
		r->recent_steps = 0;
	}
}

/* One step; the number of tokens it learned from. */
static size_t step(struct run *r, size_t tokens_before)
{
	struct checkpoint *c = &r->checkpoint;
	struct batch b;
	corpus_next(&r->corpus, &b, false);
	double loss = training_gradients(&r->training, &b);
	double norm = gradient_norm(r->training.gradients, r->model->weight_count);
	if (!isfinite(loss) || !isfinite(norm))
		die(NULL, "step %" PRId64 ": the loss is %g, its gradient's norm %g: try a smaller rate (-r)", c->step + 1, loss, norm);
	c->step++;
	double rate = adamw_rate(r->rate, r->least, c->step, r->warmup, r->steps);
	adamw_step(&r->adamw, r->model, r->training.gradients, norm, c->step, rate);
	r->recent += loss;
	r->recent_steps++;
	double validation = c->step % r->every == 0 || c->step == r->steps ? validate(r) : NAN;
	char *line = mem_printf("%" PRId64 "\t%zu\t%.9g\t%.9g\t%.9g\t", c->step, b.n, rate, loss, norm);
	log_line(r, line);
	free(line);
	line = isnan(validation) ? mem_string("\n") : mem_printf("%.9g\n", validation);
	log_line(r, line);
	free(line);
	report(r, tokens_before + b.n, validation);
	size_t n = b.n;
	batch_free(&b);
	return n;
}

static void train(struct run *r)
{
	size_t tokens = 0;
	int64_t end = r->until < r->steps ? r->until : r->steps;
	clock_gettime(CLOCK_MONOTONIC, &r->start);
	r->begun = r->checkpoint.step;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	while (r->checkpoint.step < end && !interrupted) {
		tokens += step(r, tokens);
		if (r->checkpoint.step % r->save == 0 && r->checkpoint.step < end)
			save(r);
	}
	save(r);
	if (interrupted)
		die(NULL, "stopped after step %" PRId64 "; the same command goes on from there", r->checkpoint.step);
}

/* The loss and the gradients of the first batch as a safetensors file. */
static void write_gradients(struct run *r)
{
	struct batch b;
	struct frame f = {0};
	size_t count;
	const struct tensor *t = model_copied(r->model, &count);
	corpus_next(&r->corpus, &b, false);
	*(float *)frame_put(&f, "loss", DTYPE_F32, 0, NULL) = (float)training_gradients(&r->training, &b);
	for (size_t i = 0; i < count; i++)
		memcpy(frame_put(&f, t[i].name, DTYPE_F32, t[i].rank, t[i].shape),
		       r->training.gradients + ((const float *)t[i].data - r->model->weights), t[i].bytes);
	struct stream out = {.fd = open(r->gradients, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), .name = r->gradients};
	if (out.fd < 0)
		die(r->gradients, "%s", strerror(errno));
	stream_write(&out, &f);
	if (close(out.fd) < 0)
		die(r->gradients, "%s", strerror(errno));
	frame_free(&f);
	batch_free(&b);
}

static void check_options(const struct run *r)
{
	if (!r->directory && !r->gradients)
		cli_usage_error("where to? -o is missing");
	if (r->steps < 0 && !r->gradients)
		cli_usage_error("how many steps? -n is missing");
	if (r->warmup > r->steps && !r->gradients)
		cli_usage_error("--warmup: %" PRId64 " of %" PRId64 " steps", r->warmup, r->steps);
}

int main(int argc, char **argv)
{
	struct run r = {
		.steps = -1, .until = INT64_MAX, .every = 100, .save = 1000, .rate = 1e-3, .std = 0.02, .batch = 4096,
		.type = DTYPE_F32, .prompts = {.end = '\n'},
		.adamw = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .decay = 0.1, .clip = 1},
	};
	bool ids = false, found;

	cli_start(argv, usage);
	mem_keep();
	for (int c; (c = cli_option(argc, argv, options)) != -1; ids |= c == IDS)
		take_option(&r, c);
	stage_no_operands(argc, argv);
	check_options(&r);
	r.from = model_path(r.from);
	r.model = model_copy(r.from, &found);
	training_init(&r.training, r.model);
	if (!found || r.fresh)
		initial_weights(&r.training, r.seed, r.std);
	r.context = r.context && r.context < r.model->config.context ? r.context : r.model->config.context;
	r.batch = r.batch > r.context ? r.batch : r.context;
	struct tokenizer *t = ids ? NULL : tokenizer_open(r.from);
	r.prompts.tokenizer = t;
	if (r.steps > 0 || r.gradients)
		read_text(&r);
	if (r.gradients) {
		write_gradients(&r);
	} else {
		r.adamw.m = mem_zero(r.model->weight_count, sizeof(float));
		r.adamw.v = mem_zero(r.model->weight_count, sizeof(float));
		make_directory(&r);
		fingerprint(&r);
		open_log(&r, checkpoint_read(&r.checkpoint, r.directory, r.model, &r.adamw));
		train(&r);
	}
	return cli_finish();
}
