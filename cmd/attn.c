/* attn: one layer's attention, x[n, d] -> x[n, d], the residual stream with its output added. */
#include <stdlib.h>

#include "attention.h"
#include "cli.h"
#include "memory.h"
#include "stage.h"

static void usage(FILE *f)
{
	fputs("usage: attn -l layer [-fhVx] [-c context] [-j threads] [-m model]\n"
	      "            [--from point] [--sequences n] [--tap point[=file]]\n"
	      "            [--until point] [-]\n"
	      "\n"
	      "Read frames with x[n, d], add what attention finds, write them.\n"
	      "\n"
	      "  -c, --context N        positions a sequence may have (the model's)\n"
	      "  -f, --force            take frames that another model has made\n"
	      "      --from POINT       begin at a value in the frame\n"
	      "  -h, --help             print this help\n"
	      "  -j, --threads N        at most so many ($LM_THREADS, or one a processor)\n"
	      "  -l, --layer N          which layer, from 0\n"
	      "  -m, --model MODEL      model, instead of $LM_MODEL\n"
	      "      --sequences N      sequences to hold at most (4096)\n"
	      "      --tap POINT[=FILE] copy a value into the frame, or to a file\n"
	      "      --until POINT      stop with that value in the frame\n"
	      "  -V, --version          print the version\n"
	      "  -x, --exact            activations in F32 with every type of weight\n"
	      "\n"
	      "Points: q k v scores pattern z out\n", f);
}

static const struct option options[] = {
	{"context", required_argument, NULL, 'c'},
	{"exact", no_argument, NULL, 'x'},
	{"force", no_argument, NULL, 'f'},
	{"from", required_argument, NULL, TAP_FROM},
	CLI_HELP,
	{"layer", required_argument, NULL, 'l'},
	{"model", required_argument, NULL, 'm'},
	{"sequences", required_argument, NULL, STAGE_SEQUENCES},
	{"tap", required_argument, NULL, TAP_TAP},
	{"threads", required_argument, NULL, 'j'},
	{"until", required_argument, NULL, TAP_UNTIL},
	CLI_VERSION,
	{0},
};

int main(int argc, char **argv)
{
	struct stage_options o = {.sequences = KV_SEQUENCES};
	struct taps taps = {.points = attention_points, .from = -1, .until = -1};
	struct attention a;
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
	taps_check(&taps, ATTENTION_V);
	taps.leave = attention_leaves(taps.until);

	struct model *m = model_open(model_path(o.model));
	stage_layers_within(&l, m);
	char *label = mem_printf("attn.%zu", l.first);
	attention_init(&a, m, l.first, o.context, o.sequences, o.exact);
	stage_start(&s, m, label, o.force);
	taps_open(&taps);

	while (stage_next(&s, &f)) {
		attention_apply(&a, &f, &s.in, &taps);
		stage_put(&s, &f);
	}
	taps_finish(&taps);
	attention_destroy(&a);
	model_close(m);
	free(label);
	return stage_finish();
}
