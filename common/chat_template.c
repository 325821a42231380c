/* chat_template.c: the known templates, and which one a model has.  See chat.h. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "chat.h"
#include "cli.h"
#include "gguf.h"
#include "io.h"
#include "memory.h"

/* The most bytes of a file with a template. */
#define TEMPLATE_FILE_MAX ((size_t)1 << 26)

static const struct chat_layout
chatml = {
	.marks = {"<|im_start|>", "<|im_end|>"},
	.roles = {
		{"<|im_start|>system\n", "<|im_end|>\n"},
		{"<|im_start|>user\n", "<|im_end|>\n"},
		{"<|im_start|>assistant\n", "<|im_end|>\n"},
	},
	.prompt = "<|im_start|>assistant\n",
	.end = "<|im_end|>",
},
gemma = {
	.marks = {"<bos>", "<start_of_turn>", "<end_of_turn>"},
	.bos = "<bos>",
	.roles = {
		{"", "\n\n"},
		{"<start_of_turn>user\n", "<end_of_turn>\n"},
		{"<start_of_turn>model\n", "<end_of_turn>\n"},
	},
	.prompt = "<start_of_turn>model\n",
	.end = "<end_of_turn>",
	.trim = CHAT_TRIM_USER | CHAT_TRIM_ASSISTANT,
},
llama2 = {
	.marks = {"<s>", "</s>"},
	.roles = {
		{"<<SYS>>\n", "\n<</SYS>>\n\n"},
		{"<s>[INST] ", " [/INST]"},
		{" ", " </s>"},
	},
	.prompt = "",
	.end = "</s>",
	.trim = CHAT_TRIM_ASSISTANT | CHAT_TRIM_BOTH,
},
llama3 = {
	.marks = {"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"},
	.bos = "<|begin_of_text|>",
	.roles = {
		{"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"},
		{"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"},
		{"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"},
	},
	.prompt = "<|start_header_id|>assistant<|end_header_id|>\n\n",
	.end = "<|eot_id|>",
	.trim = CHAT_TRIM_SYSTEM | CHAT_TRIM_USER | CHAT_TRIM_ASSISTANT,
},
mistral_v01 = {
	.marks = {"<s>", "</s>"},
	.bos = "<s>",
	.roles = {{"", ""}, {"[INST] ", " [/INST]"}, {"", "</s> "}},
	.prompt = "",
	.end = "</s>",
},
mistral_v02 = {
	.marks = {"<s>", "</s>"},
	.bos = "<s>",
	.roles = {{"", ""}, {"[INST] ", " [/INST]"}, {"", "</s>"}},
	.prompt = "",
	.end = "</s>",
},
mistral_v1 = {
	.marks = {"<s>", "</s>"},
	.bos = "<s>",
	.roles = {{"", "\n\n"}, {" [INST] ", " [/INST]"}, {" ", "</s>"}},
	.prompt = "",
	.end = "</s>",
},
mistral_v3 = {
	.marks = {"<s>", "</s>", "[INST]", "[/INST]"},
	.bos = "<s>",
	.roles = {{"", "\n\n"}, {"[INST] ", "[/INST]"}, {" ", "</s>"}},
	.prompt = "",
	.end = "</s>",
	.trim = CHAT_TRIM_ASSISTANT,
},
mistral_v3_tekken = {
	.marks = {"<s>", "</s>", "[INST]", "[/INST]"},
	.bos = "<s>",
	.roles = {{"", "\n\n"}, {"[INST]", "[/INST]"}, {"", "</s>"}},
	.prompt = "",
	.end = "</s>",
},
mistral_v7 = {
	.marks = {"<s>", "</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"},
	.bos = "<s>",
	.roles = {{"[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]"}, {"[INST] ", "[/INST]"}, {" ", "</s>"}},
	.prompt = "",
	.end = "</s>",
},
mistral_v7_tekken = {
	.marks = {"<s>", "</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"},
	.bos = "<s>",
	.roles = {{"[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"}, {"[INST]", "[/INST]"}, {"", "</s>"}},
	.prompt = "",
	.end = "</s>",
},
phi3 = {
	.marks = {"<s>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"},
	.bos = "<s>",
	.roles = {
		{"<|system|>\n", "<|end|>\n"},
		{"<|user|>\n", "<|end|>\n"},
		{"<|assistant|>\n", "<|end|>\n"},
	},
	.prompt = "<|assistant|>\n",
	.end = "<|end|>",
},
phi4 = {
	.marks = {"<|im_start|>", "<|im_sep|>", "<|im_end|>"},
	.roles = {
		{"<|im_start|>system<|im_sep|>", "<|im_end|>"},
		{"<|im_start|>user<|im_sep|>", "<|im_end|>"},
		{"<|im_start|>assistant<|im_sep|>", "<|im_end|>"},
	},
	.prompt = "<|im_start|>assistant<|im_sep|>",
	.end = "<|im_end|>",
},
zephyr = {
	.marks = {"</s>"},
	.roles = {{"<|system|>\n", "</s>\n"}, {"<|user|>\n", "</s>\n"}, {"<|assistant|>\n", "</s>\n"}},
	.prompt = "<|assistant|>\n",
	.end = "</s>",
};

