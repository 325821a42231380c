/*
 * clockpipe.c: the speed and the memory of a whole pipeline.
 *
 *	clockpipe [-c CHUNK] [-n TOKENS] [-p PROMPT] [-s] MODEL
 *
 * Runs embed | block -l 0- | logits | sample, or with -s a process for each
 * stage, and stands where `cat` and `tee` stand in the loop: it writes frames
 * to the first stage and takes tokens from the last.  After a warm-up it times
 * the prefill of PROMPT tokens, from the writing of their frame (of their
 * frames of CHUNK rows) to the token that follows them, and then, in an empty
 * sequence, the decoding of TOKENS tokens one by one, each of which is fed back.
 * Prints a line for each figure: tokens a second, and kilobytes of memory.
 *
 * Memory is looked at while the warm-up runs, and at the end; printed are the
 * largest sums over all processes.  pss counts a page that n processes share as
 * 1/n of a page in each, so that the sum counts it once; anonymous is what is not
 * a file's; rss counts shared pages as often as they are shared.
 *
 * The programs are those that $PATH leads to.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "memory.h"
#include "model.h"
#include "stream.h"

#define LOOK_EVERY 20   /* milliseconds between looks at the memory */

struct memory {
	long rss, pss, anonymous;       /* KB */
};

struct pipe {
	pid_t *stages;
	size_t count;
	struct stream in, out;          /* the first stage's input, the last one's output */
	struct memory peak;
};

static void usage(FILE *f)
{
	fputs("usage: clockpipe [-c chunk] [-n tokens] [-p prompt] [-s] model\n", f);
}

/* ---- processes ---- */

static void die_of(const char *what)
{
	die(what, "%s", strerror(errno));
}

/* Appends a stage that reads from `input`; the new end of the pipe is returned. */
static int add_stage(struct pipe *p, int input, const char *const *argv)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		die_of("pipe");
	pid_t pid = fork();
	if (pid < 0)
		die_of(argv[0]);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(input, STDIN_FILENO);
		dup2(ends[1], STDOUT_FILENO);
		execvp(argv[0], (char *const *)argv);
		die_of(argv[0]);
	}
	close(input);
	close(ends[1]);
	p->stages[p->count++] = pid;
	return ends[0];
}

static void start(struct pipe *p, size_t layers, bool stages)
{
	int ends[2], fd;
	p->stages = mem_array(2 * layers + 3, sizeof *p->stages);
	if (pipe2(ends, O_CLOEXEC) < 0)
		die_of("pipe");
	fd = add_stage(p, ends[0], (const char *[]){"embed", NULL});
	for (size_t l = 0; stages && l < layers; l++) {
		char *layer = mem_printf("%zu", l);
		fd = add_stage(p, fd, (const char *[]){"attn", "-l", layer, NULL});
		fd = add_stage(p, fd, (const char *[]){"ffn", "-l", layer, NULL});
		free(layer);
	}
	if (!stages)
		fd = add_stage(p, fd, (const char *[]){"block", "-l", "0-", NULL});
	fd = add_stage(p, fd, (const char *[]){"logits", NULL});
	fd = add_stage(p, fd, (const char *[]){"sample", "--eos", "none", NULL});
	p->in = (struct stream){.fd = ends[1], .name = "embed"};
	p->out = (struct stream){.fd = fd, .name = "sample"};
}

static void finish(struct pipe *p)
{
	struct frame f;
	stream_write_end(&p->in);
	close(p->in.fd);
	while (stream_read(&p->out, &f))
		frame_free(&f);
	for (size_t i = 0; i < p->count; i++) {
		int status;
		if (waitpid(p->stages[i], &status, 0) < 0 || status != 0)
			die(NULL, "stage %zu has failed", i);
	}
	free(p->stages);
}

/* ---- memory ---- */

static void add_process(struct memory *m, pid_t pid)
{
	char path[64], line[256];
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	FILE *f = fopen(path, "r");
	if (!f)
		die_of(path);
	while (fgets(line, sizeof line, f)) {
		char name[32];
		long kb;
		if (sscanf(line, "%31[^:]: %ld kB", name, &kb) != 2)
			continue;
		if (strcmp(name, "Rss") == 0)
			m->rss += kb;
		else if (strcmp(name, "Pss") == 0)
			m->pss += kb;
		else if (strcmp(name, "Anonymous") == 0)
			m->anonymous += kb;
	}
	fclose(f);
}

