/*
 * clockrun.c: what a command takes, from outside.
 *
 *	clockrun FILE COMMAND [ARGUMENT...]
 *
 * Passes the command's standard output on and appends lines to FILE: seconds
 * from exec to the last of the output (which leaves out what a program does to
 * end in order), seconds to its end, and the largest resident memory of one
 * process, in kilobytes.  The exit status is the command's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

static void usage(FILE *f)
{
	fputs("usage: clockrun file command [argument ...]\n", f);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	int ends[2], status;
	char buffer[65536];
	cli_start(argv, usage);
	if (argc < 3)
		cli_usage_error("needs a file and a command");
	if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe", "%s", strerror(errno));
	double begin = now(), last = begin;
	pid_t pid = fork();
	if (pid < 0)
		die(argv[2], "%s", strerror(errno));
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execvp(argv[2], argv + 2);
		die(argv[2], "%s", strerror(errno));
	}
	close(ends[1]);
	for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
		last = now();
		fwrite(buffer, 1, (size_t)n, stdout);
	}
	if (waitpid(pid, &status, 0) < 0)
		die(argv[2], "%s", strerror(errno));
	double end = now();

	struct rusage use;
	getrusage(RUSAGE_CHILDREN, &use);
	FILE *f = fopen(argv[1], "a");
	if (!f || fprintf(f, "output %.6f\nend %.6f\nmaxrss %ld\n", last - begin, end - begin, use.ru_maxrss) < 0 ||
	    fclose(f) != 0)
		die(argv[1], "%s", strerror(errno));
	int failed = cli_finish();
	return failed ? failed : WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
