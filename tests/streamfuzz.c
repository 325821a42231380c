/*
 * streamfuzz.c: gives a program broken streams, thousands a second.
 *
 * Linked with one program whose main is called tool_main; each broken stream
 * is one fork of this process, which then is that program.
 *
 *	streamfuzz [-f FILE] [-q N] [-t] GOLDEN [ARGUMENT...]
 *
 * runs it with these arguments on GOLDEN, a whole stream, and then on streams
 * made from it: every byte of every header set to every other value; cut off
 * at every byte of the headers and at 200 places of the data; headers whose
 * shapes, offsets, types, names and numbers are changed one by one; values of
 * the data; random splices.  With -q N only one in N of them, and one in N / 100
 * of those with changed headers and values.  -t: the program writes text, not a
 * stream.  With -f the input is always GOLDEN, whatever it is, and FILE, one of
 * the model's, is broken instead: at its first 64 KiB, in 4 ways a byte.
 *
 * Each must end with exit 0 and a whole stream, or exit 1, one line on stderr
 * and a stream of whole frames without an end frame.  A signal, 10 seconds, much
 * more memory than the golden stream takes, or a sanitizer's report are failures.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io.h"
#include "memory.h"
#include "safetensors.h"

int tool_main(int argc, char **argv);

enum { SECONDS = 10, FAILURES_SHOWN = 20, HEADERS_MAX = 64 };

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Bytes a run may take beyond the golden one; a sanitizer keeps what was freed. */
#define SLACK ((long)(SANITIZED ? 512 : 32) << 20)

static const char *model_file;
static char **tool_argv;
static int tool_argc;
static const char *tool_name;
static bool writes_text;
static unsigned long quick = 1;

static unsigned char *golden;
static size_t golden_bytes;

/* Where the headers of the golden stream are: their length and JSON. */
static struct {
	size_t at, n;
} headers[HEADERS_MAX];
static size_t header_count;

static unsigned long runs, accepted, refused, failures;
static long normal_rss;         /* bytes, on the golden stream */

/* ---- one run ---- */

static int in_fd, out_fd, err_fd, file_fd;

static int memory_file(const char *name)
{
	int fd = memfd_create(name, 0);
	if (fd < 0) {
		perror("streamfuzz: memfd_create");
		exit(1);
	}
	return fd;
}

static char *content(int fd, size_t *n)
{
	struct stat st;
	fstat(fd, &st);
	*n = (size_t)st.st_size;
	char *s = mem_array(*n + 1, 1);
	if (pread(fd, s, *n, 0) != (ssize_t)*n) {
		perror("streamfuzz: read");
		exit(1);
	}
	s[*n] = '\0';
	return s;
}

static void failed(const char *what, const char *how, const char *errors)
{
	if (++failures > FAILURES_SHOWN)
		return;
	printf("%s: %s: %s\n", tool_name, what, how);
	if (errors && *errors)
		printf("  stderr: %.2000s%s", errors, errors[strlen(errors) - 1] == '\n' ? "" : "\n");
	const char *tmp = getenv("TMPDIR");
	char *path = mem_printf("%s/streamfuzz-%s-%lu", tmp ? tmp : "/tmp", tool_name, failures);
	FILE *f = fopen(path, "w");
	size_t n;
	char *input = content(model_file ? file_fd : in_fd, &n);
	if (f) {
		fwrite(input, 1, n, f);
		fclose(f);
		printf("  its input is in %s\n", path);
	}
	free(input);
	free(path);
}

/* What is wrong with s as a stream of whole frames, or NULL; *ended: the last is an end frame. */
static const char *check_frames(const char *s, size_t n, bool *ended)
{
	static char why[256];
	*ended = false;
	while (n > 0) {
		struct safetensors st;
		size_t length = 0;
		if (n < 8)
			return "a partial frame";
		for (int i = 7; i >= 0; i--)
			length = length << 8 | (unsigned char)s[i];
		if (length % 8 || length > n - 8)
			return "a partial frame";
		if (!safetensors_parse(s + 8, length, &st, why, sizeof why))
			return why;
		if (st.bytes > n - 8 - length) {
			safetensors_free(&st);
			return "a partial frame";
		}
		const char *end = json_string_value(json_object_get(st.metadata, "end"));
		*ended = st.count == 0 && end && strcmp(end, "1") == 0;
		s += 8 + length + st.bytes;
		n -= 8 + length + st.bytes;
		safetensors_free(&st);
	}
	return NULL;
}

