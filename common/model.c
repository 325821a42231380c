/* model.c: configuration and weights from a model's files.  See model.h. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "gguf.h"
#include "gguf_config.h"
#include "hash.h"
#include "io.h"
#include "mapping.h"
#include "memory.h"
#include "model.h"
#include "numeric.h"
#include "quants.h"

#define WEIGHTS "model.safetensors"
#define WEIGHTS_INDEX "model.safetensors.index.json"
#define CONFIG_MAX (4 << 20)                    /* bytes of a config.json */
#define INDEX_MAX (64 << 20)                    /* of an index of shards */
#define SHARDS_MAX 4096

/* One mapped weight file. */
struct shard {
	char *path;
	unsigned char *map;
	size_t size, header;            /* bytes of the file; of what is before the tensors' */
	struct safetensors st;
};

/* ---- which model ---- */

/*
 * The model that ships: beside the program (bin/../share/lmutils/model, which
 * is the layout of an installation and of the build tree), else where make
 * install was told to put it.  NULL if there is none.
 */
static const char *default_model(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	for (int i = 0; i < 2 && n > 0; i++)    /* off with the program's name, and with "bin" */
		while (n > 0 && path[--n] != '/')
			;
	if (n > 0) {
		snprintf(path + n, sizeof path - (size_t)n, "/share/lmutils/model");
		if (io_has_file(path, "config.json"))
			return path;
	}
	return io_has_file(LM_DEFAULT_MODEL, "config.json") ? LM_DEFAULT_MODEL : NULL;
}

static const char *chosen_model(const char *option)
{
	const char *environment = getenv("LM_MODEL");
	if (option)
		return option;
	if (environment)
		return *environment ? environment : NULL;
	return default_model();
}

const char *model_path(const char *option)
{
	const char *path = chosen_model(option);
	if (!path)
		die(NULL, "no model: name one with -m MODEL or in $LM_MODEL (a directory with "
			  "config.json and model.safetensors, or a GGUF file); none is installed at %s", LM_DEFAULT_MODEL);
	return path;
}

bool model_available(const char *option)
{
	return chosen_model(option) != NULL;
}

/* ---- config.json ---- */

static json_t *load_json(const char *path, size_t max, char **text, size_t *n)
{
	json_error_t error;
	*text = io_slurp(path, max, n);
	json_t *json = json_loadb(*text, *n, 0, &error);
	if (!json)
		die(path, "line %d: %s", error.line, error.text);
	if (!json_is_object(json))
		die(path, "not a JSON object");
	return json;
}

/* A count of the configuration; 0 where it is absent or null. */
static size_t config_size(json_t *config, const char *path, const char *key)
{
	json_t *value = json_object_get(config, key);
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 1 ||
	    (size_t)json_integer_value(value) > CONFIG_EXTENT_MAX)
		die(path, "%s must be an integer in [1, %zu]", key, CONFIG_EXTENT_MAX);
	return (size_t)json_integer_value(value);
}

/* By one of the names that the family has for it, or what holds without. */
static size_t family_size(json_t *config, const char *path, const struct family *family, int key)
{
	const char *names[] = {family->aliases[key], family->keys[key]};
	for (size_t i = 0; i < 2; i++) {
		size_t value = names[i] ? config_size(config, path, names[i]) : 0;
		if (value)
			return value;
	}
	return family->defaults[key];
}

static bool config_bool(json_t *config, const char *path, const char *key, bool otherwise)
{
	json_t *value = json_object_get(config, key);
	if (!value || json_is_null(value))
		return otherwise;
	if (!json_is_boolean(value))
		die(path, "%s must be true or false", key);
	return json_is_true(value);
}

static int32_t token_id(const char *path, const char *key, json_t *value)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > INT32_MAX)
		die(path, "%s must be a token id", key);
	return (int32_t)json_integer_value(value);
}

bool config_add_eos(struct config *c, int32_t id)
{
	for (size_t k = 0; k < c->eos_count; k++)
		if (c->eos[k] == id)
			return true;
	if (c->eos_count == EOS_MAX)
		return false;
	c->eos[c->eos_count++] = id;
	return true;
}

