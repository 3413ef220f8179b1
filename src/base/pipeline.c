#include "base/pipeline.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/thread.h"

/* A library may call exit(1) when memory runs out. The handlers of exit() would then free what other
 * threads still use: while threads work, the process ends at once, with the same status. */
static atomic_int pipelines_running;

static void end_at_once(void)
{
	if (!atomic_load(&pipelines_running))
		return;
	atomic_remove_temps();
	_exit(EXIT_FAILURE);
}

static void count_pipeline(void)
{
	static atomic_flag once = ATOMIC_FLAG_INIT;
	if (!atomic_flag_test_and_set(&once))
		(void)atexit(end_at_once);
	atomic_fetch_add(&pipelines_running, 1);
}

enum slot_state { EMPTY, FILLED, BUSY, DONE };

struct run {
	const struct pipeline *p;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum slot_state *state;
	char *slots;
	int nslots;
	size_t held; /* bytes of all slots */
	long filled, taken, consumed; /* slots that went through each stage */
	int ended, failed, reader_failed, next_worker;
	struct fail why;
};

static void *slot(const struct run *r, int i) { return r->slots + (size_t)i * r->p->slot_size; }

/* Waits until a slot may be filled, and takes its bytes out of the sum. -1 after a failure. */
static int await_slot(struct run *r, int i)
{
	const struct pipeline *p = r->p;
	pthread_mutex_lock(&r->lock);
	while (!r->failed && (r->filled - r->consumed == r->nslots || (p->bytes && r->held > p->budget && r->filled > r->consumed)))
		pthread_cond_wait(&r->changed, &r->lock);
	if (p->bytes)
		r->held -= p->bytes(slot(r, i));
	int failed = r->failed;
	pthread_mutex_unlock(&r->lock);
	return failed ? -1 : 0;
}

/* Keeps the first reason. With the lock held. */
static void stop(struct run *r, const struct fail *f, int reader)
{
	if (!r->failed && !r->reader_failed)
		r->why = *f;
	if (reader) {
		r->reader_failed = 1;
	} else {
		r->failed = 1;
		r->p->stop(r->p->ctx);
	}
	pthread_cond_broadcast(&r->changed);
}

static void *fill_thread(void *arg)
{
	struct run *r = arg;
	const struct pipeline *p = r->p;
	for (;;) {
		struct fail f = {{0}};
		int i = (int)(r->filled % r->nslots);
		if (await_slot(r, i))
			break;
		int closed = r->filled < r->nslots && p->open(p->ctx, slot(r, i), &f), got = closed ? -1 : p->fill(p->ctx, slot(r, i), &f);
		pthread_mutex_lock(&r->lock);
		if (p->bytes)
			r->held += p->bytes(slot(r, i));
		if (got > 0) {
			r->state[i] = FILLED;
			r->filled++;
		} else {
			if (got < 0)
				stop(r, &f, !closed);
			r->ended = 1;
		}
		pthread_cond_broadcast(&r->changed);
		pthread_mutex_unlock(&r->lock);
		if (got <= 0)
			break;
	}
	return NULL;
}

static void *work_thread(void *arg)
{
	struct run *r = arg;
	const struct pipeline *p = r->p;
	pthread_mutex_lock(&r->lock);
	int me = r->next_worker++;
	while (!r->failed) {
		if (r->taken == r->filled) {
			if (r->ended)
				break;
			pthread_cond_wait(&r->changed, &r->lock);
			continue;
		}
		int i = (int)(r->taken++ % r->nslots);
		r->state[i] = BUSY;
		pthread_mutex_unlock(&r->lock);
		struct fail f = {{0}};
		int bad = p->work(p->ctx, me, slot(r, i), &f);
		pthread_mutex_lock(&r->lock);
		r->state[i] = DONE;
		if (bad)
			stop(r, &f, 0);
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static void consume_all(struct run *r)
{
	const struct pipeline *p = r->p;
	pthread_mutex_lock(&r->lock);
	for (;;) {
		int i = (int)(r->consumed % r->nslots);
		while (!r->failed && !(r->consumed < r->filled && r->state[i] == DONE) && !(r->ended && r->consumed == r->filled))
			pthread_cond_wait(&r->changed, &r->lock);
		if (r->failed || r->consumed == r->filled)
			break;
		pthread_mutex_unlock(&r->lock);
		struct fail f = {{0}};
		size_t before = p->bytes ? p->bytes(slot(r, i)) : 0;
		int bad = p->consume(p->ctx, slot(r, i), &f);
		pthread_mutex_lock(&r->lock);
		if (p->bytes)
			r->held -= before - p->bytes(slot(r, i));
		if (bad)
			stop(r, &f, 0);
		r->state[i] = EMPTY;
		r->consumed++;
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
}

int pipeline_run(const struct pipeline *p, struct fail *f)
{
	struct run r = {.p = p, .nslots = PIPELINE_SLOTS(p->workers), .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	pthread_t *t = calloc((size_t)p->workers + 1, sizeof *t);
	r.state = calloc((size_t)r.nslots, sizeof *r.state);
	r.slots = calloc((size_t)r.nslots, p->slot_size);
	struct fail why = {{0}};
	int n = 0;
	if (!t || !r.state || !r.slots)
		r.failed = fail_memory(&r.why) != 0;
	count_pipeline();
	for (; !r.failed && n < p->workers + 1; n++)
		if (thread_start(&t[n], n ? work_thread : fill_thread, &r, &why)) {
			pthread_mutex_lock(&r.lock);
			stop(&r, &why, 0);
			pthread_mutex_unlock(&r.lock);
			break;
		}
	if (n)
		consume_all(&r);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	atomic_fetch_sub(&pipelines_running, 1);
	for (int i = 0; r.slots && i < r.nslots; i++)
		p->close(slot(&r, i));
	free(t);
	free(r.state);
	free(r.slots);
	if (r.failed || r.reader_failed)
		*f = r.why;
	return r.failed || r.reader_failed ? -1 : 0;
}
