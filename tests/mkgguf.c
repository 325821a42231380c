/*
 * mkgguf.c: a GGUF file from a model's directory, for the tests.
 *
 *	mkgguf [--type TYPE] [--unpacked] [--split N] [--u32 KEY=N] DIR FILE
 *
 * Where the family's files have it so, rows of q and k are permuted as llama.cpp's
 * converter does, and the factors of llama3's rope become a tensor; slots of one
 * name become one tensor.  Matrices keep their type and numbers.  With
 * --type they are random blocks of that type instead, which DIR gives only the
 * shape; with --unpacked the same numbers are written as F32.  With --split
 * files FILE-00001-of-0000N.gguf are written.  --u32 adds a pair.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "ggufwriter.h"
#include "memory.h"
#include "model.h"
#include "numeric.h"
#include "quants.h"

#define ALIGNMENT 32

static void usage(FILE *f)
{
	fputs("usage: mkgguf [--split n] [--type type] [--u32 key=n] [--unpacked] dir file\n", f);
}

struct entry {
	char *name;
	size_t out, in;                 /* in = 0: a vector */
	const struct quant *type;
	struct bytes data;
};

static struct entry entries[1024];
static size_t entry_count;

/* The tensor of that name with room for so many rows more. */
static struct entry *add(char *name, size_t out, size_t in, enum dtype type)
{
	for (size_t i = 0; i < entry_count; i++)
		if (strcmp(entries[i].name, name) == 0) {
			entries[i].out += out;
			free(name);
			return &entries[i];
		}
	if (entry_count == sizeof entries / sizeof *entries)
		die(name, "too many tensors");
	struct entry *e = &entries[entry_count++];
	*e = (struct entry){name, out, in, quant_of(type), {0}};
	return e;
}

static char *name_of(const struct model *m, int slot, size_t layer, const char *suffix)
{
	char name[80];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(name, sizeof name, m->family->gguf.tensors[slot], layer);
#pragma GCC diagnostic pop
	return mem_printf("%s%s", name, suffix);
}

/* Which row of DIR's matrix stands in this row: pairs side by side. */
static size_t source_row(const struct model *m, int slot, size_t row)
{
	size_t hd = m->config.head_dim, at = row % hd;
	return m->family->gguf.interleaved && (slot == SLOT_Q || slot == SLOT_K) ? row - at + at / 2 + at % 2 * (hd / 2) : row;
}

/* Random, with scales that make numbers of about a tenth. */
static void random_block(const struct quant *type, unsigned char *block)
{
	static const struct {
		enum dtype type;
		size_t scale, minimum;  /* where they are, F16; 0: no minimum */
		unsigned char high;     /* of the two bytes of both */
	} scales[] = {
		{DTYPE_Q4_0, 0, 0, 0x20}, {DTYPE_Q4_1, 0, 2, 0x20}, {DTYPE_Q5_0, 0, 0, 0x1c},
		{DTYPE_Q5_1, 0, 2, 0x1c}, {DTYPE_Q8_0, 0, 0, 0x10}, {DTYPE_Q4_K, 0, 2, 0x04},
		{DTYPE_Q5_K, 0, 2, 0x02}, {DTYPE_Q6_K, 208, 0, 0x01},
	};
	static uint64_t state;
	for (size_t i = 0; i < type->bytes; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		block[i] = (unsigned char)(state >> 56);
	}
	for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
		if (scales[i].type == type->type) {
			block[scales[i].scale + 1] = scales[i].high;
			if (scales[i].minimum)
				block[scales[i].minimum + 1] = scales[i].high;
		}
}

static void add_matrix(const struct model *m, int slot, size_t layer, const struct quant *type, bool unpacked)
{
	struct linear l = model_linear(m, (enum slot)slot, layer);
	size_t bytes = dtype_bytes(l.w.type, l.w.in);
	struct entry *e = add(name_of(m, slot, layer, ".weight"), l.w.out, l.w.in,
			      !type ? l.w.type : unpacked ? DTYPE_F32 : type->type);
	if (type && l.w.in % type->elements)
		die(e->name, "%zu columns, must be a multiple of %zu", l.w.in, type->elements);
	for (size_t i = 0; !type && i < l.w.out; i++)
		bytes_add(&e->data, (const char *)l.w.data + source_row(m, slot, i) * bytes, bytes);
	for (size_t i = 0; type && i < l.w.out * l.w.in; i += type->elements) {
		unsigned char block[1024];
		float x[QUANT_BLOCK_MAX];
		random_block(type, block);
		if (unpacked)
			type->unpack(type->type, block, x);
		bytes_add(&e->data, unpacked ? (char *)x : (char *)block,
			  unpacked ? type->elements * sizeof *x : type->bytes);
	}
	if (l.bias) {
		e = add(name_of(m, slot, layer, ".bias"), l.w.out, 0, DTYPE_F32);
		for (size_t i = 0; i < l.w.out; i++)
			put_f32(&e->data, l.bias[source_row(m, slot, i)]);
	}
	linear_free(&l);
}

