/*
 * stage.h: a stage of the pipeline, which reads frames from standard input,
 * changes what is its own to change, and writes them to standard output.
 */
#ifndef LMUTILS_STAGE_H
#define LMUTILS_STAGE_H

#include "model.h"
#include "stream.h"

/* Rows of option tables that the stages share, and what they set. */
struct stage_options {
	const char *model;      /* -m */
	bool exact;             /* -x */
	bool force;             /* -f */
	size_t context;         /* -c; 0: the model's */
	size_t sequences;       /* --sequences */
};
#define STAGE_SEQUENCES 256     /* getopt's value for --sequences */

/* Takes one of the options above, or -j; false if c is another. */
bool stage_option(struct stage_options *o, int c, const char *argument);

/* No operand, or "-", means standard input; anything else exits 2. */
void stage_no_operands(int argc, char **argv);

/*
 * The layer that -l names, or with range the layers A-B, whose ends may be left
 * out; a missing (NULL) or wrong text exits 2, and so does, once the model is
 * known, a layer that it does not have.
 */
struct layers {
	size_t first, last;     /* last SIZE_MAX: the model's last */
};
struct layers stage_layers(const char *text, bool range);
void stage_layers_within(struct layers *l, const struct model *m);

struct stage {
	struct stream in, out;
	const struct model *model;
	const char *label;      /* the frames' metadata "stage" */
	bool force;             /* take frames of another model */
	bool terminal;          /* standard output is one: show, do not write */
	struct frame held;      /* an end frame, until what follows it has succeeded */
	bool holding;
	bool large;             /* the last frame was, so that memory is returned after it */
};

/* Dies if the frame just read names another model, unless force. */
void stage_check_model(const struct frame *f, const struct stream *in, const struct model *m, bool force);

void stage_start(struct stage *s, const struct model *m, const char *label, bool force);

/*
 * The next frame with something in it; false at the end of the stream.  End
 * frames in between are passed on, of several in a row one.  Dies if the frame names another model.
 */
bool stage_next(struct stage *s, struct frame *f);

/* Labels, writes and frees a frame; shows it instead if the output is a terminal. */
void stage_put(struct stage *s, struct frame *f);

/* The exit status of a stage that has come to the end. */
int stage_finish(void);

#endif
