/*
 * mkmodel.c: makes tiny models for the tests, the same bytes everywhere.
 *
 * mkmodel [options] DIR writes config.json, model.safetensors (or shards with
 * their index) and tokenizer.json.  Without --induction the weights are random:
 * small integers over powers of two, which F32, F16 and BF16 hold exactly, so
 * that the three types of a model are the same model.  With --family gpt2 it is
 * a GPT-2, whose matrices are stored transposed, unless --upright is given: the
 * same model again.
 *
 * With --induction nothing is random but the names of things: a model of two
 * layers whose weights are written down, not learnt, and which shows what the
 * parts of a transformer can do:
 *
 *   residual stream   [ this piece | the one before | prediction | one ]
 *   layer 0  attn     head 0 looks one position back and copies that piece to
 *                     "the one before"; head 1 looks at the beginning
 *            ffn      a memory: after piece X comes Y
 *   layer 1  attn     head 0, the induction head, looks for a place where the
 *                     one before was this piece, and copies the piece there to
 *                     "prediction"; if there is none, it looks at the beginning,
 *                     where nothing is to be copied; head 1 is spread evenly
 *            ffn      a memory: after X1 X2 comes Y
 *
 * A piece is written as a code of +1 and -1, nearly orthogonal to all others.
 * The memories hold what follows what in the text below.
 *
 * Elhage et al., A Mathematical Framework for Transformer Circuits, 2021;
 * Geva et al., Transformer Feed-Forward Layers Are Key-Value Memories, 2021.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "elementary.h"
#include "memory.h"
#include "rope.h"

static const char text[] =
	"The cat sat on the mat. The dog ran to the door. A bird sang in the tree and the sun "
	"was warm. The cat saw the bird, and the bird saw the cat. Once upon a time there was a "
	"little mouse who lived in a house by the sea. Every day she went to the water and "
	"watched the ships. One day a big ship came. The mouse said, \"I want to go with you.\" "
	"The ship was old and slow, but it was kind. They went over the water to the end of the "
	"world, and they were happy. The end.";

enum { BYTES = 3, CHARACTERS = BYTES + 256, MERGED = CHARACTERS + 95, VOCAB = 448 };
enum { BOS = 1, EOS = 2 };

static struct {
	size_t layers, d, heads, kv_heads, head_dim, ffn, vocab, context, shards, seed;
	const char *dtype, *rope, *family, *activation;
	double theta;
	bool tied, attention_bias, mlp_bias, induction, upright, unscaled, scale_by_layer, bare;
} opt = {
	.layers = 2, .d = 48, .heads = 4, .kv_heads = 2, .ffn = 80, .vocab = VOCAB, .context = 512,
	.shards = 1, .dtype = "f32", .rope = "default", .theta = 10000, .family = "llama", .activation = "gelu_new",
};

static void fail(const char *object, const char *reason)
{
	fprintf(stderr, "mkmodel: %s: %s\n", object, reason);
	exit(1);
}

/* ---- random numbers: SplitMix64 (Steele, Lea, Flood 2014) ---- */

static uint64_t random_state;

