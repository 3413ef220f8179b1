/* pipeline.h - an ordered pipeline: a thread fills slots, workers work on them, and the caller's thread consumes them in
 * the order in which they were filled. The number of workers changes no result: the caller decides what a slot holds.
 */
#ifndef VF_PIPELINE_H
#define VF_PIPELINE_H

#include <stddef.h>

#include "base/fail.h"

/* The slots: a ring of two a worker and two more, all zeros at first, and used again in ring order. */
#define PIPELINE_SLOTS(workers) (2 * (workers) + 2)

struct pipeline {
	void *ctx;
	int workers;
	size_t slot_size;
	/* Before the first fill() of a slot, in its thread: a short stream does not touch the memory of all slots. */
	int (*open)(void *ctx, void *slot, struct fail *f);
	void (*close)(void *slot); /* of every slot, also of one that open() did not reach */
	/* In one thread, in order: 1 filled, 0 at the end (the slot is not used), -1. */
	int (*fill)(void *ctx, void *slot, struct fail *f);
	/* In worker 0 to workers - 1, in any order. */
	int (*work)(void *ctx, int worker, void *slot, struct fail *f);
	/* In the caller's thread, in order. */
	int (*consume)(void *ctx, void *slot, struct fail *f);
	/* The memory that a slot holds, filled or not. While all slots together hold more than budget bytes, no further one is filled, unless
	 * all others are consumed. NULL: no limit. */
	size_t (*bytes)(const void *slot);
	size_t budget;
	/* From any thread, after a failure elsewhere: makes fill() return an error at once, whatever it waits for. */
	void (*stop)(void *ctx);
};

/* Runs until the end or the first failure. Slots that were filled before fill() failed are still consumed: the whole
 * records of a truncated stream pass. 0 or -1. */
int pipeline_run(const struct pipeline *p, struct fail *f);

#endif
