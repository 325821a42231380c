/*
 * chattext.c: conversations as text, for comparing with what templates in Jinja
 * make of them.
 *
 *	chattext < LINES
 *
 * Each line is JSON: {"template": NAME, "bos": BOOL, "system": TEXT or null,
 * "messages": [...]}, or with "jinja", a template's text, instead of the first
 * three.  Prints a line of JSON for each: the text, null for an unknown template,
 * false where a system message has no place or would have to be computed.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat.h"
#include "cli.h"
#include "memory.h"

static void usage(FILE *f)
{
	fputs("usage: chattext\n", f);
}

static const char *text_of(const json_t *line, const char *key)
{
	return json_string_value(json_object_get(line, key));
}

static struct messages messages_of(const json_t *line)
{
	struct messages m = {0};
	json_t *message;
	size_t i;
	json_array_foreach(json_object_get(line, "messages"), i, message) {
		const char *role = text_of(message, "role");
		const json_t *content = json_object_get(message, "content");
		messages_add(&m, *role == 's' ? ROLE_SYSTEM : *role == 'u' ? ROLE_USER : ROLE_ASSISTANT,
			     json_string_value(content), json_string_length(content));
	}
	return m;
}

static bool chat_of(const json_t *line, struct chat *c)
{
	const json_t *jinja = json_object_get(line, "jinja");
	*c = (struct chat){.path = "model"};
	if (jinja) {
		c->template = chat_template_of(json_string_value(jinja), json_string_length(jinja), &c->system,
					       &c->computed);
		c->bos = c->template && c->template->layout->bos && strstr(json_string_value(jinja), "bos_token");
		return c->template;
	}
	c->template = chat_template_named(text_of(line, "template"));
	c->bos = json_is_true(json_object_get(line, "bos"));
	if (text_of(line, "system"))
		c->system = mem_string(text_of(line, "system"));
	return true;
}

static bool renders(const struct chat *c, const struct messages *m)
{
	bool system = m->n > 0 && m->data[0].role == ROLE_SYSTEM;
	return system ? c->template->place != CHAT_NOWHERE : !c->computed || c->system;
}

static json_t *rendered(const struct chat *c, const struct messages *m)
{
	struct chat_text text = {0};
	struct bytes all = {0};
	chat_render(c, m, &text);
	for (size_t i = 0; i < text.n; i++) {
		const struct chat_part *p = &text.parts[i];
		bytes_add(&all, p->mark ? p->mark : p->text.data, p->mark ? strlen(p->mark) : p->text.n);
	}
	json_t *string = json_stringn(all.n ? all.data : "", all.n);
	chat_text_free(&text);
	bytes_free(&all);
	return string;
}

static void print(const json_t *line)
{
	struct chat c;
	json_t *value = json_null();
	if (chat_of(line, &c)) {
		struct messages m = messages_of(line);
		value = renders(&c, &m) ? rendered(&c, &m) : json_false();
		messages_free(&m);
	}
	json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
	putchar('\n');
	json_decref(value);
	free(c.system);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	(void)argc;
	cli_start(argv, usage);
	while ((n = getline(&line, &room, stdin)) > 0) {
		json_t *json = json_loadb(line, (size_t)n, JSON_ALLOW_NUL, NULL);
		if (!json)
			die("stdin", "not JSON");
		print(json);
		json_decref(json);
	}
	free(line);
	return cli_finish();
}