static uint64_t random_bits(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* An integer in [-range, range]. */
static int random_integer(int range)
{
	return (int)(random_bits() >> 33) % (2 * range + 1) - range;
}

/* ---- tensors ---- */

struct array {
	char *name;
	size_t out, in;                 /* in = 0: a vector */
	float *x;
	bool transposed;                /* written as [in, out] */
};

static struct array arrays[1024];
static size_t array_count;

static float *add(char *name, size_t out, size_t in)
{
	if (array_count == sizeof arrays / sizeof *arrays)
		fail(name, "too many tensors");
	struct array *a = &arrays[array_count++];
	*a = (struct array){name, out, in, mem_zero(out * (in ? in : 1), sizeof *a->x), false};
	return a->x;
}

static float *add_layer(const char *name, size_t layer, size_t out, size_t in)
{
	return add(mem_printf("model.layers.%zu.%s", layer, name), out, in);
}

/* Seven bits and a sign over a power of two that makes a product of about unit size. */
static float *random_fill(float *x, size_t n, size_t in, float gain)
{
	float scale = gain / 128;
	for (size_t k = 4; k <= in; k *= 4)
		scale /= 2;
	for (size_t i = 0; i < n; i++)
		x[i] = (float)random_integer(127) * scale;
	return x;
}

static void norm(char *name)
{
	float *x = add(name, opt.d, 0);
	for (size_t i = 0; i < opt.d; i++)
		x[i] = opt.induction ? 1 : 1 + (float)random_integer(48) / 128;
}

static float *matrix(const char *name, size_t layer, size_t out, size_t in, float gain, bool bias)
{
	char *bias_name = mem_printf("%s.bias", name), *weight_name = mem_printf("%s.weight", name);
	float *x = add_layer(weight_name, layer, out, in);
	if (!opt.induction)
		random_fill(x, out * in, in, gain);
	if (bias)
		random_fill(add_layer(bias_name, layer, out, 0), out, 1, 0.25f);
	free(bias_name);
	free(weight_name);
	return x;
}

struct layer {
	float *q, *k, *v, *o, *gate, *up, *down;        /* each [out, in] */
};

static float *embedding, *unembedding;

static struct layer *make_tensors(void)
{
	size_t q = opt.heads * opt.head_dim, kv = opt.kv_heads * opt.head_dim;
	bool a = opt.attention_bias, m = opt.mlp_bias;
	struct layer *layers = mem_zero(opt.layers, sizeof *layers);
	embedding = add(mem_string("model.embed_tokens.weight"), opt.vocab, opt.d);
	if (!opt.induction)
		random_fill(embedding, opt.vocab * opt.d, 1, 1);
	for (size_t l = 0; l < opt.layers; l++) {
		norm(mem_printf("model.layers.%zu.input_layernorm.weight", l));
		layers[l].q = matrix("self_attn.q_proj", l, q, opt.d, 4, a);
		layers[l].k = matrix("self_attn.k_proj", l, kv, opt.d, 4, a);
		layers[l].v = matrix("self_attn.v_proj", l, kv, opt.d, 2, a);
		layers[l].o = matrix("self_attn.o_proj", l, opt.d, q, 1, a);
		norm(mem_printf("model.layers.%zu.post_attention_layernorm.weight", l));
		layers[l].gate = matrix("mlp.gate_proj", l, opt.ffn, opt.d, 2, m);
		layers[l].up = matrix("mlp.up_proj", l, opt.ffn, opt.d, 2, m);
		layers[l].down = matrix("mlp.down_proj", l, opt.d, opt.ffn, 1, m);
	}
	norm(mem_string("model.norm.weight"));
	if (!opt.tied)
		unembedding = add(mem_string("lm_head.weight"), opt.vocab, opt.d);
	if (!opt.tied && !opt.induction)
		random_fill(unembedding, opt.vocab * opt.d, opt.d, 4);
	return layers;
}

/* ---- GPT-2 ---- */

static bool gpt2(void)
{
	return strcmp(opt.family, "gpt2") == 0;
}

static char *gpt2_name(const char *name, const char *suffix)
{
	return mem_printf("%s%s.%s", opt.bare ? "" : "transformer.", name, suffix);
}

static void gpt2_norm(char *name)
{
	norm(gpt2_name(name, "weight"));
	random_fill(add(gpt2_name(name, "bias"), opt.d, 0), opt.d, 1, 0.25f);
	free(name);
}

static void gpt2_matrix(char *name, size_t out, size_t in, float gain)
{
	random_fill(add(gpt2_name(name, "weight"), out, in), out * in, in, gain);
	arrays[array_count - 1].transposed = !opt.upright;
	random_fill(add(gpt2_name(name, "bias"), out, 0), out, 1, 0.25f);
	free(name);
}

static void make_gpt2(void)
{
	random_fill(add(gpt2_name("wte", "weight"), opt.vocab, opt.d), opt.vocab * opt.d, 1, 1);
	random_fill(add(gpt2_name("wpe", "weight"), opt.context, opt.d), opt.context * opt.d, 1, 0.5f);
	for (size_t l = 0; l < opt.layers; l++) {
		gpt2_norm(mem_printf("h.%zu.ln_1", l));
		gpt2_matrix(mem_printf("h.%zu.attn.c_attn", l), 3 * opt.d, opt.d, 4);
		gpt2_matrix(mem_printf("h.%zu.attn.c_proj", l), opt.d, opt.d, 1);
		gpt2_norm(mem_printf("h.%zu.ln_2", l));
		gpt2_matrix(mem_printf("h.%zu.mlp.c_fc", l), opt.ffn, opt.d, 2);
		gpt2_matrix(mem_printf("h.%zu.mlp.c_proj", l), opt.d, opt.ffn, 1);
		if (opt.bare)           /* useless, as in files of old */
			add(mem_printf("h.%zu.attn.masked_bias", l), 1, 0);
	}
	gpt2_norm(mem_string("ln_f"));
	if (!opt.tied)
		random_fill(add(mem_string("lm_head.weight"), opt.vocab, opt.d), opt.vocab * opt.d, opt.d, 4);
}

/* ---- files ---- */

static uint16_t to_bf16(float x)
{
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* For values between 2^-14 and 2^15, ties to even; smaller ones in steps of 2^-24. */
static uint16_t to_f16(float x)
{
	float size = x < 0 ? -x : x;
	uint16_t sign = x < 0 ? 0x8000 : 0;
	uint32_t bits;
	if (size < 0x1p-14f) {
		size += 0.5f;           /* whose last place is 2^-24 */
		memcpy(&bits, &size, sizeof bits);
		return sign | (uint16_t)(bits - 0x3f000000);
	}
	memcpy(&bits, &size, sizeof bits);
	return sign | (uint16_t)((bits + 0xfff + (bits >> 13 & 1) - (112u << 23)) >> 13);
}

static FILE *create(const char *dir, const char *name)
{
	char *path = mem_printf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	if (!f)
		fail(path, strerror(errno));
	free(path);
	return f;
}

static void finish(FILE *f, const char *name)
{
	if (ferror(f) | fclose(f))
		fail(name, "write error");
}

static size_t elements(const struct array *a)
{
	return a->out * (a->in ? a->in : 1);
}

/* Element i as it is written. */
static float element(const struct array *a, size_t i)
{
	return a->x[a->transposed ? i % a->out * a->in + i / a->out : i];
}

/* The tensors of one shard: every opt.shards-th. */
static void write_shard(const char *dir, const char *name, size_t shard)
{
	bool f32 = strcmp(opt.dtype, "f32") == 0, f16 = strcmp(opt.dtype, "f16") == 0;
	size_t size = f32 ? 4 : 2, at = 0, n;
	char *header = NULL;
	FILE *h = open_memstream(&header, &n);
	fputs("{\"__metadata__\":{\"format\":\"pt\"}", h);
	for (size_t i = shard; i < array_count; i += opt.shards) {
		struct array *a = &arrays[i];
		fprintf(h, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%zu", a->name,
			f32 ? "F32" : f16 ? "F16" : "BF16", a->transposed ? a->in : a->out);
		if (a->in)
			fprintf(h, ",%zu", a->transposed ? a->out : a->in);
		fprintf(h, "],\"data_offsets\":[%zu,%zu]}", at, at + elements(a) * size);
		at += elements(a) * size;
	}
	fputc('}', h);
	while (ftell(h) % 8)
		fputc(' ', h);
	fclose(h);

	FILE *f = create(dir, name);
	for (int i = 0; i < 8; i++)
		fputc((int)(n >> (8 * i) & 0xff), f);
	fwrite(header, 1, n, f);
	for (size_t i = shard; i < array_count; i += opt.shards)
		for (size_t k = 0; k < elements(&arrays[i]); k++) {
			float x = element(&arrays[i], k);
			uint16_t half = f16 ? to_f16(x) : to_bf16(x);
			uint32_t bits;
			memcpy(&bits, &x, sizeof bits);
			for (size_t b = 0; b < size; b++)
				fputc((int)((f32 ? bits : half) >> (8 * b) & 0xff), f);
		}
	finish(f, name);
	free(header);
}

static void write_weights(const char *dir)
{
	if (opt.shards == 1) {
		write_shard(dir, "model.safetensors", 0);
		return;
	}
	FILE *f = create(dir, "model.safetensors.index.json");
	fputs("{\"metadata\":{},\"weight_map\":{", f);
	for (size_t i = 0; i < array_count; i++)
		fprintf(f, "%s\n\"%s\":\"model-%05zu-of-%05zu.safetensors\"", i ? "," : "", arrays[i].name,
			i % opt.shards + 1, opt.shards);
	fputs("}}\n", f);
	finish(f, "model.safetensors.index.json");
	for (size_t s = 0; s < opt.shards; s++) {
		char *name = mem_printf("model-%05zu-of-%05zu.safetensors", s + 1, opt.shards);
		write_shard(dir, name, s);
		free(name);
	}
}

static const struct {
	const char *name, *parameters;
} ropes[] = {
	{"default", NULL},
	{"linear", "\"factor\": 2.0"},
	{"dynamic", "\"factor\": 2.0"},
	{"yarn", "\"factor\": 4.0, \"original_max_position_embeddings\": 64"},
	{"llama3", "\"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, "
		   "\"original_max_position_embeddings\": 64"},
};

static const char *boolean(bool b)
{
	return b ? "true" : "false";
}

static void write_gpt2_config(const char *dir)
{
	FILE *f = create(dir, "config.json");
	fprintf(f, "{\n  \"architectures\": [\"GPT2LMHeadModel\"],\n  \"model_type\": \"gpt2\",\n");
	fprintf(f, "  \"n_embd\": %zu,\n  \"n_layer\": %zu,\n  \"n_head\": %zu,\n", opt.d, opt.layers, opt.heads);
	if (opt.ffn == 4 * opt.d)
		fprintf(f, "  \"n_inner\": null,\n");
	else
		fprintf(f, "  \"n_inner\": %zu,\n", opt.ffn);
	fprintf(f, "  \"vocab_size\": %zu,\n  \"n_positions\": %zu,\n", opt.vocab, opt.context);
	fprintf(f, "  \"activation_function\": \"%s\",\n  \"layer_norm_epsilon\": 1e-05,\n", opt.activation);
	fprintf(f, "  \"scale_attn_weights\": %s,\n  \"scale_attn_by_inverse_layer_idx\": %s,\n",
		boolean(!opt.unscaled), boolean(opt.scale_by_layer));
	fprintf(f, "  \"tie_word_embeddings\": %s,\n", boolean(opt.tied));
	fprintf(f, "  \"bos_token_id\": %d,\n  \"eos_token_id\": %d\n}\n", BOS, EOS);
	finish(f, "config.json");
}

static void write_llama_config(const char *dir)
{
	const char *parameters = NULL;
	bool known = false;
	for (size_t i = 0; i < sizeof ropes / sizeof *ropes; i++)
		if (strcmp(opt.rope, ropes[i].name) == 0) {
			parameters = ropes[i].parameters;
			known = true;
		}
	if (!known)
		fail(opt.rope, "unknown type of rope");
	FILE *f = create(dir, "config.json");
	fprintf(f, "{\n  \"architectures\": [\"LlamaForCausalLM\"],\n  \"model_type\": \"llama\",\n");
	fprintf(f, "  \"hidden_size\": %zu,\n  \"intermediate_size\": %zu,\n", opt.d, opt.ffn);
	fprintf(f, "  \"num_hidden_layers\": %zu,\n  \"num_attention_heads\": %zu,\n", opt.layers, opt.heads);
	fprintf(f, "  \"num_key_value_heads\": %zu,\n  \"head_dim\": %zu,\n", opt.kv_heads, opt.head_dim);
	fprintf(f, "  \"vocab_size\": %zu,\n  \"max_position_embeddings\": %zu,\n", opt.vocab, opt.context);
	fprintf(f, "  \"hidden_act\": \"silu\",\n  \"rms_norm_eps\": 1e-05,\n  \"rope_theta\": %.1f,\n", opt.theta);
	if (parameters)
		fprintf(f, "  \"rope_scaling\": {\"rope_type\": \"%s\", %s},\n", opt.rope, parameters);
	fprintf(f, "  \"attention_bias\": %s,\n  \"mlp_bias\": %s,\n  \"tie_word_embeddings\": %s,\n",
		boolean(opt.attention_bias), boolean(opt.mlp_bias), boolean(opt.tied));
	fprintf(f, "  \"bos_token_id\": %d,\n  \"eos_token_id\": %d\n}\n", BOS, EOS);
	finish(f, "config.json");
}

/* ---- the tokenizer: byte pair encoding, learnt from the text ---- */

#define BLANK "\xe2\x96\x81"            /* U+2581, which stands for a space */

static char *pieces[VOCAB];
static int merges[VOCAB][2];            /* what a merged piece is made of */
static int words[sizeof text + 1];      /* the text as pieces, with its BOS */
static size_t word_count;

static int character(char c)
{
	return c == ' ' ? CHARACTERS : CHARACTERS + c - ' ';
}

/* Not across words, and no punctuation. */
static bool mergeable(int left, int right)
{
	return strncmp(pieces[right], BLANK, 3) != 0 && !strpbrk(pieces[left], ".,\"") &&
	       !strpbrk(pieces[right], ".,\"");
}

static void learn_pieces(void)
{
	static const char *const specials[] = {"<unk>", "<s>", "</s>"};
	static int count[VOCAB][VOCAB];
	for (int i = 0; i < BYTES; i++)
		pieces[i] = mem_string(specials[i]);
	for (int i = 0; i < 256; i++)
		pieces[BYTES + i] = mem_printf("<0x%02X>", (unsigned)i);
	pieces[CHARACTERS] = mem_string(BLANK);
	for (int i = CHARACTERS + 1; i < MERGED; i++)
		pieces[i] = mem_printf("%c", ' ' + i - CHARACTERS);

	words[word_count++] = CHARACTERS;
	for (const char *c = text; *c; c++)
		words[word_count++] = character(*c);
	for (int next = MERGED; next < VOCAB; next++) {
		int best = 0, left = 0, right = 0;
		memset(count, 0, sizeof count);
		for (size_t i = 0; i + 1 < word_count; i++)
			if (mergeable(words[i], words[i + 1]) && ++count[words[i]][words[i + 1]] > best) {
				best = count[words[i]][words[i + 1]];
				left = words[i];
				right = words[i + 1];
			}
		merges[next][0] = left;
		merges[next][1] = right;
		pieces[next] = mem_printf("%s%s", pieces[left], pieces[right]);
		size_t n = 0;
		for (size_t i = 0; i < word_count; i++)
			if (i + 1 < word_count && words[i] == left && words[i + 1] == right) {
				words[n++] = next;
				i++;
			} else {
				words[n++] = words[i];
			}
		word_count = n;
	}
	memmove(words + 1, words, word_count * sizeof *words);
	words[0] = BOS;
	word_count++;
	words[word_count++] = EOS;
}

static void write_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		fputc(*s, f);
	}
	fputc('"', f);
}

