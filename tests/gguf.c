/*
 * gguf.c: what gguf_parse refuses, and that it reads nothing else.
 *
 * Files are built in memory, then broken: in every way that has a message of
 * its own; cut off at every length; with every byte changed.  Each is parsed in
 * a piece of memory of just its size, so that a sanitizer sees what is read
 * beyond it.  With an operand, the unbroken file is written there: a seed for
 * fuzzing.
 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "ggufwriter.h"
#include "memory.h"
#include "quants.h"

static void usage(FILE *f)
{
	fputs("usage: gguf [file]\n", f);
}

static unsigned long files, failures;

static void expect(bool good, const char *what)
{
	if (!good) {
		failures++;
		warn("failed", "%s", what);
	}
}

/* Reads all that a parsed file has; returns something that depends on it. */
static double walk(const struct gguf *g)
{
	double sum = 0, real;
	for (size_t i = 0; i < g->pair_count; i++) {
		const struct gguf_value *v = &g->pairs[i].value;
		const unsigned char *at = v->at;
		for (size_t k = 0; k < v->count; k++)
			if (v->type == GGUF_STRING) {
				struct gguf_string s = gguf_next_string(&at);
				for (size_t c = 0; c < s.n; c++)
					sum += s.bytes[c];
			} else if (v->type != GGUF_ARRAY && gguf_real_at(v, k, &real)) {
				sum += real;
			}
	}
	for (size_t i = 0; i < g->tensor_count; i++) {
		const struct tensor *t = &g->tensors[i];
		const struct quant *q = quant_of(t->type);
		float x[QUANT_BLOCK_MAX];
		for (size_t k = 0; q->unpack && k < t->bytes; k += q->bytes) {
			q->unpack(q->type, (const unsigned char *)t->data + k, x);
			sum += x[0];
		}
	}
	return sum;
}

/* Parses b; why is "" where it is good. */
static bool parse(const struct bytes *b, char *why, size_t size)
{
	struct gguf g;
	unsigned char *copy = mem_array(b->n, 1);
	volatile double sum;
	memcpy(copy, b->data, b->n);
	why[0] = '\0';
	files++;
	bool good = gguf_parse(copy, b->n, &g, why, size);
	if (good) {
		sum = walk(&g);
		(void)sum;
		gguf_clear(&g);
	} else {
		expect(why[0] != '\0' && !strchr(why, '\n'), "a reason");
	}
	free(copy);
	return good;
}

/* A file with one of everything; where the data begins. */
static size_t build(struct bytes *b)
{
	size_t n;
	put_start(b, 3, 9);
	put_key_string(b, "general.architecture", "llama");
	put_key_u32(b, "general.alignment", 64);
	put_key_f32(b, "a.f32", 1.5f);
	put_key(b, "a.bool", GGUF_BOOL);
	put(b, 1, 1);
	put_key(b, "a.i64", GGUF_I64);
	put(b, (uint64_t)-5, 8);
	put_key(b, "a.u64", GGUF_U64);
	put(b, UINT64_MAX, 8);
	put_key(b, "a.strings", GGUF_ARRAY);
	put(b, GGUF_STRING, 4);
	put(b, 3, 8);
	put_string(b, "one");
	put_string(b, "");
	put_string(b, "three");
	put_key(b, "a.i8s", GGUF_ARRAY);
	put(b, GGUF_I8, 4);
	put(b, 4, 8);
	put(b, 0xff02fe01, 4);
	put_key(b, "a.nested", GGUF_ARRAY);
	put(b, GGUF_ARRAY, 4);
	put(b, 2, 8);
	for (int i = 0; i < 2; i++) {
		put(b, GGUF_BOOL, 4);
		put(b, 2, 8);
		put(b, 0x0100, 2);
	}
	put_tensor(b, "x", 3, 0, 0, 0);
	put_tensor(b, "q", 2, 32, 2, 64);
	put_tensor(b, "k", 1, 256, 14, 128);
	put_padding(b, 64);
	n = b->n;
	put_f32(b, 1);
	put_f32(b, 2);
	put_f32(b, 3);
	put_padding(b, 64);
	for (int i = 0; i < 36 + 28 + 210; i++)
		put(b, (uint64_t)i, 1);
	return n;
}