/* eos_token_id of config.json or generation_config.json: an id, or a list of them. */
static void add_eos(struct config *c, json_t *config, const char *path)
{
	json_t *value = json_object_get(config, "eos_token_id");
	size_t n = json_is_array(value) ? json_array_size(value) : value && !json_is_null(value);
	for (size_t i = 0; i < n; i++) {
		int32_t id = token_id(path, "eos_token_id", json_is_array(value) ? json_array_get(value, i) : value);
		if (!config_add_eos(c, id))
			die(path, "more than %d end-of-sequence ids", EOS_MAX);
	}
}

static void load_generation_config(struct model *m)
{
	char *path = mem_printf("%s/generation_config.json", m->path), *text;
	size_t n;
	if (io_has_file(m->path, "generation_config.json")) {
		json_t *json = load_json(path, CONFIG_MAX, &text, &n);
		add_eos(&m->config, json, path);
		json_decref(json);
		free(text);
	}
	free(path);
}

enum config_key config_sizes(struct config *c, const struct family *family, size_t values[KEY_COUNT])
{
	if (!values[KEY_KV_HEADS])
		values[KEY_KV_HEADS] = values[KEY_HEADS];
	if (!values[KEY_HEAD_DIM] && values[KEY_HEADS])
		values[KEY_HEAD_DIM] = values[KEY_D] / values[KEY_HEADS];
	if (!values[KEY_FFN])
		values[KEY_FFN] = family->ffn_factor * values[KEY_D];
	c->d = values[KEY_D];
	c->layers = values[KEY_LAYERS];
	c->heads = values[KEY_HEADS];
	c->kv_heads = values[KEY_KV_HEADS];
	c->head_dim = values[KEY_HEAD_DIM];
	c->ffn = values[KEY_FFN];
	c->vocab = values[KEY_VOCAB];
	c->context = values[KEY_CONTEXT];
	c->scale = 1 / sqrtf((float)c->head_dim);
	int k = 0;
	while (k < KEY_COUNT && values[k])
		k++;
	return (enum config_key)k;
}

void config_check(const struct config *c, const struct family *family, const char *path)
{
	if (!family->keys[KEY_HEAD_DIM] && c->head_dim * c->heads != c->d)
		die(path, "%zu heads cannot share %zu elements evenly", c->heads, c->d);
	if (c->heads % c->kv_heads)
		die(path, "%zu query heads cannot share %zu KV heads evenly", c->heads, c->kv_heads);
	if (family->positions == POSITION_ROTARY && (c->head_dim % 2 || c->head_dim < 4))
		die(path, "head_dim %zu must be even and at least 4", c->head_dim);
	if (c->heads > CONFIG_EXTENT_MAX / c->head_dim)
		die(path, "%zu heads of %zu are too many", c->heads, c->head_dim);
}

/* What happens between sizes: the bend, the scales, and what positions do. */
static void load_variants(struct config *c, json_t *json, const struct family *family, const char *path)
{
	char why[160];
	json_t *name = json_object_get(json, family->activation_key);
	const char *activation = name && !json_is_null(name) ? json_string_value(name) : family->activation;
	if (!activation || !activation_parse(activation, &c->activation))
		die(path, "%s '%s' is not supported", family->activation_key, activation ? activation : "");
	json_t *eps = json_object_get(json, family->eps_key);
	double value = eps ? json_number_value(eps) : family->eps;
	if ((eps && !json_is_number(eps)) || !(value >= 0 && value < 1))
		die(path, "%s must be a number in [0, 1)", family->eps_key);
	c->eps = (float)value;
	if (family->scale_key && !config_bool(json, path, family->scale_key, true))
		c->scale = 1;
	c->scale_by_layer = family->layer_scale_key && config_bool(json, path, family->layer_scale_key, false);
	for (size_t i = 0; i < 4 && family->refused_keys[i]; i++)
		if (config_bool(json, path, family->refused_keys[i], false))
			die(path, "%s true is not supported", family->refused_keys[i]);
	if (family->positions == POSITION_ROTARY &&
	    !rope_parse(&c->rope, json, family->rope_theta, c->context, why, sizeof why))
		die(path, "%s", why);
}

