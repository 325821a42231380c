/* io.h: read and write whole buffers, whatever the kernel gives at a time. */
#ifndef LMUTILS_IO_H
#define LMUTILS_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Reads n bytes, fewer only at end of file; -1 on error, with errno. */
ssize_t io_read(int fd, void *buffer, size_t n);

/* Writes all of them; -1 on error, with errno.  Uses up the vector. */
int io_writev(int fd, struct iovec *vector, int count);

/* The content of a file and a NUL after it, which *n does not count; dies. */
char *io_slurp(const char *path, size_t max, size_t *n);

/* True if the directory has a file of that name. */
bool io_has_file(const char *directory, const char *name);

#endif
