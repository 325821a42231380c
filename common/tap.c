/* tap.c: inner values of a stage.  See tap.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "memory.h"
#include "tap.h"

static int find_point(const struct taps *t, const char *option, const char *name)
{
	char all[160] = "";
	for (int i = 0; t->points[i]; i++) {
		if (strcmp(t->points[i], name) == 0)
			return i;
		strcat(strcat(all, i ? ", " : ""), t->points[i]);
	}
	cli_usage_error("%s: '%s' is not one of %s", option, name, all);
}

static void add(struct taps *t, const char *argument)
{
	char *name = mem_string(argument), *file = strchr(name, '=');
	if (t->count == TAPS_MAX)
		cli_usage_error("--tap: at most %d", TAPS_MAX);
	if (file)
		*file++ = '\0';
	struct tap *tap = &t->taps[t->count++];
	tap->point = find_point(t, "--tap", name);
	tap->file = (struct stream){.fd = -1};
	if (file) {
		for (size_t i = 0; i + 1 < t->count; i++)
			if (t->taps[i].file.name && strcmp(t->taps[i].file.name, file) == 0)
				cli_usage_error("--tap: two values to the file '%s'", file);
		tap->file.name = mem_string(file);
	}
	free(name);
}

bool taps_option(struct taps *t, int c, const char *argument)
{
	switch (c) {
	case TAP_TAP:
		add(t, argument);
		return true;
	case TAP_FROM:
		t->from = find_point(t, "--from", argument);
		return true;
	case TAP_UNTIL:
		t->until = find_point(t, "--until", argument);
		return true;
	}
	return false;
}

void taps_check(const struct taps *t, int last_input)
{
	int from = t->from < 0 ? -1 : t->from <= last_input ? last_input : t->from;
	if (t->until >= 0 && t->until <= from)
		cli_usage_error("--until %s does not come after --from %s", t->points[t->until], t->points[t->from]);
	for (size_t i = 0; i < t->count; i++)
		if (t->taps[i].point <= from || (t->until >= 0 && t->taps[i].point > t->until))
			cli_usage_error("--tap %s is not computed from --from to --until",
					t->points[t->taps[i].point]);
}

void taps_refuse(const struct taps *t, int point, const char *reason)
{
	bool named = t->from == point || t->until == point;
	for (size_t i = 0; i < t->count; i++)
		named = named || t->taps[i].point == point;
	if (named)
		cli_usage_error("no point %s: %s", t->points[point], reason);
}

void taps_open(struct taps *t)
{
	for (size_t i = 0; i < t->count; i++) {
		struct stream *file = &t->taps[i].file;
		if (!file->name)
			continue;
		file->fd = open(file->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (file->fd < 0)
			die(file->name, "%s", strerror(errno));
	}
}

bool taps_want(const struct taps *t, int point)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->taps[i].point == point)
			return true;
	return t->leave >> point & 1;
}

static void put(struct frame *f, const char *name, const float *value, size_t n, size_t a, size_t b)
{
	void *data = frame_put(f, name, DTYPE_F32, b ? 3 : 2, (size_t[]){n, a, b});
	memcpy(data, value, frame_find(f, name)->bytes);
}

/* A frame of its own: the value, and which rows it belongs to. */
static void write_to_file(struct stream *file, const struct frame *f, const char *name,
			  const float *value, size_t n, size_t a, size_t b)
{
	static const char *const kept[] = {"ids", "seq", "pos", "want"};
	struct frame own = {0};
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		const struct tensor *t = frame_find(f, kept[i]);
		if (t)
			memcpy(frame_put(&own, t->name, t->type, t->rank, t->shape), t->data, t->bytes);
	}
	put(&own, name, value, n, a, b);
	const char *model = frame_meta(f, "model");
	if (model)
		frame_set_meta(&own, "model", model);
	stream_write(file, &own);
	frame_free(&own);
}

void taps_give(struct taps *t, struct frame *f, const char *stage, size_t layer, int point,
	       const float *value, size_t n, size_t a, size_t b)
{
	if (!taps_want(t, point))
		return;
	char *name = mem_printf("%s.%zu.%s", stage, layer, t->points[point]);
	bool into_frame = t->leave >> point & 1;
	for (size_t i = 0; i < t->count; i++) {
		if (t->taps[i].point != point)
			continue;
		if (t->taps[i].file.fd < 0)
			into_frame = true;
		else
			write_to_file(&t->taps[i].file, f, name, value, n, a, b);
	}
	if (into_frame)
		put(f, name, value, n, a, b);
	free(name);
}

float *taps_take(struct frame *f, const struct stream *in, const char *stage, size_t layer,
		 const char *point, size_t n, size_t a, size_t *b)
{
	char *name = mem_printf("%s.%zu.%s", stage, layer, point);
	int rank = b ? 3 : 2;
	const float *data = frame_data(f, in, name, DTYPE_F32, rank, (size_t[]){n, a, b ? *b : 0});
	if (!data)
		die(in->name, "frame %lu: no tensor '%s'", in->frames, name);
	const struct tensor *t = frame_find(f, name);
	if (b)
		*b = t->shape[2];
	float *copy = mem_aligned(t->bytes, 1);
	memcpy(copy, data, t->bytes);
	frame_drop(f, name);
	free(name);
	return copy;
}

void taps_finish(struct taps *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->taps[i].file.fd >= 0) {
			stream_write_end(&t->taps[i].file);
			if (close(t->taps[i].file.fd) < 0)
				die(t->taps[i].file.name, "%s", strerror(errno));
			free((char *)t->taps[i].file.name);
		}
}