static void write_tokenizer(const char *dir)
{
	FILE *f = create(dir, "tokenizer.json");
	fputs("{\n\"version\": \"1.0\", \"truncation\": null, \"padding\": null,\n\"added_tokens\": [", f);
	for (int i = 0; i < BYTES; i++)
		fprintf(f, "%s\n{\"id\": %d, \"content\": \"%s\", \"single_word\": false, \"lstrip\": false, "
			   "\"rstrip\": false, \"normalized\": false, \"special\": true}", i ? "," : "", i, pieces[i]);
	fputs("],\n\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [\n"
	      "{\"type\": \"Prepend\", \"prepend\": \"" BLANK "\"},\n"
	      "{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"" BLANK "\"}]},\n"
	      "\"pre_tokenizer\": null,\n"
	      "\"post_processor\": {\"type\": \"TemplateProcessing\",\n"
	      "\"single\": [{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": 0}}, "
	      "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}],\n"
	      "\"pair\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, "
	      "{\"Sequence\": {\"id\": \"B\", \"type_id\": 1}}],\n"
	      "\"special_tokens\": {\"<s>\": {\"id\": \"<s>\", \"ids\": [1], \"tokens\": [\"<s>\"]}}},\n"
	      "\"decoder\": {\"type\": \"Sequence\", \"decoders\": [\n"
	      "{\"type\": \"Replace\", \"pattern\": {\"String\": \"" BLANK "\"}, \"content\": \" \"},\n"
	      "{\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"},\n"
	      "{\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}]},\n"
	      "\"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": \"<unk>\", "
	      "\"continuing_subword_prefix\": null,\n\"end_of_word_suffix\": null, \"fuse_unk\": true, "
	      "\"byte_fallback\": true, \"ignore_merges\": false,\n\"vocab\": {", f);
	for (int i = 0; i < VOCAB; i++) {
		fputs(i ? ",\n" : "\n", f);
		write_string(f, pieces[i]);
		fprintf(f, ": %d", i);
	}
	fputs("},\n\"merges\": [", f);
	for (int i = MERGED; i < VOCAB; i++) {
		fputs(i > MERGED ? ",\n[" : "\n[", f);
		write_string(f, pieces[merges[i][0]]);
		fputs(", ", f);
		write_string(f, pieces[merges[i][1]]);
		fputc(']', f);
	}
	fputs("]}\n}\n", f);
	finish(f, "tokenizer.json");
}