static const char llama31[] = "Cutting Knowledge Date: December 2023\nToday Date: ";

/* In signs every quote of the model's template is a ', and \n is a line end: see plain_form. */
static const struct chat_template templates[] = {
	{
		.name = "chatml", .layout = &chatml, .place = CHAT_MESSAGE,
		.signs = {"<|im_start|>"},
		.against = {"<|im_sep|>", "think", "bos_token", "function calling AI"},
		.variable = "system_message = ",
	}, {
		.name = "gemma", .layout = &gemma, .place = CHAT_NOWHERE,
		.signs = {"<start_of_turn>", "System role not supported", "| trim"},
	}, {
		.name = "gemma-3", .layout = &gemma, .place = CHAT_FIRST,
		.signs = {"<start_of_turn>", "first_user_prefix if loop.first", "| trim"},
	}, {
		.name = "llama-2", .layout = &llama2, .place = CHAT_FIRST,
		.signs = {"<<SYS>>", "bos_token + '[INST] ' + content.strip() + ' [/INST]'"},
		.against = {"true == true"},
	}, {
		.name = "llama-3", .layout = &llama3, .place = CHAT_MESSAGE,
		.signs = {"<|start_header_id|>", "<|eot_id|>", "| trim"},
		.against = {"Knowledge Date", "tools"},
	}, {
		.name = "llama-3.1", .layout = &llama3, .place = CHAT_ALWAYS,
		.signs = {"<|start_header_id|>", "Date: December 2023\n", "'26 Jul 2024'"},
		.against = {"strftime_now"},
		.preamble = llama31, .date = "26 Jul 2024",
	}, {
		.name = "llama-3.2", .layout = &llama3, .place = CHAT_ALWAYS,
		.signs = {"<|start_header_id|>", "Date: December 2023\n", "strftime_now('%d %b %Y')"},
		.preamble = llama31, .date = "",
	}, {
		.name = "mistral-v0.1", .layout = &mistral_v01, .place = CHAT_NOWHERE,
		.signs = {"'[INST] ' + message['content'] + ' [/INST]'", "'content'] + eos_token + ' '"},
		.against = {"SYS"},
	}, {
		.name = "mistral-v0.2", .layout = &mistral_v02, .place = CHAT_NOWHERE,
		.signs = {"'[INST] ' + message['content'] + ' [/INST]'", "'content'] + eos_token"},
		.against = {"SYS", "eos_token + ' '"},
	}, {
		.name = "mistral-v1", .layout = &mistral_v1, .place = CHAT_FIRST,
		.signs = {"' [INST] ' + message['content'] + ' [/INST]'"},
	}, {
		.name = "mistral-v3", .layout = &mistral_v3, .place = CHAT_LAST,
		.signs = {"'[INST] ' + message['content'] + '[/INST]'", "'content']|trim + eos_token"},
		.against = {"SYSTEM_PROMPT"},
	}, {
		.name = "mistral-v3-tekken", .layout = &mistral_v3_tekken, .place = CHAT_LAST,
		.signs = {"'[INST]' + message['content'] + '[/INST]'", "'content'] + eos_token"},
		.against = {"SYSTEM_PROMPT"},
	}, {
		.name = "mistral-v7", .layout = &mistral_v7, .place = CHAT_MESSAGE,
		.signs = {"'[INST] ' + message['content'] + '[/INST]'", "'[SYSTEM_PROMPT] ' + message['content']"},
	}, {
		.name = "mistral-v7-tekken", .layout = &mistral_v7_tekken, .place = CHAT_MESSAGE,
		.signs = {"'[INST]' + message['content'] + '[/INST]'", "'[SYSTEM_PROMPT]' + "},
		.variable = "default_system_message = ",
	}, {
		.name = "phi-3", .layout = &phi3, .place = CHAT_MESSAGE,
		.signs = {"<|system|>\n", "<|user|>\n", "<|assistant|>\n", "<|end|>\n"},
		.against = {"tools", "and message['content']"},
	}, {
		.name = "phi-3-old", .layout = &phi3, .place = CHAT_NOWHERE,
		.signs = {"<|user|>", "<|assistant|>", "<|end|>"},
		.against = {"<|system|>", "tools"},
	}, {
		.name = "phi-3-small", .layout = &phi3, .place = CHAT_MESSAGE,
		.signs = {"'<|' + message['role'] + '|>' + '\n'", "<|assistant|>\n", "<|end|>\n"},
		.against = {"tools"},
	}, {
		.name = "phi-3.5", .layout = &phi3, .place = CHAT_FILLED,
		.signs = {"'system' and message['content'] %}{{'<|system|>\n", "<|user|>\n", "<|assistant|>\n", "<|end|>\n"},
		.against = {"tools"},
	}, {
		.name = "phi-4", .layout = &phi4, .place = CHAT_MESSAGE,
		.signs = {"<|im_start|>user<|im_sep|>", "<|im_end|><|im_start|>assistant<|im_sep|>"},
	}, {
		.name = "qwen-3", .layout = &chatml, .place = CHAT_MESSAGE,
		.signs = {"<|im_start|>", "enable_thinking is false", "content.split('</think>')"},
		.against = {"<|im_sep|>", "{{- '<think>\n'"},
		.thought = "</think>",
	}, {
		.name = "zephyr", .layout = &zephyr, .place = CHAT_MESSAGE,
		.signs = {"'<|system|>\n' + message['content'] + eos_token", "'<|user|>\n' + message['content'] + eos_token",
			  "'<|assistant|>\n'  + message['content'] + eos_token"},
	},
};

