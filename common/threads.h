/*
 * threads.h: the processor's other cores, for work that falls into pieces.
 *
 * Results must not depend on who does which piece, nor on how many there are to
 * do them: a piece writes its own part of the result, and no sum crosses one.
 */
#ifndef LMUTILS_THREADS_H
#define LMUTILS_THREADS_H

#include <stddef.h>

#define THREADS_MAX 256

/* Takes the number of threads that -j gives; anything but 1 to THREADS_MAX exits 2. */
void threads_choose(const char *option);

/*
 * The number of threads: of -j, else of $LM_THREADS (dies if that is no such
 * number), else one for each processor this process may run on.
 */
int threads_count(void);

/*
 * Tells that a frame is done: the next run is not soon.  Runs that are too
 * short to wake the others for add up until this is called.
 */
void threads_rest(void);

/*
 * Calls work(data, piece, thread) once for each piece, 0 to pieces - 1, and
 * returns when all are done; thread is the number of the thread that does it,
 * from 0, so that each can have room of its own.  `nanoseconds` says about how
 * long all of it takes one thread: where it is not worth waking the others, the
 * caller does it alone.
 *
 * Threads are started when first needed.  Between runs they look for the next
 * one for at most 50 microseconds, then sleep.
 */
void threads_run(void (*work)(void *data, size_t piece, int thread), void *data, size_t pieces,
		 double nanoseconds);

#endif