/* ---- the model that shows what it does ---- */

enum {
	CODE = 48,                      /* elements of a piece's code */
	THIS = 0, BEFORE = CODE, PREDICTION = 2 * CODE, ONE = 3 * CODE,
	FAST = 7,                       /* pairs of a head that turn fast enough to tell positions apart */
};

static float codes[VOCAB][CODE];

static int dot(const float *a, const float *b)
{
	float sum = 0;
	for (int i = 0; i < CODE; i++)
		sum += a[i] * b[i];
	return (int)sum;
}

/* Codes, chosen so that no two have much in common: least of all with BOS. */
static void choose_codes(void)
{
	for (int i = 0; i < VOCAB;) {
		bool good = true;
		int c = i == 0 ? BOS : i == BOS ? 0 : i;        /* BOS first */
		uint64_t bits = random_bits();
		for (int k = 0; k < CODE; k++)
			codes[c][k] = bits >> k & 1 ? 1 : -1;
		for (int j = 0; good && j < i; j++) {
			int other = j == 0 ? BOS : j == BOS ? 0 : j;
			int common = abs(dot(codes[c], codes[other]));
			good = common <= (other == BOS ? 8 : 18);
		}
		i += good;
	}
}

static float *at(float *w, size_t in, size_t row, size_t column)
{
	return &w[row * in + column];
}

