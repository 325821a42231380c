/*
 * mkrandom.c: a large model of random numbers in a GGUF file, to measure speed
 * and memory with.
 *
 *	mkrandom SHAPE TYPE OUT.gguf
 *
 * SHAPE is 135m (SmolLM2-135M's) or 1.1b (TinyLlama's).  Weights are uniform, of
 * a size that lets every matrix keep the size of what it is given.  The
 * vocabulary has bytes, letters and a space, for programs that want text, and
 * then names without meaning.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "family.h"
#include "ggufoutput.h"
#include "memory.h"

static void usage(FILE *f)
{
	fputs("usage: mkrandom 135m|1.1b type out.gguf\n", f);
}

static const struct shape {
	const char *name;
	size_t d, layers, heads, kv_heads, ffn, vocab, context;
	double theta;
	bool tied;
} shapes[] = {
	{"135m", 576, 30, 9, 3, 1536, 49152, 8192, 100000, true},
	{"1.1b", 2048, 22, 32, 4, 5632, 32000, 2048, 10000, false},
};

/* ---- metadata ---- */

enum { UNKNOWN, BOS, EOS, BYTES, SPACE = BYTES + 256, LETTERS, NAMES = LETTERS + 26 };
enum { KIND_NORMAL = 1, KIND_UNKNOWN = 2, KIND_CONTROL = 3, KIND_BYTE = 6 };   /* ggml's token types */

static void put_piece(struct bytes *b, size_t id)
{
	static const char *const special[] = {[UNKNOWN] = "<unk>", [BOS] = "<s>", [EOS] = "</s>"};
	char piece[32];
	if (id < BYTES)
		snprintf(piece, sizeof piece, "%s", special[id]);
	else if (id < SPACE)
		snprintf(piece, sizeof piece, "<0x%02zX>", id - BYTES);
	else if (id == SPACE)
		snprintf(piece, sizeof piece, "\xe2\x96\x81");
	else if (id < NAMES)
		snprintf(piece, sizeof piece, "%c", (char)('a' + id - LETTERS));
	else
		snprintf(piece, sizeof piece, "token%zu", id);
	put_string(b, piece);
}

static uint32_t piece_kind(size_t id)
{
	return id == UNKNOWN ? KIND_UNKNOWN : id < BYTES ? KIND_CONTROL : id < SPACE ? KIND_BYTE : KIND_NORMAL;
}

static void put_array(struct bytes *b, const char *key, enum gguf_type type, size_t count)
{
	put_key(b, key, GGUF_ARRAY);
	put(b, type, 4);
	put(b, count, 8);
}

/* Returns how many pairs. */
static size_t put_vocabulary(struct bytes *b, size_t vocab)
{
	put_key_string(b, "tokenizer.ggml.model", "llama");
	put_array(b, "tokenizer.ggml.tokens", GGUF_STRING, vocab);
	for (size_t id = 0; id < vocab; id++)
		put_piece(b, id);
	put_array(b, "tokenizer.ggml.scores", GGUF_F32, vocab);
	for (size_t id = 0; id < vocab; id++)
		put_f32(b, -(float)id);
	put_array(b, "tokenizer.ggml.token_type", GGUF_I32, vocab);
	for (size_t id = 0; id < vocab; id++)
		put(b, piece_kind(id), 4);
	put_key_u32(b, "tokenizer.ggml.unknown_token_id", UNKNOWN);
	put_key_u32(b, "tokenizer.ggml.bos_token_id", BOS);
	put_key_u32(b, "tokenizer.ggml.eos_token_id", EOS);
	put_key(b, "tokenizer.ggml.add_bos_token", GGUF_BOOL);
	put(b, 1, 1);
	put_key(b, "tokenizer.ggml.add_space_prefix", GGUF_BOOL);
	put(b, 0, 1);
	return 9;
}