/* A text that reached the end of its context is whole; sample says so and goes on. */
static char *without_notice(char *errors)
{
	char *end = strchr(errors, '\n');
	char *notice = strstr(errors, "positions is full\n");
	return notice && end && notice < end && end[1] ? end + 1 : errors;
}

static void judge(const char *what, int status, long rss)
{
	size_t out_bytes, err_bytes;
	char *out = content(out_fd, &out_bytes), *said = content(err_fd, &err_bytes);
	char *errors = without_notice(said);
	char how[320] = "";
	bool ended = false;
	const char *broken = writes_text ? NULL : check_frames(out, out_bytes, &ended);
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	size_t lines = 0, prefix = strlen(tool_name);
	for (char *c = errors; *c; c++)
		lines += *c == '\n';
	bool form = strncmp(errors, tool_name, prefix) == 0 && strncmp(errors + prefix, ": ", 2) == 0;

	if (WIFSIGNALED(status))
		snprintf(how, sizeof how, WTERMSIG(status) == SIGALRM ? "hangs" : "signal %d", WTERMSIG(status));
	else if (code > 1)
		snprintf(how, sizeof how, "exit %d", code);
	else if (code == 1 && (lines != 1 || !form || said[err_bytes - 1] != '\n'))
		snprintf(how, sizeof how, "exit 1 with %zu lines on stderr, or not \"%s: ...\"", lines, tool_name);
	else if (code == 0 && err_bytes > 0)
		snprintf(how, sizeof how, "exit 0 with something on stderr");
	else if (strstr(errors, "out of memory"))
		snprintf(how, sizeof how, "asks for more memory than there is");
	else if (broken)
		snprintf(how, sizeof how, "exit %d, stdout: %s", code, broken);
	else if (!writes_text && code == 0 && !ended)
		snprintf(how, sizeof how, "exit 0 without an end frame");
	else if (!writes_text && code == 1 && ended && !strstr(said, "positions is full"))
		snprintf(how, sizeof how, "exit 1 after an end frame, which looks like success");
	else if (normal_rss && rss > normal_rss + SLACK)
		snprintf(how, sizeof how, "%ld KiB of memory, %ld KiB with the golden stream", rss >> 10, normal_rss >> 10);
	if (*how)
		failed(what, how, errors);
	accepted += code == 0;
	refused += code == 1;
	free(out);
	free(said);
}

static void limit_memory(void)
{
	size_t pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (SANITIZED || !f || fscanf(f, "%zu", &pages) != 1)
		return;
	fclose(f);
	rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)256 << 20);
	setrlimit(RLIMIT_AS, &(struct rlimit){bytes, bytes});
}

static void run(const char *what, const void *input, size_t n)
{
	struct rusage usage;
	int status;
	int fd = model_file ? file_fd : in_fd;
	if (ftruncate(fd, 0) < 0 || ftruncate(out_fd, 0) < 0 || ftruncate(err_fd, 0) < 0 ||
	    pwrite(fd, input, n, 0) != (ssize_t)n) {
		perror("streamfuzz: write");
		exit(1);
	}
	for (int i = 0; i < 3; i++)
		lseek((int[]){in_fd, out_fd, err_fd}[i], 0, SEEK_SET);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		dup2(in_fd, 0);
		dup2(out_fd, 1);
		dup2(err_fd, 2);
		limit_memory();
		alarm(SECONDS);
		exit(tool_main(tool_argc, tool_argv));
	}
	if (child < 0 || wait4(child, &status, 0, &usage) < 0) {
		perror("streamfuzz");
		exit(1);
	}
	runs++;
	judge(what, status, usage.ru_maxrss * 1024L);
	if (!normal_rss)
		normal_rss = usage.ru_maxrss * 1024L;
}

