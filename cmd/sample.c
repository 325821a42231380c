/* sample: logits[m, vocab] -> ids, seq, pos and want, [m] each: the next token of each wanted row. */
#include <stdlib.h>
#include <unistd.h>

#include "answer.h"
#include "cli.h"
#include "kvcache.h"
#include "listing.h"
#include "memory.h"
#include "stage.h"

enum { SHOW = STAGE_SEQUENCES + 1 };

static void usage(FILE *f)
{
	fputs("usage: sample [-fhV] [-c context] [-k n] [-m model] [-n tokens] [-p mass]\n"
	      "              [-s seed] [-t temperature] [--eos id,...|none] [--regex re]\n"
	      "              [--show[=json|table]] [--stop text] [step ...] [-]\n"
	      "\n"
	      "Read frames with logits[m, vocab], choose a token for each row, write them.\n"
	      "  --ban ID,..., --first ID,...  never these tokens; first of all these\n"
	      "  -c, --context N               positions a sequence may have (the model's)\n"
	      "  --dry-breaker TEXT            where repetitions that --dry counts end; none\n"
	      "  --eos ID,..., -n, --tokens N, --stop TEXT  what ends a sequence; --eos none\n"
	      "  -f, --force                   take frames that another model has made\n"
	      "  -h, --help, -V, --version     print this help; the version\n"
	      "  -m, --model MODEL             model, instead of $LM_MODEL\n"
	      "  --regex RE                    the text made must match it\n"
	      "  -s, --seed N, --sequences N   of the random numbers (0); held at most (4096)\n"
	      "  --show[=json|table]           print the candidates instead\n"
	      "Steps, in the order given; without the last three lines take the likeliest:\n"
	      "  --bias ID=B,...               add to logits\n"
	      "  --window N                    the last tokens that the steps below look at\n"
	      "  --dry M[,BASE[,LENGTH]], --frequency-penalty A, --presence-penalty A,\n"
	      "  --repetition-penalty R        lower the logits of what was there before\n"
	      "  -t, --temperature T           divide logits by T; 0 takes the likeliest\n"
	      "  -k, --top-k N, -p, --top-p P, --min-p M, --typical P, --top-n-sigma N,\n"
	      "  --xtc P[,THRESHOLD], --mirostat TAU[,ETA]  keep some\n", f);
}

static const struct option options[] = {
	{"ban", required_argument, NULL, CONSTRAINT_BAN},
	{"bias", required_argument, NULL, SAMPLING_BIAS},
	{"context", required_argument, NULL, 'c'},
	{"dry", required_argument, NULL, SAMPLING_DRY},
	{"dry-breaker", required_argument, NULL, SAMPLING_DRYBREAK},
	{"eos", required_argument, NULL, STOPPING_EOS},
	{"first", required_argument, NULL, CONSTRAINT_FIRST},
	{"force", no_argument, NULL, 'f'},
	{"frequency-penalty", required_argument, NULL, SAMPLING_FREQUENCY},
	CLI_HELP,
	{"min-p", required_argument, NULL, SAMPLING_MINP},
	{"mirostat", required_argument, NULL, SAMPLING_MIROSTAT},
	{"model", required_argument, NULL, 'm'},
	{"presence-penalty", required_argument, NULL, SAMPLING_PRESENCE},
	{"regex", required_argument, NULL, CONSTRAINT_REGEX},
	{"repetition-penalty", required_argument, NULL, SAMPLING_REPETITION},
	{"seed", required_argument, NULL, 's'},
	{"sequences", required_argument, NULL, STAGE_SEQUENCES},
	{"show", optional_argument, NULL, SHOW},
	{"stop", required_argument, NULL, STOPPING_STOP},
	{"temperature", required_argument, NULL, 't'},
	{"tokens", required_argument, NULL, 'n'},
	{"top-k", required_argument, NULL, 'k'},
	{"top-n-sigma", required_argument, NULL, SAMPLING_SIGMA},
	{"top-p", required_argument, NULL, 'p'},
	{"typical", required_argument, NULL, SAMPLING_TYPICAL},
	CLI_VERSION,
	{"window", required_argument, NULL, SAMPLING_WINDOW},
	{"xtc", required_argument, NULL, SAMPLING_XTC},
	{0},
};

