/*
 * loop.h: runs a pipeline whose end is fed back to its beginning.
 *
 * It does what the shell does with `{ source; cat loop; } | ... | tee loop |
 * sink`, but with nothing but pipes: no fifo, no file.
 */
#ifndef LMUTILS_LOOP_H
#define LMUTILS_LOOP_H

#include "pipeline.h"

/*
 * Runs p, a loop or a ring (pipeline_function), which has at least 3 stages, until every process of it has ended;
 * none outlives the call, nor us.  Standard input is the source's, standard
 * output the sink's; what the stages say on standard error comes out on ours,
 * except for complaints that only follow from what another stage said.
 *
 * Returns the exit status: 0 if every stage had 0, 2 if one had wrong usage,
 * else 1, after at least one line on standard error.  Does not return when a
 * SIGHUP, SIGINT or SIGTERM ended it, or when the sink's reader left: it then
 * dies of that signal, as a single program would.
 */
int loop_run(const struct pipeline *p);

#endif