static void load_config(struct model *m, struct hash *hash)
{
	struct config *c = &m->config;
	char *path = mem_printf("%s/config.json", m->path), *text;
	size_t n;
	json_t *json = load_json(path, CONFIG_MAX, &text, &n);
	hash_add(hash, text, n);

	const char *type = json_string_value(json_object_get(json, "model_type"));
	if (!type)
		die(path, "no model_type");
	m->family = family_find(type);
	if (!m->family)
		die(path, "model_type '%s' is not supported; these are: %s", type, family_names());

	size_t values[KEY_COUNT];
	for (int k = 0; k < KEY_COUNT; k++)
		values[k] = family_size(json, path, m->family, k);
	enum config_key missing = config_sizes(c, m->family, values);
	if (missing < KEY_COUNT)
		die(path, "no %s", m->family->keys[missing]);
	config_check(c, m->family, path);
	load_variants(c, json, m->family, path);
	c->tied = config_bool(json, path, "tie_word_embeddings", m->family->tied);
	for (int s = 0; s < SLOT_COUNT; s++)
		c->bias[s] = m->family->tensors[s].bias == BIAS_KEYED &&
			     config_bool(json, path, m->family->tensors[s].bias_key, false);
	add_eos(c, json, path);
	json_decref(json);
	free(text);
	free(path);
	load_generation_config(m);
}

/* ---- weight files ---- */

static void map_shard(struct shard *s, const char *path)
{
	s->path = mem_string(path);
	s->map = map_safetensors(path, &s->size, &s->header, &s->st);
}

/* The files that the index names, each once, in order of first mention. */
static void map_indexed_shards(struct model *m, const char *path)
{
	char *text;
	size_t n;
	json_t *index = load_json(path, INDEX_MAX, &text, &n), *file;
	const char *tensor;
	json_t *seen = json_object(), *map = json_object_get(index, "weight_map");
	if (!json_is_object(map))
		die(path, "no weight_map");
	json_object_foreach(map, tensor, file) {
		const char *name = json_string_value(file);
		if (!name || !*name || strchr(name, '/'))
			die(path, "tensor '%s': not the name of a file in this directory", tensor);
		if (json_object_get(seen, name))
			continue;
		json_object_set_new(seen, name, json_true());
		if (m->shard_count == SHARDS_MAX)
			die(path, "more than %d files", SHARDS_MAX);
		m->shards = mem_resize(m->shards, m->shard_count + 1, sizeof *m->shards);
		char *shard = mem_printf("%s/%s", m->path, name);
		map_shard(&m->shards[m->shard_count++], shard);
		free(shard);
	}
	json_decref(seen);
	json_decref(index);
	free(text);
}

static void map_weights(struct model *m)
{
	char *single = mem_printf("%s/%s", m->path, WEIGHTS);
	char *index = mem_printf("%s/%s", m->path, WEIGHTS_INDEX);
	if (!io_has_file(m->path, WEIGHTS) && io_has_file(m->path, WEIGHTS_INDEX)) {
		map_indexed_shards(m, index);
	} else {
		m->shards = mem_zero(1, sizeof *m->shards);
		m->shard_count = 1;
		map_shard(m->shards, single);
	}
	free(single);
	free(index);
}

/* The configuration of a GGUF file, and its tensors: they and the mapping go over into shards. */
static void map_gguf(struct model *m, const char *path)
{
	struct gguf *files = gguf_open(path);
	m->gguf = true;
	m->prefix = "";
	m->family = gguf_family(files);
	gguf_config(&m->config, files, m->family);
	for (struct gguf *g = files; g; g = g->next) {
		m->shards = mem_resize(m->shards, m->shard_count + 1, sizeof *m->shards);
		m->shards[m->shard_count++] = (struct shard){
			.path = mem_string(g->path), .map = g->map, .size = g->size, .header = g->header,
			.st = {.tensors = g->tensors, .count = g->tensor_count},
		};
		g->map = NULL;
		g->tensors = NULL;
		g->tensor_count = 0;
	}
	gguf_close(files);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct tensor *const *)a)->name, (*(struct tensor *const *)b)->name);
}

