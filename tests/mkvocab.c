/*
 * mkvocab: a GGUF file with a vocabulary and nothing else.
 *
 * usage: mkvocab MODEL [KEY=VALUE...] <LINES >OUTPUT
 *
 * A line is the type, score and text of a token, or "m" and a merge; "\n" in
 * them is a newline.  KEY is
 * what follows "tokenizer.ggml."; a VALUE that is a number becomes a u32, true
 * and false a truth value, anything else a string.  architecture=NAME sets
 * general.architecture.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "ggufwriter.h"
#include "memory.h"

static void usage(FILE *out)
{
	fprintf(out, "usage: mkvocab MODEL [KEY=VALUE...]\n");
}

static void put_pair(struct bytes *b, const char *pair)
{
	const char *value = strchr(pair, '=') + 1;
	bool architecture = strncmp(pair, "architecture=", 13) == 0;
	char *key = mem_printf("%s%.*s", architecture ? "general." : "tokenizer.ggml.", (int)(value - 1 - pair), pair);
	if (isdigit((unsigned char)*value)) {
		put_key_u32(b, key, (uint32_t)strtoul(value, NULL, 10));
	} else if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) {
		put_key(b, key, GGUF_BOOL);
		put(b, *value == 't', 1);
	} else {
		put_key_string(b, key, value);
	}
	free(key);
}

static void put_array(struct bytes *b, const char *key, enum gguf_type type, size_t count, const struct bytes *elements)
{
	put_key(b, key, GGUF_ARRAY);
	put(b, type, 4);
	put(b, count, 8);
	bytes_add(b, elements->data, elements->n);
}

/* A newline for each "\n" of a text. */
static void unescape(char *text)
{
	for (char *p; (p = strstr(text, "\\n")) != NULL;) {
		*p = '\n';
		memmove(p + 1, p + 2, strlen(p + 2) + 1);
	}
}

int main(int argc, char **argv)
{
	struct bytes b = {0}, tokens = {0}, types = {0}, scores = {0}, merges = {0};
	size_t count = 0, merge_count = 0, room = 0;
	char *line = NULL;
	cli_start(argv, usage);
	if (argc < 2)
		cli_usage_error("an operand is needed");
	for (ssize_t n; (n = getline(&line, &room, stdin)) > 0;) {
		char *rest = line;
		line[n - 1] = '\0';
		unescape(line);
		if (strncmp(line, "m ", 2) == 0) {
			put_string(&merges, line + 2);
			merge_count++;
			continue;
		}
		put(&types, strtoul(rest, &rest, 10), 4);
		put_f32(&scores, strtof(rest, &rest));
		put_string(&tokens, *rest ? rest + 1 : rest);
		count++;
	}
	put_start(&b, 0, (uint64_t)(4 + (merge_count > 0) + argc - 2));
	put_key_string(&b, "tokenizer.ggml.model", argv[1]);
	for (int i = 2; i < argc; i++)
		put_pair(&b, argv[i]);
	put_array(&b, "tokenizer.ggml.tokens", GGUF_STRING, count, &tokens);
	put_array(&b, "tokenizer.ggml.token_type", GGUF_I32, count, &types);
	put_array(&b, "tokenizer.ggml.scores", GGUF_F32, count, &scores);
	if (merge_count > 0)
		put_array(&b, "tokenizer.ggml.merges", GGUF_STRING, merge_count, &merges);
	put_padding(&b, 32);
	fwrite(b.data, 1, b.n, stdout);
	free(line);
	bytes_free(&b);
	bytes_free(&tokens);
	bytes_free(&types);
	bytes_free(&scores);
	bytes_free(&merges);
	return cli_finish();
}
