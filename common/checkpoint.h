/*
 * checkpoint.h: what a training must remember to go on as if it had not
 * stopped, and the model that comes of it.
 */
#ifndef LMUTILS_CHECKPOINT_H
#define LMUTILS_CHECKPOINT_H

#include "adamw.h"
#include "model.h"

#define CHECKPOINT "training.safetensors"

struct checkpoint {
	int64_t step;                   /* steps done */
	int64_t epoch, next;            /* where in the text: see corpus.h */
	int64_t log;                    /* bytes of the log so far */
	char settings[17];              /* a fingerprint of all that decides what is computed */
};

/*
 * The directory's checkpoint: weights and running means into model and a.  False
 * if there is none; dies if it is broken or was made with other settings.
 */
bool checkpoint_read(struct checkpoint *c, const char *directory, struct model *model, const struct adamw *a);
void checkpoint_write(const struct checkpoint *c, const char *directory, const struct model *model,
		      const struct adamw *a);

/* model.safetensors of a model_copy, rounded to that type: F32 or BF16. */
void checkpoint_write_model(const char *directory, const struct model *model, enum dtype type);

#endif
