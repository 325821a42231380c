/*
 * fuzz_tokenizer.c: for libFuzzer (make fuzz).  The file of a tokenizer, of whatever kind,
 * from outside: it is refused, or texts become ids of it, and ids text.
 *
 * To refuse a file, a program dies.  Here it does not: the linker puts functions of this
 * file in the place of _exit and of those that take what would be left behind (--wrap in the
 * Makefile), so that the next input begins with nothing.
 */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "regex.h"
#include "tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The most ids that are taken of a vocabulary. */
#define IDS 400

/* What a tokenizer allocates, in a ring. */
struct block {
	struct block *before, *after;
	size_t n;
	size_t padding;
};

#define REGEXES 4096

static struct block blocks = {&blocks, &blocks, 0, 0};
static struct regex *regexes[REGEXES];
static size_t regex_count;
static void *mapped;
static size_t mapped_bytes;
static jmp_buf refused;

void *__real_malloc(size_t n);
void __real_free(void *p);
void *__real_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t n);
struct regex *__real_regex_compile(const char *pattern, size_t n, char *why, size_t size);
void __real_regex_free(struct regex *r);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);
int __wrap_vasprintf(char **s, const char *format, va_list arguments);
char *__wrap_strdup(const char *s);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t n);
struct regex *__wrap_regex_compile(const char *pattern, size_t n, char *why, size_t size);
void __wrap_regex_free(struct regex *r);
_Noreturn void __wrap__exit(int status);

static void check(int good)
{
	if (!good)
		abort();
}

void *__wrap_malloc(size_t n)
{
	struct block *b = n > SIZE_MAX / 2 ? NULL : __real_malloc(sizeof *b + n);
	if (!b)
		return NULL;
	*b = (struct block){&blocks, blocks.after, n, 0};
	b->after->before = b->before->after = b;
	return b + 1;
}

void __wrap_free(void *p)
{
	if (!p)
		return;
	struct block *b = (struct block *)p - 1;
	b->before->after = b->after;
	b->after->before = b->before;
	__real_free(b);
}

void *__wrap_calloc(size_t count, size_t size)
{
	size_t n;
	void *p = __builtin_mul_overflow(count, size, &n) ? NULL : __wrap_malloc(n);
	if (p)
		memset(p, 0, n);
	return p;
}

void *__wrap_realloc(void *p, size_t n)
{
	void *q = __wrap_malloc(n);
	if (q && p) {
		size_t old = ((struct block *)p - 1)->n;
		memcpy(q, p, old < n ? old : n);
		__wrap_free(p);
	}
	return q;
}

int __wrap_vasprintf(char **s, const char *format, va_list arguments)
{
	va_list again;
	va_copy(again, arguments);
	int n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	*s = __wrap_malloc((size_t)n + 1);
	return *s ? vsnprintf(*s, (size_t)n + 1, format, arguments) : -1;
}

char *__wrap_strdup(const char *s)
{
	char *copy = __wrap_malloc(strlen(s) + 1);
	return copy ? strcpy(copy, s) : NULL;
}

void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	mapped_bytes = n;
	return mapped = __real_mmap(at, n, protection, flags, fd, offset);
}

int __wrap_munmap(void *at, size_t n)
{
	mapped = at == mapped ? NULL : mapped;
	return __real_munmap(at, n);
}

struct regex *__wrap_regex_compile(const char *pattern, size_t n, char *why, size_t size)
{
	struct regex *r = __real_regex_compile(pattern, n, why, size);
	check(r || strlen(why) > 0);
	if (r && regex_count < REGEXES)
		regexes[regex_count++] = r;
	return r;
}

void __wrap_regex_free(struct regex *r)
{
	for (size_t i = 0; i < regex_count; i++)
		if (regexes[i] == r)
			regexes[i] = regexes[--regex_count];
	__real_regex_free(r);
}

_Noreturn void __wrap__exit(int status)
{
	check(status == 1);
	longjmp(refused, 1);
}

/* Frees what a program that died has left. */
static void clean_up(void)
{
	while (regex_count > 0)
		__real_regex_free(regexes[--regex_count]);
	if (mapped)
		__real_munmap(mapped, mapped_bytes);
	mapped = NULL;
	while (blocks.after != &blocks)
		__wrap_free(blocks.after + 1);
}

/* Encodes and decodes: id by id as at once, and with TOKENIZE_BYTES what was there. */
static void use_text(const struct tokenizer *t, const char *text, size_t n, unsigned flags)
{
	int32_t *ids;
	size_t count = tokenizer_encode(t, text, n, flags, &ids, NULL), length, done = 0;
	unsigned bytes = flags & TOKENIZE_BYTES ? DECODE_BYTES : 0;
	struct decoder *d = decoder_new(t, DECODE_BEGINS | DECODE_SPECIAL | bytes);
	for (size_t i = 0; i <= count; i++) {
		check(i == count || tokenizer_piece(t, ids[i]));
		const char *s = i < count ? decoder_next(d, ids[i], &length) : decoder_end(d, &length);
		check(!bytes || (length <= n - done && memcmp(s, text + done, length) == 0));
		done += length;
	}
	check(!bytes || done == n);
	decoder_free(d);
	free(ids);
}

static void use(const char *path, const char *text, size_t n)
{
	static const char fixed[] = " The caf\xc3\xa9 <s>ab</s>  123 a\xcc\x81\xef\xac\x81 \n\tabc\xff\xe4\xb8\xad\xf0\x9f\x98\x80 it's";
	struct tokenizer *t = tokenizer_open(path);
	struct decoder *d = decoder_new(t, 0);
	size_t length;
	for (int32_t id = 0; id < IDS; id++)
		if (tokenizer_piece(t, id))
			decoder_next(d, id, &length);
	decoder_end(d, &length);
	decoder_free(d);
	use_text(t, fixed, sizeof fixed, 0);
	use_text(t, text, n, TOKENIZE_PLAIN | TOKENIZE_INSIDE);
	use_text(t, text, n, TOKENIZE_BARE | TOKENIZE_BYTES);
	tokenizer_free(t);
}

/* The last bytes of the input are also a text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char path[64];
	size_t text = n < 64 ? n : 64;
	int fd = memfd_create("tokenizer", 0);
	check(fd >= 0 && write(fd, data, n) == (ssize_t)n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	json_set_alloc_funcs(__wrap_malloc, __wrap_free);
	if (setjmp(refused) == 0)
		use(path, (const char *)data + n - text, text);
	clean_up();
	close(fd);
	return 0;
}
