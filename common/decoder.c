/*
 * decoder.c: from ids to text, as far as it is sure.  See tokenizer.h.
 *
 * The steps form a chain.  Pieces go through it in parts: put_text() gives a
 * step some more text of the current piece, put_end() says that the piece is
 * complete, and finish() that no piece will follow.  What leaves the last step
 * is the text.
 */
#include <stdlib.h>
#include <string.h>

#include "bytelevel.h"
#include "cli.h"
#include "memory.h"
#include "tokenizer_parts.h"
#include "utf8.h"

#define BYTE_PIECE 6    /* bytes of a piece like <0xE2> */
#define TEXT_MAX ((size_t)1 << 26)      /* of one token */

/* The state of one step. */
struct step {
	const struct decode_step *is;
	size_t matched;         /* replace: bytes of the pattern found so far */
	char start[BYTE_PIECE]; /* byte fallback: the first bytes of the piece */
	size_t start_bytes;     /* BYTE_PIECE + 1: it is longer, and given on */
	struct bytes run;       /* bytes that wait for the rest of a character or run */
	size_t valid;           /* how many of them are whole characters */
	bool broken;            /* byte fallback: the run is not UTF-8 */
	struct bytes piece;     /* from byte level on: the piece as far as it has come */
	bool held_piece;        /* suffix: a piece waits in run for what follows it */
	bool stripping;         /* strip: still at the start of the piece */
	size_t stripped, held;  /* taken off there, held back as perhaps its end */
	bool first;             /* metaspace, join, sentencepiece: no text was before */
	bool blank_taken;       /* sentencepiece: the last piece's blank was taken off */
};

struct decoder {
	const struct tokenizer *t;
	unsigned flags;
	int32_t id;             /* whose piece is on its way */
	struct step *steps;
	size_t count;
	struct bytes out;
};

static void put_text(struct decoder *d, size_t i, const char *s, size_t n);
static void put_end(struct decoder *d, size_t i);

static void put_piece(struct decoder *d, size_t i, const char *s, size_t n)
{
	put_text(d, i, s, n);
	put_end(d, i);
}

/*
 * Replace.
 */

size_t *decode_borders(const struct bytes *pattern)
{
	size_t *borders = mem_array(pattern->n, sizeof *borders);
	size_t k = borders[0] = 0;
	for (size_t i = 1; i < pattern->n; i++) {
		while (k > 0 && pattern->data[i] != pattern->data[k])
			k = borders[k - 1];
		k += pattern->data[i] == pattern->data[k];
		borders[i] = k;
	}
	return borders;
}

static void replace(struct decoder *d, size_t i, const char *text, size_t n)
{
	struct step *s = &d->steps[i];
	const struct bytes *pattern = &s->is->pattern;
	struct bytes out = {0};
	for (size_t k = 0; k < n; k++) {
		while (s->matched > 0 && pattern->data[s->matched] != text[k]) {
			size_t border = s->is->borders[s->matched - 1];
			bytes_add(&out, pattern->data, s->matched - border);
			s->matched = border;
		}
		if (pattern->data[s->matched] != text[k]) {
			bytes_add(&out, text + k, 1);
		} else if (++s->matched == pattern->n) {
			bytes_add(&out, s->is->content.data, s->is->content.n);
			s->matched = 0;
			if (out.n > TEXT_MAX)
				die(d->t->path, "the text of token %d is longer than %zu bytes", d->id, TEXT_MAX);
		}
	}
	put_text(d, i + 1, out.data, out.n);
	bytes_free(&out);
}

/*
 * Byte fallback.  A run of byte pieces is text if all of it is UTF-8, and else
 * U+FFFD for each byte.
 */

static void replace_run(struct decoder *d, size_t i)
{
	struct step *s = &d->steps[i];
	for (size_t k = 0; k < s->run.n; k++)
		if (d->flags & DECODE_BYTES)
			put_piece(d, i + 1, s->run.data + k, 1);
		else
			put_piece(d, i + 1, UTF8_REPLACEMENT, 3);
	s->run.n = s->valid = 0;
}

