/*
 * loop.c: runs a loop of processes.  See loop.h.
 *
 *	           prompt                      text
 *	 source ----------> +      +--------------------> sink
 *	                    | stages
 *	                    +--> first ... last --+
 *	                    |                     |
 *	                    +<--------------------+
 *	                            tokens
 *
 * We sit where `cat` and `tee` would: three queues of bytes between pipes, and
 * nothing that can block but one poll.  The first stage gets all of `prompt`
 * before any of `tokens`.
 *
 * How a loop ends.  In peace: the last stage writes an end frame and closes its
 * output, we close the first stage's input behind it, and each stage in turn
 * sees the end.  By a failure: what comes after the dead stage finishes what
 * it has, and then finds no end frame; what comes before it works for nobody
 * and is terminated; and nothing more is fed back.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "loop.h"
#include "memory.h"

#define CHUNK 65536     /* bytes moved at a time, and what a full queue holds */
#define LINE  4096      /* longest line of a stage's standard error kept in one piece */

/* Bytes on their way from one pipe to another. */
struct queue {
	char *bytes;
	size_t start, end, room;
};

struct child {
	pid_t pid;
	bool running;
	bool terminated;        /* by us */
	int status;             /* as waitpid gives it, once it does not run */
	int errors;             /* its standard error; -1: closed */
	char line[LINE];        /* of it, so far */
	size_t length;
	char *consequence;      /* a complaint held back: see is_consequence */
	bool spoke;             /* something else was said */
};

struct loop {
	const struct pipeline *pipeline;
	struct child *children;
	size_t running;
	int source, first, last, sink;          /* our ends of their pipes; -1: closed */
	struct queue prompt, tokens, text;
	bool failed;                            /* a stage has */
};

static const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGCHLD};
#define SIGNALS (sizeof signals / sizeof *signals)

static volatile sig_atomic_t child_ended, interrupted;

/* ---- queues ---- */

static size_t queue_length(const struct queue *q)
{
	return q->end - q->start;
}

static void queue_put(struct queue *q, const char *bytes, size_t n)
{
	if (q->room - q->end < n && q->start > 0) {
		memmove(q->bytes, q->bytes + q->start, queue_length(q));
		q->end -= q->start;
		q->start = 0;
	}
	if (q->room - q->end < n) {
		q->room = 2 * q->room + n;
		q->bytes = mem_resize(q->bytes, q->room, 1);
	}
	memcpy(q->bytes + q->end, bytes, n);
	q->end += n;
}

static void queue_clear(struct queue *q)
{
	q->start = q->end = 0;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* What there is to read goes into one queue, or into two.  Closes at the end. */
static void read_into(int *fd, struct queue *q, struct queue *copy)
{
	static char buffer[CHUNK];
	ssize_t n = read(*fd, buffer, sizeof buffer);
	if (n > 0) {
		queue_put(q, buffer, (size_t)n);
		if (copy)
			queue_put(copy, buffer, (size_t)n);
	} else if (n == 0 || errno != EINTR) {
		close_end(fd);
	}
}

/* As much as the pipe takes now.  Closes, and forgets the rest, if nobody reads. */
static void write_from(int *fd, struct queue *q)
{
	ssize_t n = write(*fd, q->bytes + q->start, queue_length(q));
	if (n >= 0) {
		q->start += (size_t)n;
	} else if (errno != EINTR && errno != EAGAIN) {
		close_end(fd);
		queue_clear(q);
	}
}

/* ---- signals ---- */

static void on_signal(int number)
{
	if (number == SIGCHLD)
		child_ended = 1;
	else
		interrupted = number;
}

/*
 * Catches the signals, but only while we wait in ppoll with the mask that
 * *waiting gets: nothing can come between a look at the flags and the wait.
 * A signal that is ignored (nohup, a shell's background job) stays ignored.
 */
static void catch_signals(sigset_t *waiting)
{
	sigset_t blocked;
	sigemptyset(&blocked);
	for (size_t i = 0; i < SIGNALS; i++) {
		struct sigaction old, new = {.sa_handler = on_signal};
		sigemptyset(&new.sa_mask);
		sigaction(signals[i], NULL, &old);
		if (old.sa_handler == SIG_IGN && signals[i] != SIGCHLD)
			continue;
		sigaction(signals[i], &new, NULL);
		sigaddset(&blocked, signals[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &blocked, waiting);
	for (size_t i = 0; i < SIGNALS; i++)
		sigdelset(waiting, signals[i]);
}

/* The same undone, in a child. */
static void release_signals(const sigset_t *waiting)
{
	for (size_t i = 0; i < SIGNALS; i++) {
		struct sigaction old;
		sigaction(signals[i], NULL, &old);
		if (old.sa_handler == on_signal)
			signal(signals[i], SIG_DFL);
	}
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, waiting, NULL);
}

static _Noreturn void die_of(int number)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, number);
	signal(number, SIG_DFL);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(128 + number);
}

