/* family.c: the table of families.  See family.h. */
#include <string.h>

#include "family.h"

const char *const gguf_keys[KEY_COUNT] = {
	[KEY_D] = "embedding_length",
	[KEY_LAYERS] = "block_count",
	[KEY_HEADS] = "attention.head_count",
	[KEY_KV_HEADS] = "attention.head_count_kv",
	[KEY_HEAD_DIM] = "attention.key_length",
	[KEY_FFN] = "feed_forward_length",
	[KEY_VOCAB] = "vocab_size",
	[KEY_CONTEXT] = "context_length",
};

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
		.norm = NORM_RMS,
		.positions = POSITION_ROTARY,
		.tensors = {
			[SLOT_EMBEDDING] = {.name = "embed_tokens", .rows = EXTENT_VOCAB, .columns = EXTENT_D, .writes = true},
			[SLOT_FINAL_NORM] = {.name = "norm", .rows = EXTENT_D},
			[SLOT_UNEMBEDDING] = {.name = "lm_head", .rows = EXTENT_VOCAB, .columns = EXTENT_D},
			[SLOT_ATTENTION_NORM] = {.name = "layers.%zu.input_layernorm", .rows = EXTENT_D},
			[SLOT_Q] = {.name = "layers.%zu.self_attn.q_proj", .rows = EXTENT_Q, .columns = EXTENT_D, .bias = BIAS_KEYED, .bias_key = "attention_bias"},
			[SLOT_K] = {.name = "layers.%zu.self_attn.k_proj", .rows = EXTENT_KV, .columns = EXTENT_D, .bias = BIAS_KEYED, .bias_key = "attention_bias"},
			[SLOT_V] = {.name = "layers.%zu.self_attn.v_proj", .rows = EXTENT_KV, .columns = EXTENT_D, .bias = BIAS_KEYED, .bias_key = "attention_bias"},
			[SLOT_O] = {.name = "layers.%zu.self_attn.o_proj", .rows = EXTENT_D, .columns = EXTENT_Q, .bias = BIAS_KEYED, .bias_key = "attention_bias", .writes = true},
			[SLOT_FFN_NORM] = {.name = "layers.%zu.post_attention_layernorm", .rows = EXTENT_D},
			[SLOT_GATE] = {.name = "layers.%zu.mlp.gate_proj", .rows = EXTENT_FFN, .columns = EXTENT_D, .bias = BIAS_KEYED, .bias_key = "mlp_bias"},
			[SLOT_UP] = {.name = "layers.%zu.mlp.up_proj", .rows = EXTENT_FFN, .columns = EXTENT_D, .bias = BIAS_KEYED, .bias_key = "mlp_bias"},
			[SLOT_DOWN] = {.name = "layers.%zu.mlp.down_proj", .rows = EXTENT_D, .columns = EXTENT_FFN, .bias = BIAS_KEYED, .bias_key = "mlp_bias", .writes = true},
		},
		.gguf = {
			.architecture = "llama",
			.eps_key = "attention.layer_norm_rms_epsilon",
			.activation = ACTIVATION_SILU,
			.interleaved = true,
			.tensors = {
				[SLOT_EMBEDDING] = "token_embd",
				[SLOT_FINAL_NORM] = "output_norm",
				[SLOT_UNEMBEDDING] = "output",
				[SLOT_ATTENTION_NORM] = "blk.%zu.attn_norm",
				[SLOT_Q] = "blk.%zu.attn_q",
				[SLOT_K] = "blk.%zu.attn_k",
				[SLOT_V] = "blk.%zu.attn_v",
				[SLOT_O] = "blk.%zu.attn_output",
				[SLOT_FFN_NORM] = "blk.%zu.ffn_norm",
				[SLOT_GATE] = "blk.%zu.ffn_gate",
				[SLOT_UP] = "blk.%zu.ffn_up",
				[SLOT_DOWN] = "blk.%zu.ffn_down",
			},
		},
	},
	{
		.model_type = "gpt2",
		.prefixes = {"transformer.", ""},
		.keys = {
			[KEY_D] = "n_embd",
			[KEY_LAYERS] = "n_layer",
			[KEY_HEADS] = "n_head",
			[KEY_FFN] = "n_inner",
			[KEY_VOCAB] = "vocab_size",
			[KEY_CONTEXT] = "n_positions",
		},
		.aliases = {
			[KEY_D] = "hidden_size",
			[KEY_LAYERS] = "num_hidden_layers",
			[KEY_HEADS] = "num_attention_heads",
			[KEY_CONTEXT] = "max_position_embeddings",
		},
		.defaults = {
			[KEY_D] = 768,
			[KEY_LAYERS] = 12,
			[KEY_HEADS] = 12,
			[KEY_VOCAB] = 50257,
			[KEY_CONTEXT] = 1024,
		},
		.activation_key = "activation_function",
		.eps_key = "layer_norm_epsilon",
		.scale_key = "scale_attn_weights",
		.layer_scale_key = "scale_attn_by_inverse_layer_idx",
		.refused_keys = {"add_cross_attention"},
		.activation = "gelu_new",
		.eps = 1e-5,
		.ffn_factor = 4,
		.tied = true,
		.norm = NORM_LAYER,
		.positions = POSITION_LEARNED,
		.tensors = {
			[SLOT_EMBEDDING] = {.name = "wte", .rows = EXTENT_VOCAB, .columns = EXTENT_D, .writes = true},
			[SLOT_POSITIONS] = {.name = "wpe", .rows = EXTENT_CONTEXT, .columns = EXTENT_D, .writes = true},
			[SLOT_FINAL_NORM] = {.name = "ln_f", .rows = EXTENT_D, .bias = BIAS_ALWAYS},
			[SLOT_UNEMBEDDING] = {.name = "lm_head", .rows = EXTENT_VOCAB, .columns = EXTENT_D},
			[SLOT_ATTENTION_NORM] = {.name = "h.%zu.ln_1", .rows = EXTENT_D, .bias = BIAS_ALWAYS},
			[SLOT_Q] = {.name = "h.%zu.attn.c_attn", .rows = EXTENT_Q, .columns = EXTENT_D, .transposed = true, .bias = BIAS_FOUND},
			[SLOT_K] = {.name = "h.%zu.attn.c_attn", .rows = EXTENT_KV, .columns = EXTENT_D, .transposed = true, .bias = BIAS_FOUND},
			[SLOT_V] = {.name = "h.%zu.attn.c_attn", .rows = EXTENT_KV, .columns = EXTENT_D, .transposed = true, .bias = BIAS_FOUND},
			[SLOT_O] = {.name = "h.%zu.attn.c_proj", .rows = EXTENT_D, .columns = EXTENT_Q, .transposed = true, .bias = BIAS_ALWAYS, .writes = true},
			[SLOT_FFN_NORM] = {.name = "h.%zu.ln_2", .rows = EXTENT_D, .bias = BIAS_ALWAYS},
			[SLOT_UP] = {.name = "h.%zu.mlp.c_fc", .rows = EXTENT_FFN, .columns = EXTENT_D, .transposed = true, .bias = BIAS_ALWAYS},
			[SLOT_DOWN] = {.name = "h.%zu.mlp.c_proj", .rows = EXTENT_D, .columns = EXTENT_FFN, .transposed = true, .bias = BIAS_ALWAYS, .writes = true},
		},
		.gguf = {
			.architecture = "gpt2",
			.eps_key = "attention.layer_norm_epsilon",
			.activation = ACTIVATION_GELU_TANH,
			.tensors = {
				[SLOT_EMBEDDING] = "token_embd",
				[SLOT_POSITIONS] = "position_embd",
				[SLOT_FINAL_NORM] = "output_norm",
				[SLOT_UNEMBEDDING] = "output",
				[SLOT_ATTENTION_NORM] = "blk.%zu.attn_norm",
				[SLOT_Q] = "blk.%zu.attn_qkv",
				[SLOT_K] = "blk.%zu.attn_qkv",
				[SLOT_V] = "blk.%zu.attn_qkv",
				[SLOT_O] = "blk.%zu.attn_output",
				[SLOT_FFN_NORM] = "blk.%zu.ffn_norm",
				[SLOT_UP] = "blk.%zu.ffn_up",
				[SLOT_DOWN] = "blk.%zu.ffn_down",
			},
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

const struct family *family_of_architecture(const char *architecture)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (families[i].gguf.architecture && strcmp(families[i].gguf.architecture, architecture) == 0)
			return &families[i];
	return NULL;
}

const char *family_architectures(void)
{
	static char names[32 * FAMILIES];
	names[0] = '\0';
	for (size_t i = 0; i < FAMILIES; i++)
		if (families[i].gguf.architecture) {
			strcat(names, names[0] ? ", " : "");
			strcat(names, families[i].gguf.architecture);
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
		{"gelu", ACTIVATION_GELU}, {"gelu_python", ACTIVATION_GELU},
		{"gelu_new", ACTIVATION_GELU_TANH}, {"gelu_fast", ACTIVATION_GELU_TANH},
		{"gelu_pytorch_tanh", ACTIVATION_GELU_TANH}, {"gelu_python_tanh", ACTIVATION_GELU_TANH},
		{"gelu_accurate", ACTIVATION_GELU_TANH},
		{"quick_gelu", ACTIVATION_GELU_SIGMOID},
		{"relu", ACTIVATION_RELU}, {"relu2", ACTIVATION_RELU_SQUARED},
		{"relu6", ACTIVATION_RELU6}, {"leaky_relu", ACTIVATION_LEAKY_RELU},
		{"tanh", ACTIVATION_TANH}, {"sigmoid", ACTIVATION_SIGMOID},
		{"mish", ACTIVATION_MISH}, {"gelu_10", ACTIVATION_GELU_10},
		{"hardswish", ACTIVATION_HARDSWISH}, {"laplace", ACTIVATION_LAPLACE},
		{"sqrtsoftplus", ACTIVATION_SQRT_SOFTPLUS}, {"linear", ACTIVATION_LINEAR},
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i].name) == 0) {
			*activation = names[i].activation;
			return true;
		}
	return false;
}
