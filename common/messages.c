/* messages.c: a conversation as a list of messages.  See messages.h. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "memory.h"
#include "messages.h"
#include "utf8.h"

static const char *const roles[ROLE_COUNT] = {"system", "user", "assistant"};

size_t messages_add(struct messages *m, enum role role, const char *text, size_t n)
{
	if (m->n == m->room) {
		m->room = m->room ? 2 * m->room : 16;
		m->data = mem_resize(m->data, m->room, sizeof *m->data);
	}
	struct message *message = &m->data[m->n++];
	*message = (struct message){.role = role};
	return utf8_clean(&message->text, text, n);
}

static void add_json(struct messages *m, const char *label, size_t number, const json_t *value)
{
	const json_t *name = json_object_get(value, "role"), *content = json_object_get(value, "content");
	enum role role = 0;
	if (!json_is_string(name))
		die(label, "message %zu: no role", number);
	while (role < ROLE_COUNT && strcmp(json_string_value(name), roles[role]) != 0)
		role++;
	if (role == ROLE_COUNT)
		die(label, "message %zu: role '%s' is none of system, user, assistant", number, json_string_value(name));
	if (!json_is_string(content))
		die(label, "message %zu: the content is not a string", number);
	messages_add(m, role, json_string_value(content), json_string_length(content));
}

void messages_read(struct messages *m, const char *path)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	const char *label = f == stdin ? "stdin" : path;
	json_error_t error;
	if (!f)
		die(path, "%s", strerror(errno));
	json_t *array = json_loadf(f, JSON_ALLOW_NUL, &error);
	if (!array)
		die(label, "line %d: %s", error.line, error.text);
	if (!json_is_array(array))
		die(label, "not an array of messages");
	for (size_t i = 0; i < json_array_size(array); i++)
		add_json(m, label, i + 1, json_array_get(array, i));
	json_decref(array);
	if (f != stdin)
		fclose(f);
}

void messages_check(const struct messages *m, const char *label)
{
	size_t first = m->n > 0 && m->data[0].role == ROLE_SYSTEM;
	for (size_t i = first; i < m->n; i++) {
		enum role turn = (i - first) % 2 ? ROLE_ASSISTANT : ROLE_USER;
		if (m->data[i].role != turn)
			die(label, "message %zu is the %s's where it is the %s's turn", i + 1, roles[m->data[i].role],
			    roles[turn]);
	}
	if (m->n == first || m->data[m->n - 1].role != ROLE_USER)
		die(label, "the last message is not the user's: nothing is to be answered");
}

void messages_free(struct messages *m)
{
	for (size_t i = 0; i < m->n; i++)
		bytes_free(&m->data[i].text);
	free(m->data);
}