/* The model's tokenizer, if something needs it or has a use for it; or NULL. */
static struct tokenizer *open_tokenizer(const struct answering *a, const struct model *m, bool terminal)
{
	bool needed = a->stop.text_count > 0 || (m && sampling_needs_tokenizer(&a->choice.sampling));

	if (a->stop.text_count > 0 && !m)
		cli_usage_error("--stop: needs the tokenizer of a model (-m)");
	if (needed || (m && (a->choice.show || terminal) && tokenizer_exists(m->path)))
		return tokenizer_open(m->path);
	return NULL;
}

int main(int argc, char **argv)
{
	struct stage_options o = {.sequences = KV_SEQUENCES};
	struct answering a = {.stop.tokens = SIZE_MAX};
	struct stream in = {.fd = STDIN_FILENO, .name = "stdin"}, out = {.fd = STDOUT_FILENO, .name = "stdout"};
	struct frame f;
	bool terminal = isatty(STDOUT_FILENO);

	cli_start(argv, usage);
	for (int c; (c = cli_option(argc, argv, options)) != -1;)
		if (c == SHOW)
			a.choice.show = choice_show_named(optarg, terminal);
		else if (c == 's')
			a.choice.sampling.seed = (uint64_t)cli_integer("-s", optarg, 0, INT64_MAX);
		else if (!stopping_option(&a.stop, c, optarg) && !sampling_option(&a.choice.sampling, c, optarg))
			stage_option(&o, c, optarg);
	stage_no_operands(argc, argv);

	struct model *m = o.model || model_available(NULL) ? model_open(model_path(o.model)) : NULL;
	if (m)
		sampling_within(&a.choice.sampling, m->config.vocab);
	struct tokenizer *tokenizer = open_tokenizer(&a, m, terminal);
	a.stop.context = o.context;
	a.stop.limit = a.history.limit = o.sequences;
	stopping_defaults(&a.stop, m);
	a.history.context = a.stop.context;
	a.choice.tokenizer = a.stop.tokenizer = tokenizer;
	a.choice.sampling.may.eos = a.stop.eos;
	a.choice.sampling.may.eos_count = a.stop.eos_count;
	sampling_open(&a.choice.sampling, tokenizer);

	if (terminal && !a.choice.show)
		listing_header(tokenizer);
	unsigned need = NEED_SEQ | NEED_POS | (sampling_needs_history(&a.choice.sampling) ? NEED_IDS : 0);
	while (!stopping_done(&a.stop) && stream_read(&in, &f)) {
		struct rows r = frame_rows(&f, &in, need);
		struct answer_token *tokens = mem_array(r.n, sizeof *tokens);

		if (m)
			stage_check_model(&f, &in, m, o.force);
		size_t n = answer_frame(&a, &f, &in, &r, tokens);
		for (size_t i = 0; i < n && terminal; i++)
			listing_token(tokenizer, tokens[i].seq, tokens[i].pos, tokens[i].id);
		if (n > 0 && !terminal)
			answer_write(&a, &out, tokens, n, frame_meta(&f, "model"));
		free(tokens);
		frame_free(&f);
	}
	if (!a.choice.show && !terminal)
		stream_write_end(&out);
	int status = cli_finish();
	answer_rest(&in);
	if (a.unmatched || (a.stop.cut && a.stop.tokens < SIZE_MAX))
		status = 1;
	free(a.stop.texts);
	stopping_destroy(&a.stop);
	choice_destroy(&a.choice);
	history_destroy(&a.history);
	if (tokenizer)
		tokenizer_free(tokenizer);
	if (m)
		model_close(m);
	return status;
}