static void good_file(void)
{
	struct bytes b = {0};
	struct gguf g;
	char why[256];
	int64_t integer = 7;
	double real;
	size_t header = build(&b);
	if (!gguf_parse((unsigned char *)b.data, b.n, &g, why, sizeof why))
		die("good file", "%s", why);
	expect(g.header == header, "header");
	expect(g.pair_count == 9 && g.tensor_count == 3, "counts");
	expect(gguf_integer_at(gguf_find(&g, "a.i64"), 0, &integer) && integer == -5, "i64");
	expect(!gguf_integer_at(gguf_find(&g, "a.u64"), 0, &integer), "a u64 beyond i64");
	expect(gguf_real_at(gguf_find(&g, "a.u64"), 0, &real) && real == 0x1p64, "u64 as a real");
	expect(!gguf_integer_at(gguf_find(&g, "a.f32"), 0, &integer), "a real as an integer");
	expect(gguf_real_at(gguf_find(&g, "a.f32"), 0, &real) && real == 1.5, "f32");
	expect(!gguf_real_at(gguf_find(&g, "a.bool"), 0, &real), "a bool as a number");
	expect(!gguf_real_at(gguf_find(&g, "general.architecture"), 0, &real), "a string as a number");
	const struct gguf_value *v = gguf_find(&g, "a.i8s");
	expect(v->array && v->count == 4 && gguf_integer_at(v, 1, &integer) && integer == -2, "array of i8");
	expect(gguf_real_at(v, 3, &real) && real == -1, "array of i8 as reals");
	v = gguf_find(&g, "a.strings");
	const unsigned char *at = v->at;
	expect(gguf_equal(gguf_next_string(&at), "one") && gguf_equal(gguf_next_string(&at), "") &&
	       gguf_equal(gguf_next_string(&at), "three"), "array of strings");
	expect(!gguf_find(&g, "a") && !gguf_find(&g, "a.i8s.x") && !gguf_find(&g, ""), "keys that are not there");
	const struct tensor *t = &g.tensors[1];
	expect(strcmp(t->name, "q") == 0 && t->type == DTYPE_Q4_0 && t->rank == 2 && t->shape[0] == 2 &&
	       t->shape[1] == 32 && t->bytes == 36, "tensor");
	expect(t->data == b.data + header + 64, "its place");
	expect(g.tensors[2].type == DTYPE_Q6_K && g.tensors[2].bytes == 210, "tensor of Q6_K");
	gguf_clear(&g);
	bytes_free(&b);
}

/* b, which is freed, must be refused with a reason that has these words. */
static void refused(struct bytes *b, const char *words)
{
	char why[256];
	if (parse(b, why, sizeof why) || !strstr(why, words)) {
		failures++;
		warn("failed", "'%s' expected, not '%s'", words, why);
	}
	bytes_free(b);
	*b = (struct bytes){0};
}

/* A file of one pair, so far only its key and type. */
static struct bytes one_pair(const char *key, int type)
{
	struct bytes b = {0};
	put_start(&b, 0, 1);
	put_key(&b, key, (enum gguf_type)type);
	return b;
}

/* A file of two tensors and some data. */
static struct bytes two_tensors(const char *first, uint64_t offset, const char *second, uint64_t out,
				uint64_t in, uint32_t type, uint64_t offset2)
{
	struct bytes b = {0};
	put_start(&b, 2, 0);
	put_tensor(&b, first, 16, 0, 0, offset);
	put_tensor(&b, second, out, in, type, offset2);
	put_padding(&b, 32);
	for (int i = 0; i < 256; i++)
		put(&b, 0, 1);
	return b;
}

