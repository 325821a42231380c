/*
 * conversation.h: a conversation on the terminal.
 *
 * It sits between the end of a pipeline and its beginning, as tok, tee and
 * tok -d do otherwise: the user's messages go out as frames, and of the tokens
 * that come back all are shown and sent round again but the one that ends an
 * answer.  The stages keep what was said (it is in their caches), so that each
 * turn sends nothing but itself.
 */
#ifndef LMUTILS_CONVERSATION_H
#define LMUTILS_CONVERSATION_H

#include "chat.h"
#include "model.h"
#include "stopping.h"

struct conversation {
	const struct chat *chat;
	char *model;                    /* its hash, for the frames */
	size_t chunk;                   /* rows of a frame */
	size_t context;                 /* positions there are */
	struct stopping stop;           /* what ends an answer: tokens and texts may be added, */
	int32_t eos[EOS_MAX];           /* and ids, stop.eos_count of them */

	/* Kept here. */
	struct stream in, out;
	size_t next;                    /* position of the next row */
	int32_t held;                   /* id that comes first there, before the next turn; -1: none */
	bool over;                      /* the stages have ended */
};

/*
 * One that nothing ends yet, with room for so many texts that will end an
 * answer; context: positions, or 0 for the model's.
 */
struct conversation *conversation_new(const struct chat *chat, const struct model *m, size_t context, size_t texts);
void conversation_free(struct conversation *c);

/*
 * Reads messages from standard input, a terminal, a line each, and writes the
 * answers to standard output, until the input ends; reads frames from `in`,
 * those of a sampler that ends no sequence by itself but for its context, and
 * writes frames to `out`.  An interrupt ends the answer only.  Returns the exit
 * status.  The signature is that of pipeline_function, `what` the conversation.
 */
int conversation_hold(void *what, int in, int out);

#endif
