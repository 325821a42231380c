/* logits: scores for the next token, x[n, d] -> logits[m, vocab], a row for each wanted row. */
#include "cli.h"
#include "embedding.h"
#include "stage.h"

static void usage(FILE *f)
{
	fputs("usage: logits [-fhVx] [-j threads] [-k n] [-m model] [-]\n"
	      "\n"
	      "Read frames with x[n, d]; give each wanted row a score for every token of\n"
	      "the vocabulary, logits[m, vocab], in place of x.\n"
	      "\n"
	      "  -f, --force        take frames that another model has made\n"
	      "  -h, --help         print this help\n"
	      "  -j, --threads N    at most so many ($LM_THREADS, or one a processor)\n"
	      "  -k, --best N       only the N best: top.ids, top.logits and top.lse\n"
	      "  -m, --model MODEL  model, instead of $LM_MODEL\n"
	      "  -V, --version      print the version\n"
	      "  -x, --exact        activations in F32 with every type of weight\n", f);
}

static const struct option options[] = {
	{"best", required_argument, NULL, 'k'},
	{"exact", no_argument, NULL, 'x'},
	{"force", no_argument, NULL, 'f'},
	CLI_HELP,
	{"model", required_argument, NULL, 'm'},
	{"threads", required_argument, NULL, 'j'},
	CLI_VERSION,
	{0},
};

int main(int argc, char **argv)
{
	struct stage_options o = {0};
	struct unembedding u;
	struct stage s;
	struct frame f;
	size_t best = 0;

	cli_start(argv, usage);
	for (int c; (c = cli_option(argc, argv, options)) != -1;)
		if (c == 'k')
			best = (size_t)cli_integer("-k", optarg, 1, 1 << 28);
		else
			stage_option(&o, c, optarg);
	stage_no_operands(argc, argv);

	struct model *m = model_open(model_path(o.model));
	unembedding_init(&u, m, o.exact);
	stage_start(&s, m, "logits", o.force);

	while (stage_next(&s, &f)) {
		unembedding_apply(&u, &f, &s.in, best);
		stage_put(&s, &f);
	}
	unembedding_destroy(&u);
	model_close(m);
	return stage_finish();
}
