/* checkpoint.c: stop and go on.  See checkpoint.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint.h"
#include "cli.h"
#include "mapping.h"
#include "memory.h"
#include "numeric.h"
#include "replace.h"

/* The numbers among the metadata. */
static const struct {
	const char *name;
	size_t offset;
} numbers[] = {
	{"step", offsetof(struct checkpoint, step)},
	{"epoch", offsetof(struct checkpoint, epoch)},
	{"next", offsetof(struct checkpoint, next)},
	{"log", offsetof(struct checkpoint, log)},
};
#define NUMBERS (sizeof numbers / sizeof *numbers)

/* The three arrays, as tensors of one dimension. */
static const char *const arrays[] = {"weights", "m", "v"};

static void array_places(const struct model *model, const struct adamw *a, float *places[3])
{
	places[0] = model->weights;
	places[1] = a->m;
	places[2] = a->v;
}

static void read_metadata(struct checkpoint *c, const char *path, json_t *metadata)
{
	const char *settings = json_string_value(json_object_get(metadata, "settings"));
	if (!settings || strcmp(settings, c->settings) != 0)
		die(path, "was made with other options, another text or another configuration; "
			  "train in another directory, or remove it");
	for (size_t i = 0; i < NUMBERS; i++) {
		const char *text = json_string_value(json_object_get(metadata, numbers[i].name));
		int64_t value;
		int end = 0;
		if (!text || sscanf(text, "%" SCNd64 "%n", &value, &end) != 1 || text[end] || value < 0)
			die(path, "metadata: '%s' is missing or not a number", numbers[i].name);
		memcpy((char *)c + numbers[i].offset, &value, sizeof value);
	}
}

bool checkpoint_read(struct checkpoint *c, const char *directory, struct model *model, const struct adamw *a)
{
	char *path = mem_printf("%s/%s", directory, CHECKPOINT);
	if (access(path, F_OK) < 0) {
		free(path);
		return false;
	}
	struct safetensors st;
	size_t size, header;
	unsigned char *map = map_safetensors(path, &size, &header, &st);
	float *places[3];
	read_metadata(c, path, st.metadata);
	array_places(model, a, places);
	for (size_t i = 0; i < 3; i++) {
		const struct tensor *found = NULL;
		for (size_t k = 0; k < st.count; k++)
			if (strcmp(st.tensors[k].name, arrays[i]) == 0)
				found = &st.tensors[k];
		if (!found || found->type != DTYPE_F32 || found->rank != 1 || found->shape[0] != model->weight_count)
			die(path, "no tensor '%s' of type F32 and shape [%zu]", arrays[i], model->weight_count);
		memcpy(places[i], found->data, found->bytes);
	}
	unmap_file(map, size);
	safetensors_free(&st);
	free(path);
	return true;
}

void checkpoint_write(const struct checkpoint *c, const char *directory, const struct model *model,
		      const struct adamw *a)
{
	struct tensor tensors[3];
	struct safetensors st = {.tensors = tensors, .count = 3, .metadata = json_object()};
	float *places[3];
	array_places(model, a, places);
	for (size_t i = 0; i < 3; i++)
		tensors[i] = (struct tensor){
			.name = (char *)arrays[i], .type = DTYPE_F32, .rank = 1, .shape = {model->weight_count},
			.bytes = model->weight_count * sizeof(float), .data = places[i],
		};
	json_object_set_new(st.metadata, "settings", json_string(c->settings));
	for (size_t i = 0; i < NUMBERS; i++) {
		int64_t value;
		memcpy(&value, (const char *)c + numbers[i].offset, sizeof value);
		char *text = mem_printf("%" PRId64, value);
		json_object_set_new(st.metadata, numbers[i].name, json_string(text));
		free(text);
	}
	replace_safetensors(directory, CHECKPOINT, &st);
	json_decref(st.metadata);
}

void checkpoint_write_model(const char *directory, const struct model *model, enum dtype type)
{
	size_t count;
	const struct tensor *from = model_copied(model, &count);
	struct safetensors st = {
		.tensors = mem_array(count, sizeof *st.tensors), .count = count,
		.metadata = json_pack("{s:s}", "format", "pt"),         /* without it transformers takes no file */
	};
	uint16_t *rounded = type == DTYPE_BF16 ? mem_array(model->weight_count, sizeof *rounded) : NULL;
	if (rounded)
		round_bf16(model->weights, model->weight_count, rounded);
	for (size_t i = 0; i < count; i++) {
		st.tensors[i] = from[i];
		if (!rounded)
			continue;
		st.tensors[i].type = type;
		st.tensors[i].bytes /= 2;
		st.tensors[i].data = rounded + ((const float *)from[i].data - model->weights);
	}
	replace_safetensors(directory, "model.safetensors", &st);
	free(st.tensors);
	json_decref(st.metadata);
	free(rounded);
}