static void index_tensors(struct model *m)
{
	for (size_t s = 0; s < m->shard_count; s++)
		m->tensor_count += m->shards[s].st.count;
	m->tensors = mem_array(m->tensor_count, sizeof(struct tensor *));
	size_t n = 0;
	for (size_t s = 0; s < m->shard_count; s++)
		for (size_t i = 0; i < m->shards[s].st.count; i++)
			m->tensors[n++] = &m->shards[s].st.tensors[i];
	qsort(m->tensors, n, sizeof *m->tensors, by_name);
	for (size_t i = 1; i < n; i++)
		if (by_name(&m->tensors[i - 1], &m->tensors[i]) == 0)
			die(m->path, "tensor '%s' is in two files", m->tensors[i]->name);
}

static struct tensor *find_tensor(const struct model *m, const char *name)
{
	struct tensor key = {.name = (char *)name}, *at = &key;
	struct tensor **found = bsearch(&at, m->tensors, m->tensor_count, sizeof *m->tensors, by_name);
	return found ? *found : NULL;
}

/* Before the prefix is known: with each the embedding is looked for. */
static void find_prefix(struct model *m)
{
	for (size_t i = 0; i < 3 && m->family->prefixes[i]; i++) {
		char *name = mem_printf("%s%s.weight", m->family->prefixes[i],
					m->family->tensors[SLOT_EMBEDDING].name);
		bool found = find_tensor(m, name) != NULL;
		free(name);
		if (found) {
			m->prefix = m->family->prefixes[i];
			return;
		}
	}
	die(m->path, "no tensor '%s%s.weight'", m->family->prefixes[0], m->family->tensors[SLOT_EMBEDDING].name);
}

/* The full name of a slot's tensor; the unembedding stands outside the prefix. */
static char *tensor_name(const struct model *m, enum slot slot, size_t layer, const char *suffix)
{
	char name[160];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(name, sizeof name, m->gguf ? m->family->gguf.tensors[slot] : m->family->tensors[slot].name, layer);
#pragma GCC diagnostic pop
	return mem_printf("%s%s%s", slot == SLOT_UNEMBEDDING ? "" : m->prefix, name, suffix);
}

static size_t extent(const struct config *c, enum extent e)
{
	return (size_t[EXTENT_COUNT]){
		[EXTENT_D] = c->d,
		[EXTENT_Q] = c->heads * c->head_dim,
		[EXTENT_KV] = c->kv_heads * c->head_dim,
		[EXTENT_FFN] = c->ffn,
		[EXTENT_VOCAB] = c->vocab,
		[EXTENT_CONTEXT] = c->context,
	}[e];
}

/* True if two slots are rows of one tensor: if they have the same name. */
static bool same_tensor(const struct model *m, enum slot a, enum slot b)
{
	const char *one = m->gguf ? m->family->gguf.tensors[a] : m->family->tensors[a].name;
	const char *other = m->gguf ? m->family->gguf.tensors[b] : m->family->tensors[b].name;
	return one && other && strcmp(one, other) == 0;
}

/* All rows of a slot's tensor; those of the slot begin at *first. */
static size_t tensor_rows(const struct model *m, enum slot slot, size_t *first)
{
	size_t rows = 0;
	for (int s = 0; s < SLOT_COUNT; s++) {
		if (s == (int)slot)
			*first = rows;
		if (same_tensor(m, slot, (enum slot)s))
			rows += extent(&m->config, m->family->tensors[s].rows);
	}
	return rows;
}

