/* replace.c: files that are there whole or not at all.  See replace.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "io.h"
#include "memory.h"
#include "replace.h"

#define COPY_MAX ((size_t)256 << 20)

struct replacement replace_begin(const char *directory, const char *name)
{
	struct replacement r = {mem_printf("%s/%s", directory, name), mem_printf("%s/.%s.new", directory, name), -1};
	r.fd = open(r.temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (r.fd < 0)
		die(r.temporary, "%s", strerror(errno));
	return r;
}

void replace_write(struct replacement *r, const void *bytes, size_t n)
{
	struct iovec v = {(void *)bytes, n};
	if (io_writev(r->fd, &v, 1) < 0)
		die(r->temporary, "%s", strerror(errno));
}

/* The directory's own entry must be on the disk, too. */
static void sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory = mem_printf("%.*s", (int)(slash - path), path);
	int fd = open(*directory ? directory : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		die(directory, "%s", strerror(errno));
	close(fd);
	free(directory);
}

void replace_end(struct replacement *r)
{
	if (fsync(r->fd) < 0 || close(r->fd) < 0 || rename(r->temporary, r->path) < 0)
		die(r->path, "%s", strerror(errno));
	sync_directory(r->path);
	free(r->path);
	free(r->temporary);
}

void replace_safetensors(const char *directory, const char *name, struct safetensors *st)
{
	size_t length;
	safetensors_order(st->tensors, st->count);
	char *header = safetensors_header(st, &length);
	struct replacement r = replace_begin(directory, name);
	replace_write(&r, header, length);
	for (size_t i = 0; i < st->count; i++)
		replace_write(&r, st->tensors[i].data, st->tensors[i].bytes);
	replace_end(&r);
	free(header);
}

bool replace_copy(const char *from, const char *to, const char *name)
{
	char *path = mem_printf("%s/%s", from, name);
	bool there = access(path, F_OK) == 0;
	if (there) {
		size_t n;
		char *text = io_slurp(path, COPY_MAX, &n);
		struct replacement r = replace_begin(to, name);
		replace_write(&r, text, n);
		replace_end(&r);
		free(text);
	}
	free(path);
	return there;
}
