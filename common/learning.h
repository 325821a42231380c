/*
 * learning.h: the course of a training: step after step, what is kept of it and
 * what is said of it, so that it can be stopped at any moment and goes on.
 *
 * In its directory are the model's configuration and tokenizer, copied; the
 * log, log.tsv; the checkpoint and the model's weights (checkpoint.h).
 */
#ifndef LMUTILS_LEARNING_H
#define LMUTILS_LEARNING_H

#include <time.h>

#include "adamw.h"
#include "checkpoint.h"
#include "corpus.h"
#include "training.h"

struct learning {
	/* what is to be done */
	const char *from, *directory;   /* the model's directory to begin with, and that to make */
	int64_t steps, until;           /* in all; and the last for now */
	int64_t every, save, warmup;    /* steps between reports, between checkpoints; in which the rate rises */
	double rate, least, std;        /* peak and last; of the initial weights */
	uint64_t seed;
	bool fresh;                     /* random weights, even if there are others */
	enum dtype type;                /* of the weights written */
	struct adamw adamw;

	/* what it is done with */
	struct model *model;
	struct training training;
	struct corpus corpus, validation;       /* validation.count 0: none */

	/* how far it is */
	struct checkpoint checkpoint;
	char *log_path;
	int log;                        /* its descriptor */
	double recent;                  /* the sum of losses since the last report */
	int64_t recent_steps, begun;    /* their number; the step at which this process began */
	struct timespec start;
};

/* The model to train, with its own weights or random ones. */
void learning_open(struct learning *l);

/*
 * Trains, from the directory's checkpoint if there is one, up to the step `until` or
 * the last.  Dies, after a checkpoint, if SIGINT or SIGTERM comes; and if the directory
 * holds another training, or one that another process is at work on.
 */
void learning_run(struct learning *l);

/* Writes the loss and the gradients of the first batch to a file. */
void learning_gradients(struct learning *l, const char *path);

void learning_close(struct learning *l);

#endif
