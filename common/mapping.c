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
