/* ffn: one layer's feed-forward network, x[n, d] -> x[n, d], row by row. */
#include <stdlib.h>

#include "cli.h"
#include "feedforward.h"
#include "memory.h"
#include "stage.h"

static void usage(FILE *f)
{
	fputs("usage: ffn -l layer [-fhVx] [-j threads] [-m model] [--from point]\n"
	      "           [--tap point[=file]] [--until point] [-]\n"
	      "\n"
	      "Read frames with x[n, d], add the feed-forward network's output, write them.\n"
	      "\n"
	      "  -f, --force            take frames that another model has made\n"
	      "      --from POINT       begin at a value in the frame\n"
	      "  -h, --help             print this help\n"
	      "  -j, --threads N        at most so many ($LM_THREADS, or one a processor)\n"
	      "  -l, --layer N          which layer, from 0\n"
	      "  -m, --model MODEL      model, instead of $LM_MODEL\n"
	      "      --tap POINT[=FILE] copy a value into the frame, or to a file\n"
	      "      --until POINT      stop with that value in the frame\n"
	      "  -V, --version          print the version\n"
	      "  -x, --exact            activations in F32 with every type of weight\n"
	      "\n"
	      "Points: gate up neurons out\n", f);
}

static const struct option options[] = {
	{"exact", no_argument, NULL, 'x'},
	{"force", no_argument, NULL, 'f'},
	{"from", required_argument, NULL, TAP_FROM},
	CLI_HELP,
	{"layer", required_argument, NULL, 'l'},
	{"model", required_argument, NULL, 'm'},
	{"tap", required_argument, NULL, TAP_TAP},
	{"threads", required_argument, NULL, 'j'},
	{"until", required_argument, NULL, TAP_UNTIL},
	CLI_VERSION,
	{0},
};

int main(int argc, char **argv)
{
	struct stage_options o = {0};
	struct taps taps = {.points = feedforward_points, .from = -1, .until = -1};
	struct feedforward w;
	struct stage s;
	struct frame f;
	const char *layer = NULL;

	cli_start(argv, usage);
	for (int c; (c = cli_option(argc, argv, options)) != -1;)
		if (c == 'l')
			layer = optarg;
		else if (!taps_option(&taps, c, optarg))
			stage_option(&o, c, optarg);
	stage_no_operands(argc, argv);
	struct layers l = stage_layers(layer, false);
	taps_check(&taps, FFN_UP);
	taps.leave = feedforward_leaves(taps.until);

	struct model *m = model_open(model_path(o.model));
	stage_layers_within(&l, m);
	if (!model_has(m, SLOT_GATE))
		taps_refuse(&taps, FFN_GATE, "this model's network has no gate");
	char *label = mem_printf("ffn.%zu", l.first);
	feedforward_init(&w, m, l.first, o.exact);
	stage_start(&s, m, label, o.force);
	taps_open(&taps);

	while (stage_next(&s, &f)) {
		feedforward_apply(&w, &f, &s.in, &taps);
		stage_put(&s, &f);
	}
	taps_finish(&taps);
	feedforward_destroy(&w);
	model_close(m);
	free(label);
	return stage_finish();
}
