/* block: layers A to B in one process, the same bytes as their attn and ffn in a chain. */
#include <stdlib.h>

#include "attention.h"
#include "cli.h"
#include "feedforward.h"
#include "memory.h"
#include "stage.h"

static void usage(FILE *f)
{
	fputs("usage: block -l layers [-fhVx] [-c context] [-j threads] [-m model]\n"
	      "             [--sequences n] [-]\n"
	      "\n"
	      "Apply attn and ffn of several layers, without a pipe between them.\n"
	      "\n"
	      "  -c, --context N    positions a sequence may have (the model's)\n"
	      "  -f, --force        take frames that another model has made\n"
	      "  -h, --help         print this help\n"
	      "  -j, --threads N    at most so many ($LM_THREADS, or one a processor)\n"
	      "  -l, --layers A-B   which layers, from 0: 3, 0-3 or 2-\n"
	      "  -m, --model MODEL  model, instead of $LM_MODEL\n"
	      "      --sequences N  sequences to hold at most (4096)\n"
	      "  -V, --version      print the version\n"
	      "  -x, --exact        activations in F32 with every type of weight\n", f);
}

static const struct option options[] = {
	{"context", required_argument, NULL, 'c'},
	{"exact", no_argument, NULL, 'x'},
	{"force", no_argument, NULL, 'f'},
	CLI_HELP,
	{"layers", required_argument, NULL, 'l'},
	{"model", required_argument, NULL, 'm'},
	{"sequences", required_argument, NULL, STAGE_SEQUENCES},
	{"threads", required_argument, NULL, 'j'},
	CLI_VERSION,
	{0},
};

int main(int argc, char **argv)
{
	struct stage_options o = {.sequences = KV_SEQUENCES};
	struct stage s;
	struct frame f;
	const char *layers = NULL;

	cli_start(argv, usage);
	for (int c; (c = cli_option(argc, argv, options)) != -1;)
		if (c == 'l')
			layers = optarg;
		else
			stage_option(&o, c, optarg);
	stage_no_operands(argc, argv);
	struct layers l = stage_layers(layers, true);

	struct model *m = model_open(model_path(o.model));
	stage_layers_within(&l, m);
	size_t n = l.last - l.first + 1;
	struct attention *a = mem_array(n, sizeof *a);
	struct feedforward *w = mem_array(n, sizeof *w);
	for (size_t i = 0; i < n; i++) {
		attention_init(&a[i], m, l.first + i, o.context, o.sequences, o.exact);
		feedforward_init(&w[i], m, l.first + i, o.exact);
	}
	char *label = mem_printf("ffn.%zu", l.last);
	stage_start(&s, m, label, o.force);

	while (stage_next(&s, &f)) {
		for (size_t i = 0; i < n; i++) {
			attention_apply(&a[i], &f, &s.in, NULL);
			feedforward_apply(&w[i], &f, &s.in, NULL);
		}
		stage_put(&s, &f);
	}
	for (size_t i = 0; i < n; i++) {
		attention_destroy(&a[i]);
		feedforward_destroy(&w[i]);
	}
	free(a);
	free(w);
	model_close(m);
	free(label);
	return stage_finish();
}
