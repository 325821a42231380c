/* stage.c: frames in, frames out.  See stage.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "memory.h"
#include "kernels.h"
#include "show.h"
#include "stage.h"
#include "threads.h"

bool stage_option(struct stage_options *o, int c, const char *argument)
{
	switch (c) {
	case 'c':
		o->context = (size_t)cli_integer("-c", argument, 1, 1 << 24);
		return true;
	case 'f':
		o->force = true;
		return true;
	case 'j':
		threads_choose(argument);
		return true;
	case 'm':
		o->model = argument;
		return true;
	case 'x':
		o->exact = true;
		return true;
	case STAGE_SEQUENCES:
		o->sequences = (size_t)cli_integer("--sequences", argument, 1, 1 << 24);
		return true;
	}
	return false;
}

void stage_no_operands(int argc, char **argv)
{
	if (optind < argc && strcmp(argv[optind], "-") == 0)
		optind++;
	if (optind < argc)
		cli_usage_error("unexpected operand '%s'", argv[optind]);
}

#define LAYERS_MAX (1 << 28)

struct layers stage_layers(const char *text, bool range)
{
	if (!text)
		cli_usage_error("-l: no layer given");
	char *first = mem_string(text), *dash = range ? strchr(first, '-') : NULL;
	struct layers l = {0, SIZE_MAX};
	if (dash)
		*dash = '\0';
	if (!dash || *first)
		l.first = (size_t)cli_integer("-l", first, 0, LAYERS_MAX);
	if (!dash)
		l.last = l.first;
	else if (dash[1])
		l.last = (size_t)cli_integer("-l", dash + 1, 0, LAYERS_MAX);
	if (l.last < l.first)
		cli_usage_error("-l: %s is not a range of layers", text);
	free(first);
	return l;
}

void stage_layers_within(struct layers *l, const struct model *m)
{
	size_t last = m->config.layers - 1;
	if (l->last == SIZE_MAX && l->first <= last)
		l->last = last;
	if (l->last > last)
		cli_usage_error("-l: layer %zu, must be in [0, %zu]", l->last == SIZE_MAX ? l->first : l->last, last);
}

void stage_start(struct stage *s, const struct model *m, const char *label, bool force)
{
	*s = (struct stage){
		.in = {.fd = STDIN_FILENO, .name = "stdin"},
		.out = {.fd = STDOUT_FILENO, .name = "stdout"},
		.model = m, .label = label, .force = force,
		.terminal = isatty(STDOUT_FILENO),
	};
	mem_keep();
	threads_count();        /* what is wrong in the environment now, not later */
	kernels_choose();
}

void stage_check_model(const struct frame *f, const struct stream *in, const struct model *m, bool force)
{
	const char *model = frame_meta(f, "model");
	if (model && !force && strcmp(model, m->hash) != 0)
		die(in->name, "frame %lu was made with model %.40s, this is %s (-f to go on)", in->frames, model,
		    m->hash);
}

static void release_held(struct stage *s)
{
	if (!s->holding)
		return;
	if (!s->terminal)
		stream_write(&s->out, &s->held);
	frame_free(&s->held);
	s->holding = false;
}

bool stage_next(struct stage *s, struct frame *f)
{
	threads_rest();
	if (s->large)
		mem_return();
	s->large = false;
	while (stream_read(&s->in, f)) {
		if (!frame_is_end(f)) {
			stage_check_model(f, &s->in, s->model, s->force);
			return true;
		}
		if (s->holding)
			frame_free(&s->held);
		s->held = *f;
		s->holding = true;
	}
	release_held(s);
	return false;
}

#define LARGE 64                /* rows of a frame */

void stage_put(struct stage *s, struct frame *f)
{
	for (size_t i = 0; i < f->st.count; i++)
		s->large |= f->st.tensors[i].rank > 0 && f->st.tensors[i].shape[0] >= LARGE;
	frame_set_meta(f, "model", s->model->hash);
	frame_set_meta(f, "stage", s->label);
	release_held(s);
	if (s->terminal)
		show_frame(f, &s->in, s->model);
	else
		stream_write(&s->out, f);
	frame_free(f);
}

int stage_finish(void)
{
	return cli_finish();
}
