/* gguf.c: reading GGUF files.  See gguf.h. */
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "gguf.h"
#include "mapping.h"
#include "memory.h"
#include "quants.h"

#define ALIGNMENT_DEFAULT 32
#define KEY_MAX   65535         /* bytes */
#define TENSOR_NAME_MAX 64
#define RANK_MAX  4
#define DEPTH_MAX 4             /* of arrays in arrays */
#define FILES_MAX 4096          /* of a split model */

/* Fewest bytes that a pair (with a key of one byte) and a tensor can have. */
#define PAIR_MIN   (8 + 1 + 4 + 1)
#define TENSOR_MIN (8 + 1 + 4 + 4 + 8)

static const struct {
	const char *name;
	size_t size;                    /* 0: varies */
} types[GGUF_TYPES] = {
	[GGUF_U8] = {"u8", 1}, [GGUF_I8] = {"i8", 1}, [GGUF_U16] = {"u16", 2}, [GGUF_I16] = {"i16", 2},
	[GGUF_U32] = {"u32", 4}, [GGUF_I32] = {"i32", 4}, [GGUF_F32] = {"f32", 4}, [GGUF_BOOL] = {"bool", 1},
	[GGUF_STRING] = {"string", 0}, [GGUF_ARRAY] = {"array", 0},
	[GGUF_U64] = {"u64", 8}, [GGUF_I64] = {"i64", 8}, [GGUF_F64] = {"f64", 8},
};

/* n bytes, little endian. */
static uint64_t number(const unsigned char *p, size_t n)
{
	uint64_t x = 0;
	while (n-- > 0)
		x = x << 8 | p[n];
	return x;
}

/* ---- parsing ---- */

/* What is still to be read, and the first thing wrong with it. */
struct reader {
	const unsigned char *at, *end;
	bool bad;
	char *why;
	size_t size;
};

static size_t left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

static void __attribute__((format(printf, 2, 3))) wrong(struct reader *r, const char *format, ...)
{
	va_list args;
	if (r->bad)
		return;
	va_start(args, format);
	vsnprintf(r->why, r->size, format, args);
	va_end(args);
	r->bad = true;
}

static uint64_t read_number(struct reader *r, size_t n)
{
	if (!r->bad && left(r) < n)
		wrong(r, "truncated: ends within the header");
	if (r->bad)
		return 0;
	r->at += n;
	return number(r->at - n, n);
}

static struct gguf_string read_string(struct reader *r)
{
	uint64_t n = read_number(r, 8);
	if (!r->bad && n > left(r))
		wrong(r, "truncated: a string of %llu bytes, %zu follow", (unsigned long long)n, left(r));
	if (r->bad)
		return (struct gguf_string){"", 0};
	r->at += n;
	return (struct gguf_string){(const char *)r->at - n, (size_t)n};
}

/* A string that is printed in messages, and compared with what C programs write. */
static struct gguf_string read_name(struct reader *r, const char *what, size_t max)
{
	struct gguf_string s = read_string(r);
	bool printable = true;
	for (size_t i = 0; i < s.n && i < max; i++)
		printable &= s.bytes[i] > ' ' && s.bytes[i] < 0x7f;
	if (s.n < 1 || s.n > max)
		wrong(r, "a %s of %zu bytes, must have 1 to %zu", what, s.n, max);
	else if (!printable)
		wrong(r, "a %s with a byte that is not printable ASCII", what);
	return s;
}

static enum gguf_type read_type(struct reader *r, struct gguf_string key)
{
	uint64_t type = read_number(r, 4);
	if (type >= GGUF_TYPES)
		wrong(r, "key '%.*s': unknown type %llu", (int)key.n, key.bytes, (unsigned long long)type);
	return r->bad ? GGUF_U8 : (enum gguf_type)type;
}

