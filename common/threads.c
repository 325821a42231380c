/* threads.c: a team that shares the pieces of a job.  See threads.h. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "threads.h"

#define SPIN 50000              /* nanoseconds to look for work before sleeping */
#define WORTH_WAKING 60000      /* nanoseconds of work in a frame, after which sleepers are woken */
#define WORTH_SHARING 4000      /* for which those awake are given a part */

static int chosen;              /* 0: not yet */
static double alone;            /* nanoseconds that were done alone since the frame began */

/*
 * The job all work at.  Its fields change only while it is closed and nobody is
 * inside; who comes late finds it closed and leaves it alone.
 */
static struct {
	void (*work)(void *data, size_t piece, int thread);
	void *data;
	size_t pieces;
	atomic_size_t next;     /* piece to be taken */
	atomic_int inside;      /* helpers that may be at work */
	atomic_uint number;     /* of the latest job */
	atomic_uint open;       /* the number of the job that may be joined, or 0 */
	atomic_int asleep;
	int helpers;            /* threads beside the caller's */
	pthread_mutex_t lock;
	pthread_cond_t wake;
} team = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

void threads_choose(const char *option)
{
	chosen = (int)cli_integer("-j", option, 1, THREADS_MAX);
}

int threads_count(void)
{
	const char *environment;
	cpu_set_t set;
	if (chosen > 0)
		return chosen;
	chosen = 1;
	environment = getenv("LM_THREADS");
	if (environment && *environment)
		chosen = (int)cli_integer("LM_THREADS", environment, 1, THREADS_MAX);
	else {
		bool few = sched_getaffinity(0, sizeof set, &set) == 0;
		long processors = few ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
		if (processors > 1)
			chosen = processors < THREADS_MAX ? (int)processors : THREADS_MAX;
	}
	return chosen;
}

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pause_briefly(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void do_pieces(int thread)
{
	for (size_t piece; (piece = atomic_fetch_add(&team.next, 1)) < team.pieces;)
		team.work(team.data, piece, thread);
}

/* Waits for a job after the one `seen`, awake for a while, then asleep; its number. */
static unsigned await_job(unsigned seen)
{
	unsigned number;
	for (int64_t end = now() + SPIN; now() < end;)
		for (int i = 0; i < 16; i++) {
			if ((number = atomic_load(&team.number)) != seen)
				return number;
			pause_briefly();
		}
	pthread_mutex_lock(&team.lock);
	atomic_fetch_add(&team.asleep, 1);
	while ((number = atomic_load(&team.number)) == seen)
		pthread_cond_wait(&team.wake, &team.lock);
	atomic_fetch_sub(&team.asleep, 1);
	pthread_mutex_unlock(&team.lock);
	return number;
}

static void *help(void *argument)
{
	int thread = (int)(intptr_t)argument;
	for (unsigned seen = 0;;) {
		seen = await_job(seen);
		atomic_fetch_add(&team.inside, 1);
		if (atomic_load(&team.open) == seen)
			do_pieces(thread);
		atomic_fetch_sub(&team.inside, 1);
	}
	return NULL;
}

/* As many helpers as can be had, once; they end with the process. */
static void start_helpers(void)
{
	static bool tried;
	for (int i = 1; !tried && i < threads_count(); i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, help, (void *)(intptr_t)i) != 0)
			break;
		pthread_detach(thread);
		team.helpers = i;
	}
	tried = true;
}

void threads_rest(void)
{
	alone = 0;
}

/* True if the others are worth their waking, or are awake and it is worth sharing with them. */
static bool worth_sharing(size_t pieces, double nanoseconds)
{
	bool awake = team.helpers > 0 && atomic_load(&team.asleep) == 0;
	if (threads_count() == 1 || pieces < 2 || nanoseconds < WORTH_SHARING)
		return false;
	if (!awake)
		alone += nanoseconds;
	return awake || alone >= WORTH_WAKING;
}

void threads_run(void (*work)(void *data, size_t piece, int thread), void *data, size_t pieces,
		 double nanoseconds)
{
	if (!worth_sharing(pieces, nanoseconds)) {
		for (size_t piece = 0; piece < pieces; piece++)
			work(data, piece, 0);
		return;
	}
	team.work = work;
	team.data = data;
	team.pieces = pieces;
	atomic_store(&team.next, 0);
	start_helpers();
	atomic_store(&team.open, atomic_load(&team.number) + 1);
	atomic_fetch_add(&team.number, 1);
	if (atomic_load(&team.asleep) > 0) {
		pthread_mutex_lock(&team.lock);
		pthread_cond_broadcast(&team.wake);
		pthread_mutex_unlock(&team.lock);
	}
	do_pieces(0);
	atomic_store(&team.open, 0);
	for (int64_t end = now() + SPIN; atomic_load(&team.inside) > 0;)
		if (now() < end)
			pause_briefly();
		else
			sched_yield();
}
