/* pool.h - a parallel loop on a fixed set of threads. The caller cuts the work into tasks, so that the number of threads
 * changes no result.
 */
#ifndef VF_POOL_H
#define VF_POOL_H

#include "base/fail.h"

struct pool;
/* threads: at least 1; the thread that calls pool_run() is one of them. NULL with the reason. */
struct pool *pool_open(int threads, struct fail *f);
/* Calls fn(ctx, i) for i in [0, n), each i once, on all threads in any order, and returns when all calls are done. One pool_run() at a time:
 * fn may not call it. Waiting threads spin for a moment before they sleep, since the calls of a training step follow each other closely. */
void pool_run(struct pool *p, int n, void (*fn)(void *ctx, int i), void *ctx);
/* The number of threads, with the one that calls. */
int pool_threads(const struct pool *p);
void pool_close(struct pool *p);

#endif
