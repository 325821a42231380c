/*
 * tokenizer_parts.h: what a tokenizer is made of, for those files that build
 * it (tokenizer_json.c and tokenizer_steps.c, tokenizer_gguf.c) or run it (tokenizer.c, decoder.c).
 */
#ifndef LMUTILS_TOKENIZER_PARTS_H
#define LMUTILS_TOKENIZER_PARTS_H

#include "added.h"
#include "normalizer.h"
#include "pretokenizer.h"
#include "sentencepiece.h"
#include "tokenizer.h"
#include "tokenmodel.h"

/*
 * The steps of decoding: each takes the pieces that the one before gives, and
 * gives pieces on.  Source: tokenizers, src/decoders.
 */
enum decode_type {
	DECODE_REPLACE,         /* content for each pattern within a piece */
	DECODE_BYTE_FALLBACK,   /* pieces like <0xE2> in a row become the text they spell */
	DECODE_FUSE,            /* all pieces become one */
	DECODE_STRIP,           /* up to `start` times content off a piece's start, `stop` off its end */
	DECODE_METASPACE,       /* pattern becomes a space, in the first piece nothing if `start` */
	DECODE_BYTE_LEVEL,      /* all pieces become the text that their bytes spell: bytelevel.h */
	DECODE_SUFFIX,          /* pattern becomes a space, in the last piece nothing */
	DECODE_WORDPIECE,       /* a space before each piece but the first; or, if it begins with it, not even pattern */
	DECODE_CTC,             /* of equal pieces in a row one; in it no pattern */
	DECODE_REWRITE,         /* what rewrite makes of each piece */
	DECODE_JOIN,            /* a space between pieces; the only step then */
	DECODE_SENTENCEPIECE,   /* all that SentencePiece does; the only step then */
};

struct decode_step {
	enum decode_type type;
	struct bytes pattern, content;
	size_t *borders;        /* of pattern, see decode_borders */
	size_t start, stop;
	bool cleanup;           /* wordpiece, ctc: no spaces before punctuation; ctc: content becomes a space */
	struct normalizer rewrite;
};

/*
 * For each prefix of a pattern the length of the longest shorter one that it
 * also ends with (Knuth, Morris and Pratt 1977).
 */
size_t *decode_borders(const struct bytes *pattern);

/* In a template: where the text's ids go. */
#define TEMPLATE_TEXT (-1)

struct tokenizer {
	char *path;                             /* of the file, for messages */
	struct vocabulary added_vocabulary;     /* added tokens, which come before the model's */
	struct added_token *added;
	size_t added_count;
	int32_t *added_by_id;                   /* [added_vocabulary.size]: index, or -1 */
	struct prefix_set raw, normalized;      /* added tokens, by where they are searched */
	struct normalizer *normalizers;
	size_t normalizer_count;
	struct pretokenizer *pretokenizers;
	size_t pretokenizer_count;
	struct token_model model;
	const struct sentencepiece *sentencepiece;      /* NULL unless it is the model */
	struct ids template;                    /* of special tokens and TEMPLATE_TEXT */
	struct decode_step *decoders;
	size_t decoder_count;
};

/* As tokenizer_piece, with its length, since a piece may contain a NUL. */
const char *tokenizer_piece_bytes(const struct tokenizer *t, int32_t id, size_t *n);

/* Applies the normalizers (see normalizer_apply); the text's bytes are replaced. */
void tokenizer_normalize(const struct tokenizer *t, bool exact, struct text *text);

/* Adds a step, all zero, to those of a tokenizer. */
struct normalizer *tokenizer_add_normalizer(struct tokenizer *t, enum normalizer_type type);
struct pretokenizer *tokenizer_add_pretokenizer(struct tokenizer *t, enum pretokenizer_type type);
struct decode_step *tokenizer_add_decoder(struct tokenizer *t, enum decode_type type);

/* A compiled regex, and a Split at one; both die if it is not one. */
struct regex *tokenizer_regex(const struct tokenizer *t, const char *regex, size_t n);
struct pretokenizer *tokenizer_add_split(struct tokenizer *t, const char *regex, size_t n,
					 enum split_behavior behavior);

/* A punctuation mark, in a regex: Unicode's, and ASCII's other signs. */
#define TOKENIZER_PUNCTUATION "[\\p{P}$+<=>^`|~]"

/* Cuts as BERT does: at white space, which is removed, and around punctuation marks. */
void tokenizer_add_bert_split(struct tokenizer *t);

/* Adds all of BERT's steps around its model. */
void tokenizer_add_bert(struct tokenizer *t, const struct bert *bert);

/*
 * The id that an added token of a Hugging Face file gets: the one its text has, or the
 * next free one.  The file's own number is not asked, as tokenizers does not.
 */
int32_t tokenizer_next_id(const struct tokenizer *t, const char *content, size_t n);

/* Adds a token that goes around each text, by its piece; NULL, or one that there is not, adds none. */
void tokenizer_add_around(struct tokenizer *t, const char *piece);

/* Adds the cuts of a row of ggufpre.h. */
struct gguf_pre;
void tokenizer_add_pre(struct tokenizer *t, const struct gguf_pre *pre);

/* Adds an added token without flags, which dies if it is too long.  Valid until the next one is added. */
struct added_token *tokenizer_add_token(struct tokenizer *t, const char *content, size_t n, int32_t id);

/*
 * Makes the added tokens findable, once all of them are in t->added and
 * t->added_vocabulary.
 */
void tokenizer_index_added(struct tokenizer *t);

/*
 * Fill in a tokenizer from its file, t->path; die as tokenizer_open does.  directory, or
 * NULL, is where the files may be that belong to it, such as tokenizer_config.json.
 */
void tokenizer_load_gguf(struct tokenizer *t);
void tokenizer_load_json(struct tokenizer *t);
void tokenizer_load_merges(struct tokenizer *t, const char *directory);
void tokenizer_load_ranks(struct tokenizer *t);
void tokenizer_load_sentencepiece(struct tokenizer *t, const char *directory);
void tokenizer_load_tekken(struct tokenizer *t);
void tokenizer_load_wordpiece(struct tokenizer *t, const char *directory);

/* Whether a file is a list of WordPiece's pieces: by its name, vocab.txt, or a line "[UNK]" at its beginning. */
bool tokenizer_wordpiece_is(const char *path);

/* Whether a file begins like one of tiktoken's. */
bool tokenizer_ranks_is(const char *path);

#endif
