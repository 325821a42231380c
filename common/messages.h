/*
 * messages.h: a conversation as a list of messages, each of somebody.
 */
#ifndef LMUTILS_MESSAGES_H
#define LMUTILS_MESSAGES_H

#include "bytes.h"

/*
 * system: what the assistant is told before the conversation; user: who asks;
 * assistant: the model.
 */
enum role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLE_COUNT };

struct message {
	enum role role;
	struct bytes text;
};

/* All zero is an empty list. */
struct messages {
	struct message *data;
	size_t n, room;
};

/*
 * Adds a message of n bytes.  What is not UTF-8 becomes U+FFFD; returns the
 * offset of the first such part, or SIZE_MAX.
 */
size_t messages_add(struct messages *m, enum role role, const char *text, size_t n);

/*
 * Adds those of a JSON file, or with path "-" of standard input: an array of
 * objects with "role", a role's name, and "content", a string.  Dies on
 * anything else.
 */
void messages_read(struct messages *m, const char *path);

/*
 * Dies unless the user and the assistant take turns, the user first and last,
 * after at most one system message.
 */
void messages_check(const struct messages *m, const char *label);

void messages_free(struct messages *m);

#endif
