/*
 * trainlogits.c: what training computes forward.
 *
 *	trainlogits MODEL IDS...
 *
 * writes the logits[n, vocab] (F32) of sequences of ids with blanks between
 * them, one after the other, as lmtrain computes them, in one batch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "memory.h"
#include "training.h"

static void usage(FILE *f)
{
	fputs("usage: trainlogits model ids ...\n", f);
}

enum { ROWS = 4096 };

int main(int argc, char **argv)
{
	static int32_t ids[ROWS], targets[ROWS], seq[ROWS], pos[ROWS];
	struct batch b = {0, ids, targets, seq, pos};
	struct training t;
	bool found;
	cli_start(argv, usage);
	if (argc < 3)
		cli_usage_error("a model and ids");
	training_init(&t, model_copy(argv[1], &found));
	for (int i = 2; i < argc; i++) {
		int32_t at = 0;
		for (char *word = strtok(argv[i], " \n"); word && b.n < ROWS; word = strtok(NULL, " \n"), b.n++) {
			ids[b.n] = (int32_t)cli_integer("ids", word, 0, (int64_t)t.m->config.vocab - 1);
			seq[b.n] = i - 2;
			pos[b.n] = at++;
		}
	}
	float *logits = mem_aligned(b.n * t.m->config.vocab, sizeof *logits);
	training_logits(&t, &b, logits);
	fwrite(logits, t.m->config.vocab * sizeof *logits, b.n, stdout);
	struct model *m = t.m;
	training_destroy(&t);
	model_close(m);
	free(logits);
	return cli_finish();
}
