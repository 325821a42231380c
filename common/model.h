/*
 * model.h: a model's files, lmmodel(5): configuration and weights.
 *
 * A model is a directory as Hugging Face lays it out: config.json, and
 * model.safetensors or the shards that model.safetensors.index.json names.
 * Or it is a GGUF file, the first of several if it is split: its metadata are
 * the configuration, see gguf_config.h.
 *
 * The files are mapped read-only and used in the type they are stored in, so
 * that the processes of a pipeline share one copy and a stage touches only
 * the pages of its own layer.
 *
 * Everything here dies with one line on a file that is missing, broken or
 * not supported: the tensor, the shape found, the shape needed.
 */
#ifndef LMUTILS_MODEL_H
#define LMUTILS_MODEL_H

#include "family.h"
#include "norm.h"
#include "rope.h"
#include "safetensors.h"

#define EOS_MAX 16
#define CONFIG_EXTENT_MAX ((size_t)1 << 28)     /* of any quantity of a configuration */

struct config {
	size_t d, layers, heads, kv_heads, head_dim, ffn, vocab, context;
	float eps;                      /* of the norms */
	enum activation activation;
	float scale;                    /* of the scores of attention: 1 / sqrt(head_dim), or 1 */
	bool scale_by_layer;            /* and those of layer L are divided by L + 1 */
	bool tied;                      /* the embedding is the unembedding too */
	bool bias[SLOT_COUNT];
	bool transposed[SLOT_COUNT];    /* W is stored as [in, out] */
	struct rope_config rope;
	int32_t eos[EOS_MAX];           /* end-of-sequence ids */
	size_t eos_count;
};

/* A matrix W[out, in], or a vector W[out] with in = 1, as it is stored. */
struct weight {
	const char *name;
	const void *data;
	enum dtype type;                /* F32, F16, BF16, or one that quants.h can unpack */
	size_t out, in;
	void *owned;                    /* data, if it is not where the file is mapped; else NULL */
};

/* y = W x + b */
struct linear {
	struct weight w;
	const float *bias;              /* [out], or NULL */
	void *bias_owned;               /* bias, if it is not where the file is mapped; else NULL */
};

struct model {
	char *path;
	const struct family *family;
	struct config config;
	char hash[17];                  /* what frames carry as "model" */
	struct shard *shards;
	size_t shard_count;
	struct tensor **tensors;        /* of all shards, by name */
	size_t tensor_count;
	const char *prefix;             /* of the tensors' names */
	bool gguf;                      /* a GGUF file, with their names for the tensors */
	float *weights;                 /* of model_copy, else NULL: all tensors, in the order of the one shard */
	size_t weight_count;
};

/*
 * Which model: the argument of -m, else $LM_MODEL, which is none if it is empty,
 * else the one that ships with lmutils.  Dies with advice if there is none.
 */
const char *model_path(const char *option);

/* True if model_path would not die. */
bool model_available(const char *option);

/* Dies unless the sizes of the configuration fit together. */
void config_check(const struct config *c, const struct family *family, const char *path);

/*
 * Takes the sizes, 0 where one was not given: as many KV heads as heads, d / heads
 * for a head, and the family's multiple of d for ffn, unless said otherwise.
 * The first that is missing, or KEY_COUNT.
 */
enum config_key config_sizes(struct config *c, const struct family *family, size_t values[KEY_COUNT]);

/* Adds an end-of-sequence id, once; false if there is no room for another. */
bool config_add_eos(struct config *c, int32_t id);

struct model *model_open(const char *path);

/*
 * A model whose weights are in memory, as F32, one after the other from `weights`
 * on, for training: those of the directory, where it has any (*found), else zeros.
 * Its hash is that of its configuration.  Dies for a family that does not keep its matrices as [out, in], each for itself.
 */
struct model *model_copy(const char *path, bool *found);

/* Its tensors, in the order in which they lie in memory. */
const struct tensor *model_copied(const struct model *m, size_t *count);
void model_close(struct model *m);

/*
 * The hash of the model at path, for frames of programs that need nothing else
 * of it; the caller frees it.  NULL where there is no complete model of a
 * supported family (a tokenizer alone, say).
 */
char *model_hash(const char *path);

/* True if models of this family have it. */
bool model_has(const struct model *m, enum slot slot);

/*
 * Positions that a sequence may have where an option asks for so many (0: the
 * model's); learned ones there are no more of than the model has vectors.
 */
size_t model_context(const struct model *m, size_t option);

/*
 * A matrix and a norm with their biases, if they have them.  The matrix is
 * where the file is mapped, unless it is stored transposed: then it is a copy,
 * in the type it is stored in.
 */
struct linear model_linear(const struct model *m, enum slot slot, size_t layer);
struct norm model_norm(const struct model *m, enum slot slot, size_t layer);

void linear_free(struct linear *l);

#endif
