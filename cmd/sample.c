/* sample: logits[m, vocab] -> ids, seq, pos and want, [m] each: the next token of each wanted row. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "choice.h"
#include "cli.h"
#include "kvcache.h"
#include "listing.h"
#include "memory.h"
#include "stage.h"
#include "stopping.h"

enum { EOS = STAGE_SEQUENCES + 1, SHOW, STOP };

static void usage(FILE *f)
{
	fputs("usage: sample [-fhV] [-c context] [-k n] [-m model] [-n tokens] [-p mass]\n"
	      "              [-s seed] [-t temperature] [--eos id,...|none] [--sequences n]\n"
	      "              [--show[=json|table]] [--stop text] [-]\n"
	      "\n"
	      "Read frames with logits[m, vocab], choose a token for each row, write them.\n"
	      "\n"
	      "  -c, --context N        positions a sequence may have (the model's)\n"
	      "      --eos ID,...       tokens that end a sequence (the model's), or none\n"
	      "  -f, --force            take frames that another model has made\n"
	      "  -h, --help             print this help\n"
	      "  -k, --top-k N          keep the N likeliest\n"
	      "  -m, --model MODEL      model, instead of $LM_MODEL\n"
	      "  -n, --tokens N         at most so many tokens a sequence\n"
	      "  -p, --top-p P          keep the likeliest whose probabilities sum up to P\n"
	      "  -s, --seed N           of the random numbers (0)\n"
	      "      --sequences N      sequences to hold at most (4096)\n"
	      "      --show[=json|table] print the candidates instead\n"
	      "      --stop TEXT        end a sequence with this text\n"
	      "  -t, --temperature T    divide logits by T; 0 takes the likeliest\n"
	      "  -V, --version          print the version\n"
	      "\n"
	      "-k, -p and -t are applied in the order given; without them: the likeliest.\n", f);
}

static const struct option options[] = {
	{"context", required_argument, NULL, 'c'},
	{"eos", required_argument, NULL, EOS},
	{"force", no_argument, NULL, 'f'},
	CLI_HELP,
	{"model", required_argument, NULL, 'm'},
	{"seed", required_argument, NULL, 's'},
	{"sequences", required_argument, NULL, STAGE_SEQUENCES},
	{"show", optional_argument, NULL, SHOW},
	{"stop", required_argument, NULL, STOP},
	{"temperature", required_argument, NULL, 't'},
	{"tokens", required_argument, NULL, 'n'},
	{"top-k", required_argument, NULL, 'k'},
	{"top-p", required_argument, NULL, 'p'},
	CLI_VERSION,
	{0},
};

/* The argument of --show, which may be missing. */
static choice_show *parse_show(const char *text, bool terminal)
{
	bool table = text ? strcmp(text, "table") == 0 : terminal;

	if (text && !table && strcmp(text, "json") != 0)
		cli_usage_error("--show: '%s' is neither json nor table", text);
	return table ? choice_table : choice_json;
}

struct token {
	int32_t id, seq, pos;
	bool last;              /* of its sequence */
};

/* Samples after the wanted rows of a frame; tokens[] has room for all.  How many there are. */
static size_t sample_rows(struct choice *choice, struct stopping *stop, const struct frame *f,
			  const struct stream *in, const struct rows *r, struct token *tokens)
{
	size_t n = 0, m = 0, k = 0;

	for (size_t i = 0; i < r->n; i++)
		m += !r->want || r->want[i];
	if (m == 0)
		return 0;
	struct scores scores = choice_scores(f, in, m);
	for (size_t i = 0; i < r->n; i++) {
		struct token t = {.seq = r->seq[i], .pos = r->pos[i]};

		if (r->want && !r->want[i])
			continue;
		if (t.pos == INT32_MAX)
			die(in->name, "frame %lu: row %zu: no position is left", in->frames, i);
		t.pos++;
		if (choice->show || stopping_wants(stop, t.seq, t.pos)) {
			t.id = choice_make(choice, &scores, k, t.seq, t.pos, in);
			t.last = !choice->show && stopping_token(stop, t.seq, t.pos, t.id);
			tokens[n++] = t;
		}
		k++;
	}
	return n;
}

/* A frame as tok writes them. */
static void write_tokens(struct stream *out, const struct token *tokens, size_t n, const char *model,
			 struct stopping *stop)
{
	struct frame f = {0};
	int32_t *ids = frame_put1(&f, "ids", DTYPE_I32, n), *seq = frame_put1(&f, "seq", DTYPE_I32, n);
	int32_t *pos = frame_put1(&f, "pos", DTYPE_I32, n);
	uint8_t *want = frame_put1(&f, "want", DTYPE_U8, n);
	int32_t *ended = mem_array(stop->count, sizeof *ended);

