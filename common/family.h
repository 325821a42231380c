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
	ACTIVATION_RELU, ACTIVATION_RELU_SQUARED,
};

/* The matrices and vectors of a model.  Those from SLOT_LAYER on exist once a layer. */
enum slot {
	SLOT_EMBEDDING, SLOT_FINAL_NORM, SLOT_UNEMBEDDING,
	SLOT_LAYER,
	SLOT_ATTENTION_NORM = SLOT_LAYER, SLOT_Q, SLOT_K, SLOT_V, SLOT_O,
	SLOT_FFN_NORM, SLOT_GATE, SLOT_UP, SLOT_DOWN,
	SLOT_COUNT
};

/* Extents of shapes, known once the configuration is. */
enum extent { EXTENT_NONE, EXTENT_D, EXTENT_Q, EXTENT_KV, EXTENT_FFN, EXTENT_VOCAB, EXTENT_COUNT };

/* When a slot has a bias: the name of the boolean in config.json that says so. */
struct tensor_row {
	const char *name;               /* after the prefix, without ".weight"; %zu is the layer */
	enum extent rows, columns;      /* [rows, columns], W[out, in]; a vector has no columns */
	const char *bias_key;           /* NULL: never a bias */
	bool writes;                    /* writes to the residual stream: goes into the model's hash */
};

/* The same quantities in GGUF files, after the architecture's name and a dot. */
extern const char *const gguf_keys[KEY_COUNT];

/* A family in GGUF files. */
struct gguf_names {
	const char *architecture;       /* general.architecture; NULL: not supported */
	const char *eps_key;
	const char *tensors[SLOT_COUNT];        /* without ".weight"; %zu is the layer */
	enum activation activation;     /* which the files leave unsaid */
	bool interleaved;               /* rows of q and k are permuted for interleaved rope */
};

struct family {
	const char *model_type;         /* as in config.json */
	const char *prefixes[3];        /* of all tensors but the unembedding; tried in order */
	const char *keys[KEY_COUNT];    /* names in config.json */
	const char *activation_key, *eps_key;
	double eps, rope_theta;         /* where the configuration is silent */
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
