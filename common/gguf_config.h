/*
 * gguf_config.h: a model's configuration from the metadata of its GGUF file.
 *
 * Keys as in https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, and
 * those that llama.cpp's converter writes beyond it.
 */
#ifndef LMUTILS_GGUF_CONFIG_H
#define LMUTILS_GGUF_CONFIG_H

#include "gguf.h"
#include "model.h"

/* The family that general.architecture names; dies if it is not supported. */
const struct family *gguf_family(const struct gguf *g);

/*
 * Everything of the configuration but what only the tensors tell: whether the
 * embedding is tied, which biases there are, and the factors of rope.
 */
void gguf_config(struct config *c, const struct gguf *g, const struct family *family);

#endif