/*
 * Head 0 of layer 0.  Query and key do not depend on the piece; the query is
 * turned back by one position, so that the two agree at distance 1.
 */
static void previous_head(struct layer *l, const struct rope *rope, float sharpness)
{
	for (size_t i = 0; i < FAST; i++) {
		float sine, cosine;
		sincos_f32(rope->inv_freq[i], &sine, &cosine);
		*at(l->q, opt.d, i, ONE) = sharpness * cosine;
		*at(l->q, opt.d, i + rope->pairs, ONE) = -sharpness * sine;
		*at(l->k, opt.d, i, ONE) = sharpness;
	}
	for (size_t i = 0; i < CODE; i++) {
		*at(l->v, opt.d, i, THIS + i) = 1;
		*at(l->o, opt.heads * opt.head_dim, BEFORE + i, i) = 1;
	}
}

/* The i-th element of a head that hardly turns. */
static size_t slow(const struct rope *rope, size_t i)
{
	size_t n = rope->pairs - FAST;
	return i < n ? FAST + i : rope->pairs + FAST + i - n;
}

/* A head, from row on, in which BOS's key agrees with every query. */
static void look_at_beginning(struct layer *l, const struct rope *rope, size_t row, float sharpness)
{
	size_t i = row + slow(rope, CODE);
	*at(l->q, opt.d, i, ONE) = sharpness;
	for (size_t k = 0; k < CODE; k++)
		*at(l->k, opt.d, i, THIS + k) = sharpness * codes[BOS][k] / CODE;
}