static void add_to_run(struct decoder *d, size_t i, char byte)
{
	struct step *s = &d->steps[i];
	enum utf8_status status = UTF8_VALID;
	size_t length;
	bytes_add(&s->run, &byte, 1);
	while (status == UTF8_VALID && s->valid < s->run.n) {
		status = utf8_decode(s->run.data + s->valid, s->run.n - s->valid, &length, NULL);
		if (status == UTF8_VALID)
			s->valid += length;
	}
	s->broken = s->broken || status == UTF8_INVALID;
	if (s->broken)
		replace_run(d, i);
}

static void end_run(struct decoder *d, size_t i)
{
	struct step *s = &d->steps[i];
	if (s->run.n > 0 && s->valid == s->run.n) {
		put_piece(d, i + 1, s->run.data, s->run.n);
		s->run.n = s->valid = 0;
	}
	replace_run(d, i);
	s->broken = false;
}

/* Whether the six bytes of s are <0x and two digits (one may be a +) and >. */
static bool is_byte_piece(const char *s, char *byte)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	char number[3] = {s[3], s[4], '\0'};
	if (memcmp(s, "<0x", 3) != 0 || s[5] != '>' || !s[4] || !strchr(digits, s[4]) || !s[3] ||
	    (s[3] != '+' && !strchr(digits, s[3])))
		return false;
	*byte = (char)strtol(number, NULL, 16);
	return true;
}

static void byte_fallback_text(struct decoder *d, size_t i, const char *text, size_t n)
{
	struct step *s = &d->steps[i];
	if (n == 0)
		return;
	if (s->start_bytes <= BYTE_PIECE && n <= BYTE_PIECE - s->start_bytes) {
		memcpy(s->start + s->start_bytes, text, n);
		s->start_bytes += n;
		return;
	}
	if (s->start_bytes <= BYTE_PIECE) {
		end_run(d, i);
		put_text(d, i + 1, s->start, s->start_bytes);
		s->start_bytes = BYTE_PIECE + 1;
	}
	put_text(d, i + 1, text, n);
}

static void byte_fallback_end(struct decoder *d, size_t i)
{
	struct step *s = &d->steps[i];
	char byte;
	if (s->start_bytes == BYTE_PIECE && is_byte_piece(s->start, &byte)) {
		add_to_run(d, i, byte);
	} else {
		if (s->start_bytes <= BYTE_PIECE) {
			end_run(d, i);
			put_text(d, i + 1, s->start, s->start_bytes);
		}
		put_end(d, i + 1);
	}
	s->start_bytes = 0;
}

/*
 * Strip.
 */

static void put_held(struct decoder *d, size_t i, size_t keep)
{
	struct step *s = &d->steps[i];
	for (; s->held > keep; s->held--)
		put_text(d, i + 1, s->is->content.data, s->is->content.n);
}

static void strip(struct decoder *d, size_t i, const char *text, size_t n)
{
	struct step *s = &d->steps[i];
	const struct bytes *content = &s->is->content;
	size_t length, done = 0;
	for (size_t at = 0; at < n; at += length) {
		length = utf8_length(text + at);
		bool equal = length == content->n && length <= n - at &&
			     memcmp(text + at, content->data, length) == 0;
		if (equal && s->stripping && s->stripped < s->is->start) {
			s->stripped++;
			done = at + length;
			continue;
		}
		s->stripping = false;
		if (equal && s->is->stop > 0) {
			put_text(d, i + 1, text + done, at - done);
			done = at + length;
			s->held++;
			put_held(d, i, s->is->stop);
		} else if (s->held > 0) {
			put_held(d, i, 0);
		}
	}
	if (done < n)
		put_text(d, i + 1, text + done, n - done);
}

/*
 * Metaspace.
 */

