/* bytes.c: strings and lists of ids that grow.  See bytes.h. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cli.h"
#include "memory.h"

/* Room for `more` elements of `size` bytes after n: at least doubled each time. */
static void *grow(void *data, size_t n, size_t *room, size_t more, size_t size)
{
	size_t least, doubled;
	if (!size_muladd(1, n, more, &least) || !size_muladd(2, *room, 64, &doubled))
		die(NULL, "out of memory (%zu and %zu more elements)", n, more);
	*room = least > doubled ? least : doubled;
	return mem_resize(data, *room, size);
}

void bytes_add(struct bytes *b, const char *s, size_t n)
{
	if (n > b->room - b->n)
		b->data = grow(b->data, b->n, &b->room, n, 1);
	if (n > 0)
		memcpy(b->data + b->n, s, n);
	b->n += n;
}

void bytes_terminate(struct bytes *b)
{
	bytes_add(b, "", 1);
	b->n--;
}

void bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){0};
}

bool words_have(const char *words, const char *s, size_t n)
{
	while (*words) {
		size_t length = strcspn(words, " ");
		if (n > 0 && length == n && memcmp(words, s, n) == 0)
			return true;
		words += length + (words[length] == ' ');
	}
	return false;
}

void ids_add(struct ids *list, int32_t id)
{
	if (list->n == list->room)
		list->data = grow(list->data, list->n, &list->room, 1, sizeof *list->data);
	list->data[list->n++] = id;
}
