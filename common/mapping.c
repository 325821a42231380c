/* mapping.c: files that are mapped into memory instead of read.  See mapping.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "mapping.h"

#define HEADER_MAX ((size_t)256 << 20)          /* bytes of the header of a safetensors file */

/* A mapped file that someone truncates answers with SIGBUS. */
static void on_sigbus(int signal)
{
	(void)signal;
	static const char text[] = ": a model file became shorter while it was in use\n";
	(void)!write(STDERR_FILENO, cli_name, strlen(cli_name));
	(void)!write(STDERR_FILENO, text, sizeof text - 1);
	_exit(1);
}

unsigned char *map_file(const char *path, size_t *size)
{
	struct sigaction action = {.sa_handler = on_sigbus};
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		die(path, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		die(path, "not a regular file");
	sigaction(SIGBUS, &action, NULL);
	*size = (size_t)st.st_size;
	unsigned char *map = *size ? mmap(NULL, *size, PROT_READ, MAP_SHARED, fd, 0) : NULL;
	if (map == MAP_FAILED)
		die(path, "%s", strerror(errno));
	close(fd);
	return map;
}

void unmap_file(unsigned char *map, size_t size)
{
	if (map)
		munmap(map, size);
}

unsigned char *map_safetensors(const char *path, size_t *size, size_t *header, struct safetensors *st)
{
	char why[256];
	unsigned char *map = map_file(path, size);
	if (*size < 8)
		die(path, "truncated: %zu bytes, not even the header's length", *size);
	size_t n = 0;
	for (int i = 7; i >= 0; i--)
		n = n << 8 | map[i];
	if (n > HEADER_MAX || n > *size - 8)
		die(path, "header of %zu bytes in a file of %zu", n, *size);
	*header = 8 + n;
	if (!safetensors_parse((const char *)map + 8, n, st, why, sizeof why))
		die(path, "%s", why);
	if (st->bytes != *size - *header)
		die(path, "truncated: %zu bytes of tensors, the header names %zu", *size - *header, st->bytes);
	for (size_t i = 0; i < st->count; i++)
		st->tensors[i].data = map + *header + st->tensors[i].offset;
	return map;
}