/* ---- starting ---- */

/* Both ends are closed by exec. */
static void open_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe", "%s", strerror(errno));
}

static void start(struct child *c, const struct process *s, int input, int output,
		  const sigset_t *waiting)
{
	int errors[2];
	open_pipe(errors);
	pid_t parent = getpid();
	c->pid = fork();
	if (c->pid < 0)
		die(s->label, "%s", strerror(errno));
	if (c->pid == 0) {
		/* However we die, the stages follow. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(1);
		dup2(errors[1], STDERR_FILENO);
		release_signals(waiting);
		if (s->run)
			exit(s->run(s->what, input, output));
		dup2(input, STDIN_FILENO);
		dup2(output, STDOUT_FILENO);
		execv(s->path, s->argv);
		die(s->path, "%s", strerror(errno));
	}
	close(errors[1]);
	c->errors = errors[0];
	fcntl(c->errors, F_SETFL, O_NONBLOCK);
	c->running = true;
}

/* The source's standard input: a file, or ours. */
static int open_input(const char *path)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (fd < 0)
		die(path, "%s", strerror(errno));
	return fd;
}

/* Starts those from `from` on, before `to`, in a chain; returns where to read what comes out. */
static int start_chain(struct loop *l, size_t from, size_t to, int input, const sigset_t *waiting)
{
	int out[2];
	for (size_t i = from; i < to; i++) {
		open_pipe(out);
		start(&l->children[i], &l->pipeline->stages[i], input, out[1], waiting);
		close(input);
		close(out[1]);
		input = out[0];
	}
	return input;
}

static void start_loop(struct loop *l, const sigset_t *waiting)
{
	const struct process *stages = l->pipeline->stages;
	size_t last = l->pipeline->count - 1;
	int out[2], in[2];

	int input = open_input(l->pipeline->input);
	open_pipe(out);
	start(&l->children[0], &stages[0], input, out[1], waiting);
	if (l->pipeline->input)
		close(input);
	close(out[1]);
	l->source = out[0];

	open_pipe(in);
	l->first = in[1];
	l->last = start_chain(l, 1, last, in[0], waiting);

	open_pipe(in);
	start(&l->children[last], &stages[last], in[0], STDOUT_FILENO, waiting);
	close(in[0]);
	l->sink = in[1];

	fcntl(l->first, F_SETFL, O_NONBLOCK);
	fcntl(l->sink, F_SETFL, O_NONBLOCK);
}

/* The last process is between the end and the beginning: nothing comes by here. */
static void start_ring(struct loop *l, const sigset_t *waiting)
{
	size_t last = l->pipeline->count - 1;
	int in[2];
	open_pipe(in);
	int out = start_chain(l, 0, last, in[0], waiting);
	start(&l->children[last], &l->pipeline->stages[last], out, in[1], waiting);
	close(out);
	close(in[1]);
	l->source = l->first = l->last = l->sink = -1;
}

static void start_all(struct loop *l, const sigset_t *waiting)
{
	if (l->pipeline->stages[l->pipeline->count - 1].run)
		start_ring(l, waiting);
	else
		start_loop(l, waiting);
	l->running = l->pipeline->count;
}

/* ---- what the stages say ---- */

/*
 * A stage after one that died complains that its stream stops.  True, but not
 * the reason; it is kept back until it is known whether there is another.
 */
static bool is_consequence(const char *line)
{
	return strstr(line, " without an end frame") || strstr(line, ": truncated frame ");
}

static void relay(struct child *c, const char *line, size_t n)
{
	char *text = mem_printf("%.*s", (int)n, line);
	if (!is_consequence(text)) {
		c->spoke = true;
		(void)!write(STDERR_FILENO, line, n);
	} else if (!c->consequence) {
		c->consequence = text;
		return;
	}
	free(text);
}

/*
 * Line by line, so that lines of several stages do not mix.  False when there
 * is nothing more to read at the moment.
 */
static bool hear(struct child *c)
{
	ssize_t n = read(c->errors, c->line + c->length, LINE - c->length);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n > 0)
		c->length += (size_t)n;
	for (char *end; (end = memchr(c->line, '\n', c->length));) {
		size_t line = (size_t)(end + 1 - c->line);
		relay(c, c->line, line);
		c->length -= line;
		memmove(c->line, end + 1, c->length);
	}
	if (c->length == LINE || (n <= 0 && c->length > 0)) {
		relay(c, c->line, c->length);
		c->length = 0;
	}
	if (n <= 0)
		close_end(&c->errors);
	return n > 0;
}