/* Passes over count elements, all of which must be there. */
static void skip(struct reader *r, struct gguf_string key, enum gguf_type type, uint64_t count, int depth)
{
	size_t bytes, size = types[type].size;
	if (depth > DEPTH_MAX)
		wrong(r, "key '%.*s': arrays are nested more than %d deep", (int)key.n, key.bytes, DEPTH_MAX);
	else if (count > left(r) || (size && (!size_muladd(count, size, 0, &bytes) || bytes > left(r))))
		wrong(r, "truncated: key '%.*s' has %llu elements of type %s, %zu bytes follow", (int)key.n,
		      key.bytes, (unsigned long long)count, types[type].name, left(r));
	for (uint64_t i = 0; i < count && !r->bad; i++) {
		if (type == GGUF_STRING) {
			read_string(r);
		} else if (type == GGUF_ARRAY) {
			enum gguf_type inner = read_type(r, key);
			skip(r, key, inner, read_number(r, 8), depth + 1);
		} else if (type == GGUF_BOOL) {
			if (read_number(r, 1) > 1)
				wrong(r, "key '%.*s': a truth value that is neither 0 nor 1", (int)key.n, key.bytes);
		} else {
			r->at += bytes;
			break;
		}
	}
}

static struct gguf_pair read_pair(struct reader *r)
{
	struct gguf_pair pair = {.key = read_name(r, "key", KEY_MAX)};
	enum gguf_type type = read_type(r, pair.key);
	uint64_t count = 1;
	bool array = type == GGUF_ARRAY;
	if (array) {
		type = read_type(r, pair.key);
		count = read_number(r, 8);
	}
	pair.value = (struct gguf_value){type, array, (size_t)count, r->at};
	if (!r->bad)
		skip(r, pair.key, type, count, array);
	return pair;
}

static void read_tensor(struct reader *r, struct tensor *t)
{
	struct gguf_string name = read_name(r, "tensor's name", TENSOR_NAME_MAX);
	int n = (int)name.n;
	uint64_t rank = read_number(r, 4);
	if (rank > RANK_MAX)
		wrong(r, "tensor '%.*s': %llu dimensions (at most %d)", n, name.bytes,
		      (unsigned long long)rank, RANK_MAX);
	size_t elements = 1;
	for (uint64_t i = 0; i < rank && !r->bad; i++) {
		size_t *extent = &t->shape[rank - 1 - i];
		*extent = read_number(r, 8);
		if (!size_muladd(elements, *extent, 0, &elements) || *extent > SIZE_MAX / 2)
			wrong(r, "tensor '%.*s': impossible shape", n, name.bytes);
	}
	uint64_t type = read_number(r, 4);
	t->offset = read_number(r, 8);
	if (r->bad)
		return;
	const struct quant *quant = quant_by_number((uint32_t)type);
	t->rank = (int)rank;
	if (!quant) {
		wrong(r, "tensor '%.*s': unknown type %llu", n, name.bytes, (unsigned long long)type);
	} else if ((rank ? t->shape[rank - 1] : 1) % quant->elements) {
		wrong(r, "tensor '%.*s' has shape %s, but %s comes in blocks of %zu", n, name.bytes,
		      shape_text(t->rank, t->shape), quant->name, quant->elements);
	} else if (!size_muladd(elements / quant->elements, quant->bytes, 0, &t->bytes)) {
		wrong(r, "tensor '%.*s': impossible shape", n, name.bytes);
	} else {
		t->type = quant->type;
		t->name = mem_printf("%.*s", n, name.bytes);
	}
}

static int compare_strings(struct gguf_string a, struct gguf_string b)
{
	int order = memcmp(a.bytes, b.bytes, a.n < b.n ? a.n : b.n);
	return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int by_key(const void *a, const void *b)
{
	return compare_strings(((const struct gguf_pair *)a)->key, ((const struct gguf_pair *)b)->key);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct tensor *)a)->name, ((const struct tensor *)b)->name);
}

static int by_offset(const void *a, const void *b)
{
	const struct tensor *s = a, *t = b;
	if (s->offset != t->offset)
		return s->offset < t->offset ? -1 : 1;
	return (s->bytes > t->bytes) - (s->bytes < t->bytes);   /* an empty one first */
}