static void add_vector(char *name, const float *x, size_t n)
{
	struct entry *e = add(name, n, 0, DTYPE_F32);
	for (size_t i = 0; i < n; i++)
		put_f32(&e->data, x[i]);
}

static void add_norm(const struct model *m, int slot, size_t layer)
{
	struct norm w = model_norm(m, (enum slot)slot, layer);
	add_vector(name_of(m, slot, layer, ".weight"), w.weight, m->config.d);
	if (w.bias)
		add_vector(name_of(m, slot, layer, ".bias"), w.bias, m->config.d);
	norm_free(&w);
}

/* The divisors of the frequencies that llama3 amounts to. */
static void add_factors(const struct config *c)
{
	struct rope plain, stretched;
	struct rope_config config = {.type = ROPE_DEFAULT, .theta = c->rope.theta};
	rope_init(&plain, &config, c->head_dim, c->context, c->context);
	rope_init(&stretched, &c->rope, c->head_dim, c->context, c->context);
	struct entry *e = add(mem_string("rope_freqs.weight"), c->head_dim / 2, 0, DTYPE_F32);
	for (size_t i = 0; i < c->head_dim / 2; i++)
		put_f32(&e->data, plain.inv_freq[i] / stretched.inv_freq[i]);
	rope_free(&plain);
	rope_free(&stretched);
}

static void add_tensors(const struct model *m, const struct quant *type, bool unpacked)
{
	if (m->family->positions == POSITION_ROTARY && m->config.rope.type == ROPE_LLAMA3)
		add_factors(&m->config);
	for (int slot = 0; slot < SLOT_COUNT; slot++)
		for (size_t l = 0; l < (slot < SLOT_LAYER ? 1 : m->config.layers); l++) {
			if (!model_has(m, (enum slot)slot) || (slot == SLOT_UNEMBEDDING && m->config.tied))
				continue;
			if (m->family->tensors[slot].columns == EXTENT_NONE)
				add_norm(m, slot, l);
			else
				add_matrix(m, slot, l, type, unpacked);
		}
}

static size_t put_size(struct bytes *b, const struct model *m, enum config_key key, size_t value)
{
	char name[80];
	snprintf(name, sizeof name, "%s.%s", m->family->gguf.architecture, gguf_keys[key]);
	put_key_u32(b, name, (uint32_t)value);
	return 1;
}

static size_t put_rope(struct bytes *b, const struct config *c)
{
	const struct rope_config *r = &c->rope;
	static const char *const ropes[] = {
		[ROPE_DEFAULT] = "none", [ROPE_LINEAR] = "linear", [ROPE_YARN] = "yarn", [ROPE_LLAMA3] = "none",
		[ROPE_DYNAMIC] = "dynamic",
	};
	put_key_u32(b, "llama.rope.dimension_count", (uint32_t)c->head_dim);
	put_key_f32(b, "llama.rope.freq_base", (float)r->theta);
	put_key_string(b, "llama.rope.scaling.type", ropes[r->type]);
	put_key_f32(b, "llama.rope.scaling.factor", (float)r->factor);
	put_key_u32(b, "llama.rope.scaling.original_context_length", (uint32_t)r->original_context);
	return 5;
}

/* Appends the model's pairs and returns how many. */
static size_t put_pairs(struct bytes *b, const struct model *m)
{
	const struct config *c = &m->config;
	char eps[80];
	size_t n = 7;
	put_key_string(b, "general.architecture", m->family->gguf.architecture);
	snprintf(eps, sizeof eps, "%s.%s", m->family->gguf.architecture, m->family->gguf.eps_key);
	put_key_f32(b, eps, c->eps);
	n += put_size(b, m, KEY_LAYERS, c->layers);
	n += put_size(b, m, KEY_CONTEXT, c->context);
	n += put_size(b, m, KEY_D, c->d);
	n += put_size(b, m, KEY_FFN, c->ffn);
	n += put_size(b, m, KEY_HEADS, c->heads);
	if (m->family->positions == POSITION_ROTARY) {
		n += put_size(b, m, KEY_KV_HEADS, c->kv_heads);
		n += put_size(b, m, KEY_HEAD_DIM, c->head_dim);
		n += put_rope(b, c);
	}
	put_key_u32(b, "tokenizer.ggml.bos_token_id", 1);
	put_key_u32(b, "tokenizer.ggml.eos_token_id", (uint32_t)c->eos[0]);
	put_key(b, "tokenizer.ggml.add_bos_token", GGUF_BOOL);
	put(b, 1, 1);
	put_key(b, "tokenizer.ggml.tokens", GGUF_ARRAY);
	put(b, GGUF_STRING, 4);
	put(b, c->vocab, 8);
	for (size_t i = 0; i < c->vocab; i++) {
		char token[32];
		snprintf(token, sizeof token, "token%zu", i);
		put_string(b, token);
	}
	put_key(b, "tokenizer.ggml.scores", GGUF_ARRAY);
	put(b, GGUF_F32, 4);
	put(b, c->vocab, 8);
	for (size_t i = 0; i < c->vocab; i++)
		put_f32(b, -(float)i);
	return n;
}