	for (size_t i = 0; i < n; i++) {
		ids[i] = tokens[i].id;
		seq[i] = tokens[i].seq;
		pos[i] = tokens[i].pos;
		want[i] = !tokens[i].last;
	}
	n = stopping_tell(stop, ended);
	if (n > 0)
		memcpy(frame_put1(&f, "free", DTYPE_I32, n), ended, n * sizeof *ended);
	if (model)
		frame_set_meta(&f, "model", model);
	frame_set_meta(&f, "stage", "sample");
	stream_write(out, &f);
	frame_free(&f);
	free(ended);
}

int main(int argc, char **argv)
{
	struct stage_options o = {.sequences = KV_SEQUENCES};
	struct stopping stop = {.tokens = SIZE_MAX, .context = INT32_MAX};
	struct choice choice = {.seed = 0};
	struct stream in = {.fd = STDIN_FILENO, .name = "stdin"}, out = {.fd = STDOUT_FILENO, .name = "stdout"};
	struct frame f;
	int32_t eos[EOS_MAX];
	size_t eos_count = 0;
	bool eos_given = false, terminal = isatty(STDOUT_FILENO);

	cli_start(argv, usage);
	stop.texts = mem_array((size_t)argc, sizeof *stop.texts);
	for (int c; (c = cli_option(argc, argv, options)) != -1;)
		switch (c) {
		case EOS:
			eos_count = stopping_eos(optarg, eos);
			eos_given = true;
			break;
		case SHOW:
			choice.show = parse_show(optarg, terminal);
			break;
		case STOP:
			if (!*optarg)
				cli_usage_error("--stop: the text is empty");
			stop.texts[stop.text_count++] = optarg;
			break;
		case 'n':
			stop.tokens = (size_t)cli_integer("-n", optarg, 0, INT32_MAX);
			break;
		case 's':
			choice.seed = (uint64_t)cli_integer("-s", optarg, 0, INT64_MAX);
			break;
		default:
			if (!sampling_option(&choice.steps, c, optarg))
				stage_option(&o, c, optarg);
		}
	stage_no_operands(argc, argv);

	struct model *m = o.model || model_available(NULL) ? model_open(model_path(o.model)) : NULL;
	struct tokenizer *tokenizer = NULL;
	if (stop.text_count > 0 && !m)
		cli_usage_error("--stop: needs the tokenizer of a model (-m)");
	if (stop.text_count > 0 || (m && (choice.show || terminal) && tokenizer_exists(m->path)))
		tokenizer = tokenizer_open(m->path);
	choice.tokenizer = stop.tokenizer = tokenizer;
	stop.limit = o.sequences;
	stop.eos = m && !eos_given ? m->config.eos : eos;
	stop.eos_count = m && !eos_given ? m->config.eos_count : eos_count;
	if (o.context || m)
		stop.context = m ? model_context(m, o.context) : o.context;

	if (terminal && !choice.show)
		listing_header(tokenizer);
	while (!stopping_done(&stop) && stream_read(&in, &f)) {
		struct rows r = frame_rows(&f, &in, NEED_SEQ | NEED_POS);
		struct token *tokens = mem_array(r.n, sizeof *tokens);

		if (m)
			stage_check_model(&f, &in, m, o.force);
		if (!choice.show)
			stopping_prepare(&stop, &f, &in, &r);
		size_t n = sample_rows(&choice, &stop, &f, &in, &r, tokens);
		if (choice.show)
			n = 0;
		for (size_t i = 0; i < n && terminal; i++)
			listing_token(tokenizer, tokens[i].seq, tokens[i].pos, tokens[i].id);
		if (n > 0 && !terminal)
			write_tokens(&out, tokens, n, frame_meta(&f, "model"), &stop);
		free(tokens);
		frame_free(&f);
	}
	if (!choice.show && !terminal)
		stream_write_end(&out);
	int status = cli_finish();
	bool unanswered = false;
	while (stream_read(&in, &f)) {  /* in a loop, our end frame comes back */
		const struct tensor *scores = frame_find(&f, "logits");
		unanswered |= scores && scores->shape[0] > 0 && scores->rank == 2;
		frame_free(&f);
	}
	if (unanswered)
		warn(in.name, "logits came after every sequence had ended; nothing was sampled from them");
	if (stop.cut && stop.tokens < SIZE_MAX)
		status = 1;
	stopping_destroy(&stop);
	choice_destroy(&choice);
	free(stop.texts);
	if (tokenizer)
		tokenizer_free(tokenizer);
	if (m)
		model_close(m);
	return status;
}