static void read_pairs(struct reader *r, struct gguf *g, uint64_t count)
{
	g->pairs = mem_array(count, sizeof *g->pairs);
	while (g->pair_count < count && !r->bad)
		g->pairs[g->pair_count++] = read_pair(r);
	if (r->bad)
		return;
	qsort(g->pairs, count, sizeof *g->pairs, by_key);
	for (size_t i = 1; i < count; i++)
		if (by_key(&g->pairs[i - 1], &g->pairs[i]) == 0)
			wrong(r, "key '%.*s' is there twice", (int)g->pairs[i].key.n, g->pairs[i].key.bytes);
}

static void read_tensors(struct reader *r, struct gguf *g, uint64_t count)
{
	g->tensors = mem_zero(count, sizeof *g->tensors);
	for (; g->tensor_count < count && !r->bad; g->tensor_count++)
		read_tensor(r, &g->tensors[g->tensor_count]);
	if (r->bad)
		return;
	qsort(g->tensors, count, sizeof *g->tensors, by_name);
	for (size_t i = 1; i < count; i++)
		if (by_name(&g->tensors[i - 1], &g->tensors[i]) == 0)
			wrong(r, "tensor '%s' is there twice", g->tensors[i].name);
	qsort(g->tensors, count, sizeof *g->tensors, by_offset);
}

/* Gives the tensors their places in the bytes after the header. */
static void place_tensors(struct reader *r, struct gguf *g, const unsigned char *bytes, size_t n)
{
	int64_t alignment = ALIGNMENT_DEFAULT;
	const struct gguf_value *v = gguf_find(g, "general.alignment");
	if (v && (v->array || !gguf_integer_at(v, 0, &alignment) || alignment < 8 || alignment % 8 ||
		  alignment > INT32_MAX)) {
		wrong(r, "general.alignment must be a multiple of 8");
		return;
	}
	size_t align = (size_t)alignment, header = (size_t)(r->at - bytes);
	header = (header + align - 1) / align * align;
	g->header = header < n ? header : n;            /* without tensors, the end need not be there */
	for (size_t i = 0; i < g->tensor_count && !r->bad; i++) {
		struct tensor *t = &g->tensors[i];
		size_t room = n - g->header, before = i ? t[-1].offset + t[-1].bytes : 0;
		if (t->offset % align)
			wrong(r, "tensor '%s' begins at %zu, which is no multiple of %zu", t->name, t->offset, align);
		else if (t->offset > room || t->bytes > room - t->offset)
			wrong(r, "truncated: tensor '%s' has %zu bytes at %zu, the file only %zu", t->name,
			      t->bytes, t->offset, room);
		else if (t->offset < before)
			wrong(r, "tensor '%s' begins at %zu, within '%s'", t->name, t->offset, t[-1].name);
		else
			t->data = (void *)(bytes + g->header + t->offset);
	}
}

bool gguf_parse(const unsigned char *bytes, size_t n, struct gguf *g, char *why, size_t size)
{
	struct reader r = {.at = bytes, .why = why, .size = size};
	*g = (struct gguf){.size = n};
	if (n < 4 || memcmp(bytes, "GGUF", 4) != 0) {
		wrong(&r, "not a GGUF file");
		return false;
	}
	r.at += 4;
	r.end = bytes + n;
	uint64_t version = read_number(&r, 4), tensors = read_number(&r, 8), pairs = read_number(&r, 8);
	if (version == 3 << 24 || version == 2 << 24)
		wrong(&r, "a big-endian file");
	else if (version != 3 && version != 2)
		wrong(&r, "version %llu of GGUF is not supported, 2 and 3 are", (unsigned long long)version);
	else if (pairs > left(&r) / PAIR_MIN || tensors > left(&r) / TENSOR_MIN)
		wrong(&r, "truncated: %llu pairs and %llu tensors in %zu bytes", (unsigned long long)pairs,
		      (unsigned long long)tensors, n);
	if (!r.bad)
		read_pairs(&r, g, pairs);
	if (!r.bad)
		read_tensors(&r, g, tensors);
	if (!r.bad)
		place_tensors(&r, g, bytes, n);
	if (r.bad)
		gguf_clear(g);
	return !r.bad;
}

