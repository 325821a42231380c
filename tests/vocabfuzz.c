/*
 * vocabfuzz: opens broken copies of a tokenizer's file, and uses those that are
 * not refused.  Each is to end with success, or with exit 1 and one line.
 *
 * usage: vocabfuzz FILE COUNT SEED
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "io.h"
#include "memory.h"
#include "tokenizer.h"

#define SECONDS 20      /* for one copy */

static void usage(FILE *out)
{
	fprintf(out, "usage: vocabfuzz FILE COUNT SEED\n");
}

static uint64_t state;

static size_t below(size_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(state >> 33) % n;
}

/* A few bytes become others, or the end is cut off. */
static size_t mutate(char *bytes, size_t n)
{
	static const char special[] = {0, 1, 4, '"', '\\', '[', '{', (char)0x7f, (char)0x80, (char)0xff};
	for (size_t i = 1 + below(4); i > 0; i--)
		bytes[below(n)] = below(2) ? special[below(sizeof special)] : (char)below(256);
	return below(8) ? n : below(n);
}

static void use(const char *path)
{
	static const char text[] = "The caf\xc3\xa9 <s> </s> 123 a\xcc\x81 <|end|>  \n\tab abc \xff aaaa";
	struct tokenizer *t = tokenizer_open(path);
	int32_t *ids;
	size_t n = tokenizer_encode(t, text, sizeof text, 0, &ids, NULL), length;
	struct decoder *d = decoder_new(t, DECODE_BEGINS | DECODE_SPECIAL);
	for (size_t i = 0; i < n; i++)
		decoder_next(d, ids[i], &length);
	for (int32_t id = 0; id < 300; id++)
		if (tokenizer_piece(t, id))
			decoder_next(d, id, &length);
	decoder_end(d, &length);
	decoder_free(d);
	free(ids);
	tokenizer_free(t);
}

/* False unless the child ends as it should, with at most one line. */
static bool good_end(const char *path)
{
	int pipes[2], status;
	char output[4096];
	if (pipe(pipes) < 0)
		die("pipe", "failed");
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		alarm(SECONDS);
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		use(path);
		_exit(0);
	}
	close(pipes[1]);
	ssize_t n = io_read(pipes[0], output, sizeof output - 1);
	close(pipes[0]);
	if (child < 0 || n < 0 || waitpid(child, &status, 0) != child)
		die("child", "failed");
	output[n] = '\0';
	char *end = strchr(output, '\n');
	if (WIFEXITED(status) && ((WEXITSTATUS(status) == 0 && n == 0) || (WEXITSTATUS(status) == 1 && end && !end[1])))
		return true;
	printf("status %x: %s\n", (unsigned)status, output);
	return false;
}

int main(int argc, char **argv)
{
	cli_start(argv, usage);
	if (argc != 4)
		cli_usage_error("three operands are needed");
	size_t n, bad = 0, count = (size_t)cli_integer("COUNT", argv[2], 1, INT32_MAX);
	char *file = io_slurp(argv[1], SIZE_MAX, &n), *copy = mem_array(n, 1);
	state = (uint64_t)cli_integer("SEED", argv[3], 0, INT64_MAX);
	for (size_t i = 0; i < count; i++) {
		memcpy(copy, file, n);
		size_t m = mutate(copy, n);
		FILE *f = fopen("mutant", "w");
		if (!f || fwrite(copy, 1, m, f) != m || fclose(f) != 0)
			die("mutant", "cannot write");
		if (!good_end("mutant")) {
			char *name = mem_printf("mutant.%zu", i);
			rename("mutant", name);
			free(name);
			bad++;
		}
	}
	free(file);
	free(copy);
	printf("%zu of %zu ended badly\n", bad, count);
	return cli_finish() || bad > 0;
}