static void look(struct pipe *p)
{
	struct memory sum = {0};
	for (size_t i = 0; i < p->count; i++)
		add_process(&sum, p->stages[i]);
	if (sum.pss > p->peak.pss)
		p->peak = sum;
}

/* Waits for an answer, looking at the memory meanwhile. */
static void watch(struct pipe *p)
{
	struct pollfd answer = {p->out.fd, POLLIN, 0};
	while (poll(&answer, 1, LOOK_EVERY) == 0)
		look(p);
}

/* ---- frames ---- */

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Rows first to end of sequence 0, the prediction wanted after the last if it ends the prompt. */
static void send_rows(struct pipe *p, size_t first, size_t end, size_t vocab, bool last)
{
	struct frame f = {0};
	size_t n = end - first;
	int32_t *ids = frame_put1(&f, "ids", DTYPE_I32, n), *seq = frame_put1(&f, "seq", DTYPE_I32, n);
	int32_t *pos = frame_put1(&f, "pos", DTYPE_I32, n);
	uint8_t *want = frame_put1(&f, "want", DTYPE_U8, n);
	for (size_t i = 0; i < n; i++) {
		ids[i] = (int32_t)((first + i) * 7919 % vocab);
		seq[i] = 0;
		pos[i] = (int32_t)(first + i);
		want[i] = last && i + 1 == n;
	}
	stream_write(&p->in, &f);
	frame_free(&f);
}

static void send_prompt(struct pipe *p, size_t n, size_t chunk, size_t vocab)
{
	for (size_t first = 0; first < n; first += chunk)
		send_rows(p, first, first + chunk < n ? first + chunk : n, vocab, first + chunk >= n);
}

static void receive(struct pipe *p, struct frame *f)
{
	if (!stream_read(&p->out, f) || frame_is_end(f))
		die("sample", "has ended");
}

/* The time it takes to get the token after a prompt of n tokens. */
static double prefill(struct pipe *p, size_t n, size_t chunk, size_t vocab, bool watched)
{
	struct frame f;
	double begin = now();
	send_prompt(p, n, chunk, vocab);
	if (watched)
		watch(p);
	receive(p, &f);
	frame_free(&f);
	return now() - begin;
}

/* The time of n steps from an empty sequence on, each of which is given what the one before chose. */
static double decode(struct pipe *p, size_t n, size_t vocab)
{
	struct frame f;
	double begin = now();
	send_rows(p, 0, 1, vocab, true);
	for (size_t i = 1; i < n; i++) {
		receive(p, &f);
		stream_write(&p->in, &f);
		frame_free(&f);
	}
	receive(p, &f);
	frame_free(&f);
	return now() - begin;
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{"chunk", required_argument, NULL, 'c'},
		{"prompt", required_argument, NULL, 'p'},
		{"stages", no_argument, NULL, 's'},
		{"tokens", required_argument, NULL, 'n'},
		{0}
	};
	size_t chunk = STREAM_ROWS_MAX, tokens = 128, prompt = 512;
	bool stages = false;
	struct pipe p = {0};
	cli_start(argv, usage);
	for (int c; (c = cli_option(argc, argv, table)) != -1;)
		switch (c) {
		case 'c':
			chunk = (size_t)cli_integer("-c", optarg, 1, STREAM_ROWS_MAX);
			break;
		case 'n':
			tokens = (size_t)cli_integer("-n", optarg, 0, 1 << 20);
			break;
		case 'p':
			prompt = (size_t)cli_integer("-p", optarg, 0, STREAM_ROWS_MAX);
			break;
		case 's':
			stages = true;
		}
	if (argc - optind != 1)
		cli_usage_error("needs a model");
	struct model *m = model_open(argv[optind]);
	size_t layers = m->config.layers, vocab = m->config.vocab;
	model_close(m);
	setenv("LM_MODEL", argv[optind], 1);
	start(&p, layers, stages);

	if (prompt > 0) {
		prefill(&p, prompt, chunk, vocab, true);
		printf("prefill %.9g\n", (double)prompt / prefill(&p, prompt, chunk, vocab, false));
	}
	if (tokens > 0) {
		decode(&p, 1, vocab);
		printf("decode %.9g\n", (double)tokens / decode(&p, tokens, vocab));
	}
	look(&p);
	printf("pss %ld\nanonymous %ld\nrss %ld\nprocesses %zu\n", p.peak.pss, p.peak.anonymous, p.peak.rss, p.count);
	finish(&p);
	return cli_finish();
}