void gguf_clear(struct gguf *g)
{
	for (size_t i = 0; i < g->tensor_count; i++)
		free(g->tensors[i].name);
	free(g->tensors);
	free(g->pairs);
	*g = (struct gguf){0};
}

/* ---- files ---- */

bool gguf_is(const char *path)
{
	static const char extension[] = ".gguf";
	size_t n = strlen(path), m = sizeof extension - 1;
	char magic[4];
	if (n >= m && strcmp(path + n - m, extension) == 0)
		return true;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	bool is = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		  read(fd, magic, sizeof magic) == sizeof magic && memcmp(magic, "GGUF", sizeof magic) == 0;
	if (fd >= 0)
		close(fd);
	return is;
}

static struct gguf *open_file(const char *path)
{
	struct gguf *g = mem_zero(1, sizeof *g);
	char why[512];
	size_t size;
	unsigned char *map = map_file(path, &size);
	if (!gguf_parse(map, size, g, why, sizeof why))
		die(path, "%s", why);
	g->path = mem_string(path);
	g->map = map;
	return g;
}

/*
 * The part and the number of parts of NAME-00002-of-00005.gguf, and how long
 * NAME is; false for other names.
 */
static bool split_name(const char *path, int64_t *part, int64_t *parts, int *length)
{
	static const char form[] = "-ddddd-of-ddddd.gguf";
	size_t n = strlen(path), m = sizeof form - 1;
	if (n < m)
		return false;
	const char *p = path + n - m;
	for (size_t i = 0; i < m; i++)
		if (form[i] == 'd' ? p[i] < '0' || p[i] > '9' : p[i] != form[i])
			return false;
	*part = strtol(p + 1, NULL, 10);
	*parts = strtol(p + 10, NULL, 10);
	*length = (int)(n - m);
	return true;
}

struct gguf *gguf_open(const char *path)
{
	struct gguf *first = open_file(path), **link = &first->next;
	int64_t count = 1, number = 0, total = -1, part, parts;
	int length;
	gguf_integer(first, "split.count", 0, FILES_MAX, &count);
	gguf_integer(first, "split.no", 0, FILES_MAX, &number);
	gguf_integer(first, "split.tensors.count", 0, INT32_MAX, &total);
	if (count <= 1)
		return first;
	if (!split_name(path, &part, &parts, &length) || parts != count || part != number + 1)
		die(path, "part %lld of %lld, must be named ...-%05lld-of-%05lld.gguf", (long long)number + 1,
		    (long long)count, (long long)number + 1, (long long)count);
	if (number != 0)
		die(path, "part %lld of %lld; name the first one", (long long)part, (long long)parts);
	int64_t tensors = (int64_t)first->tensor_count;
	for (part = 2; part <= count; part++) {
		char *name = mem_printf("%.*s-%05lld-of-%05lld.gguf", length, path, (long long)part, (long long)count);
		struct gguf *g = *link = open_file(name);
		parts = number = -1;
		gguf_integer(g, "split.count", 0, FILES_MAX, &parts);
		gguf_integer(g, "split.no", 0, FILES_MAX, &number);
		if (parts != count || number != part - 1)
			die(name, "says it is part %lld of %lld", (long long)number + 1, (long long)parts);
		tensors += (int64_t)g->tensor_count;
		link = &g->next;
		free(name);
	}
	if (total >= 0 && tensors != total)
		die(path, "%lld tensors in all parts, must be %lld", (long long)tensors, (long long)total);
	return first;
}

void gguf_close(struct gguf *g)
{
	while (g) {
		struct gguf *next = g->next;
		unmap_file(g->map, g->size);
		free(g->path);
		gguf_clear(g);
		free(g);
		g = next;
	}
}

/* ---- metadata ---- */

bool gguf_equal(struct gguf_string a, const char *b)
{
	return a.n == strlen(b) && memcmp(a.bytes, b, a.n) == 0;
}

const struct gguf_value *gguf_find(const struct gguf *g, const char *key)
{
	struct gguf_pair wanted = {.key = {key, strlen(key)}};
	const struct gguf_pair *found = bsearch(&wanted, g->pairs, g->pair_count, sizeof wanted, by_key);
	return found ? &found->value : NULL;
}

