/*
 * httpd.c: a web server that misbehaves on demand, for the tests of lmget.
 *
 *	httpd DIRECTORY LOG
 *
 * Serves the files of DIRECTORY on a free port of 127.0.0.1, which it prints, to
 * GET and HEAD, with ranges that have no end, and a query as part of the name if
 * there is such a file.  LOG gets a line for each request: the method, the
 * address, where it begins, and what authorizes it.  Ends by itself after ten
 * minutes.
 *
 * A file NAME.http beside NAME has lines that say what is wrong:
 *
 *	status N        answer so, without the file
 *	redirect URL    302, to there
 *	header TEXT     one header more
 *	cut N           close the connection after N bytes of what was announced
 *	short N         announce and send only N bytes
 *	norange         ignore ranges
 *	endless         announce no length, and send zeros after the file, up to 64 MiB
 *	slow            wait 20 ms before every 4 KiB
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "io.h"
#include "memory.h"

enum { REQUEST_MAX = 16384, ENDLESS = 64 << 20, LIFE = 600 };

struct fault {
	int status;
	long cut, shortened;            /* -1: not */
	bool no_range, endless, slow;
	char redirect[1024], header[1024];
};

static void usage(FILE *f)
{
	fputs("usage: httpd directory log\n", f);
}

static struct fault read_fault(const char *file)
{
	struct fault fault = {.cut = -1, .shortened = -1};
	char *path = mem_printf("%s.http", file), line[1024];
	FILE *f = fopen(path, "r");
	free(path);
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		char *value = line + strcspn(line, " ");
		if (*value)
			*value++ = '\0';
		if (strcmp(line, "status") == 0)
			fault.status = atoi(value);
		else if (strcmp(line, "redirect") == 0)
			strcpy(fault.redirect, value);
		else if (strcmp(line, "header") == 0)
			strcpy(fault.header, value);
		else if (strcmp(line, "cut") == 0)
			fault.cut = atol(value);
		else if (strcmp(line, "short") == 0)
			fault.shortened = atol(value);
		else if (strcmp(line, "norange") == 0)
			fault.no_range = true;
		else if (strcmp(line, "endless") == 0)
			fault.endless = true;
		else if (strcmp(line, "slow") == 0)
			fault.slow = true;
		else
			die(file, "no fault '%s'", line);
	}
	if (f)
		fclose(f);
	return fault;
}

/* %XX, in place. */
static void decode(char *path)
{
	char *to = path;
	for (char *from = path; *from; to++) {
		unsigned byte;
		if (*from == '%' && sscanf(from + 1, "%2x", &byte) == 1) {
			*to = (char)byte;
			from += 3;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* The value of a header in the request, or NULL; fresh. */
static char *header(const char *request, const char *name)
{
	for (const char *line = strstr(request, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
			line += strlen(name) + 1;
			line += strspn(line, " ");
			char *value = mem_string(line);
			value[strcspn(value, "\r")] = '\0';
			return value;
		}
	}
	return NULL;
}

/* The request up to its empty line. */
static bool read_request(int fd, char request[REQUEST_MAX])
{
	size_t n = 0;
	request[0] = '\0';
	while (!strstr(request, "\r\n\r\n")) {
		ssize_t got = n < REQUEST_MAX - 1 ? read(fd, request + n, REQUEST_MAX - 1 - n) : 0;
		if (got <= 0)
			return false;
		n += (size_t)got;
		request[n] = '\0';
	}
	return true;
}

/* Sends n bytes of the file, and zeros where it has ended. */
static void send_bytes(int fd, int file, long n, bool slow)
{
	char block[4096];
	while (n > 0) {
		size_t part = n < (long)sizeof block ? (size_t)n : sizeof block;
		ssize_t got = file >= 0 ? io_read(file, block, part) : 0;
		if (got < (ssize_t)part)
			memset(block + (got > 0 ? got : 0), 0, part - (size_t)(got > 0 ? got : 0));
		if (slow)
			nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		struct iovec v = {block, part};
		if (io_writev(fd, &v, 1) < 0)
			return;
		n -= (long)part;
	}
}

static void answer(int fd, bool head, const char *path, long begin)
{
	struct fault fault = read_fault(path);
	struct stat st;
	int file = open(path, O_RDONLY);
	if (fault.redirect[0])
		fault.status = 302;
	else if (!fault.status && (file < 0 || fstat(file, &st) != 0 || !S_ISREG(st.st_mode)))
		fault.status = 404;
	if (fault.status) {
		dprintf(fd, "HTTP/1.1 %d Fault\r\n%s%s\r\nContent-Length: 6\r\nConnection: close\r\n\r\nfault\n",
			fault.status, fault.redirect[0] ? "Location: " : "X: ", fault.redirect);
		return;
	}
	long size = fault.shortened >= 0 ? fault.shortened : (long)st.st_size;
	if (fault.no_range)
		begin = 0;
	if (begin > 0 && begin >= size) {
		dprintf(fd, "HTTP/1.1 416 Range\r\nContent-Range: bytes */%ld\r\nContent-Length: 0\r\n"
			"Connection: close\r\n\r\n", size);
		return;
	}
	dprintf(fd, "HTTP/1.1 %s\r\nConnection: close\r\n", begin > 0 ? "206 Part" : "200 OK");
	if (begin > 0)
		dprintf(fd, "Content-Range: bytes %ld-%ld/%ld\r\n", begin, size - 1, size);
	if (fault.header[0])
		dprintf(fd, "%s\r\n", fault.header);
	if (!fault.endless)
		dprintf(fd, "Content-Length: %ld\r\n", size - begin);
	dprintf(fd, "\r\n");
	long n = fault.endless ? ENDLESS : size - begin;
	if (fault.cut >= 0 && fault.cut < n)
		n = fault.cut;
	lseek(file, begin, SEEK_SET);
	if (!head)
		send_bytes(fd, file, n, fault.slow);
}

static void serve(int fd, int log)
{
	char request[REQUEST_MAX], method[16], target[4096];
	if (!read_request(fd, request) || sscanf(request, "%15s /%4095s", method, target) != 2)
		return;
	char *range = header(request, "Range"), *authorization = header(request, "Authorization");
	long begin = 0;
	if (range && sscanf(range, "bytes=%ld-", &begin) != 1)
		begin = 0;
	dprintf(log, "%s /%s from %ld %s\n", method, target, begin, authorization ? authorization : "-");
	free(range);
	free(authorization);
	if (strchr(target, '?') && access(target, F_OK) != 0)
		*strchr(target, '?') = '\0';
	if (!strchr(target, '?'))
		decode(target);
	if (target[0] == '/' || strstr(target, ".."))
		return;
	answer(fd, strcmp(method, "HEAD") == 0, target, begin);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof address;
	cli_start(argv, usage);
	if (argc != 3)
		cli_usage_error("wrong number of operands");
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int log = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0666);
	if (log < 0 || chdir(argv[1]) != 0)
		die(argv[1], "no such directory, or no log");
	if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 16) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &n) != 0)
		die("127.0.0.1", "cannot listen");
	printf("%d\n", ntohs(address.sin_port));
	if (fclose(stdout) != 0)
		die("stdout", "write error");
	signal(SIGCHLD, SIG_IGN);
	alarm(LIFE);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		if (fork() == 0) {
			alarm(LIFE);
			close(listener);
			serve(fd, log);
			shutdown(fd, SHUT_WR);
			_exit(0);
		}
		close(fd);
	}
}