static size_t put_pairs(struct bytes *b, const struct shape *s, const struct packed *type)
{
	uint32_t head_dim = (uint32_t)(s->d / s->heads);
	put_key_string(b, "general.architecture", "llama");
	put_key_string(b, "general.name", "random numbers");
	put_key_u32(b, "general.file_type", type->file_type);
	put_key_u32(b, "llama.vocab_size", (uint32_t)s->vocab);
	put_key_u32(b, "llama.block_count", (uint32_t)s->layers);
	put_key_u32(b, "llama.context_length", (uint32_t)s->context);
	put_key_u32(b, "llama.embedding_length", (uint32_t)s->d);
	put_key_u32(b, "llama.feed_forward_length", (uint32_t)s->ffn);
	put_key_u32(b, "llama.attention.head_count", (uint32_t)s->heads);
	put_key_u32(b, "llama.attention.head_count_kv", (uint32_t)s->kv_heads);
	put_key_u32(b, "llama.rope.dimension_count", head_dim);
	put_key_f32(b, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
	put_key_f32(b, "llama.rope.freq_base", (float)s->theta);
	return 13 + put_vocabulary(b, s->vocab);
}

/* ---- tensors ---- */

/* Uniform in (-1, 1); SplitMix64 (Steele, Lea, Flood 2014). */
static float uniform(void)
{
	static uint64_t state;
	uint64_t z = state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (float)((int64_t)(z ^ z >> 31) >> 40) * 0x1p-23f;
}

static void put_numbers(struct output *o, size_t rows, size_t columns, const struct packed *type)
{
	size_t width = columns ? columns : rows;
	float *x = mem_array(width, sizeof *x), scale = sqrtf(3 / (float)width);
	for (size_t i = 0; i < (columns ? rows : 1); i++) {
		for (size_t k = 0; k < width; k++)
			x[k] = columns ? uniform() * scale : 1;
		output_row(o, x, width, type);
	}
	output_tensor_end(o);
	free(x);
}

/* All tensors, announced or, with numbers, written. */
static void each_tensor(struct output *o, const struct shape *s, const struct packed *type, bool numbers)
{
	const struct family *family = family_of_architecture("llama");
	const size_t extents[EXTENT_COUNT] = {
		[EXTENT_D] = s->d, [EXTENT_Q] = s->d, [EXTENT_KV] = s->d / s->heads * s->kv_heads,
		[EXTENT_FFN] = s->ffn, [EXTENT_VOCAB] = s->vocab,
	};
	for (int slot = 0; slot < SLOT_COUNT; slot++)
		for (size_t l = 0; l < (slot < SLOT_LAYER ? 1 : s->layers); l++) {
			const struct tensor_row *row = &family->tensors[slot];
			size_t rows = extents[row->rows], columns = extents[row->columns];
			const struct packed *as = columns ? type : packed_of("F32");
			char name[64], whole[80];
			if (slot == SLOT_UNEMBEDDING && s->tied)
				continue;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(name, sizeof name, family->gguf.tensors[slot], l);
#pragma GCC diagnostic pop
			snprintf(whole, sizeof whole, "%s.weight", name);
			if (numbers)
				put_numbers(o, rows, columns, as);
			else
				output_tensor(o, whole, rows, columns, as);
		}
}

int main(int argc, char **argv)
{
	static const struct option table[] = {{0}};
	const struct shape *shape = NULL;
	struct output o = {0};
	cli_start(argv, usage);
	cli_option(argc, argv, table);
	if (argc - optind != 3)
		cli_usage_error("needs a shape, a type and a file");
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		if (strcmp(shapes[i].name, argv[optind]) == 0)
			shape = &shapes[i];
	const struct packed *type = packed_of(argv[optind + 1]);
	if (!shape || !type)
		cli_usage_error("no %s '%s'", shape ? "type" : "shape", argv[optind + !!shape]);
	o.pair_count = put_pairs(&o.pairs, shape, type);
	each_tensor(&o, shape, type, false);
	output_begin(&o, argv[optind + 2]);
	each_tensor(&o, shape, type, true);
	output_end(&o);
	return cli_finish();
}