/* Head 0 of layer 1. */
static void induction_head(struct layer *l, const struct rope *rope, float sharpness, float gain)
{
	for (size_t i = 0; i < CODE; i++) {
		*at(l->q, opt.d, slow(rope, i), THIS + i) = sharpness;
		*at(l->k, opt.d, slow(rope, i), BEFORE + i) = sharpness;
		for (size_t k = 0; k < CODE; k++)       /* the piece, without its share of BOS */
			*at(l->v, opt.d, i, THIS + k) = (float)(i == k) - codes[BOS][i] * codes[BOS][k] / CODE;
		*at(l->o, opt.heads * opt.head_dim, PREDICTION + i, i) = gain;
	}
}

/* A neuron that fires where the stream holds these pieces, and then predicts next. */
static void remember(struct layer *l, size_t neuron, int before, int this, const int *next,
		     size_t nexts, float gain)
{
	static const float shares[] = {1, 0.8f, 0.65f, 0.55f};
	for (size_t k = 0; k < CODE; k++) {
		*at(l->gate, opt.d, neuron, THIS + k) = 0.5f * codes[this][k];
		if (before >= 0)
			*at(l->gate, opt.d, neuron, BEFORE + k) = 0.5f * codes[before][k];
		for (size_t i = 0; i < nexts; i++)
			*at(l->down, opt.ffn, PREDICTION + k, neuron) += gain * shares[i] * codes[next[i]][k];
	}
	/* Halfway between a match and the nearest miss. */
	*at(l->gate, opt.d, neuron, ONE) = before >= 0 ? -0.5f * 82 : -0.5f * 34;
	*at(l->up, opt.d, neuron, ONE) = 0.125f;
}

