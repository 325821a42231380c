/*
 * show.h: what a frame says, for people: stages show it where they would
 * otherwise write binary to a terminal.
 */
#ifndef LMUTILS_SHOW_H
#define LMUTILS_SHOW_H

#include "model.h"
#include "stream.h"

/*
 * Prints to standard output: of a frame with logits the ten likeliest tokens
 * of each row; of one with x the norm of each row; else the ids.  f has just
 * been written to or read from s.  Pieces are shown if the model has a
 * tokenizer.
 */
void show_frame(const struct frame *f, const struct stream *s, const struct model *m);

#endif