/* Writes a file of these pairs and of the entries from first on. */
static void write_file(const char *path, const struct bytes *pairs, size_t pair_count, size_t first, size_t count)
{
	struct bytes b = {0};
	size_t offset = 0;
	put_start(&b, count, pair_count);
	bytes_add(&b, pairs->data, pairs->n);
	for (size_t i = first; i < first + count; i++) {
		const struct entry *e = &entries[i];
		put_tensor(&b, e->name, e->out, e->in, e->type->number, offset);
		offset += (e->data.n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	}
	put_padding(&b, ALIGNMENT);
	for (size_t i = first; i < first + count; i++) {
		bytes_add(&b, entries[i].data.data, entries[i].data.n);
		put_padding(&b, ALIGNMENT);
	}
	FILE *f = fopen(path, "w");
	if (!f || fwrite(b.data, 1, b.n, f) != b.n || fclose(f))
		die(path, "cannot be written");
	bytes_free(&b);
}

/* Appends the three pairs that tell a part its place. */
static void put_split(struct bytes *b, size_t part, size_t parts)
{
	put_key(b, "split.no", GGUF_U16);
	put(b, part, 2);
	put_key(b, "split.count", GGUF_U16);
	put(b, parts, 2);
	put_key(b, "split.tensors.count", GGUF_I32);
	put(b, entry_count, 4);
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{"split", required_argument, NULL, 's'},
		{"type", required_argument, NULL, 't'},
		{"u32", required_argument, NULL, 'n'},
		{"unpacked", no_argument, NULL, 'u'},
		{0}
	};
	const struct quant *type = NULL;
	struct bytes pairs = {0}, more = {0};
	size_t parts = 1, extra = 0;
	bool unpacked = false;
	char *value;
	cli_start(argv, usage);
	for (int c; (c = cli_option(argc, argv, table)) != -1;)
		switch (c) {
		case 's':
			parts = (size_t)cli_integer("--split", optarg, 1, 100);
			break;
		case 't':
			for (uint32_t i = 0; i < 256; i++)
				if (quant_by_number(i) && strcmp(quant_by_number(i)->name, optarg) == 0)
					type = quant_by_number(i);
			if (!type)
				cli_usage_error("--type: no type '%s'", optarg);
			break;
		case 'n':
			value = strchr(optarg, '=');
			if (!value)
				cli_usage_error("--u32: '%s' is not KEY=N", optarg);
			*value++ = '\0';
			put_key_u32(&more, optarg, (uint32_t)cli_integer("--u32", value, 0, UINT32_MAX));
			extra++;
			break;
		case 'u':
			unpacked = true;
			break;
		}
	if (argc - optind != 2)
		cli_usage_error("needs a directory and a file");
	struct model *m = model_open(argv[optind]);
	const char *file = argv[optind + 1];
	add_tensors(m, type, unpacked);
	extra += put_pairs(&pairs, m);
	if (more.n)
		bytes_add(&pairs, more.data, more.n);
	model_close(m);
	if (parts == 1)
		write_file(file, &pairs, extra, 0, entry_count);
	for (size_t part = 0; parts > 1 && part < parts; part++) {
		size_t first = entry_count * part / parts, end = entry_count * (part + 1) / parts;
		char *name = mem_printf("%s-%05zu-of-%05zu.gguf", file, part + 1, parts);
		struct bytes own = {0};
		if (part == 0)
			bytes_add(&own, pairs.data, pairs.n);
		put_split(&own, part, parts);
		write_file(name, &own, 3 + (part == 0 ? extra : 0), first, end - first);
		bytes_free(&own);
		free(name);
	}
	bytes_free(&pairs);
	bytes_free(&more);
	return cli_finish();
}
