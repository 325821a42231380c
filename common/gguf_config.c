/* gguf_config.c: a configuration from GGUF metadata.  See gguf_config.h. */
#include <string.h>

#include "cli.h"
#include "elementary.h"
#include "gguf_config.h"
#include "ggufend.h"
#include "memory.h"
#include "sentencepiece.h"

const struct family *gguf_family(const struct gguf *g)
{
	struct gguf_string name;
	char architecture[64];
	if (!gguf_text(g, "general.architecture", &name))
		die(g->path, "no general.architecture");
	snprintf(architecture, sizeof architecture, "%.*s", name.n < 60 ? (int)name.n : 60, name.bytes);
	for (char *c = architecture; *c; c++)   /* it goes into messages and keys */
		if (*c <= ' ' || *c >= 0x7f)
			*c = '?';
	const struct family *family = family_of_architecture(architecture);
	if (!family)
		die(g->path, "architecture '%s' is not supported; these are: %s", architecture,
		    family_architectures());
	return family;
}

/* "llama.NAME"; the fifth call after overwrites it. */
static const char *key(const struct family *family, const char *name)
{
	static char keys[4][128];
	static int turn;
	char *text = keys[turn++ % 4];
	snprintf(text, sizeof keys[0], "%s.%s", family->gguf.architecture, name);
	return text;
}

/* A number of the architecture, or the default. */
static double real(const struct gguf *g, const struct family *family, const char *name, double otherwise)
{
	gguf_real(g, key(family, name), &otherwise);
	return otherwise;
}

/* Keys that, with any other value, say that more is to be calculated than lmutils does. */
static void check_unsupported(const struct gguf *g, const struct family *family)
{
	static const struct {
		const char *name;
		double neutral;
	} keys[] = {
		{"expert_count", 0}, {"attention.clamp_kqv", 0}, {"attention.max_alibi_bias", 0},
		{"attention.scale", 0}, {"embedding_scale", 1}, {"residual_scale", 1}, {"logit_scale", 1},
		{"rope.scaling.yarn_ext_factor", 1}, {"rope.scaling.yarn_log_multiplier", 0},
	};
	bool causal = true;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		double x = real(g, family, keys[i].name, keys[i].neutral);
		if (x != keys[i].neutral && x != 0)
			die(g->path, "%s %.9g is not supported", key(family, keys[i].name), x);
	}
	gguf_bool(g, key(family, "attention.causal"), &causal);
	if (!causal)
		die(g->path, "%s false is not supported", key(family, "attention.causal"));
}

static void load_sizes(struct config *c, const struct gguf *g, const struct family *family)
{
	size_t values[KEY_COUNT] = {0};
	int64_t value;
	for (int k = 0; k < KEY_COUNT; k++)
		if (gguf_integer(g, key(family, gguf_keys[k]), 1, CONFIG_EXTENT_MAX, &value))
			values[k] = (size_t)value;
	const struct gguf_value *tokens = gguf_array(g, "tokenizer.ggml.tokens", true);
	if (!values[KEY_VOCAB] && tokens && tokens->count <= CONFIG_EXTENT_MAX)
		values[KEY_VOCAB] = tokens->count;
	enum config_key missing = config_sizes(c, family, values);
	if (missing < KEY_COUNT)
		die(g->path, "no %s", key(family, gguf_keys[missing]));
	static const char *const same[] = {"attention.value_length", "rope.dimension_count"};
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		if (family->positions == POSITION_ROTARY &&
		    gguf_integer(g, key(family, same[i]), 0, INT32_MAX, &value) && (size_t)value != c->head_dim)
			die(g->path, "%s %lld is not supported, other than the %zu of a head",
			    key(family, same[i]), (long long)value, c->head_dim);
}

/* The keys as the members of config.json that say the same. */
static void load_rope(struct config *c, const struct gguf *g, const struct family *family)
{
	char why[160], name[32];
	double factor = real(g, family, "rope.scaling.factor", real(g, family, "rope.scale_linear", 0));
	double attention = real(g, family, "rope.scaling.attn_factor", 1);
	struct gguf_string type = {"linear", 6};
	json_t *scaling = json_object();
	gguf_text(g, key(family, "rope.scaling.type"), &type);
	snprintf(name, sizeof name, "%.*s", type.n < sizeof name ? (int)type.n : (int)sizeof name - 1, type.bytes);
	bool yarn = strcmp(name, "yarn") == 0;
	if (strcmp(name, "none") == 0 || (strcmp(name, "linear") == 0 && factor == 0))
		strcpy(name, "default");
	json_object_set_new(scaling, "rope_type", json_string(name));
	json_object_set_new(scaling, "factor", json_real(factor));
	json_object_set_new(scaling, "original_max_position_embeddings",
		json_real(real(g, family, "rope.scaling.original_context_length", (double)c->context)));
	json_object_set_new(scaling, "beta_fast", json_real(real(g, family, "rope.scaling.yarn_beta_fast", 32)));
	json_object_set_new(scaling, "beta_slow", json_real(real(g, family, "rope.scaling.yarn_beta_slow", 1)));
	json_t *config = json_object();
	json_object_set_new(config, "rope_theta", json_real(real(g, family, "rope.freq_base", family->rope_theta)));
	json_object_set_new(config, "rope_scaling", scaling);
	if (!rope_parse(&c->rope, config, family->rope_theta, c->context, why, sizeof why))
		die(g->path, "%s", why);
	json_decref(config);
	if (attention != 1 && (!yarn || attention <= 0))
		die(g->path, "%s %.9g is not supported", key(family, "rope.scaling.attn_factor"), attention);
	if (attention != 1)     /* here it comes on top of YaRN's own, there in place of it */
		c->rope.attention_factor = attention * (0.1 * log_f32((float)c->rope.factor) + 1);
	c->rope.interleaved = family->gguf.interleaved;
}

/* The tokens that end a sequence: those that keys name, and special ones known by their text. */
static void load_ids(struct config *c, const struct gguf *g)
{
	static const char *const ends[] = {
		"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id",
	};
	const struct gguf_value *tokens = gguf_array(g, "tokenizer.ggml.tokens", true);
	const struct gguf_value *types = gguf_array(g, "tokenizer.ggml.token_type", false);
	int64_t id, type;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (gguf_integer(g, ends[i], -1, UINT32_MAX, &id) && id >= 0 && id <= INT32_MAX)
			config_add_eos(c, (int32_t)id);
	if (!tokens || !types || types->count != tokens->count)
		return;
	const unsigned char *at = tokens->at;
	for (size_t i = 0; i < tokens->count && i <= INT32_MAX; i++)
		if (gguf_is_end(gguf_next_string(&at)) && gguf_integer_at(types, i, &type) &&
		    (type == PIECE_CONTROL || type == PIECE_USER_DEFINED))
			config_add_eos(c, (int32_t)i);
}

void gguf_config(struct config *c, const struct gguf *g, const struct family *family)
{
	check_unsupported(g, family);
	load_sizes(c, g, family);
	config_check(c, family, g->path);
	c->eps = (float)real(g, family, family->gguf.eps_key, family->eps);
	if (!(c->eps >= 0 && c->eps < 1))
		die(g->path, "%s must be in [0, 1)", key(family, family->gguf.eps_key));
	c->activation = family->gguf.activation;
	if (family->positions == POSITION_ROTARY)
		load_rope(c, g, family);
	load_ids(c, g);
}
