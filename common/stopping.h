/*
 * stopping.h: when a sequence of sampled tokens is complete.
 *
 * A sequence exists from its first row on.  It ends with an end-of-sequence
 * token, after so many tokens, when its text contains a given one, or when the
 * context has no room for more; a wanted row after that begins it again.
 */
#ifndef LMUTILS_STOPPING_H
#define LMUTILS_STOPPING_H

#include "model.h"
#include "stream.h"
#include "tokenizer.h"

struct stopping_sequence {
	bool seen, ended;
	bool told;              /* the stages were told of its end */
	size_t ended_in;        /* frame in which it ended */
	int32_t last;           /* pos of its latest row */
	int32_t first;          /* pos of its first sampled token */
	int32_t *ids;           /* [n], the tokens sampled */
	size_t n;
	struct decoder *decoder;
	char *text;             /* [length], what they say; only if texts are looked for */
	size_t length;
};

struct stopping {
	/* The criteria, set by the caller. */
	const int32_t *eos;
	size_t eos_count;
	size_t tokens;          /* a sequence gets; SIZE_MAX: no limit */
	size_t context;         /* positions a sequence may have */
	char **texts;
	size_t text_count;
	const struct tokenizer *tokenizer;      /* needed for texts */
	size_t limit;           /* sequences there may be */
	int32_t given_eos[EOS_MAX];             /* of --eos */
	const char *eos_text;                   /* --eos; NULL: not given */

	/* Kept here. */
	struct stopping_sequence *sequences;
	size_t count;           /* allocated */
	size_t frames;          /* prepared */
	size_t live;            /* sequences seen and not freed or ended */
	bool began;             /* there has been one */
	bool cut;               /* the context ended a sequence before its tokens were sampled */
};

/*
 * The argument of --eos: "2", "2,7", or "none" for no ids at all.  Returns how
 * many; exits 2 if it is something else, or an id that a vocabulary of `vocab`
 * tokens has not.
 */
size_t stopping_eos(const char *text, size_t vocab, int32_t ids[EOS_MAX]);

/* Takes --eos, -n or --stop; false if c is another.  The caller frees s->texts. */
enum { STOPPING_EOS = 768, STOPPING_STOP };
bool stopping_option(struct stopping *s, int c, const char *argument);

/* The criteria that no option has set: by the model, which may be NULL.  Exits 2 if --eos does not fit it. */
void stopping_defaults(struct stopping *s, const struct model *m);

/*
 * What a frame says about sequences before its rows: `free` and `fork`; then
 * the rows begin sequences, and cut off the tokens of those that go back.
 */
void stopping_prepare(struct stopping *s, const struct frame *f, const struct stream *in,
		      const struct rows *r);

/*
 * True if a token may be sampled for pos of a sequence, which has had a row;
 * false, and the sequence ended, if none is to be or the context has no room.
 * Says so on standard error if it is full.
 */
bool stopping_wants(struct stopping *s, int32_t seq, int32_t pos);

/*
 * Takes the token that was sampled for pos, and whether the text is complete with it;
 * true if the sequence ends with it.
 */
bool stopping_token(struct stopping *s, int32_t seq, int32_t pos, int32_t id, bool complete);

/* True once there have been sequences and all of them have ended. */
bool stopping_done(const struct stopping *s);

/*
 * The sequences that ended in earlier frames, so that the stages have seen all
 * of them and can be told to forget: each once, in seqs (room for s->count).
 * Returns how many.
 */
size_t stopping_tell(struct stopping *s, int32_t *seqs);

void stopping_destroy(struct stopping *s);

#endif