static void metaspace(struct decoder *d, size_t i, const char *text, size_t n)
{
	struct step *s = &d->steps[i];
	const struct bytes *pattern = &s->is->pattern;
	struct bytes out = {0};
	bool nothing = s->first && s->is->start;
	size_t length;
	for (size_t at = 0; at < n; at += length) {
		length = utf8_length(text + at);
		if (length == pattern->n && length <= n - at && memcmp(text + at, pattern->data, length) == 0)
			bytes_add(&out, " ", nothing ? 0 : 1);
		else
			bytes_add(&out, text + at, length <= n - at ? length : n - at);
	}
	put_text(d, i + 1, out.data, out.n);
	bytes_free(&out);
}

/*
 * Byte level.  All pieces are one, whose characters spell bytes.
 */

/*
 * Moves what is text from the start of a run of bytes: whole characters, and
 * U+FFFD for each part of a broken one, or each byte of it; or the bytes themselves.
 * Where more bytes may follow, a character that is not complete stays.
 */
static void take_characters(const struct decoder *d, struct bytes *run, bool more, bool each_byte, struct bytes *text)
{
	size_t at = 0, length;
	while (at < run->n) {
		enum utf8_status status = utf8_decode(run->data + at, run->n - at, &length, NULL);
		if (status == UTF8_INCOMPLETE && more)
			break;
		if (status == UTF8_VALID || (d->flags & DECODE_BYTES))
			bytes_add(text, run->data + at, length);
		else
			bytes_add(text, UTF8_REPLACEMENT, 3);
		at += status != UTF8_VALID && each_byte && !(d->flags & DECODE_BYTES) ? 1 : length;
	}
	if (at > 0)
		memmove(run->data, run->data + at, run->n - at);
	run->n -= at;
}

static void byte_level_take(struct decoder *d, size_t i, bool more)
{
	struct bytes text = {0};
	take_characters(d, &d->steps[i].run, more, false, &text);
	if (text.n > 0)
		put_text(d, i + 1, text.data, text.n);
	bytes_free(&text);
}

/* A piece with a character that stands for no byte is text as it is. */
static void byte_level_end(struct decoder *d, size_t i)
{
	struct step *s = &d->steps[i];
	if (!bytelevel_decode(s->piece.data, s->piece.n, &s->run))
		bytes_add(&s->run, s->piece.data, s->piece.n);
	s->piece.n = 0;
	byte_level_take(d, i, true);
}

/*
 * Suffix.  What of a piece is sure, up to the first suffix in it, is given on;
 * the rest waits until it is known whether another piece follows.
 */

static void put_rest(struct decoder *d, size_t i, const char *space)
{
	struct step *s = &d->steps[i];
	struct text t = text_new(s->run.n ? s->run.data : "", s->run.n, false);
	if (!s->held_piece)
		return;
	text_replace(&t, s->is->pattern.data, s->is->pattern.n, space, strlen(space));
	if (t.bytes.n > 0)
		put_text(d, i + 1, t.bytes.data, t.bytes.n);
	bytes_free(&t.bytes);
	put_end(d, i + 1);
	s->run.n = 0;
	s->held_piece = false;
}

static void suffix_end(struct decoder *d, size_t i)
{
	struct step *s = &d->steps[i];
	const struct bytes *suffix = &s->is->pattern;
	put_rest(d, i, " ");
	const char *found = s->piece.n < suffix->n ? NULL :
			    memmem(s->piece.data, s->piece.n, suffix->data, suffix->n);
	size_t sure = found ? (size_t)(found - s->piece.data) : s->piece.n;
	if (sure > 0)
		put_text(d, i + 1, s->piece.data, sure);
	bytes_add(&s->run, s->piece.data + sure, s->piece.n - sure);
	s->piece.n = 0;
	s->held_piece = true;
}

/*
 * WordPiece, CTC and Rewrite take whole pieces.
 */

