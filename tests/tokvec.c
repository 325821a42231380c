/*
 * tokvec: compares a tokenizer with vectors, one JSON object a line: texts and
 * their ids ("text", "ids", ...), or ids and their text ("ids", "decoded", ...).
 * What a line does not say is not compared.
 *
 * usage: tokvec TOKENIZER VECTORS [DIRECTORY]
 *
 * DIRECTORY is where the files are that "text_file" names.  Prints a line for
 * each mismatch and then the counts; exit 1 if there was a mismatch.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "cli.h"
#include "io.h"
#include "memory.h"
#include "tokenizer.h"

struct vector {
	const struct tokenizer *t;
	const json_t *json;
	unsigned long line;
	bool wrong;
};

static void mismatch(struct vector *v, const char *key)
{
	v->wrong = true;
	printf("line %lu: %s differs\n", v->line, key);
}

/* SHA-256 in hexadecimal, by sha256sum. */
static void sha256(const struct bytes *b, char hex[65])
{
	char path[] = "/tmp/tokvec.XXXXXX";
	int fd = mkstemp(path);
	if (fd < 0 || write(fd, b->n ? b->data : "", b->n) != (ssize_t)b->n || close(fd) < 0)
		die(path, "cannot write");
	char *command = mem_printf("sha256sum %s", path);
	FILE *f = popen(command, "r");
	if (!f || fread(hex, 1, 64, f) != 64)
		die("sha256sum", "no answer");
	hex[64] = '\0';
	pclose(f);
	unlink(path);
	free(command);
}

static void compare_sha256(struct vector *v, const char *key, const struct bytes *b)
{
	char hex[65];
	const char *expected = json_string_value(json_object_get(v->json, key));
	if (!expected)
		return;
	sha256(b, hex);
	if (strcmp(hex, expected) != 0)
		mismatch(v, key);
}

static void compare_ids(struct vector *v, const char *key, const json_t *expected, const struct ids *ids)
{
	if (!expected)
		return;
	bool equal = json_array_size(expected) == ids->n;
	for (size_t i = 0; equal && i < ids->n; i++)
		equal = json_integer_value(json_array_get(expected, i)) == ids->data[i];
	if (!equal) {
		mismatch(v, key);
		printf("\tis:");
		for (size_t i = 0; i < ids->n && i < 40; i++)
			printf(" %d", ids->data[i]);
		printf("\n\tis to be:");
		for (size_t i = 0; i < json_array_size(expected) && i < 40; i++)
			printf(" %lld", (long long)json_integer_value(json_array_get(expected, i)));
		printf("\n");
	}
}

static void compare_ids_sha256(struct vector *v, const char *key, const struct ids *ids)
{
	struct bytes text = {0};
	char number[16];
	for (size_t i = 0; i < ids->n; i++) {
		int n = snprintf(number, sizeof number, i ? " %d" : "%d", ids->data[i]);
		bytes_add(&text, number, (size_t)n);
	}
	compare_sha256(v, key, &text);
	bytes_free(&text);
}

/* Half of the ids go through a copy of the decoder, which must make no difference. */
static struct bytes decode(const struct tokenizer *t, const struct ids *ids, bool show_special)
{
	struct bytes text = {0};
	struct decoder *d = decoder_new(t, DECODE_BEGINS | (show_special ? DECODE_SPECIAL : 0));
	size_t n;
	const char *s;
	for (size_t i = 0; i < ids->n; i++) {
		s = decoder_next(d, ids->data[i], &n);
		bytes_add(&text, s, n);
		if (i == ids->n / 2) {
			struct decoder *copy = decoder_copy(d);
			decoder_free(d);
			d = copy;
		}
	}
	s = decoder_end(d, &n);
	bytes_add(&text, s, n);
	decoder_free(d);
	return text;
}

static void compare_text(struct vector *v, const char *key, const json_t *expected, const struct bytes *text)
{
	const char *s = json_string_value(expected);
	size_t n = json_string_length(expected);
	if (s && (n != text->n || (n && memcmp(s, text->data, n) != 0))) {
		mismatch(v, key);
		printf("\tis:       '%.*s'\n\tis to be: '%.*s'\n", (int)text->n, text->n ? text->data : "", (int)n, s);
	}
}

/* A piece; or one with the white space it took; or what no piece is: unknown. */
static void compare_pieces(struct vector *v, const json_t *expected, const struct ids *ids)
{
	for (size_t i = 0; i < ids->n && i < json_array_size(expected); i++) {
		const char *s = json_string_value(json_array_get(expected, i));
		const char *piece = tokenizer_piece(v->t, ids->data[i]);
		if (!piece || (strcmp(s, piece) != 0 && !strstr(s, piece) && tokenizer_id(v->t, s) >= 0))
			mismatch(v, "tokens");
	}
}

static struct ids encode(const struct tokenizer *t, const struct bytes *text, unsigned flags)
{
	struct ids ids = {0};
	ids.n = tokenizer_encode(t, text->n ? text->data : "", text->n, flags, &ids.data, NULL);
	return ids;
}