/* A tensor of that shape; its name is freed. */
static struct tensor *load_tensor(const struct model *m, char *name, int rank, const size_t *shape)
{
	struct tensor *t = find_tensor(m, name);
	if (!t)
		die(m->path, "no tensor '%s' (needs %s)", name, shape_text(rank, shape));
	if (t->rank != rank || memcmp(t->shape, shape, (size_t)rank * sizeof *shape) != 0)
		die(m->path, "tensor '%s' has shape %s, needs %s", name, shape_text(t->rank, t->shape),
		    shape_text(rank, shape));
	const struct quant *quant = quant_of(t->type);
	if (!quant || !quant->unpack)
		die(m->path, "tensor '%s' has type %s, which is not supported", name, dtype_name(t->type));
	free(name);
	if (t->type < DTYPE_COUNT && (uintptr_t)t->data % dtype_size(t->type)) {
		/* the header of an older file need not end on a multiple of 8 */
		t->owned = mem_aligned(t->bytes, 1);
		t->data = memcpy(t->owned, t->data, t->bytes);
	}
	return t;
}

/*
 * w[out, in] = the first `out` columns of t[in, columns], by tiles, so that what
 * is read together and what is written together lie close.
 */
#define TILE 32

static inline void transpose_elements(const char *t, size_t columns, size_t out, size_t in, size_t size, char *w)
{
	for (size_t o = 0; o < out; o += TILE)
		for (size_t k = 0; k < in; k += TILE)
			for (size_t i = o; i < out && i < o + TILE; i++)
				for (size_t j = k; j < in && j < k + TILE; j++)
					memcpy(w + (i * in + j) * size, t + (j * columns + i) * size, size);
}

/* The columns from `first` on as rows of their own. */
static void *transpose(const struct tensor *t, size_t first, size_t out, size_t in)
{
	size_t size = dtype_size(t->type), elements;
	if (!size_muladd(out, in, 0, &elements))
		die(t->name, "too large");
	char *w = mem_aligned(elements, size);
	const char *from = (const char *)t->data + first * size;
	if (size == 2)          /* a constant makes the copy one instruction */
		transpose_elements(from, t->shape[1], out, in, 2, w);
	else
		transpose_elements(from, t->shape[1], out, in, 4, w);
	return w;
}

/* A slot's matrix: all rows of its tensor, or those that are its own. */
static struct weight load_matrix(const struct model *m, enum slot slot, size_t layer)
{
	const struct tensor_row *row = &m->family->tensors[slot];
	size_t out = extent(&m->config, row->rows), in = extent(&m->config, row->columns), first;
	size_t rows = tensor_rows(m, slot, &first);
	bool transposed = m->config.transposed[slot];
	const struct tensor *t = load_tensor(m, tensor_name(m, slot, layer, ".weight"), 2,
					     transposed ? (size_t[]){in, rows} : (size_t[]){rows, in});
	struct weight w = {t->name, (const char *)t->data + first * dtype_bytes(t->type, in), t->type, out, in, NULL};
	if (transposed)
		w.data = w.owned = transpose(t, first, out, in);
	return w;
}

/* A slot's vector, its weight or (suffix ".bias") its bias: where it is, or an F32 copy, which *owned gets too. */
static const float *load_f32(const struct model *m, enum slot slot, size_t layer, const char *suffix, void **owned)
{
	size_t first, rows = tensor_rows(m, slot, &first), own = extent(&m->config, m->family->tensors[slot].rows);
	const struct tensor *t = load_tensor(m, tensor_name(m, slot, layer, suffix), 1, &rows);
	if (t->type == DTYPE_F32)
		return (const float *)t->data + first;
	float *x = mem_array(rows, sizeof *x);
	unpack_f32(t->data, t->type, rows, x);
	memmove(x, x + first, own * sizeof *x);
	return *owned = x;
}

bool model_has(const struct model *m, enum slot slot)
{
	return m->family->tensors[slot].name != NULL;
}

size_t model_context(const struct model *m, size_t option)
{
	size_t most = m->config.context;
	if (option == 0 || (m->family->positions == POSITION_LEARNED && option > most))
		return most;
	return option;
}

