/*
 * mksentencepiece.c: writes a tokenizer.model of SentencePiece.
 *
 *	mksentencepiece [KEY=NUMBER ...] <PIECES >tokenizer.model
 *
 * A line of PIECES is a type (a number of sentencepiece.h), a score and a piece;
 * type 6 alone stands for all 256 bytes.  Keys are the numbers of fields:
 * t3=1 is field 3 of the trainer_spec (the model_type), n4=0 field 4 of the
 * normalizer_spec.  "map" instead of a key and number adds a map of characters
 * in which A becomes "ab", and B nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cli.h"

static void usage(FILE *f)
{
	fputs("usage: mksentencepiece [t<field>=<n> | n<field>=<n> | map] ...\n", f);
}

static void add_byte(struct bytes *b, unsigned byte)
{
	char c = (char)byte;
	bytes_add(b, &c, 1);
}

static void add_varint(struct bytes *b, size_t n)
{
	for (; n >= 128; n >>= 7)
		add_byte(b, (n & 127) | 128);
	add_byte(b, (unsigned)n);
}

static void add_number(struct bytes *b, size_t field, size_t n)
{
	add_varint(b, field << 3);
	add_varint(b, n);
}

static void add_string(struct bytes *b, size_t field, const char *s, size_t n)
{
	add_varint(b, field << 3 | 2);
	add_varint(b, n);
	bytes_add(b, s, n);
}

static void add_little_endian(struct bytes *b, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		add_byte(b, x >> 8 * i & 255);
}

static void add_piece(struct bytes *model, size_t type, float score, const char *piece)
{
	struct bytes message = {0};
	uint32_t bits;
	memcpy(&bits, &score, sizeof bits);
	add_string(&message, 1, piece, strlen(piece));
	add_byte(&message, 2 << 3 | 5);
	add_little_endian(&message, bits);
	add_number(&message, 3, type);
	add_string(model, 1, message.data, message.n);
	bytes_free(&message);
}

/*
 * A trie of the two keys.  The root's children stand at their bytes, and the
 * leaves, with the places of the replacements, at 256 and 257.
 */
static void add_map(struct bytes *normalizer)
{
	static const char strings[] = "ab\0";
	uint32_t units[258] = {0};
	struct bytes map = {0};
	units['A'] = 'A' | 0x100 | ('A' ^ 256) << 10;
	units['B'] = 'B' | 0x100 | ('B' ^ 257) << 10;
	units[256] = 0x80000000;
	units[257] = 0x80000000 | 3;
	add_little_endian(&map, sizeof units);
	for (size_t i = 0; i < 258; i++)
		add_little_endian(&map, units[i]);
	bytes_add(&map, strings, sizeof strings);
	add_string(normalizer, 2, map.data, map.n);
	bytes_free(&map);
}

int main(int argc, char **argv)
{
	struct bytes model = {0}, trainer = {0}, normalizer = {0};
	char line[256], piece[128], *end;
	cli_start(argv, usage);
	while (fgets(line, sizeof line, stdin)) {
		unsigned type;
		float score = 0;
		piece[0] = '\0';
		if (sscanf(line, "%u %f %127[^\n]", &type, &score, piece) < 1)
			die("stdin", "no piece: %s", line);
		if (type != 6 || piece[0]) {
			add_piece(&model, type, score, piece);
			continue;
		}
		for (unsigned i = 0; i < 256; i++) {
			snprintf(piece, sizeof piece, "<0x%02X>", i);
			add_piece(&model, 6, 0, piece);
		}
	}
	add_number(&trainer, 3, 2);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "map") == 0) {
			add_map(&normalizer);
			continue;
		}
		size_t field = strtoul(argv[i] + 1, &end, 10);
		if (*end != '=')
			cli_usage_error("%s: no number", argv[i]);
		add_number(argv[i][0] == 't' ? &trainer : &normalizer, field, strtoul(end + 1, NULL, 10));
	}
	add_string(&model, 2, trainer.data, trainer.n);
	add_string(&model, 3, normalizer.n ? normalizer.data : "", normalizer.n);
	fwrite(model.data, 1, model.n, stdout);
	bytes_free(&model);
	bytes_free(&trainer);
	bytes_free(&normalizer);
	return cli_finish();
}