static void check_text(struct vector *v, const struct bytes *text)
{
	struct ids ids = encode(v->t, text, TOKENIZE_BARE), special = encode(v->t, text, 0);
	struct ids plain = encode(v->t, text, TOKENIZE_BARE | TOKENIZE_PLAIN);
	struct bytes decoded = decode(v->t, &ids, true);
	const json_t *expected = json_object_get(v->json, "ids");
	const json_t *plain_ids = json_object_get(v->json, "ids_plain");
	if (json_object_get(v->json, "ids_sha256")) {
		compare_ids_sha256(v, "ids_sha256", &ids);
		compare_ids_sha256(v, "ids_special_sha256", &special);
		compare_sha256(v, "decoded_sha256", &decoded);
	} else {
		compare_ids(v, "ids", expected, &ids);
		compare_ids(v, "ids_special", json_object_get(v->json, "ids_special"), &special);
		if (plain_ids || json_object_get(v->json, "ids_special"))
			compare_ids(v, "ids_plain", plain_ids ? plain_ids : expected, &plain);
		compare_text(v, "decoded", json_object_get(v->json, "decoded"), &decoded);
		compare_pieces(v, json_object_get(v->json, "tokens"), &ids);
	}
	free(ids.data);
	free(special.data);
	free(plain.data);
	bytes_free(&decoded);
}

static void check_ids(struct vector *v)
{
	struct ids ids = {0};
	size_t i;
	const json_t *id, *skip = json_object_get(v->json, "decoded_skip");
	json_array_foreach(json_object_get(v->json, "ids"), i, id)
		ids_add(&ids, (int32_t)json_integer_value(id));
	struct bytes shown = decode(v->t, &ids, true), skipped = decode(v->t, &ids, false);
	compare_text(v, "decoded", json_object_get(v->json, "decoded"), &shown);
	compare_text(v, "decoded_skip", skip ? skip : json_object_get(v->json, "decoded"), &skipped);
	free(ids.data);
	bytes_free(&shown);
	bytes_free(&skipped);
}

/* The text of a vector, however it is given; false if it has none. */
static bool text_of(const json_t *json, const char *directory, struct bytes *text)
{
	const json_t *string = json_object_get(json, "text"), *repeat = json_object_get(json, "text_repeat");
	const char *hex = json_string_value(json_object_get(json, "bytes_hex"));
	const char *name = json_string_value(json_object_get(json, "text_file"));
	if (string) {
		bytes_add(text, json_string_value(string), json_string_length(string));
	} else if (hex && json_object_get(json, "ids_special")) {
		for (; hex[0] && hex[1]; hex += 2) {
			char digits[3] = {hex[0], hex[1], '\0'}, byte = (char)strtol(digits, NULL, 16);
			bytes_add(text, &byte, 1);
		}
	} else if (repeat) {
		for (json_int_t i = json_integer_value(json_array_get(repeat, 1)); i > 0; i--)
			bytes_add(text, json_string_value(json_array_get(repeat, 0)),
				  json_string_length(json_array_get(repeat, 0)));
	} else if (name) {
		size_t n, offset = (size_t)json_integer_value(json_object_get(json, "offset"));
		char *path = mem_printf("%s/%s", directory, name);
		char *file = io_slurp(path, SIZE_MAX, &n);
		size_t length = (size_t)json_integer_value(json_object_get(json, "length"));
		if (offset > n || length > n - offset)
			die(path, "too short");
		bytes_add(text, file + offset, length);
		free(path);
		free(file);
	} else {
		return false;
	}
	return true;
}

static void usage(FILE *out)
{
	fprintf(out, "usage: tokvec TOKENIZER VECTORS [DIRECTORY]\n");
}

int main(int argc, char **argv)
{
	cli_start(argv, usage);
	if (argc < 3)
		cli_usage_error("two operands are needed");
	struct tokenizer *t = tokenizer_open(argv[1]);
	FILE *f = fopen(argv[2], "r");
	if (!f)
		die(argv[2], "cannot open");
	char *line = NULL;
	size_t room = 0;
	unsigned long count = 0, right = 0;
	while (getline(&line, &room, f) > 0) {
		json_error_t error;
		json_t *json = json_loads(line, JSON_ALLOW_NUL, &error);
		if (!json)
			die(argv[2], "line %lu: %s", count + 1, error.text);
		struct vector v = {t, json, ++count, false};
		struct bytes text = {0};
		if (text_of(json, argc > 3 ? argv[3] : ".", &text))
			check_text(&v, &text);
		else
			check_ids(&v);
		right += !v.wrong;
		bytes_free(&text);
		json_decref(json);
	}
	free(line);
	fclose(f);
	tokenizer_free(t);
	printf("%lu of %lu\n", right, count);
	int status = cli_finish();
	return right == count ? status : 1;
}