#define TEMPLATES (sizeof templates / sizeof *templates)

/* ---- recognising ---- */

/* The same text with ' for every quote, and line ends for \n. */
static char *plain_form(const char *jinja, size_t n)
{
	char *plain = mem_array(n + 1, 1);
	size_t m = 0;
	for (size_t i = 0; i < n; i++)
		if (jinja[i] == '\\' && i + 1 < n && jinja[i + 1] == 'n')
			plain[m++] = '\n', i++;
		else if (jinja[i] == '"')
			plain[m++] = '\'';
		else if (jinja[i])
			plain[m++] = jinja[i];
	plain[m] = '\0';
	return plain;
}

static bool fits(const struct chat_template *t, const char *plain)
{
	for (size_t i = 0; i < CHAT_SIGNS && t->signs[i]; i++)
		if (!strstr(plain, t->signs[i]))
			return false;
	for (size_t i = 0; i < CHAT_SIGNS && t->against[i]; i++)
		if (strstr(plain, t->against[i]))
			return false;
	return true;
}

/*
 * The text of the string literal of Jinja at *s, which begins behind its
 * quote, and NUL; *s is moved behind the closing one.  NULL: it does not end.
 */
static char *literal(const char **s, const char *end, char quote)
{
	const char *start = *s, *stop = start;
	while (stop < end && *stop != quote)
		stop += *stop == '\\' && stop + 1 < end ? 2 : 1;
	if (stop == end)
		return NULL;
	char *text = mem_array((size_t)(stop - start) + 1, 1);
	size_t n = 0;
	for (const char *c = start; c < stop; c++) {
		bool escaped = *c == '\\';
		c += escaped;
		text[n++] = escaped && *c == 'n' ? '\n' : *c;
	}
	text[n] = '\0';
	*s = stop + 1;
	return text;
}

/* The system message in a literal that has all of one, with its marks; NULL: it has not. */
static char *whole_message(const struct chat_frame *frame, const char *text)
{
	const char *start = strstr(text, frame->before), *end = NULL;
	char *mark = mem_printf("%.*s", (int)strcspn(frame->after, "\n"), frame->after);
	if (start) {
		start += strlen(frame->before);
		end = strstr(start, mark);
	}
	free(mark);
	return end && end > start ? mem_printf("%.*s", (int)(end - start), start) : NULL;
}

/*
 * The system message that a template has for who gives none: in the literals
 * between {{ and }}, or %}, complete with its marks, or in what is assigned to the variable.
 */
static char *own_system(const struct chat_template *t, const char *jinja, size_t n, bool *computed)
{
	const struct chat_frame *frame = &t->layout->roles[ROLE_SYSTEM];
	const char *end = jinja + n, *s = jinja;
	size_t variable = t->variable ? strlen(t->variable) : 0;
	char *system = NULL;
	while (s < end && !system) {
		char quote = *s++;
		if (quote != '\'' && quote != '"')
			continue;
		const char *start = s;
		char *text = literal(&s, end, quote);
		if (!text)
			break;
		bool assigned = variable && (size_t)(start - 1 - jinja) >= variable &&
			memcmp(start - 1 - variable, t->variable, variable) == 0;
		const char *next = s;
		while (next < end && (*next == ' ' || *next == '-'))
			next++;
		if (assigned && next < end && *next != '%')
			*computed = true;
		else if (assigned && *text)
			system = mem_string(text);
		else if (*frame->before)
			system = whole_message(frame, text);
		free(text);
	}
	return system;
}