struct linear model_linear(const struct model *m, enum slot slot, size_t layer)
{
	if (slot == SLOT_UNEMBEDDING && m->config.tied)
		slot = SLOT_EMBEDDING;
	struct linear l = {.w = load_matrix(m, slot, layer)};
	if (m->config.bias[slot])
		l.bias = load_f32(m, slot, layer, ".bias", &l.bias_owned);
	return l;
}

struct norm model_norm(const struct model *m, enum slot slot, size_t layer)
{
	struct norm n = {.kind = m->family->norm, .eps = m->config.eps};
	n.weight = load_f32(m, slot, layer, ".weight", &n.owned[0]);
	if (m->config.bias[slot])
		n.bias = load_f32(m, slot, layer, ".bias", &n.owned[1]);
	return n;
}

void linear_free(struct linear *l)
{
	free(l->w.owned);
	free(l->bias_owned);
}

/* ---- what only the tensors tell ---- */

static size_t slot_layers(const struct model *m, int slot)
{
	return slot < SLOT_LAYER ? 1 : m->config.layers;
}

/* True if the slot has a bias, in all layers or in none. */
static bool has_bias(const struct model *m, enum slot slot)
{
	bool found = false;
	char *missing = NULL;
	for (size_t l = 0; l < slot_layers(m, slot); l++) {
		char *name = tensor_name(m, slot, l, ".bias");
		if (find_tensor(m, name)) {
			found = true;
		} else if (!missing) {
			missing = name;
			continue;
		}
		free(name);
	}
	if (found && missing)
		die(m->path, "no tensor '%s', which other layers have", missing);
	free(missing);
	return found;
}

static void look_for_biases(struct model *m)
{
	for (int s = 0; s < SLOT_COUNT; s++) {
		enum bias_rule rule = m->family->tensors[s].bias;
		if (rule == BIAS_ALWAYS)
			m->config.bias[s] = true;
		else if (rule == BIAS_FOUND || (rule == BIAS_KEYED && m->gguf))
			m->config.bias[s] = has_bias(m, (enum slot)s);
	}
}

/*
 * Matrices that a family stores transposed are not in GGUF files, nor where
 * the same names were given to matrices as other libraries store them.  Of
 * a square one the shape does not tell, so one speaks for all.
 */
static void look_for_transposed(struct model *m)
{
	bool transposed = !m->gguf;
	for (int s = SLOT_LAYER; s < SLOT_COUNT; s++) {
		const struct tensor_row *row = &m->family->tensors[s];
		if (!row->transposed)
			continue;
		size_t first, shape[] = {tensor_rows(m, (enum slot)s, &first), extent(&m->config, row->columns)};
		char *name = tensor_name(m, (enum slot)s, 0, ".weight");
		const struct tensor *t = find_tensor(m, name);
		if (t && shape[0] != shape[1] && t->rank == 2 && memcmp(t->shape, shape, sizeof shape) == 0)
			transposed = false;
		free(name);
	}
	for (int s = SLOT_LAYER; s < SLOT_COUNT; s++)
		m->config.transposed[s] = transposed && m->family->tensors[s].transposed;
}

/* What the metadata of a GGUF file leave unsaid. */
static void look_at_gguf(struct model *m)
{
	struct config *c = &m->config;
	char *output = tensor_name(m, SLOT_UNEMBEDDING, 0, ".weight");
	c->tied = !find_tensor(m, output);
	free(output);
	if (find_tensor(m, "rope_freqs.weight")) {
		size_t pairs = c->head_dim / 2;
		const struct tensor *t = load_tensor(m, mem_string("rope_freqs.weight"), 1, &pairs);
		const float *factors = t->data;
		if (t->type != DTYPE_F32)
			die(m->path, "tensor '%s' has type %s, needs F32", t->name, dtype_name(t->type));
		for (size_t i = 0; i < pairs; i++)
			if (!(isfinite(factors[i]) && factors[i] > 0))
				die(m->path, "tensor '%s' has %.9g, must be positive", t->name, factors[i]);
		if (c->rope.type == ROPE_YARN)
			die(m->path, "tensor '%s' is not supported with yarn", t->name);
		c->rope.factors = factors;
	}
}