/* The commonest pieces after this one (and, unless it is -1, the one before it), at most 4. */
static size_t followers(int before, int this, int *next)
{
	int count[VOCAB] = {0};
	size_t n = 0;
	for (size_t i = 0; i + 1 < word_count; i++)
		if (words[i] == this && (before < 0 || (i > 0 && words[i - 1] == before)))
			count[words[i + 1]]++;
	while (n < 4) {
		int best = 0;
		for (int p = 1; p < VOCAB; p++)
			if (count[p] > count[best])
				best = p;
		if (count[best] == 0)
			break;
		next[n++] = best;
		count[best] = 0;
	}
	return n;
}

/* Runs through the text; without layers, counts the neurons each memory needs. */
static void memories(struct layer *layers, size_t *count)
{
	bool single[VOCAB] = {false};
	static bool pair[VOCAB][VOCAB];
	memset(pair, 0, sizeof pair);
	count[0] = count[1] = 0;
	for (size_t i = 0; i + 1 < word_count; i++) {
		int next[4], before = i ? words[i - 1] : -1, this = words[i];
		size_t n = followers(-1, this, next);
		if (!single[this]) {
			if (layers)
				remember(&layers[0], count[0], -1, this, next, n, 1.25f);
			count[0]++;
		}
		single[this] = true;
		if (before >= 0 && n > 1 && !pair[before][this]) {
			n = followers(before, this, next);
			if (layers)
				remember(&layers[1], count[1], before, this, next, n, 0.75f);
			count[1]++;
			pair[before][this] = true;
		}
	}
}

