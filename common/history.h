/*
 * history.h: the tokens of the sequences, as the frames have shown them, and
 * which of them were chosen here.
 *
 * A row tells the token at its position.  If it is the one that was chosen for
 * that position, it continues the text that is being made; any other, such as
 * those of a prompt, is given, and the text made begins anew behind it.
 */
#ifndef LMUTILS_HISTORY_H
#define LMUTILS_HISTORY_H

#include "stream.h"

struct history_token {
	int32_t id;
	double mu;              /* mirostat's state after it (see sampling.h), if it was chosen here */
};

struct history_sequence {
	struct history_token *tokens;   /* [n], those at the positions 0 to n - 1 */
	size_t n, room;
	size_t made;                    /* from this position on they were chosen here */
	struct history_token chosen;    /* for position n, unless its id is -1 */
	bool ends;                      /* the text made ends with it */
};

struct history {
	size_t limit;           /* sequences there may be, */
	size_t context;         /* and positions in each */
	struct history_sequence *sequences;
	size_t count;
};

/* What a frame says before its rows: `free` forgets a sequence, `fork` copies one. */
void history_prepare(struct history *h, const struct frame *f, const struct stream *in);

/*
 * A row: the token at pos of a sequence.  What was at pos and behind it is
 * forgotten.  Dies if there is a gap before pos, or no room for it.
 */
const struct history_sequence *history_row(struct history *h, const struct stream *in, int32_t seq, int32_t pos,
					   int32_t id);

/* The choice for the position after the latest row of a sequence; whether it ends the text. */
void history_choose(struct history *h, int32_t seq, struct history_token chosen, bool ends);

void history_destroy(struct history *h);

#endif