/* ---- the hash ---- */

#define SAMPLE ((size_t)4096)

/* The first, the middle and the last page of a matrix. */
static void hash_samples(struct hash *hash, const struct tensor *t)
{
	size_t n = t->bytes < SAMPLE ? t->bytes : SAMPLE;
	const size_t at[] = {0, (t->bytes - n) / 2, t->bytes - n};
	for (int i = 0; i < 3; i++)
		hash_add(hash, (const char *)t->data + at[i], n);
}

/*
 * Files of other models, and files with other weights, should differ in it;
 * so the matrices that write to the residual stream go in, in samples: all of
 * them would be the whole model to read.
 */
static void hash_weights(struct model *m, struct hash *hash)
{
	for (size_t s = 0; s < m->shard_count; s++)
		hash_add(hash, m->shards[s].map, m->shards[s].header);
	for (int slot = 0; slot < SLOT_COUNT; slot++)
		for (size_t l = 0; m->family->tensors[slot].writes && l < slot_layers(m, slot); l++) {
			char *name = tensor_name(m, (enum slot)slot, l, ".weight");
			const struct tensor *t = find_tensor(m, name);
			if (!t)
				die(m->path, "no tensor '%s'", name);
			hash_samples(hash, t);
			free(name);
		}
}

static void set_hash(struct model *m, const struct hash *hash)
{
	snprintf(m->hash, sizeof m->hash, "%016llx", (unsigned long long)hash_end(hash));
}

struct model *model_open(const char *path)
{
	struct model *m = mem_zero(1, sizeof *m);
	struct stat st;
	struct hash hash = hash_start();
	if (stat(path, &st) < 0)
		die(path, "%s", strerror(errno));
	m->path = mem_string(path);
	if (!S_ISDIR(st.st_mode)) {
		if (!gguf_is(path))
			die(path, "not a model: neither a directory (config.json, model.safetensors) nor a GGUF file");
		map_gguf(m, path);
		index_tensors(m);
		look_at_gguf(m);
	} else {
		load_config(m, &hash);
		map_weights(m);
		index_tensors(m);
		find_prefix(m);
	}
	look_for_biases(m);
	look_for_transposed(m);
	hash_weights(m, &hash);
	set_hash(m, &hash);
	return m;
}

/* ---- a copy in memory ---- */

/* Adds the tensors of one slot to a shard: of each layer its weight, and its bias. */
static void add_slot(const struct model *m, struct shard *s, enum slot slot)
{
	const struct tensor_row *row = &m->family->tensors[slot];
	int rank = row->columns == EXTENT_NONE ? 1 : 2;
	for (size_t l = 0; l < slot_layers(m, slot); l++)
		for (int bias = 0; bias <= m->config.bias[slot]; bias++) {
			struct tensor t = {
				.name = tensor_name(m, slot, l, bias ? ".bias" : ".weight"), .type = DTYPE_F32,
				.rank = bias ? 1 : rank,
				.shape = {extent(&m->config, row->rows), bias ? 0 : extent(&m->config, row->columns)},
			};
			size_t n = t.shape[0] * (t.rank == 2 ? t.shape[1] : 1);
			if (!size_muladd(n, sizeof(float), 0, &t.bytes) || !size_muladd(n, 1, s->size, &s->size))
				die(m->path, "the model is too large");
			s->st.tensors = mem_resize(s->st.tensors, s->st.count + 1, sizeof *s->st.tensors);
			s->st.tensors[s->st.count++] = t;
		}
}