const struct chat_template *chat_template_of(const char *jinja, size_t n, char **system, bool *computed)
{
	char *plain = plain_form(jinja, n);
	const struct chat_template *found = NULL;
	for (size_t i = 0; i < TEMPLATES && !found; i++)
		if (fits(&templates[i], plain))
			found = &templates[i];
	free(plain);
	*system = NULL;
	*computed = false;
	if (found && found->place == CHAT_MESSAGE)
		*system = own_system(found, jinja, n, computed);
	return found;
}

const struct chat_template *chat_template_named(const char *name)
{
	struct bytes names = {0};
	for (size_t i = 0; i < TEMPLATES; i++)
		if (strcmp(templates[i].name, name) == 0)
			return &templates[i];
	for (size_t i = 0; i < TEMPLATES; i++) {
		bytes_add(&names, ", ", i ? 2 : 0);
		bytes_add(&names, templates[i].name, strlen(templates[i].name));
	}
	cli_usage_error("--template: '%s' is none of %.*s", name, (int)names.n, names.data);
}

/* ---- finding it ---- */

/* The file's content, or NULL if there is none of that name in the directory. */
static char *file_in(const char *directory, const char *name, char **path, size_t *n)
{
	struct stat s;
	*path = mem_printf("%s/%s", directory, name);
	return stat(*path, &s) == 0 ? io_slurp(*path, TEMPLATE_FILE_MAX, n) : NULL;
}

/* The default one, where there are several by name. */
static const json_t *default_template(const json_t *value)
{
	for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
		const json_t *row = json_array_get(value, i), *name = json_object_get(row, "name");
		if (json_is_string(name) && strcmp(json_string_value(name), "default") == 0)
			return json_object_get(row, "template");
	}
	return value;
}

/* What a JSON file says of its "chat_template". */
static struct bytes template_in_json(const char *path, const char *text, size_t n)
{
	struct bytes jinja = {0};
	json_error_t error;
	json_t *json = json_loadb(text, n, JSON_ALLOW_NUL, &error);
	if (!json)
		die(path, "line %d: %s", error.line, error.text);
	const json_t *value = default_template(json_object_get(json, "chat_template"));
	if (json_is_string(value))
		bytes_add(&jinja, json_string_value(value), json_string_length(value));
	json_decref(json);
	return jinja;
}

static struct bytes template_in_directory(const char *directory)
{
	static const char *const files[] = {
		"chat_template.jinja", "tokenizer_config.json", "chat_template.json",
	};
	struct bytes jinja = {0};
	for (size_t i = 0; i < 3 && jinja.n == 0; i++) {
		size_t n = 0;
		char *path, *text = file_in(directory, files[i], &path, &n);
		if (text && i == 0)
			bytes_add(&jinja, text, n);
		else if (text)
			jinja = template_in_json(path, text, n);
		free(path);
		free(text);
	}
	return jinja;
}

static struct bytes template_in_gguf(const char *path)
{
	struct bytes jinja = {0};
	struct gguf_string s;
	struct gguf *g = gguf_open(path);
	if (gguf_text(g, "tokenizer.chat_template", &s))
		bytes_add(&jinja, s.bytes, s.n);
	gguf_close(g);
	return jinja;
}

/* The template in Jinja of the model at path; empty: it has none. */
static struct bytes find(const char *path)
{
	struct stat s;
	if (stat(path, &s) == 0 && S_ISDIR(s.st_mode))
		return template_in_directory(path);
	return gguf_is(path) ? template_in_gguf(path) : (struct bytes){0};
}

/* How much of an unknown template is shown. */
#define SHOWN 60

static void recognise(struct chat *c, const char *path)
{
	struct bytes jinja = find(path);
	if (jinja.n == 0)
		die(path, "no chat template; was it made to chat? (--template NAME)");
	c->template = chat_template_of(jinja.data, jinja.n, &c->system, &c->computed);
	if (!c->template)
		die(path, "unknown chat template '%.*s%s' (--template NAME)", jinja.n < SHOWN ? (int)jinja.n : SHOWN,
		    jinja.data, jinja.n < SHOWN ? "" : "...");
	c->bos = c->template->layout->bos && memmem(jinja.data, jinja.n, "bos_token", 9);
	bytes_free(&jinja);
}

struct chat *chat_open(const char *path, const char *name, const char *system, const struct tokenizer *t)
{
	struct chat *c = mem_zero(1, sizeof *c);
	c->path = mem_string(path);
	c->tokenizer = t;
	if (name) {
		c->template = chat_template_named(name);
		c->bos = c->template->layout->bos;
	} else {
		recognise(c, path);
	}
	if (system) {
		free(c->system);
		c->system = mem_string(system);
	}
	return c;
}

void chat_free(struct chat *c)
{
	free(c->path);
	free(c->system);
	free(c);
}
