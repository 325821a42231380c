/*
 * family.h: what families of models do differently, as data.
 *
 * A family is a row of the table in family.c: what its config.json calls each
 * quantity, the names and shapes of its tensors, and which of the field's
 * variants it uses.  The mathematics asks these properties, never a model's
 * name, so a new family is a new row.
 */
#ifndef LMUTILS_FAMILY_H
#define LMUTILS_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The quantities that a configuration gives. */
enum config_key {
	KEY_D,          /* hidden size: the width of the residual stream */
	KEY_LAYERS,
	KEY_HEADS,      /* query heads */
	KEY_KV_HEADS,   /* key/value heads; as many as heads unless given */
	KEY_HEAD_DIM,   /* d / heads unless given */
	KEY_FFN,        /* width of the feed-forward network */
	KEY_VOCAB,
	KEY_CONTEXT,    /* positions the model was made for */
	KEY_COUNT
};

enum activation {
	ACTIVATION_SILU, ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_GELU_SIGMOID,
	ACTIVATION_RELU, ACTIVATION_RELU_SQUARED, ACTIVATION_RELU6, ACTIVATION_LEAKY_RELU,
	ACTIVATION_TANH, ACTIVATION_SIGMOID, ACTIVATION_MISH, ACTIVATION_GELU_10, ACTIVATION_HARDSWISH,
	ACTIVATION_LAPLACE, ACTIVATION_SQRT_SOFTPLUS, ACTIVATION_LINEAR,
};

enum norm_kind { NORM_RMS, NORM_LAYER };        /* see norm.h */

/* How a model knows a token's place: turned into queries and keys (rope.h), or added by embed. */
enum position_kind { POSITION_ROTARY, POSITION_LEARNED };

/*
 * The matrices and vectors of a model, of which a family need not have all:
 * one without SLOT_GATE has a feed-forward network without a gate.  Those from
 * SLOT_LAYER on exist once a layer.
 */
enum slot {
	SLOT_EMBEDDING, SLOT_POSITIONS, SLOT_FINAL_NORM, SLOT_UNEMBEDDING,
	SLOT_LAYER,
	SLOT_ATTENTION_NORM = SLOT_LAYER, SLOT_Q, SLOT_K, SLOT_V, SLOT_O,
	SLOT_FFN_NORM, SLOT_GATE, SLOT_UP, SLOT_DOWN,
	SLOT_COUNT
};

/* Extents of shapes, known once the configuration is. */
enum extent {
	EXTENT_NONE, EXTENT_D, EXTENT_Q, EXTENT_KV, EXTENT_FFN, EXTENT_VOCAB, EXTENT_CONTEXT,
	EXTENT_COUNT
};

/*
 * When a slot has a bias.  BIAS_KEYED: a boolean of config.json says so, and of
 * a GGUF file its tensors; BIAS_FOUND: the tensors always do.
 */
enum bias_rule { BIAS_NEVER, BIAS_ALWAYS, BIAS_KEYED, BIAS_FOUND };

/*
 * What a slot is in the files.  Slots of the same name are one tensor with the
 * rows of the first, then those of the next: queries, keys and values fused.
 */
struct tensor_row {
	const char *name;               /* after the prefix, without ".weight"; %zu is the layer */
	enum extent rows, columns;      /* [rows, columns], W[out, in]; a vector has no columns */
	bool transposed;                /* stored as [columns, rows], but not in GGUF files */
	enum bias_rule bias;
	const char *bias_key;           /* BIAS_KEYED: the name of the boolean */
	bool writes;                    /* writes to the residual stream: goes into the model's hash */
};

/* The same quantities in GGUF files, after the architecture's name and a dot. */
extern const char *const gguf_keys[KEY_COUNT];

/* A family in GGUF files. */
struct gguf_names {
	const char *architecture;       /* general.architecture; NULL: not supported */
	const char *eps_key;
	const char *tensors[SLOT_COUNT];        /* as tensor_row's name */
	enum activation activation;     /* which the files leave unsaid */
	bool interleaved;               /* rows of q and k are permuted for interleaved rope */
};

struct family {
	const char *model_type;         /* as in config.json */
	const char *prefixes[3];        /* of all tensors but the unembedding; tried in order */
	const char *keys[KEY_COUNT];    /* names in config.json; NULL: never given */
	const char *aliases[KEY_COUNT]; /* other names, which come first where both are there; NULL: none */
	size_t defaults[KEY_COUNT];     /* where the configuration is silent; 0: none */
	const char *activation_key, *eps_key;
	const char *scale_key;          /* false: scores are not divided by sqrt(head_dim); NULL: always */
	const char *layer_scale_key;    /* true: those of layer L are divided by L + 1; NULL: never */
	const char *refused_keys[4];    /* booleans that, if true, ask for what lmutils does not do */
	const char *activation;         /* where the configuration is silent; NULL: it must not be */
	double eps, rope_theta;
	size_t ffn_factor;              /* ffn is so many times d; 0: it must be given */
	bool tied;
	enum norm_kind norm;
	enum position_kind positions;
	struct tensor_row tensors[SLOT_COUNT];
	struct gguf_names gguf;
};

/* The family of that model_type, or NULL. */
const struct family *family_find(const char *model_type);

/* The names of all families, separated by ", ", for messages. */
const char *family_names(void);

/* The same for GGUF files, by general.architecture. */
const struct family *family_of_architecture(const char *architecture);
const char *family_architectures(void);

/* By the names of config.json ("silu", "gelu_new"); false: unknown. */
bool activation_parse(const char *name, enum activation *activation);

#endif
