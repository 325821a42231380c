/*
 * answer.h: the tokens that answer the wanted rows of a frame, and the frame they
 * make.
 */
#ifndef LMUTILS_ANSWER_H
#define LMUTILS_ANSWER_H

#include "choice.h"
#include "stopping.h"

struct answer_token {
	int32_t id, seq, pos;
	bool last;              /* of its sequence */
};

/* Those who decide. */
struct answering {
	struct choice choice;
	struct stopping stop;
	struct history history; /* kept if the choice needs it */
	bool unmatched;         /* a text has ended, after a warning, that does not match --regex */
};

/*
 * Chooses after the wanted rows of a frame read from `in`; tokens[] has room for
 * all rows.  How many there are: with choice.show, none.  Dies if the rows can't
 * be used.
 */
size_t answer_frame(struct answering *a, const struct frame *f, const struct stream *in, const struct rows *r,
		    struct answer_token *tokens);

/* Writes them as a frame such as tok's, made with `model` (may be NULL), and `free` for sequences that ended before. */
void answer_write(struct answering *a, struct stream *out, const struct answer_token *tokens, size_t n,
		  const char *model);

/*
 * Reads a stream to its end, once all sequences have ended: in a loop, our end frame
 * comes back.  Warns if there are logits in what comes.
 */
void answer_rest(struct stream *in);

#endif
