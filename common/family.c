/* family.c: the table of families.  See family.h. */
#include <string.h>

#include "family.h"

static const struct family families[] = {
	{
		.model_type = "llama",
		.prefixes = {"model.", ""},
		.keys = {
			[KEY_D] = "hidden_size",
			[KEY_LAYERS] = "num_hidden_layers",
			[KEY_HEADS] = "num_attention_heads",
			[KEY_KV_HEADS] = "num_key_value_heads",
			[KEY_HEAD_DIM] = "head_dim",
			[KEY_FFN] = "intermediate_size",
			[KEY_VOCAB] = "vocab_size",
			[KEY_CONTEXT] = "max_position_embeddings",
		},
		.activation_key = "hidden_act",
		.eps_key = "rms_norm_eps",
		.eps = 1e-6,
		.rope_theta = 10000,
		.tensors = {
			[SLOT_EMBEDDING] = {"embed_tokens", EXTENT_VOCAB, EXTENT_D, .writes = true},
			[SLOT_FINAL_NORM] = {"norm", EXTENT_D},
			[SLOT_UNEMBEDDING] = {"lm_head", EXTENT_VOCAB, EXTENT_D},
			[SLOT_ATTENTION_NORM] = {"layers.%zu.input_layernorm", EXTENT_D},
			[SLOT_Q] = {"layers.%zu.self_attn.q_proj", EXTENT_Q, EXTENT_D, "attention_bias"},
			[SLOT_K] = {"layers.%zu.self_attn.k_proj", EXTENT_KV, EXTENT_D, "attention_bias"},
			[SLOT_V] = {"layers.%zu.self_attn.v_proj", EXTENT_KV, EXTENT_D, "attention_bias"},
			[SLOT_O] = {"layers.%zu.self_attn.o_proj", EXTENT_D, EXTENT_Q, "attention_bias", true},
			[SLOT_FFN_NORM] = {"layers.%zu.post_attention_layernorm", EXTENT_D},
			[SLOT_GATE] = {"layers.%zu.mlp.gate_proj", EXTENT_FFN, EXTENT_D, "mlp_bias"},
			[SLOT_UP] = {"layers.%zu.mlp.up_proj", EXTENT_FFN, EXTENT_D, "mlp_bias"},
			[SLOT_DOWN] = {"layers.%zu.mlp.down_proj", EXTENT_D, EXTENT_FFN, "mlp_bias", true},
		},
	},
};

#define FAMILIES (sizeof families / sizeof *families)

const struct family *family_find(const char *model_type)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (strcmp(families[i].model_type, model_type) == 0)
			return &families[i];
	return NULL;
}

const char *family_names(void)
{
	static char names[32 * FAMILIES];
	names[0] = '\0';
	for (size_t i = 0; i < FAMILIES; i++) {
		strcat(names, i ? ", " : "");
		strcat(names, families[i].model_type);
	}
	return names;
}

bool activation_parse(const char *name, enum activation *activation)
{
	static const struct {
		const char *name;
		enum activation activation;
	} names[] = {
		{"silu", ACTIVATION_SILU}, {"swish", ACTIVATION_SILU},
		{"gelu", ACTIVATION_GELU}, {"gelu_new", ACTIVATION_GELU_TANH},
		{"gelu_pytorch_tanh", ACTIVATION_GELU_TANH}, {"gelu_fast", ACTIVATION_GELU_TANH},
		{"quick_gelu", ACTIVATION_GELU_SIGMOID},
		{"relu", ACTIVATION_RELU}, {"relu2", ACTIVATION_RELU_SQUARED},
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i].name) == 0) {
			*activation = names[i].activation;
			return true;
		}
	return false;
}
