/*
 * bert.h: what BERT does to a text before it cuts it into words.
 *
 * Source: tokenizers, src/normalizers/bert.rs.
 */
#ifndef LMUTILS_BERT_H
#define LMUTILS_BERT_H

#include <stdbool.h>

struct text;

struct bert {
	bool clean;             /* no control characters; all white space becomes spaces */
	bool chinese;           /* spaces around each Chinese character */
	bool strip_accents;     /* taken apart (NFD), and no nonspacing marks */
	bool lowercase;
};

void bert_normalize(const struct bert *b, struct text *t);

#endif