/* English as it is written, from words and marks with spaces between them. */
static void clean_up(struct text *t)
{
	static const char *const pairs[][2] = {
		{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
		{" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		text_replace(t, pairs[i][0], strlen(pairs[i][0]), pairs[i][1], strlen(pairs[i][1]));
}

/* The piece that has come, of which nothing remains. */
static struct text take_piece(struct step *s)
{
	struct text t = text_new(s->piece.n ? s->piece.data : "", s->piece.n, false);
	s->piece.n = 0;
	return t;
}

static void put_taken(struct decoder *d, size_t i, struct text *t)
{
	put_piece(d, i + 1, t->bytes.n ? t->bytes.data : "", t->bytes.n);
	bytes_free(&t->bytes);
}

static bool begins_with(const struct bytes *b, const struct bytes *start)
{
	return start->n == 0 || (b->n >= start->n && memcmp(b->data, start->data, start->n) == 0);
}

static void wordpiece_end(struct decoder *d, size_t i)
{
	struct step *s = &d->steps[i];
	const struct bytes *prefix = &s->is->pattern;
	bool continues = begins_with(&s->piece, prefix);
	size_t start = continues && !s->first ? prefix->n : 0;
	struct text t = text_new(" ", s->first || continues ? 0 : 1, false);
	if (s->piece.n > start)
		bytes_add(&t.bytes, s->piece.data + start, s->piece.n - start);
	s->piece.n = 0;
	if (s->is->cleanup)
		clean_up(&t);
	s->first = false;
	put_taken(d, i, &t);
}

/* run holds the piece before, if held_piece. */
static void ctc_end(struct decoder *d, size_t i)
{
	struct step *s = &d->steps[i];
	const struct decode_step *is = s->is;
	struct text t = take_piece(s);
	bool again = s->held_piece && s->run.n == t.bytes.n && begins_with(&s->run, &t.bytes);
	s->run.n = 0;
	bytes_add(&s->run, t.bytes.data, t.bytes.n);
	s->held_piece = true;
	if (is->pattern.n > 0)
		text_replace(&t, is->pattern.data, is->pattern.n, "", 0);
	if (is->cleanup) {
		clean_up(&t);
		text_replace(&t, is->content.data, is->content.n, " ", 1);
	}
	if (again || t.bytes.n == 0)
		bytes_free(&t.bytes);
	else
		put_taken(d, i, &t);
}

/* Where bytes are kept that are no UTF-8, there is nothing to look for in them. */
static void rewrite_end(struct decoder *d, size_t i)
{
	struct text t = take_piece(&d->steps[i]);
	if (t.bytes.n > 0 && utf8_valid(t.bytes.data, t.bytes.n))
		normalizer_apply(&d->steps[i].is->rewrite, false, &t);
	put_taken(d, i, &t);
}

/*
 * SentencePiece: always the first step, so that pieces come whole.
 */

static void sentencepiece_put(struct decoder *d, size_t i, const char *text, size_t n)
{
	struct step *s = &d->steps[i];
	s->first = s->first && n == 0;
	put_text(d, i + 1, text, n);
}

static void sentencepiece_bytes(struct decoder *d, size_t i, bool more)
{
	struct step *s = &d->steps[i];
	struct bytes text = {0};
	take_characters(d, &s->run, more, !d->t->sentencepiece->gguf, &text);
	if (text.n > 0)
		sentencepiece_put(d, i, text.data, text.n);
	bytes_free(&text);
}

static void sentencepiece_piece(struct decoder *d, size_t i, const char *piece, size_t n)
{
	struct step *s = &d->steps[i];
	const struct sentencepiece *sp = d->t->sentencepiece;
	const size_t space = strlen(SENTENCEPIECE_SPACE);
	bool added = (size_t)d->id >= sp->vocabulary.size;      /* by a file beside */
	char byte;
	if (!added && sp->types[d->id] == PIECE_BYTE) {
		is_byte_piece(piece, &byte);
		bytes_add(&s->run, &byte, 1);
		sentencepiece_bytes(d, i, true);
		return;
	}
	if (s->run.n > 0)
		sentencepiece_bytes(d, i, false);
	s->first = s->first && !s->blank_taken;
	s->blank_taken = false;
	if (added || (sp->gguf && (sp->types[d->id] == PIECE_CONTROL || sp->types[d->id] == PIECE_UNKNOWN ||
			 sp->types[d->id] == PIECE_USER_DEFINED))) {
		sentencepiece_put(d, i, piece, n);
		return;
	}
	if (sp->types[d->id] == PIECE_CONTROL)
		return;
	if (sp->types[d->id] == PIECE_UNKNOWN) {
		sentencepiece_put(d, i, sp->unk_surface, strlen(sp->unk_surface));
		return;
	}
	if (s->first && (sp->dummy_prefix || sp->trim_spaces) && n >= space &&
	    memcmp(piece, SENTENCEPIECE_SPACE, space) == 0) {
		piece += space;
		n -= space;
		s->blank_taken = !sp->trim_spaces;
	}
	struct text t = text_new(piece, n, false);
	text_replace(&t, SENTENCEPIECE_SPACE, space, " ", 1);
	sentencepiece_put(d, i, t.bytes.data, t.bytes.n);
	bytes_free(&t.bytes);
}

/*
 * The chain.
 */

static void put_text(struct decoder *d, size_t i, const char *s, size_t n)
{
	if (i == d->count) {
		bytes_add(&d->out, s, n);
		return;
	}
	switch (d->steps[i].is->type) {
	case DECODE_REPLACE:
		replace(d, i, s, n);
		break;
	case DECODE_BYTE_FALLBACK:
		byte_fallback_text(d, i, s, n);
		break;
	case DECODE_STRIP:
		strip(d, i, s, n);
		break;
	case DECODE_METASPACE:
		metaspace(d, i, s, n);
		break;
	case DECODE_SENTENCEPIECE:
		sentencepiece_piece(d, i, s, n);
		break;
	case DECODE_BYTE_LEVEL:
	case DECODE_SUFFIX:
	case DECODE_WORDPIECE:
	case DECODE_CTC:
	case DECODE_REWRITE:
		bytes_add(&d->steps[i].piece, s, n);
		break;
	case DECODE_JOIN:
		put_text(d, i + 1, " ", d->steps[i].first ? 0 : 1);
		put_text(d, i + 1, s, n);
		break;
	case DECODE_FUSE:
		put_text(d, i + 1, s, n);
		break;
	}
}

static void put_end(struct decoder *d, size_t i)
{
	if (i == d->count)
		return;
	struct step *s = &d->steps[i];
	switch (s->is->type) {
	case DECODE_REPLACE:
		put_text(d, i + 1, s->is->pattern.data, s->matched);
		s->matched = 0;
		break;
	case DECODE_BYTE_FALLBACK:
		byte_fallback_end(d, i);
		return;
	case DECODE_BYTE_LEVEL:
		byte_level_end(d, i);
		return;
	case DECODE_SUFFIX:
		suffix_end(d, i);
		return;
	case DECODE_WORDPIECE:
		wordpiece_end(d, i);
		return;
	case DECODE_CTC:
		ctc_end(d, i);
		return;
	case DECODE_REWRITE:
		rewrite_end(d, i);
		return;
	case DECODE_FUSE:
		return;
	case DECODE_STRIP:
		s->stripped = s->held = 0;
		s->stripping = true;
		break;
	case DECODE_METASPACE:
	case DECODE_JOIN:
		s->first = false;
		break;
	case DECODE_SENTENCEPIECE:
		break;
	}
	put_end(d, i + 1);
}

static void finish(struct decoder *d, size_t i)
{
	if (i == d->count)
		return;
	struct step *s = &d->steps[i];
	switch (s->is->type) {
	case DECODE_BYTE_FALLBACK:
		end_run(d, i);
		break;
	case DECODE_BYTE_LEVEL:
		byte_level_take(d, i, false);
		put_end(d, i + 1);
		break;
	case DECODE_SUFFIX:
		put_rest(d, i, d->flags & DECODE_GOES_ON ? " " : "");
		break;
	case DECODE_SENTENCEPIECE:
		sentencepiece_bytes(d, i, false);
		break;
	case DECODE_FUSE:
		put_end(d, i + 1);
		break;
	default:
		break;
	}
	finish(d, i + 1);
}

struct decoder *decoder_new(const struct tokenizer *t, unsigned flags)
{
	struct decoder *d = mem_zero(1, sizeof *d);
	*d = (struct decoder){.t = t, .flags = flags, .count = t->decoder_count};
	d->steps = mem_zero(d->count, sizeof *d->steps);
	bool begins = flags & DECODE_BEGINS;
	bool fused = false;     /* one piece from here on, which began before */
	for (size_t i = 0; i < d->count; i++) {
		d->steps[i] = (struct step){.is = &t->decoders[i], .first = begins,
					    .stripping = begins || !fused};
		fused = fused || t->decoders[i].type == DECODE_FUSE || t->decoders[i].type == DECODE_BYTE_LEVEL;
	}
	return d;
}

struct decoder *decoder_copy(const struct decoder *d)
{
	struct decoder *copy = mem_array(1, sizeof *copy);
	*copy = *d;
	copy->out = (struct bytes){0};
	copy->steps = mem_array(d->count, sizeof *copy->steps);
	for (size_t i = 0; i < d->count; i++) {
		copy->steps[i] = d->steps[i];
		copy->steps[i].run = (struct bytes){0};
		bytes_add(&copy->steps[i].run, d->steps[i].run.data, d->steps[i].run.n);
		copy->steps[i].piece = (struct bytes){0};
		bytes_add(&copy->steps[i].piece, d->steps[i].piece.data, d->steps[i].piece.n);
	}
	return copy;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->count; i++) {
		bytes_free(&d->steps[i].run);
		bytes_free(&d->steps[i].piece);
	}
	free(d->steps);
	bytes_free(&d->out);
	free(d);
}

const char *decoder_next(struct decoder *d, int32_t id, size_t *n)
{
	size_t length;
	const char *piece = tokenizer_piece_bytes(d->t, id, &length);
	d->out.n = *n = 0;
	if (!piece && (id < 0 || (size_t)id >= tokenizer_size(d->t)))
		die(d->t->path, "no token has the id %d", id);
	if (!piece)
		return "";              /* a gap between ids, which tokenizers passes over too */
	d->id = id;
	/* A tokenizer.model's own step knows what to make of its own control pieces. */
	const struct sentencepiece *sp = d->t->sentencepiece;
	if ((d->flags & DECODE_SPECIAL) || (sp && !sp->gguf && (size_t)id < sp->vocabulary.size) ||
	    !tokenizer_special(d->t, id))
		put_piece(d, 0, piece, length);
	else if (sp && !(sp->adds_bos && id == sp->bos))
		d->steps[0].first = false;      /* what it left out stood before the text */
	*n = d->out.n;
	return d->out.n ? d->out.data : "";
}

const char *decoder_end(struct decoder *d, size_t *n)
{
	d->out.n = 0;
	finish(d, 0);
	*n = d->out.n;
	return d->out.n ? d->out.data : "";
}

void tokenizer_text(const struct tokenizer *t, int32_t id, struct bytes *out)
{
	size_t n;
	if (!tokenizer_piece(t, id) || tokenizer_special(t, id))
		return;
	struct decoder *d = decoder_new(t, DECODE_BYTES | DECODE_GOES_ON);
	const char *text = decoder_next(d, id, &n);
	bytes_add(out, text, n);
	text = decoder_end(d, &n);
	bytes_add(out, text, n);
	decoder_free(d);
}
