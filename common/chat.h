/*
 * chat.h: a conversation as the text that a model was trained on.
 *
 * A model that chats still only continues a text.  The text has marks, mostly
 * tokens of their own, that say who speaks; the model goes on after the last,
 * and where it sets the mark that ends a turn, its answer is complete.  Which
 * marks, and which blanks around them, is the model's template, lmmodel(5).
 *
 * Models carry their template as a program in Jinja.  It is not run: it is
 * recognised as one of a table, chat_template.c, by pieces of its text.
 *
 * Marks are tokens only where the template puts them.  The same letters in a
 * message are letters, so that nobody can speak in another's name.
 */
#ifndef LMUTILS_CHAT_H
#define LMUTILS_CHAT_H

#include <stdbool.h>

#include "bytes.h"
#include "messages.h"
#include "tokenizer.h"

#define CHAT_MARKS 8            /* a template has, at most */
#define CHAT_SIGNS 4            /* by which it is recognised */

/* Where the system message goes. */
enum chat_place {
	CHAT_NOWHERE,           /* there is no place for one */
	CHAT_MESSAGE,           /* it is a message like the others */
	CHAT_FILLED,            /* so too, but not an empty one */
	CHAT_ALWAYS,            /* a message, which is there even if it was not given */
	CHAT_FIRST,             /* in front of the user's first message, */
	CHAT_LAST,              /* or of the last one */
};

/* White space at the ends that is dropped. */
enum {
	CHAT_TRIM_SYSTEM = 1, CHAT_TRIM_USER = 2, CHAT_TRIM_ASSISTANT = 4,
	CHAT_TRIM_BOTH = 8,     /* the user's message and the system message in front of it, as one */
};

/* What stands before and after a message, with marks in it. */
struct chat_frame {
	const char *before, *after;
};

/* What a conversation looks like. */
struct chat_layout {
	const char *marks[CHAT_MARKS];
	const char *bos;                /* at the beginning of all, or NULL */
	struct chat_frame roles[ROLE_COUNT];
	const char *prompt;             /* after which the model speaks */
	const char *end;                /* the mark with which it ends */
	unsigned trim;
};

/* A layout as some models use it, and how their template is recognised. */
struct chat_template {
	const char *name;
	const struct chat_layout *layout;
	enum chat_place place;
	const char *signs[CHAT_SIGNS];  /* all of them in the model's template, every quote being a ' */
	const char *against[CHAT_SIGNS];        /* none of them */
	const char *preamble;           /* before the system message, or NULL; */
	const char *date;               /* then this; "": the day it is; then an empty line */
	const char *variable;           /* of the model's template that has its own system message */
	const char *thought;            /* what an earlier answer has up to this is dropped */
};

/* A template as one model has it. */
struct chat {
	char *path;                     /* of the model, for messages */
	const struct chat_template *template;
	const struct tokenizer *tokenizer;
	bool bos;
	char *system;                   /* the system message if none is given, or NULL; */
	bool computed;                  /* or what the model's template computes, and nobody here */
};

/*
 * The template of the model at path; or the one of this name, if it is not
 * NULL.  Dies with a line that shows the model's template if it is not known.
 * system: the system message, or NULL for the template's own.  The tokenizer
 * is for chat_encode, which dies if it lacks one of the marks.
 */
struct chat *chat_open(const char *path, const char *name, const char *system, const struct tokenizer *t);
void chat_free(struct chat *c);

/* The template of that name in the table; exits 2 if there is none. */
const struct chat_template *chat_template_named(const char *name);

/*
 * The row of the table for a template in Jinja, n bytes; NULL: none.  *system
 * gets its own system message, which the caller frees, or NULL, and *computed
 * whether it has one that is not a plain text.
 */
const struct chat_template *chat_template_of(const char *jinja, size_t n, char **system, bool *computed);

/* A text in parts: marks, and what is between them. */
struct chat_part {
	const char *mark;               /* or NULL, and it is text */
	struct bytes text;
};

struct chat_text {
	struct chat_part *parts;
	size_t n, room;
};

void chat_text_free(struct chat_text *t);

/* Adds messages, which messages_check has passed, up to where the answer begins. */
void chat_render(const struct chat *c, const struct messages *m, struct chat_text *out);

/*
 * Adds the user's next message after an answer of which everything is there
 * but the mark that ends it.  What the model said is not changed any more:
 * white space that the template would drop from it stays.
 */
void chat_render_next(const struct chat *c, const struct message *user, struct chat_text *out);

/*
 * Adds the ids.  Dies if between the marks something becomes the token of one:
 * what somebody wrote would pass for a mark.
 */
void chat_encode(const struct chat *c, const struct chat_text *text, struct ids *ids);

/* The id of the mark that ends an answer. */
int32_t chat_end(const struct chat *c);

#endif
