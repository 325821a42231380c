/* embed: turns token ids into vectors, ids[n] -> x[n, d], the residual stream. */
#include "cli.h"
#include "embedding.h"
#include "stage.h"

static void usage(FILE *f)
{
	fputs("usage: embed [-fhVx] [-m model] [-]\n"
	      "\n"
	      "Read frames with ids[n] and add x[n, d], a vector for each token.\n"
	      "\n"
	      "  -f, --force        take frames that another model has made\n"
	      "  -h, --help         print this help\n"
	      "  -m, --model MODEL  model, instead of $LM_MODEL\n"
	      "  -V, --version      print the version\n"
	      "  -x, --exact        accepted as by the other stages; embedding is always exact\n", f);
}

static const struct option options[] = {
	{"exact", no_argument, NULL, 'x'},
	{"force", no_argument, NULL, 'f'},
	CLI_HELP,
	{"model", required_argument, NULL, 'm'},
	CLI_VERSION,
	{0},
};

int main(int argc, char **argv)
{
	struct stage_options o = {0};
	struct stage s;
	struct frame f;

	cli_start(argv, usage);
	for (int c; (c = cli_option(argc, argv, options)) != -1;)
		stage_option(&o, c, optarg);
	stage_no_operands(argc, argv);

	struct model *m = model_open(model_path(o.model));
	struct embedding e;
	embedding_init(&e, m);
	stage_start(&s, m, "embed", o.force);

	while (stage_next(&s, &f)) {
		embedding_apply(&e, &f, &s.in);
		stage_put(&s, &f);
	}
	embedding_destroy(&e);
	model_close(m);
	return stage_finish();
}
