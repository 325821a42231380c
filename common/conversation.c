/* conversation.c: a conversation on the terminal.  See conversation.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "conversation.h"
#include "memory.h"
#include "prompt.h"

struct conversation *conversation_new(const struct chat *chat, const struct model *m, size_t context, size_t texts)
{
	struct conversation *c = mem_zero(1, sizeof *c);
	c->chat = chat;
	c->model = mem_string(m->hash);
	c->chunk = 512;
	c->context = model_context(m, context);
	c->held = -1;
	c->stop = (struct stopping){
		.eos = c->eos, .tokens = SIZE_MAX, .context = INT32_MAX, .limit = 1,
		.texts = mem_array(texts, sizeof(char *)), .tokenizer = chat->tokenizer,
	};
	return c;
}

void conversation_free(struct conversation *c)
{
	free(c->model);
	free(c->stop.texts);
	free(c);
}

static volatile sig_atomic_t interrupted, asking;
static int terminal;                    /* where the prompt is shown */

static void show_prompt(void)
{
	(void)!write(terminal, "> ", 2);
}

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
	if (asking) {
		(void)!write(terminal, "\n", 1);
		show_prompt();
	}
}

/* Nobody reads: who has left says why. */
static void on_broken_pipe(int number)
{
	(void)number;
	_exit(1);
}

/* A line of the user's that is not empty, without its newline; false: there is none any more. */
static bool ask(char **line, size_t *room, size_t *n)
{
	ssize_t got;
	do {
		show_prompt();
		asking = 1;
		got = getline(line, room, stdin);
		asking = 0;
		if (got > 0 && (*line)[got - 1] == '\n')
			got--;
	} while (got == 0);
	*n = got > 0 ? (size_t)got : 0;
	return got > 0;
}

/* The ids of a turn: what is missing of the last answer, the message, the beginning of the next answer. */
static struct ids turn_ids(const struct conversation *c, const char *line, size_t n)
{
	struct messages m = {0};
	struct chat_text text = {0};
	struct ids ids = {0};
	messages_add(&m, ROLE_USER, line, n);
	if (c->held >= 0)
		ids_add(&ids, c->held);
	if (c->next == 0)
		chat_render(c->chat, &m, &text);
	else
		chat_render_next(c->chat, &m.data[0], &text);
	chat_encode(c->chat, &text, &ids);
	chat_text_free(&text);
	messages_free(&m);
	return ids;
}

static void send(struct conversation *c, struct ids ids)
{
	if (ids.n >= c->context - c->next)
		die(NULL, "the context of %zu positions is full: %zu are taken, and this turn needs %zu", c->context,
		    c->next, ids.n);
	prompts_write_turn(&c->out, c->model, &ids, c->next, c->chunk);
	c->next += ids.n;
	free(ids.data);
}

static void show(const char *text, size_t n, char *last)
{
	fwrite(text, 1, n, stdout);
	if (n > 0)
		*last = text[n - 1];
	if (fflush(stdout) == EOF)
		die("stdout", "%s", strerror(errno));
}

/* An answer on its way. */
struct answer {
	struct stopping stop;
	struct decoder *decoder;
	bool begun;
	char last;                      /* byte shown */
};

static bool is_end(const struct stopping *s, int32_t id)
{
	for (size_t i = 0; i < s->eos_count; i++)
		if (s->eos[i] == id)
			return true;
	return false;
}

/*
 * Takes the token that came back.  True if it must be sent round, since the
 * answer goes on.  Otherwise it is held until the next turn, unless it is one
 * that ends answers: the next turn begins with the mark that should be there.
 */
static bool take(struct conversation *c, struct answer *a, const struct frame *f)
{
	struct rows r = frame_rows(f, &c->in, NEED_IDS | NEED_SEQ | NEED_POS);
	size_t n;
	if (r.n != 1 || r.seq[0] != 0 || (size_t)r.pos[0] != c->next)
		die(c->in.name, "frame %lu: not the next token", c->in.frames);
	stopping_prepare(&a->stop, f, &c->in, &r);
	c->over = r.want && !r.want[0];
	if ((!a->begun && !stopping_wants(&a->stop, 0, r.pos[0])) || is_end(&a->stop, r.ids[0]))
		return false;
	a->begun = true;
	c->held = r.ids[0];
	const char *text = decoder_next(a->decoder, c->held, &n);
	show(text, n, &a->last);
	return !stopping_token(&a->stop, 0, r.pos[0], c->held, false) && !c->over && !interrupted;
}

static void send_held(struct conversation *c)
{
	struct ids one = {0};
	ids_add(&one, c->held);
	c->held = -1;
	send(c, one);
}

/* The answer, up to its end, or where it is ended. */
static void listen(struct conversation *c)
{
	struct answer a = {.stop = c->stop, .decoder = decoder_new(c->chat->tokenizer, 0), .last = '\n'};
	struct frame f;
	size_t n;
	for (bool more = true; more;) {
		if (!stream_read(&c->in, &f))
			die(c->in.name, "it has ended");
		more = !frame_is_end(&f) && take(c, &a, &f);
		frame_free(&f);
		if (more)
			send_held(c);
	}
	const char *text = decoder_end(a.decoder, &n);
	show(text, n, &a.last);
	if (a.last != '\n')
		show("\n", 1, &a.last);
	decoder_free(a.decoder);
	stopping_destroy(&a.stop);
}

/* Ends the stream, and waits until it has gone through all stages. */
static void finish(struct conversation *c)
{
	struct frame f;
	stream_write_end(&c->out);
	close(c->out.fd);
	while (stream_read(&c->in, &f))
		frame_free(&f);
}

int conversation_hold(void *what, int in, int out)
{
	struct conversation *c = what;
	char *line = NULL;
	size_t room = 0, n;
	c->in = (struct stream){.fd = in, .name = "sample"};
	c->out = (struct stream){.fd = out, .name = "embed"};
	terminal = open("/dev/tty", O_WRONLY | O_CLOEXEC);
	signal(SIGPIPE, on_broken_pipe);
	signal(SIGINT, on_interrupt);
	while (!c->over && ask(&line, &room, &n)) {
		interrupted = 0;
		send(c, turn_ids(c, line, n));
		c->held = -1;
		listen(c);
	}
	if (!c->over)
		(void)!write(terminal, "\n", 1);
	finish(c);
	free(line);
	return cli_finish();
}
