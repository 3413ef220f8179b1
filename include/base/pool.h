/* pool.h - worker threads: an ordered pipeline for streams, a parallel loop for training.
 *
 * Neither lets the number of threads reach the result: work comes in units fixed by the caller,
 * and results are taken in the order in which the work was made.
 */
#ifndef VF_POOL_H
#define VF_POOL_H

#include <stddef.h>

#include "base/fail.h"

/* reader thread -> workers -> the caller's thread, over a ring of slots: two a worker and two more. */
struct pipeline {
	void *ctx;
	int workers;
	size_t slot_size; /* slots begin as zeros; filled, worked on and consumed in ring order */
	int (*open)(void *ctx, void *slot, struct fail *f);
	void (*close)(void *slot); /* of every slot, also one that open() did not reach */
	/* In one thread, in order: 1 filled, 0 the end (slot unused), -1. */
	int (*fill)(void *ctx, void *slot, struct fail *f);
	/* In worker 0..workers-1, any order. */
	int (*work)(void *ctx, int worker, void *slot, struct fail *f);
	/* In the caller's thread, in order. */
	int (*consume)(void *ctx, void *slot, struct fail *f);
	/* Something else has failed: fill() is to come back with an error at once, whatever it waits for. Any thread. */
	void (*stop)(void *ctx);
};

/* Runs until the end or the first failure; what was filled before a failure of fill is still
 * consumed, so that a cut stream passes on what was whole. 0 or -1. */
int pipeline_run(const struct pipeline *p, struct fail *f);

/* A parallel loop: run() calls fn(ctx, i) for i in [0, n), on all threads, and returns when all
 * are done. Threads wait spinning for a moment, since steps follow each other closely. */
struct pool;
struct pool *pool_open(int threads, struct fail *f);
void pool_run(struct pool *p, int n, void (*fn)(void *ctx, int i), void *ctx);
void pool_close(struct pool *p);

#endif
