/* io.c: reading and writing in full.  See io.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "io.h"
#include "memory.h"

ssize_t io_read(int fd, void *buffer, size_t n)
{
	size_t done = 0;
	while (done < n) {
		ssize_t got = read(fd, (char *)buffer + done, n - done);
		if (got == 0)
			break;
		if (got > 0)
			done += (size_t)got;
		else if (errno != EINTR)
			return -1;
	}
	return (ssize_t)done;
}

int io_writev(int fd, struct iovec *vector, int count)
{
	while (count > 0) {
		ssize_t put = writev(fd, vector, count < 64 ? count : 64);
		if (put < 0 && errno != EINTR)
			return -1;
		size_t rest = put < 0 ? 0 : (size_t)put;
		while (count > 0 && rest >= vector->iov_len) {
			rest -= vector->iov_len;
			vector++, count--;
		}
		if (count > 0) {
			vector->iov_base = (char *)vector->iov_base + rest;
			vector->iov_len -= rest;
		}
	}
	return 0;
}

char *io_slurp(const char *path, size_t max, size_t *n)
{
	struct stat s;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &s) < 0)
		die(path, "%s", strerror(errno));
	if (!S_ISREG(s.st_mode))
		die(path, "not a regular file");
	if ((size_t)s.st_size > max)
		die(path, "%zu bytes, at most %zu are read", (size_t)s.st_size, max);
	char *bytes = mem_array((size_t)s.st_size + 1, 1);
	ssize_t got = io_read(fd, bytes, (size_t)s.st_size);
	if (got < 0)
		die(path, "%s", strerror(errno));
	close(fd);
	bytes[got] = '\0';
	*n = (size_t)got;
	return bytes;
}

bool io_has_file(const char *directory, const char *name)
{
	char *path = mem_printf("%s/%s", directory, name);
	bool there = access(path, F_OK) == 0;
	free(path);
	return there;
}