static void bad_files(void)
{
	struct bytes b = {0};
	bytes_add(&b, "GGML", 4);
	refused(&b, "not a GGUF file");
	bytes_add(&b, "GGUF", 4);
	refused(&b, "truncated");
	for (uint32_t version = 0; version < 6; version++)
		if (version != 2 && version != 3) {
			put_start(&b, 0, 0);
			b.data[4] = (char)version;
			refused(&b, "version");
		}
	put_start(&b, 0, 0);
	memcpy(b.data + 4, "\0\0\0\3", 4);
	refused(&b, "big-endian");
	put_start(&b, UINT64_MAX, 0);
	refused(&b, "tensors in 24 bytes");
	put_start(&b, 0, (uint64_t)1 << 60);
	refused(&b, "pairs and 0 tensors");

	b = one_pair("", GGUF_U8);
	put(&b, 0, 8);
	refused(&b, "a key of 0 bytes");
	b = one_pair("two words", GGUF_U8);
	put(&b, 0, 8);
	refused(&b, "not printable");
	b = one_pair("line\n", GGUF_U8);
	put(&b, 0, 8);
	refused(&b, "not printable");
	b = one_pair("k", GGUF_TYPES);
	put(&b, 0, 8);
	refused(&b, "key 'k': unknown type 13");
	b = one_pair("k", GGUF_BOOL);
	put(&b, 2, 1);
	refused(&b, "key 'k': a truth value");
	b = one_pair("k", GGUF_U32);
	put(&b, 2, 3);
	refused(&b, "truncated: key 'k'");
	b = one_pair("k", GGUF_STRING);
	put(&b, UINT64_MAX, 8);
	refused(&b, "truncated: a string");
	b = one_pair("k", GGUF_ARRAY);
	put(&b, GGUF_TYPES, 4);
	put(&b, 0, 8);
	refused(&b, "key 'k': unknown type");
	for (int type = 0; type < GGUF_TYPES; type++) {
		static const uint64_t counts[] = {UINT64_MAX, UINT64_MAX / 2 + 1, UINT64_MAX / 8 + 1, 1000};
		for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
			b = one_pair("k", GGUF_ARRAY);
			put(&b, (uint64_t)type, 4);
			put(&b, counts[i], 8);
			put(&b, 0, 8);
			refused(&b, "truncated: key 'k'");
		}
	}
	b = one_pair("k", GGUF_ARRAY);
	for (int depth = 0; depth < 1000; depth++) {
		put(&b, GGUF_ARRAY, 4);
		put(&b, 1, 8);
	}
	refused(&b, "key 'k': arrays are nested more than 4 deep");
	put_start(&b, 0, 2);
	put_key_u32(&b, "k", 1);
	put_key_f32(&b, "k", 1);
	refused(&b, "key 'k' is there twice");
	static const uint32_t alignments[] = {0, 1, 4, 12, 0x80000000};
	for (size_t i = 0; i < sizeof alignments / sizeof *alignments; i++) {
		b = one_pair("general.alignment", GGUF_U32);
		put(&b, alignments[i], 4);
		refused(&b, "general.alignment must be a multiple of 8");
	}
	b = one_pair("general.alignment", GGUF_STRING);
	put_string(&b, "32");
	refused(&b, "general.alignment must be");

	b = two_tensors("a", 0, "a", 8, 0, 0, 64);
	refused(&b, "tensor 'a' is there twice");
	b = two_tensors("a", 0, "", 8, 0, 0, 64);
	refused(&b, "a tensor's name of 0 bytes");
	b = two_tensors("a", 0, "12345678901234567890123456789012345678901234567890123456789012345", 8, 0, 0, 64);
	refused(&b, "a tensor's name of 65 bytes");
	b = two_tensors("a", 0, "b", 8, 0, 4, 64);
	refused(&b, "tensor 'b': unknown type 4");
	b = two_tensors("a", 0, "b", 8, 33, 2, 64);
	refused(&b, "tensor 'b' has shape [8, 33], but Q4_0 comes in blocks of 32");
	b = two_tensors("a", 0, "b", 33, 0, 2, 64);
	refused(&b, "tensor 'b' has shape [33], but Q4_0 comes in blocks of 32");
	b = two_tensors("a", 0, "b", (uint64_t)1 << 62, 8, 0, 64);
	refused(&b, "tensor 'b': impossible shape");
	b = two_tensors("a", 0, "b", (uint64_t)1 << 61, 2, 0, 64);
	refused(&b, "tensor 'b': impossible shape");
	b = two_tensors("a", 0, "b", UINT64_MAX, 1, 0, 64);
	refused(&b, "tensor 'b': impossible shape");
	b = two_tensors("a", 0, "b", 8, 0, 0, 65);
	refused(&b, "tensor 'b' begins at 65, which is no multiple of 32");
	b = two_tensors("a", 0, "b", 8, 0, 0, 32);
	refused(&b, "tensor 'b' begins at 32, within 'a'");
	b = two_tensors("a", 0, "b", 8, 0, 0, 0);
	refused(&b, "within");
	b = two_tensors("a", 0, "b", 49, 0, 0, 64);
	refused(&b, "truncated: tensor 'b' has 196 bytes at 64, the file only 256");
	b = two_tensors("a", 0, "b", 8, 0, 0, UINT64_MAX - 31);
	refused(&b, "truncated: tensor 'b'");
	put_start(&b, 1, 0);
	put_string(&b, "t");
	put(&b, 5, 4);
	put(&b, 0, 64);
	refused(&b, "tensor 't': 5 dimensions (at most 4)");
	put_start(&b, 1, 0);
	put_string(&b, "t");
	put(&b, 0, 4);
	put(&b, 12, 4);
	put(&b, 0, 64);
	refused(&b, "tensor 't' has shape [], but Q4_K comes in blocks of 256");
}