/* The weights of the directory's own files, which may have another prefix. */
static void copy_weights(struct model *m, const char *path)
{
	struct model *from = model_open(path);
	size_t length = strlen(m->prefix);
	for (size_t i = 0; i < m->shards->st.count; i++) {
		const struct tensor *t = &m->shards->st.tensors[i];
		bool prefixed = strncmp(t->name, m->prefix, length) == 0;
		char *name = prefixed ? mem_printf("%s%s", from->prefix, t->name + length) : mem_string(t->name);
		const struct tensor *source = load_tensor(from, name, t->rank, t->shape);
		unpack_f32(source->data, source->type, t->bytes / sizeof(float), t->data);
	}
	model_close(from);
}

struct model *model_copy(const char *path, bool *found)
{
	struct model *m = mem_zero(1, sizeof *m);
	struct hash hash = hash_start();
	m->path = mem_string(path);
	if (gguf_is(path))
		die(path, "is a GGUF file; needed is a directory with config.json");
	load_config(m, &hash);
	set_hash(m, &hash);
	m->prefix = m->family->prefixes[0];
	m->shards = mem_zero(1, sizeof *m->shards);
	m->shard_count = 1;
	for (int slot = 0; slot < SLOT_COUNT; slot++) {
		if (!model_has(m, (enum slot)slot) || (slot == SLOT_UNEMBEDDING && m->config.tied))
			continue;
		size_t first, rows = tensor_rows(m, (enum slot)slot, &first);
		if (m->family->tensors[slot].transposed || rows != extent(&m->config, m->family->tensors[slot].rows))
			die(path, "model_type '%s' is not supported here", m->family->model_type);
		add_slot(m, m->shards, (enum slot)slot);
	}
	m->weight_count = m->shards->size;
	m->shards->size = 0;
	m->weights = mem_aligned(m->weight_count, sizeof *m->weights);
	memset(m->weights, 0, m->weight_count * sizeof *m->weights);
	float *next = m->weights;
	for (size_t i = 0; i < m->shards->st.count; i++) {
		m->shards->st.tensors[i].data = next;
		next += m->shards->st.tensors[i].bytes / sizeof *next;
	}
	index_tensors(m);
	*found = io_has_file(path, WEIGHTS) || io_has_file(path, WEIGHTS_INDEX);
	if (*found)
		copy_weights(m, path);
	return m;
}

const struct tensor *model_copied(const struct model *m, size_t *count)
{
	*count = m->shards->st.count;
	return m->shards->st.tensors;
}

/* True if the GGUF file has weights, of a supported family. */
static bool complete_gguf(const char *path)
{
	struct gguf *g = gguf_open(path);
	struct gguf_string name = {"", 0};
	gguf_text(g, "general.architecture", &name);
	char *architecture = mem_printf("%.*s", name.n < 64 ? (int)name.n : 64, name.bytes);
	bool complete = g->tensor_count > 0 && family_of_architecture(architecture);
	free(architecture);
	gguf_close(g);
	return complete;
}

/* The same of a directory. */
static bool complete_directory(const char *path)
{
	if (!io_has_file(path, "config.json") || !(io_has_file(path, WEIGHTS) || io_has_file(path, WEIGHTS_INDEX)))
		return false;
	char *config = mem_printf("%s/config.json", path), *text;
	size_t n;
	json_t *json = load_json(config, CONFIG_MAX, &text, &n);
	const char *type = json_string_value(json_object_get(json, "model_type"));
	bool complete = type && family_find(type);
	json_decref(json);
	free(text);
	free(config);
	return complete;
}

char *model_hash(const char *path)
{
	if (!(gguf_is(path) ? complete_gguf(path) : complete_directory(path)))
		return NULL;
	struct model *m = model_open(path);
	char *hash = mem_string(m->hash);
	model_close(m);
	return hash;
}

void model_close(struct model *m)
{
	for (size_t s = 0; s < m->shard_count; s++) {
		if (m->shards[s].map)
			unmap_file(m->shards[s].map, m->shards[s].size);
		safetensors_free(&m->shards[s].st);
		free(m->shards[s].path);
	}
	free(m->shards);
	free(m->weights);
	free(m->tensors);
	free(m->path);
	free(m);
}