static void make_induction(void)
{
	size_t count[2];
	memories(NULL, count);
	opt.ffn = count[0] > count[1] ? count[0] : count[1];
	struct layer *layers = make_tensors();
	struct rope rope;
	struct rope_config config = {.type = ROPE_DEFAULT, .theta = opt.theta};
	rope_init(&rope, &config, opt.head_dim, opt.context, opt.context);
	choose_codes();
	for (size_t p = 0; p < VOCAB; p++) {
		memcpy(at(embedding, opt.d, p, THIS), codes[p], sizeof codes[p]);
		*at(embedding, opt.d, p, ONE) = 1;
		for (size_t k = 0; k < CODE; k++)
			*at(unembedding, opt.d, p, PREDICTION + k) = codes[p][k] / 4;
	}
	previous_head(&layers[0], &rope, 7);
	look_at_beginning(&layers[0], &rope, opt.head_dim, 8);
	look_at_beginning(&layers[1], &rope, 0, 13);
	induction_head(&layers[1], &rope, 2, 4);
	memories(layers, count);
	rope_free(&rope);
	free(layers);
}

/* ---- options ---- */

static size_t *size_option(int c)
{
	switch (c) {
	case 'l': return &opt.layers;
	case 'd': return &opt.d;
	case 'h': return &opt.heads;
	case 'k': return &opt.kv_heads;
	case 'e': return &opt.head_dim;
	case 'f': return &opt.ffn;
	case 'v': return &opt.vocab;
	case 'c': return &opt.context;
	case 'n': return &opt.shards;
	case 's': return &opt.seed;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{"activation", required_argument, NULL, 'A'},
		{"attention-bias", no_argument, NULL, 'a'},
		{"bare", no_argument, NULL, 'b'},
		{"context", required_argument, NULL, 'c'},
		{"dim", required_argument, NULL, 'd'},
		{"dtype", required_argument, NULL, 't'},
		{"family", required_argument, NULL, 'F'},
		{"ffn", required_argument, NULL, 'f'},
		{"head-dim", required_argument, NULL, 'e'},
		{"heads", required_argument, NULL, 'h'},
		{"induction", no_argument, NULL, 'I'},
		{"kv-heads", required_argument, NULL, 'k'},
		{"layers", required_argument, NULL, 'l'},
		{"mlp-bias", no_argument, NULL, 'm'},
		{"rope", required_argument, NULL, 'r'},
		{"scale-by-layer", no_argument, NULL, 'L'},
		{"seed", required_argument, NULL, 's'},
		{"shards", required_argument, NULL, 'n'},
		{"tied", no_argument, NULL, 'T'},
		{"unscaled", no_argument, NULL, 'u'},
		{"upright", no_argument, NULL, 'U'},
		{"vocab", required_argument, NULL, 'v'},
		{0}
	};
	int c;
	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1)
		switch (c) {
		case 'A': opt.activation = optarg; break;
		case 'a': opt.attention_bias = true; break;
		case 'b': opt.bare = true; break;
		case 'F': opt.family = optarg; break;
		case 'L': opt.scale_by_layer = true; break;
		case 'u': opt.unscaled = true; break;
		case 'U': opt.upright = true; break;
		case 'm': opt.mlp_bias = true; break;
		case 'I': opt.induction = true; break;
		case 'T': opt.tied = true; break;
		case 't': opt.dtype = optarg; break;
		case 'r': opt.rope = optarg; break;
		case '?': return 2;
		default: *size_option(c) = strtoul(optarg, NULL, 10);
		}
	if (optind != argc - 1) {
		fputs("usage: mkmodel [options] DIR\n", stderr);
		return 2;
	}
	const char *dir = argv[optind];
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		fail(dir, strerror(errno));
	random_state = opt.seed;
	learn_pieces();
	if (opt.induction) {
		opt.layers = opt.heads = opt.kv_heads = 2;
		opt.d = ONE + 16;
		opt.head_dim = 64;
		opt.vocab = VOCAB;
		opt.theta = 1e12;
		opt.tied = opt.attention_bias = opt.mlp_bias = false;
		make_induction();
	} else if (gpt2()) {
		make_gpt2();
	} else {
		if (!opt.head_dim)
			opt.head_dim = opt.d / opt.heads;
		free(make_tensors());
	}
	if (gpt2())
		write_gpt2_config(dir);
	else
		write_llama_config(dir);
	write_weights(dir);
	if (opt.vocab == VOCAB)
		write_tokenizer(dir);
	return 0;
}