/* ---- running ---- */

/* A stage that waits for a continue signal can't die of another without it. */
static void terminate(struct child *c, int number)
{
	if (!c->running)
		return;
	c->terminated = true;
	kill(c->pid, number);
	kill(c->pid, SIGCONT);
}

static void note_end(struct loop *l, pid_t pid, int status)
{
	size_t i = 0;
	while (i < l->pipeline->count && (l->children[i].pid != pid || !l->children[i].running))
		i++;
	if (i == l->pipeline->count)
		return;
	l->children[i].running = false;
	l->children[i].status = status;
	l->running--;
	if (status == 0)
		return;
	l->failed = true;
	while (i-- > 0)
		terminate(&l->children[i], SIGTERM);
}

/* Waits until something can be moved, was said, or has happened, and moves it. */
static void step(struct loop *l, struct pollfd *polls, const sigset_t *waiting)
{
	/* The prompt first, then what is fed back. */
	struct queue *next = l->source >= 0 || queue_length(&l->prompt) > 0 ? &l->prompt : &l->tokens;

	/*
	 * A full queue is not read into: the source and the last stage then wait,
	 * as they would for a reader.  `tokens` has no such bound, or stages could
	 * wait for each other in a circle; it holds at most a token a sequence.
	 */
	struct pollfd *source = &polls[0], *first = &polls[1], *last = &polls[2], *sink = &polls[3];
	struct pollfd *errors = &polls[4];
	*source = (struct pollfd){queue_length(&l->prompt) < CHUNK ? l->source : -1, POLLIN, 0};
	*first = (struct pollfd){queue_length(next) > 0 ? l->first : -1, POLLOUT, 0};
	*last = (struct pollfd){queue_length(&l->text) < CHUNK ? l->last : -1, POLLIN, 0};
	*sink = (struct pollfd){queue_length(&l->text) > 0 ? l->sink : -1, POLLOUT, 0};
	for (size_t i = 0; i < l->pipeline->count; i++)
		errors[i] = (struct pollfd){l->children[i].errors, POLLIN, 0};
	if (ppoll(polls, 4 + l->pipeline->count, NULL, waiting) < 0)
		return;

	for (size_t i = 0; i < l->pipeline->count; i++)
		if (errors[i].revents)
			hear(&l->children[i]);
	if (source->revents)
		read_into(&l->source, &l->prompt, NULL);
	if (last->revents)
		read_into(&l->last, &l->text, &l->tokens);
	if (first->revents)
		write_from(&l->first, next);
	if (sink->revents)
		write_from(&l->sink, &l->text);
}