/* Good again: what must not be refused. */
static void odd_files(void)
{
	char why[256];
	struct bytes b = {0};
	put_start(&b, 0, 0);
	expect(parse(&b, why, sizeof why), "an empty file");
	b.data[4] = 2;
	expect(parse(&b, why, sizeof why), "version 2");
	bytes_free(&b);
	b = two_tensors("b", 0, "a", 0, 0, 0, 0);
	expect(parse(&b, why, sizeof why), "an empty tensor where another begins");
	bytes_free(&b);
	b = two_tensors("b", 64, "a", 16, 0, 0, 0);
	expect(parse(&b, why, sizeof why), "tensors in another order than their data");
	bytes_free(&b);
}

/* Every prefix, and every byte changed in four ways. */
static void mutations(void)
{
	char why[256];
	struct bytes b = {0};
	build(&b);
	size_t n = b.n;
	for (b.n = 0; b.n < n; b.n++)
		expect(!parse(&b, why, sizeof why), "a file that is cut off");
	for (size_t i = 0; i < n; i++) {
		const char old = b.data[i];
		const char values[] = {0, (char)0xff, (char)(old + 1), (char)(old ^ 0x80)};
		for (size_t k = 0; k < sizeof values; k++) {
			b.data[i] = values[k];
			parse(&b, why, sizeof why);
		}
		b.data[i] = old;
	}
	bytes_free(&b);
}

int main(int argc, char **argv)
{
	cli_start(argv, usage);
	if (argc > 2)
		cli_usage_error("too many operands");
	if (argc == 2) {
		struct bytes b = {0};
		build(&b);
		FILE *f = fopen(argv[1], "w");
		if (!f || fwrite(b.data, 1, b.n, f) != b.n || fclose(f))
			die(argv[1], "cannot be written");
		bytes_free(&b);
		return cli_finish();
	}
	good_file();
	bad_files();
	odd_files();
	mutations();
	printf("%lu files, %lu failures\n", files, failures);
	return cli_finish() | (failures > 0);
}
