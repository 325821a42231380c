/* listing.c: tokens for people.  See listing.h. */
#include <stdio.h>

#include "listing.h"

void listing_header(const struct tokenizer *t)
{
	printf("%5s %5s %8s%s\n", "seq", "pos", "id", t ? "  piece" : "");
}

/* Control characters could do anything to a terminal: they are shown as \x0d. */
static void print_piece(const char *piece)
{
	for (const unsigned char *c = (const unsigned char *)piece; *c; c++)
		if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) {
			printf("\\x%02x\\x%02x", c[0], c[1]);
			c++;
		} else if (*c < ' ' || *c == 0x7f)
			printf("\\x%02x", *c);
		else
			putchar(*c);
}

void listing_token(const struct tokenizer *t, int32_t seq, int32_t pos, int32_t id)
{
	const char *piece = t ? tokenizer_piece(t, id) : NULL;
	printf("%5d %5d %8d", seq, pos, id);
	if (piece) {
		printf("  '");
		print_piece(piece);
		putchar('\'');
	} else if (t) {
		printf("  (no such token)");
	}
	putchar('\n');
}

void listing_frame(const struct tokenizer *t, const struct frame *f, const struct stream *in)
{
	struct rows r = frame_rows(f, in, NEED_IDS | NEED_SEQ | NEED_POS);
	for (size_t i = 0; i < r.n; i++)
		listing_token(t, r.seq[i], r.pos[i], r.ids[i]);
	fflush(stdout);
}