/* Nobody reads it any more, or nothing more will come: hand on the end. */
static void close_ends(struct loop *l)
{
	if (l->first < 0) {
		close_end(&l->source);
		queue_clear(&l->prompt);
	}
	if (l->failed || l->first < 0)
		queue_clear(&l->tokens);
	if (l->sink < 0)
		queue_clear(&l->text);
	if (l->source < 0 && queue_length(&l->prompt) == 0 && queue_length(&l->tokens) == 0 &&
	    (l->last < 0 || l->failed))
		close_end(&l->first);
	if (l->last < 0 && queue_length(&l->text) == 0)
		close_end(&l->sink);
}

/* ---- the end ---- */

static bool signalled(const struct child *c, int number)
{
	return WIFSIGNALED(c->status) && WTERMSIG(c->status) == number;
}

/* A line on standard error for a failure that no stage has explained. */
static void explain(const struct loop *l)
{
	const struct process *stages = l->pipeline->stages;
	size_t n = l->pipeline->count;
	bool explained = false;
	for (size_t i = 0; i < n; i++) {
		struct child *c = &l->children[i];
		if (WIFSIGNALED(c->status) && !signalled(c, SIGPIPE) &&
		    !(c->terminated && signalled(c, SIGTERM))) {
			warn(stages[i].label, "killed by signal %d", WTERMSIG(c->status));
			explained = true;
		} else if (c->status != 0 && c->spoke) {
			explained = true;
		}
	}
	for (size_t i = 0; i < n && !explained; i++)
		if (l->children[i].consequence) {
			const char *line = l->children[i].consequence;
			(void)!write(STDERR_FILENO, line, strlen(line));
			explained = true;
		}
	for (size_t i = 0; i < n && !explained; i++)
		if (l->children[i].status != 0) {
			int status = l->children[i].status;
			warn(stages[i].label, WIFSIGNALED(status) ? "killed by signal %d" : "exit status %d",
			     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
			explained = true;
		}
}

static int exit_status(const struct loop *l)
{
	int worst = 0;
	for (size_t i = 0; i < l->pipeline->count; i++) {
		int status = l->children[i].status;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
			return 2;
		if (status != 0)
			worst = 1;
	}
	return worst;
}

static void loop_free(struct loop *l)
{
	int *ends[] = {&l->source, &l->first, &l->last, &l->sink};
	for (size_t i = 0; i < 4; i++)
		close_end(ends[i]);
	for (size_t i = 0; i < l->pipeline->count; i++) {
		close_end(&l->children[i].errors);
		free(l->children[i].consequence);
	}
	free(l->children);
	free(l->prompt.bytes);
	free(l->tokens.bytes);
	free(l->text.bytes);
}

int loop_run(const struct pipeline *p)
{
	struct loop l = {.pipeline = p};
	l.children = mem_zero(p->count, sizeof *l.children);
	struct pollfd *polls = mem_array(4 + p->count, sizeof *polls);
	sigset_t waiting;
	if (p->stages[p->count - 1].run)
		signal(SIGINT, SIG_IGN);        /* its own affair; the others have it ignored too */
	catch_signals(&waiting);
	start_all(&l, &waiting);

	while (l.running > 0) {
		step(&l, polls, &waiting);
		if (interrupted)
			for (size_t i = 0; i < p->count; i++)
				terminate(&l.children[i], SIGKILL);
		if (child_ended) {
			child_ended = 0;
			int status;
			for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
				note_end(&l, pid, status);
		}
		close_ends(&l);
	}
	for (size_t i = 0; i < p->count; i++)
		while (hear(&l.children[i]))
			;

	if (interrupted)
		die_of(interrupted);
	if (signalled(&l.children[p->count - 1], SIGPIPE))
		die_of(SIGPIPE);
	int status = exit_status(&l);
	if (status != 0)
		explain(&l);
	free(polls);
	loop_free(&l);
	return status;
}
