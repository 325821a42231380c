/* learning.c: the course of a training.  See learning.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "hash.h"
#include "initial.h"
#include "io.h"
#include "learning.h"
#include "memory.h"
#include "replace.h"

void learning_open(struct learning *l)
{
	bool found;
	l->model = model_copy(l->from, &found);
	training_init(&l->training, l->model);
	if (!found || l->fresh)
		initial_weights(&l->training, l->seed, l->std);
	l->adamw.m = mem_zero(l->model->weight_count, sizeof *l->adamw.m);
	l->adamw.v = mem_zero(l->model->weight_count, sizeof *l->adamw.v);
}

void learning_close(struct learning *l)
{
	training_destroy(&l->training);
	corpus_free(&l->corpus);
	corpus_free(&l->validation);
	free(l->adamw.m);
	free(l->adamw.v);
	free(l->log_path);
	model_close(l->model);
}

/* ---- the directory ---- */

/* The log, which one process at a time may have; it is also the sign that a directory is one of ours. */
#define LOG "log.tsv"

/* True if two paths lead to the same directory. */
static bool same_directory(const char *a, const char *b)
{
	struct stat one, other;
	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static void make_directory(const struct learning *l)
{
	if (mkdir(l->directory, 0777) < 0 && errno != EEXIST)
		die(l->directory, "%s", strerror(errno));
	if (io_has_file(l->directory, "config.json") && !io_has_file(l->directory, LOG))
		die(l->directory, "holds a model that was not made here; name another directory");
	if (same_directory(l->directory, l->from))
		die(l->directory, "holds what this training begins with; name another directory");
}

/* What a model needs besides its weights. */
static void copy_files(const struct learning *l)
{
	static const char *const files[] = {"config.json", "generation_config.json",
		"tokenizer.json", "tokenizer.model", "spiece.model", "tekken.json", "vocab.json", "merges.txt", "vocab.txt",
		"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "chat_template.json"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		replace_copy(l->from, l->directory, files[i]);
}

static void log_line(struct learning *l, const char *line)
{
	struct iovec v = {(void *)line, strlen(line)};
	l->checkpoint.log += (int64_t)v.iov_len;
	if (io_writev(l->log, &v, 1) < 0)
		die(l->log_path, "%s", strerror(errno));
}

static void open_log(struct learning *l)
{
	l->log_path = mem_printf("%s/%s", l->directory, LOG);
	l->log = open(l->log_path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0666);
	if (l->log < 0)
		die(l->log_path, "%s", strerror(errno));
	if (flock(l->log, LOCK_EX | LOCK_NB) == 0)
		return;
	if (errno != EWOULDBLOCK)
		die(l->log_path, "cannot be locked: %s", strerror(errno));
	die(l->directory, "another lmtrain is at work there");
}

/* Cuts the log off where the checkpoint was. */
static void cut_log(struct learning *l)
{
	struct stat st;
	if (fstat(l->log, &st) < 0)
		die(l->log_path, "%s", strerror(errno));
	if (st.st_size < l->checkpoint.log)
		die(l->log_path, "%lld bytes, the checkpoint knows of %lld", (long long)st.st_size, (long long)l->checkpoint.log);
	if (ftruncate(l->log, l->checkpoint.log) < 0)
		die(l->log_path, "%s", strerror(errno));
}

/* Goes back to where the directory's checkpoint was; false if there is none. */
static bool resume(struct learning *l)
{
	const struct checkpoint *c = &l->checkpoint;
	if (!checkpoint_read(&l->checkpoint, l->directory, l->model, &l->adamw))
		return false;
	if (c->step > l->steps || c->epoch > INT32_MAX || c->next > (int64_t)l->corpus.count)
		die(l->directory, "the checkpoint is beyond the end of the text or of the training");
	l->corpus.epoch = (uint32_t)c->epoch;
	l->corpus.next = (size_t)c->next;
	return true;
}

static void save(struct learning *l)
{
	l->checkpoint.epoch = l->corpus.epoch;
	l->checkpoint.next = (int64_t)l->corpus.next;
	if (fsync(l->log) < 0)
		die(l->log_path, "%s", strerror(errno));
	checkpoint_write(&l->checkpoint, l->directory, l->model, &l->adamw);
	checkpoint_write_model(l->directory, l->model, l->type);
}

/* ---- training ---- */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = 1;
	signal(number, SIG_DFL);        /* the next one ends the program */
}

/* A fingerprint of all that decides which numbers come out. */
static void fingerprint(struct learning *l)
{
	struct hash h = hash_start();
	const double numbers[] = {l->rate, l->least, l->std, l->adamw.beta1, l->adamw.beta2, l->adamw.eps, l->adamw.decay,
		l->adamw.clip, (double)l->steps, (double)l->warmup, (double)l->corpus.batch, (double)l->fresh};
	uint64_t text = corpus_hash(&l->corpus), validation = l->validation.count ? corpus_hash(&l->validation) : 0;
	const uint64_t others[] = {text, validation, l->validation.count ? (uint64_t)l->every : 0, l->seed};
	hash_add(&h, numbers, sizeof numbers);
	hash_add(&h, others, sizeof others);
	hash_add(&h, l->model->hash, sizeof l->model->hash);
	hash_add(&h, l->model->weights, l->model->weight_count * sizeof *l->model->weights);
	snprintf(l->checkpoint.settings, sizeof l->checkpoint.settings, "%016" PRIx64, hash_end(&h));
}

/* The mean loss over all of the validation text, or NaN if there is none. */
static double validate(struct learning *l)
{
	struct batch b;
	double sum = 0;
	if (l->validation.count == 0)
		return NAN;
	while (corpus_next(&l->validation, &b, true)) {
		sum += training_loss(&l->training, &b);
		batch_free(&b);
	}
	return sum / (double)l->validation.predictions;
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

/* Progress: a line that is written over on a terminal, else one each --every steps. */
static void report(struct learning *l, size_t tokens, double validation)
{
	int64_t step = l->checkpoint.step, done = step - l->begun;
	bool terminal = isatty(STDERR_FILENO);
	bool due = step % l->every == 0 || step == l->steps || step == l->until;
	if (!terminal && !due)
		return;
	double seconds = seconds_since(&l->start);
	int64_t left = (int64_t)(seconds / (double)done * (double)(l->steps - step));
	char text[64] = "";
	if (!isnan(validation))
		snprintf(text, sizeof text, ", validation %.4f", validation);
	fprintf(stderr, "%s%s: step %" PRId64 " of %" PRId64 ": loss %.4f%s, %.0f tokens/s, %" PRId64 ":%02d:%02d left%s",
		terminal ? "\r\33[K" : "", cli_name, step, l->steps, l->recent / (double)l->recent_steps, text,
		(double)tokens / seconds, left / 3600, (int)(left / 60 % 60), (int)(left % 60), terminal && !due ? "" : "\n");
	if (due) {
		l->recent = 0;
		l->recent_steps = 0;
	}
}

/* Before a message: leaves a line of progress on a terminal as it is. */
static void end_line(const struct learning *l)
{
	if (l->recent_steps > 0 && isatty(STDERR_FILENO))
		fputc('\n', stderr);
}

/* One step; the number of tokens it learned from. */
static size_t step(struct learning *l, size_t tokens_before)
{
	struct checkpoint *c = &l->checkpoint;
	struct batch b;
	corpus_next(&l->corpus, &b, false);
	double loss = training_gradients(&l->training, &b);
	double norm = gradient_norm(l->training.gradients, l->model->weight_count);
	if (!isfinite(loss) || !isfinite(norm)) {
		end_line(l);
		die(NULL, "step %" PRId64 ": the loss is %g, its gradient's norm %g: try a smaller rate (-r)", c->step + 1, loss, norm);
	}
	c->step++;
	double rate = adamw_rate(l->rate, l->least, c->step, l->warmup, l->steps);
	adamw_step(&l->adamw, l->model, l->training.gradients, norm, c->step, rate);
	l->recent += loss;
	l->recent_steps++;
	double validation = c->step % l->every == 0 || c->step == l->steps ? validate(l) : NAN;
	char *line = mem_printf("%" PRId64 "\t%zu\t%.9g\t%.9g\t%.9g\t", c->step, b.n, rate, loss, norm);
	log_line(l, line);
	free(line);
	line = isnan(validation) ? mem_string("\n") : mem_printf("%.9g\n", validation);
	log_line(l, line);
	free(line);
	report(l, tokens_before + b.n, validation);
	size_t n = b.n;
	batch_free(&b);
	return n;
}

void learning_run(struct learning *l)
{
	size_t tokens = 0;
	int64_t end = l->until < l->steps ? l->until : l->steps;
	make_directory(l);
	fingerprint(l);
	open_log(l);
	bool resumed = resume(l);
	cut_log(l);
	copy_files(l);
	if (!resumed)
		log_line(l, "step\ttokens\trate\tloss\tnorm\tvalidation\n");
	clock_gettime(CLOCK_MONOTONIC, &l->start);
	l->begun = l->checkpoint.step;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	while (l->checkpoint.step < end && !interrupted) {
		tokens += step(l, tokens);
		if (l->checkpoint.step % l->save == 0 && l->checkpoint.step < end)
			save(l);
	}
	save(l);
	close(l->log);
	if (interrupted && l->checkpoint.step < end) {
		end_line(l);
		die(NULL, "stopped after step %" PRId64 "; the same command goes on from there", l->checkpoint.step);
	}
}

void learning_gradients(struct learning *l, const char *path)
{
	struct batch b;
	struct frame f = {0};
	size_t count;
	const struct tensor *t = model_copied(l->model, &count);
	corpus_next(&l->corpus, &b, false);
	*(float *)frame_put(&f, "loss", DTYPE_F32, 0, NULL) = (float)training_gradients(&l->training, &b);
	for (size_t i = 0; i < count; i++)
		memcpy(frame_put(&f, t[i].name, DTYPE_F32, t[i].rank, t[i].shape),
		       l->training.gradients + ((const float *)t[i].data - l->model->weights), t[i].bytes);
	struct stream out = {.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), .name = path};
	if (out.fd < 0)
		die(path, "%s", strerror(errno));
	stream_write(&out, &f);
	if (close(out.fd) < 0)
		die(path, "%s", strerror(errno));
	frame_free(&f);
	batch_free(&b);
}