/* ---- random numbers: SplitMix64 ---- */

static uint64_t random_state;

static uint64_t random_bits(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static size_t below(size_t n)
{
	return n ? random_bits() % n : 0;
}

static bool skipped(void)
{
	return quick > 1 && below(quick) != 0;
}

/* ---- bytes ---- */

static void header_bytes(void)
{
	char what[80];
	for (size_t h = 0; h < header_count; h++)
		for (size_t i = headers[h].at; i < headers[h].at + headers[h].n; i++) {
			unsigned char right = golden[i];
			for (unsigned v = 1; v < 256; v++) {
				if (skipped())
					continue;
				golden[i] = (unsigned char)(right + v);
				snprintf(what, sizeof what, "byte %zu is 0x%02x instead of 0x%02x", i, golden[i], right);
				run(what, golden, golden_bytes);
			}
			golden[i] = right;
		}
}

static void cut_at(size_t n)
{
	char what[80];
	snprintf(what, sizeof what, "cut off at %zu", n);
	run(what, golden, n);
}

static bool in_header(size_t i)
{
	for (size_t h = 0; h < header_count; h++)
		if (i >= headers[h].at && i <= headers[h].at + headers[h].n)
			return true;
	return false;
}

static void truncations(void)
{
	for (size_t h = 0; h < header_count; h++)
		for (size_t i = 0; i < headers[h].n; i++)
			if (!skipped())
				cut_at(headers[h].at + i);
	for (int i = 0; i < 200; i++) {
		size_t n = below(golden_bytes);
		while (in_header(n))
			n = below(golden_bytes);
		if (!skipped())
			cut_at(n);
	}
}

static void data_bytes(void)
{
	char what[80];
	for (int i = 0; i < 2000; i++) {
		size_t n = below(golden_bytes);
		unsigned char right = golden[n];
		if (in_header(n) || skipped())
			continue;
		golden[n] ^= (unsigned char)(1 + below(255));
		snprintf(what, sizeof what, "data byte %zu is 0x%02x", n, golden[n]);
		run(what, golden, golden_bytes);
		golden[n] = right;
	}
}

/* Pieces of the stream left out, doubled or put elsewhere. */
static void splices(void)
{
	unsigned char *s = mem_array(2 * golden_bytes, 1);
	char what[100];
	for (int i = 0; i < 2000; i++) {
		size_t h = below(header_count);
		size_t a = below(2) ? headers[h].at + below(headers[h].n) : below(golden_bytes);
		size_t b = below(2) ? a + below(40) : below(golden_bytes), c = below(2) ? a : below(golden_bytes);
		if (b > golden_bytes)
			b = golden_bytes;
		if (a > b) {
			size_t t = a;
			a = b;
			b = t;
		}
		if (skipped())
			continue;
		if (below(2)) {         /* out */
			memcpy(s, golden, a);
			memcpy(s + a, golden + b, golden_bytes - b);
			snprintf(what, sizeof what, "without bytes %zu to %zu", a, b);
			run(what, s, golden_bytes - (b - a));
		} else {                /* in once more, at c */
			memcpy(s, golden, c);
			memcpy(s + c, golden + a, b - a);
			memcpy(s + c + (b - a), golden + c, golden_bytes - c);
			snprintf(what, sizeof what, "bytes %zu to %zu again at %zu", a, b, c);
			run(what, s, golden_bytes + (b - a));
		}
	}
	free(s);
}

/* A file of a model: bytes, lengths, splices. */
static void file_bytes(void)
{
	char what[80];
	for (size_t i = 0; i < golden_bytes && i < 65536; i++) {
		unsigned char right = golden[i];
		for (int k = 0; k < 4; k++) {
			if (skipped())
				continue;
			golden[i] = (unsigned char)(k == 0 ? right + 1 : k == 1 ? right ^ 0x80 : (int)below(256));
			snprintf(what, sizeof what, "byte %zu is 0x%02x instead of 0x%02x", i, golden[i], right);
			run(what, golden, golden_bytes);
			golden[i] = right;
		}
		if (!skipped())
			cut_at(i);
	}
	headers[0].n = golden_bytes < 65536 ? golden_bytes : 65536;
	header_count = 1;
	splices();
}

/* ---- structure ---- */

/* The stream with another first frame: this JSON (n bytes), padded, and data. */
static void run_frame(const char *what, const char *json, size_t n, const void *data, size_t bytes)
{
	if (quick > 100 && below(quick / 100) != 0)
		return;
	size_t padded = (8 + n + 63) / 64 * 64;
	size_t rest = header_count > 1 ? headers[1].at : golden_bytes;
	size_t total = padded + bytes + golden_bytes - rest;
	unsigned char *s = mem_array(total, 1);
	memset(s, ' ', padded);
	for (int i = 0; i < 8; i++)
		s[i] = (unsigned char)((padded - 8) >> (8 * i));
	memcpy(s + 8, json, n);
	if (bytes)
		memcpy(s + padded, data, bytes);
	memcpy(s + padded + bytes, golden + rest, golden_bytes - rest);
	run(what, s, total);
	free(s);
}

static json_t *first_header(void)
{
	return json_loadb((char *)golden + 8, headers[0].n - 8, 0, NULL);
}

static const unsigned char *first_data(void)
{
	return golden + headers[0].at + headers[0].n;
}

static size_t first_bytes(void)
{
	return (header_count > 1 ? headers[1].at : golden_bytes) - headers[0].n;
}

static void run_json(const char *what, json_t *header, const void *data, size_t bytes)
{
	char *text = json_dumps(header, JSON_COMPACT | JSON_ENCODE_ANY);
	run_frame(what, text, strlen(text), data, bytes);
	free(text);
}

/* Replaces one member of one entry by each JSON text in turn; data as they were. */
static void replace_member(const char *name, const char *member, const char *const *texts)
{
	for (; *texts; texts++) {
		json_t *header = first_header();
		json_t *value = json_loads(*texts, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		char *what = mem_printf("%s %s %s", name, member, *texts);
		json_object_set_new(json_object_get(header, name), member, value ? value : json_null());
		run_json(what, header, first_data(), first_bytes());
		free(what);
		json_decref(header);
	}
}

/*
 * A frame in which the tensor `name` has another shape and type, the offsets
 * of all follow from it, and the data are as long as they say: well-formed, so
 * that it comes to the program itself.
 */
static void reshape(const char *name, const char *dtype, const char *shape)
{
	json_t *header = first_header(), *entry, *old;
	const char *key;
	unsigned char *data = NULL;
	size_t bytes = 0;
	char *what = mem_printf("%s as %s %s", name, dtype ? dtype : "before", shape ? shape : "before");
	json_object_foreach(header, key, entry) {
		if (strcmp(key, "__metadata__") == 0)
			continue;
		if (strcmp(key, name) == 0) {
			if (dtype)
				json_object_set_new(entry, "dtype", json_string(dtype));
			if (shape)
				json_object_set_new(entry, "shape", json_loads(shape, 0, NULL));
		}
		const char *type = json_string_value(json_object_get(entry, "dtype"));
		size_t n = 1, i, from, had;
		for (int t = 0; t < DTYPE_COUNT; t++)
			if (strcmp(type, dtype_name((enum dtype)t)) == 0)
				n = dtype_size((enum dtype)t);
		json_array_foreach(json_object_get(entry, "shape"), i, old)
			n *= (size_t)json_integer_value(old);
		old = json_object_get(entry, "data_offsets");
		from = (size_t)json_integer_value(json_array_get(old, 0));
		had = (size_t)json_integer_value(json_array_get(old, 1)) - from;
		data = mem_resize(data, bytes + n + 1, 1);
		for (i = 0; i < n; i++)
			data[bytes + i] = had ? first_data()[from + i % had] : 0;
		json_object_set_new(entry, "data_offsets",
				    json_pack("[I, I]", (json_int_t)bytes, (json_int_t)(bytes + n)));
		bytes += n;
	}
	run_json(what, header, data, bytes);
	free(what);
	free(data);
	json_decref(header);
}

static void tensor_changes(const char *name)
{
	static const char *const shapes[] = {
		"[]", "[0]", "[1]", "[3]", "[0,0]", "[1,0]", "[0,1]", "[1,1]", "[2,3]", "[1,1,1]",
		"[2147483648]", "[4294967296]", "[4611686018427387904]", "[9223372036854775807]",
		"[4294967296,4294967296]", "[9223372036854775807,9223372036854775807]",
		"[9223372036854775807,0]", "[-1]", "[-1,-1]", "[1.5]", "[\"1\"]", "[null]", "[[1]]", "{}", "1",
		"null", "[1,1,1,1,1,1,1,1]", "[1,1,1,1,1,1,1,1,1]", NULL
	};
	static const char *const offsets[] = {
		"[]", "[0]", "[0,0]", "[0,1]", "[1,0]", "[0,4,8]", "[-4,0]", "[-8,-4]", "[0,-1]", "[4,8]",
		"[0,9223372036854775807]", "[9223372036854775803,9223372036854775807]", "[0.0,4.0]",
		"[\"0\",\"4\"]", "null", "{}", "0", NULL
	};
	static const char *const types[] = {
		"\"F33\"", "\"\"", "\"f32\"", "\"F32 \"", "32", "null", "[]", "\"F32\\u0000\"", "\"BOOL\"",
		"\"F64\"", "\"I8\"", NULL
	};
	static const char *const whole[] = {
		"[0]", "[1]", "[2]", "[4]", "[17]", "[65537]", "[1,1]", "[2,1]", "[1,2]", "[3,5]", "[0,7]", "[7,0]",
		"[1,1,1]", "[]", "[70000,1]", NULL
	};
	replace_member(name, "shape", shapes);
	replace_member(name, "data_offsets", offsets);
	replace_member(name, "dtype", types);
	replace_member(name, "more", (const char *const[]){"1", "{}", NULL});
	for (const char *const *s = whole; *s; s++)
		reshape(name, NULL, *s);
	for (int t = 0; t < DTYPE_COUNT; t++)
		reshape(name, dtype_name((enum dtype)t), NULL);

	/* other names */
	char *longest = mem_array(900001, 1);
	memset(longest, 'n', 900000);
	longest[900000] = '\0';
	const char *const names[] = {
		"", "ids", "seq", "pos", "want", "x", "logits", "fork", "free", "type", "y", "carry.a", "a\nb",
		"a\x1b[31m", "../../x", "%s%n", "__metadata__", "\xe2\x96\x81", longest,
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		json_t *header = first_header();
		json_t *entry = json_incref(json_object_get(header, name));
		char *what = mem_printf("%s renamed '%.20s'", name, names[i]);
		json_object_del(header, name);
		json_object_set_new(header, names[i], entry);
		run_json(what, header, first_data(), first_bytes());
		free(what);
		json_decref(header);
	}
	free(longest);

	/* without it, its bytes cut out */
	json_t *header = first_header(), *entry;
	json_t *old = json_object_get(json_object_get(header, name), "data_offsets");
	size_t from = (size_t)json_integer_value(json_array_get(old, 0));
	size_t to = (size_t)json_integer_value(json_array_get(old, 1));
	const char *key;
	char *what = mem_printf("without %s", name);
	json_object_del(header, name);
	json_object_foreach(header, key, entry) {
		old = json_object_get(entry, "data_offsets");
		if (!old || (size_t)json_integer_value(json_array_get(old, 0)) < to)
			continue;
		for (size_t i = 0; i < 2; i++)
			json_array_set_new(old, i, json_integer(json_integer_value(json_array_get(old, i)) -
								(json_int_t)(to - from)));
	}
	unsigned char *data = mem_array(first_bytes() + 1, 1);
	memcpy(data, first_data(), from);
	memcpy(data + from, first_data() + to, first_bytes() - to);
	run_json(what, header, data, first_bytes() - (to - from));
	free(what);
	free(data);
	json_decref(header);
}

/* Every element of a tensor set to awkward values, alone and all at once. */
static void value_changes(const char *name)
{
	static const uint32_t values[] = {
		0, 1, 2, 3, 5, 100, 447, 448, 511, 4096, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe,
		0x7f800000, 0xff800000, 0x7fc00000, 0x00000001, 0x7f7fffff, 0xff7fffff,
	};
	json_t *header = first_header(), *entry = json_object_get(header, name);
	json_t *offsets = json_object_get(entry, "data_offsets");
	size_t from = (size_t)json_integer_value(json_array_get(offsets, 0));
	size_t to = (size_t)json_integer_value(json_array_get(offsets, 1));
	const char *type = json_string_value(json_object_get(entry, "dtype"));
	size_t size = strcmp(type, "U8") == 0 ? 1 : 4;
	unsigned char *data = mem_array(first_bytes() + 1, 1);
	for (size_t v = 0; v < sizeof values / sizeof *values; v++)
		for (size_t i = 0; i < 5; i++) {
			size_t n = (to - from) / size, begin = i < 4 ? i * n / 4 : 0, end = i < 4 ? begin + 1 : n;
			char *what = mem_printf("%s[%zu..%zu] = 0x%x", name, begin, end, values[v]);
			memcpy(data, first_data(), first_bytes());
			for (size_t k = begin; k < end && k < n; k++)
				memcpy(data + from + k * size, &values[v], size);
			run_json(what, header, data, first_bytes());
			free(what);
		}
	free(data);
	json_decref(header);
}

/* The frame with one tensor more, at the end. */
static void run_with_tensor(const char *name, const char *dtype, const char *shape, const void *bytes, size_t n)
{
	json_t *header = first_header();
	size_t had = first_bytes();
	unsigned char *data = mem_array(had + n + 1, 1);
	memcpy(data, first_data(), had);
	memcpy(data + had, bytes, n);
	char *what = mem_printf("and %s %s %s", name, dtype, shape);
	json_object_set_new(header, name, json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype, "shape",
		json_loads(shape, 0, NULL), "data_offsets", (json_int_t)had, (json_int_t)(had + n)));
	run_json(what, header, data, had + n);
	free(what);
	free(data);
	json_decref(header);
}

static void additions(void)
{
	static const int32_t ids[] = {0, 1, 2, 5, -1, 100000, INT32_MAX, INT32_MIN};
	static const unsigned char zeros[64];
	enum { N = sizeof ids / sizeof *ids };
	for (int i = 0; i < N; i++) {
		run_with_tensor("free", "I32", "[1]", &ids[i], 4);
		for (int k = 0; k < N; k++)
			run_with_tensor("fork", "I32", "[1,2]", (int32_t[]){ids[i], ids[k]}, 8);
	}
	run_with_tensor("free", "I32", "[0]", zeros, 0);
	run_with_tensor("free", "I32", "[2,1]", zeros, 8);
	run_with_tensor("free", "U8", "[1]", zeros, 1);
	run_with_tensor("fork", "I32", "[2]", zeros, 8);
	run_with_tensor("fork", "I32", "[0,2]", zeros, 0);
	run_with_tensor("fork", "F32", "[1,2]", zeros, 8);
	run_with_tensor("fork", "I32", "[1,3]", zeros, 12);
	run_with_tensor("type", "I32", "[1]", zeros, 4);
	run_with_tensor("y", "F32", "[1,2]", zeros, 8);
	run_with_tensor("x", "F32", "[1,2]", zeros, 8);
	run_with_tensor("logits", "F32", "[1,2]", zeros, 8);
	run_with_tensor("carry.v", "BF16", "[1,2]", zeros, 4);
	run_with_tensor("carry.v", "BOOL", "[]", zeros, 1);
	run_with_tensor("attn.0.pattern", "F32", "[2,2,2]", zeros, 32);
}

static void metadata(const char *json)
{
	json_t *header = first_header();
	char *what = mem_printf("metadata %.60s", json);
	json_object_set_new(header, "__metadata__", json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
	run_json(what, header, first_data(), first_bytes());
	free(what);
	json_decref(header);
}

/* n times a, then n times b. */
static char *nested(const char *a, const char *b, size_t n)
{
	char *s = mem_zero(n * (strlen(a) + strlen(b)) + 1, 1), *end = s;
	for (size_t i = 0; i < n; i++)
		end = stpcpy(end, a);
	for (size_t i = 0; i < n; i++)
		end = stpcpy(end, b);
	return s;
}

static void documents(void)
{
	static const char *const texts[] = {
		"", "{", "}", "[]", "{}", "null", "0", "\"\"", "{\"a\":1}", "{\"a\":{}}", "{\"a\":[]}", "{\"\":{}}", "{,}",
		"{\"__metadata__\":{}}", "{\"__metadata__\":{\"end\":1}}", "{\"__metadata__\":{\"end\":\"2\"}}",
		"{\"__metadata__\":{\"end\":\"1\"}}", "{\"__metadata__\":{\"end\":\"1\"}} x", "{} {}",
		"{\"__metadata__\":[],\"__metadata__\":{}}", "{\"a\":1e400}", "{\"a\":-1e400}", "{\"a\":1e-400}",
		"{\"a\":99999999999999999999999}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\xff\"}", "{\"\\u0000\":1}",
		"{'a':1}", "{\"a\":NaN}", "\xef\xbb\xbf{}", "{\"x\":{\"dtype\":\"F32\",\"shape\":[0,0],\"data_offsets\":[0,0]}}",
		"{\"ids\":{\"dtype\":\"I32\",\"shape\":[0],\"data_offsets\":[0,0]}}",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char *what = mem_printf("header %.60s", texts[i]);
		run_frame(what, texts[i], strlen(texts[i]), NULL, 0);
		run_frame(what, texts[i], strlen(texts[i]), first_data(), first_bytes());
		free(what);
	}
	char *arrays = nested("[", "]", 400000), *objects = nested("{\"a\":", "}", 100000);
	char *in_tensor = mem_printf("{\"x\":%s}", arrays);
	run_frame("400000 arrays in each other", arrays, strlen(arrays), NULL, 0);
	run_frame("100000 objects in each other", objects, strlen(objects), NULL, 0);
	run_frame("a tensor of 400000 arrays", in_tensor, strlen(in_tensor), NULL, 0);
	free(arrays);
	free(objects);
	free(in_tensor);

	metadata("{}");
	metadata("[]");
	metadata("null");
	metadata("{\"model\":1}");
	metadata("{\"model\":\"0123456789abcdef\"}");
	metadata("{\"model\":\"\"}");
	metadata("{\"model\":\"\\u0000\"}");
	metadata("{\"model\":\"\\u001b[2J\\n\\n\"}");
	metadata("{\"stage\":\"\"}");
	metadata("{\"stage\":\"\\n\"}");
	metadata("{\"stage\":\"attn.9999999999999999999\"}");
	metadata("{\"lmutils\":\"999\"}");
	metadata("{\"lmutils\":\"\"}");
	metadata("{\"end\":\"1\"}");
	metadata("{\"a\":{\"b\":\"c\"}}");

	/* many tensors, many metadata */
	json_t *header = first_header();
	for (int i = 0; i < 5000; i++) {
		char name[32];
		snprintf(name, sizeof name, "empty.%d", i);
		json_object_set_new(header, name, json_pack("{s:s, s:[i], s:[I, I]}", "dtype", "F32", "shape", 0,
			"data_offsets", (json_int_t)first_bytes(), (json_int_t)first_bytes()));
	}
	run_json("5000 empty tensors", header, first_data(), first_bytes());
	json_decref(header);

	/* the same key twice */
	char *text = json_dumps(first_header(), JSON_COMPACT);
	char *twice = mem_printf("%.*s,%s", (int)strlen(text) - 1, text, text + 1);
	run_frame("every key twice", twice, strlen(twice), first_data(), first_bytes());
	free(text);
	free(twice);
}

/* Whole frames, in other orders and numbers. */
static void orders(void)
{
	size_t first = headers[0].n + first_bytes();
	unsigned char *s = mem_array(4 * golden_bytes + 64, 1);
	memcpy(s, golden, golden_bytes);
	memcpy(s + golden_bytes, golden, golden_bytes);
	run("twice", s, 2 * golden_bytes);
	memcpy(s + first, golden, golden_bytes);
	run("the first frame twice", s, first + golden_bytes);
	run("without its first frame", golden + first, golden_bytes - first);
	size_t last = headers[header_count - 1].at;
	run("without its end frame", golden, last);
	memcpy(s, golden + last, golden_bytes - last);
	memcpy(s + golden_bytes - last, golden, golden_bytes);
	run("an end frame before it", s, 2 * golden_bytes - last);
	run("nothing", s, 0);
	memcpy(s, golden, golden_bytes);
	memset(s + golden_bytes, 'a', 64);
	run("64 letters after it", s, golden_bytes + 64);
	run("one letter after it", s, golden_bytes + 1);
	memset(s + golden_bytes, 0, 64);
	run("8 zeros after it", s, golden_bytes + 8);
	free(s);
}

static void structure(void)
{
	json_t *header = first_header(), *entry;
	const char *name;
	json_object_foreach(header, name, entry)
		if (strcmp(name, "__metadata__") != 0) {
			tensor_changes(name);
			value_changes(name);
		}
	json_decref(header);
	additions();
	documents();
	orders();
}

/* ---- */

static void find_headers(void)
{
	for (size_t at = 0; at < golden_bytes; header_count++) {
		struct safetensors st;
		char why[256];
		size_t length = 0;
		for (int i = 7; i >= 0; i--)
			length = length << 8 | golden[at + (size_t)i];
		if (header_count == HEADERS_MAX || length > golden_bytes - at - 8 ||
		    !safetensors_parse((char *)golden + at + 8, length, &st, why, sizeof why)) {
			fprintf(stderr, "streamfuzz: the golden stream is not one\n");
			exit(1);
		}
		headers[header_count].at = at;
		headers[header_count].n = 8 + length;
		at += 8 + length + st.bytes;
		safetensors_free(&st);
	}
}

int main(int argc, char **argv)
{
	int c;
	while ((c = getopt(argc, argv, "+f:q:t")) != -1)
		switch (c) {
		case 'f': model_file = optarg; break;
		case 'q': quick = strtoul(optarg, NULL, 10); break;
		case 't': writes_text = true; break;
		default: return 2;
		}
	if (optind >= argc) {
		fputs("usage: streamfuzz [-f FILE] [-q N] [-t] GOLDEN [ARGUMENT...]\n", stderr);
		return 2;
	}
	golden = (unsigned char *)io_slurp(argv[optind], 1 << 20, &golden_bytes);
	in_fd = memory_file("in");
	out_fd = memory_file("out");
	err_fd = memory_file("err");
	if (model_file) {
		if (pwrite(in_fd, golden, golden_bytes, 0) != (ssize_t)golden_bytes)
			return 1;
		golden = (unsigned char *)io_slurp(model_file, 1 << 24, &golden_bytes);
		file_fd = open(model_file, O_RDWR);
	}
	tool_name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	tool_argv = &argv[optind];
	tool_argc = argc - optind;
	tool_argv[0] = argv[0];
	optind = 0;             /* the program's getopt starts anew */
	if (!model_file)
		find_headers();

	run("the golden stream", golden, golden_bytes);
	if (accepted != 1)
		failed("the golden stream", "refused", NULL);
	if (model_file) {
		file_bytes();
		run("the golden file", golden, golden_bytes);
	} else {
		header_bytes();
		truncations();
		structure();
		data_bytes();
		splices();
	}
	const char *what = model_file ? strrchr(model_file, '/') + 1 : "streams";
	printf("%-7s %8lu %s: %lu accepted, %lu refused, %lu wrong\n", tool_name, runs, what, accepted,
	       refused, failures);
	return failures > 0;
}