bool gguf_real_at(const struct gguf_value *v, size_t i, double *out)
{
	uint64_t bits = number(v->at + i * types[v->type].size, types[v->type].size);
	uint32_t bits32 = (uint32_t)bits;
	int64_t integer;
	float f;
	switch (v->type) {
	case GGUF_F32:
		memcpy(&f, &bits32, sizeof f);
		*out = f;
		return true;
	case GGUF_F64:
		memcpy(out, &bits, sizeof *out);
		return true;
	case GGUF_U64:
		*out = (double)bits;
		return true;
	default:
		if (!gguf_integer_at(v, i, &integer))
			return false;
		*out = (double)integer;
		return true;
	}
}

bool gguf_integer_at(const struct gguf_value *v, size_t i, int64_t *out)
{
	uint64_t bits = number(v->at + i * types[v->type].size, types[v->type].size);
	switch (v->type) {
	case GGUF_I8:
		*out = (int8_t)bits;
		return true;
	case GGUF_I16:
		*out = (int16_t)bits;
		return true;
	case GGUF_I32:
		*out = (int32_t)bits;
		return true;
	case GGUF_I64:
		*out = (int64_t)bits;
		return true;
	case GGUF_U8:
	case GGUF_U16:
	case GGUF_U32:
	case GGUF_U64:
		if (bits > INT64_MAX)
			return false;
		*out = (int64_t)bits;
		return true;
	default:
		return false;
	}
}

struct gguf_string gguf_next_string(const unsigned char **at)
{
	struct gguf_string s = {(const char *)*at + 8, (size_t)number(*at, 8)};
	*at += 8 + s.n;
	return s;
}

static const char *value_type(const struct gguf_value *v)
{
	static char text[32];
	snprintf(text, sizeof text, "%s%s", v->array ? "an array of " : "a ", types[v->type].name);
	return text;
}

bool gguf_integer(const struct gguf *g, const char *key, int64_t min, int64_t max, int64_t *out)
{
	const struct gguf_value *v = gguf_find(g, key);
	int64_t x;
	if (!v)
		return false;
	if (v->array || !gguf_integer_at(v, 0, &x))
		die(g->path, "%s is %s, must be an integer", key, value_type(v));
	if (x < min || x > max)
		die(g->path, "%s is %lld, must be in [%lld, %lld]", key, (long long)x, (long long)min,
		    (long long)max);
	*out = x;
	return true;
}

bool gguf_real(const struct gguf *g, const char *key, double *out)
{
	const struct gguf_value *v = gguf_find(g, key);
	double x;
	if (!v)
		return false;
	if (v->array || !gguf_real_at(v, 0, &x) || !isfinite(x))
		die(g->path, "%s is %s, must be a finite number", key, value_type(v));
	*out = x;
	return true;
}

bool gguf_bool(const struct gguf *g, const char *key, bool *out)
{
	const struct gguf_value *v = gguf_find(g, key);
	if (!v)
		return false;
	if (v->array || v->type != GGUF_BOOL)
		die(g->path, "%s is %s, must be a bool", key, value_type(v));
	*out = *v->at;
	return true;
}

bool gguf_text(const struct gguf *g, const char *key, struct gguf_string *out)
{
	const struct gguf_value *v = gguf_find(g, key);
	if (!v)
		return false;
	if (v->array || v->type != GGUF_STRING)
		die(g->path, "%s is %s, must be a string", key, value_type(v));
	const unsigned char *at = v->at;
	*out = gguf_next_string(&at);
	return true;
}

const struct gguf_value *gguf_array(const struct gguf *g, const char *key, bool string)
{
	const struct gguf_value *v = gguf_find(g, key);
	if (!v)
		return NULL;
	if (!v->array || (v->type == GGUF_STRING) != string || v->type == GGUF_ARRAY)
		die(g->path, "%s is %s, must be an array of %s", key, value_type(v), string ? "strings" : "numbers");
	return v;
}
