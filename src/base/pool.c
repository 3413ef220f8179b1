#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "tool/cli.h"

/* --- the pipeline --- */

/* libarchive (3.6) says exit(1) where memory runs out in its strings. With threads at work, what exit()
 * takes down, it would take from under them: so it ends right there. */
static atomic_int at_work;

static void leave_at_once(void)
{
	if (atomic_load(&at_work))
		_exit(EXIT_FAILED);
}

static void begin_work(void)
{
	static atomic_flag once = ATOMIC_FLAG_INIT;
	if (!atomic_flag_test_and_set(&once))
		(void)atexit(leave_at_once);
	atomic_fetch_add(&at_work, 1);
}

enum state { EMPTY, FILLED, BUSY, DONE };

struct run {
	const struct pipeline *p;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum state *state;
	char *slots;
	int nslots;
	long filled, taken, consumed; /* how many slots went through each stage */
	int ended, failed, reader_failed, next_worker;
	struct fail why;
};

static void *slot(const struct run *r, int i) { return r->slots + (size_t)i * r->p->slot_size; }

static void stop(struct run *r, const struct fail *f, int reader)
{
	if (!r->failed && !r->reader_failed)
		r->why = *f;
	if (reader)
		r->reader_failed = 1;
	else
		r->failed = 1;
	if (!reader)
		r->p->stop(r->p->ctx);
	pthread_cond_broadcast(&r->changed);
}

static void *fill_thread(void *arg)
{
	struct run *r = arg;
	const struct pipeline *p = r->p;
	for (;;) {
		struct fail f = {{0}};
		pthread_mutex_lock(&r->lock);
		while (!r->failed && r->filled - r->consumed == r->nslots)
			pthread_cond_wait(&r->changed, &r->lock);
		int go = !r->failed;
		pthread_mutex_unlock(&r->lock);
		if (!go)
			break;
		int i = (int)(r->filled % r->nslots);
		int got = p->fill(p->ctx, slot(r, i), &f);
		pthread_mutex_lock(&r->lock);
		if (got > 0) {
			r->state[i] = FILLED;
			r->filled++;
			pthread_cond_broadcast(&r->changed);
		} else {
			if (got < 0)
				stop(r, &f, 1);
			r->ended = 1;
			pthread_cond_broadcast(&r->changed);
		}
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
		int bad = p->consume(p->ctx, slot(r, i), &f);
		pthread_mutex_lock(&r->lock);
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
	struct run r = {.p = p, .nslots = 2 * p->workers + 2, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	pthread_t *t = calloc((size_t)p->workers + 1, sizeof *t);
	r.state = calloc((size_t)r.nslots, sizeof *r.state);
	r.slots = calloc((size_t)r.nslots, p->slot_size);
	int n = 0;
	if (!t || !r.state || !r.slots)
		fail_memory(&r.why), r.failed = 1;
	for (int i = 0; !r.failed && i < r.nslots; i++)
		r.failed = p->open(p->ctx, slot(&r, i), &r.why) != 0;
	begin_work();
	for (; !r.failed && n < p->workers + 1; n++)
		if (pthread_create(&t[n], NULL, n ? work_thread : fill_thread, &r)) {
			pthread_mutex_lock(&r.lock);
			struct fail no = {{0}};
			fail_set(&no, "cannot start a thread");
			stop(&r, &no, 0);
			pthread_mutex_unlock(&r.lock);
			break;
		}
	if (n)
		consume_all(&r);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	atomic_fetch_sub(&at_work, 1);
	for (int i = 0; r.slots && i < r.nslots; i++)
		p->close(slot(&r, i));
	free(t);
	free(r.state);
	free(r.slots);
	if (r.failed || r.reader_failed)
		*f = r.why;
	return r.failed || r.reader_failed ? -1 : 0;
}

/* --- the parallel loop --- */

struct pool {
	int threads;
	pthread_t *t;
	pthread_mutex_t lock;
	pthread_cond_t start;
	void (*fn)(void *ctx, int i);
	void *ctx;
	int n;
	atomic_int next, left, round, quit;
};

/* Steps follow each other within microseconds, so waiting spins at first; on a busy machine it must
 * not take the processor from the thread it waits for, so then it yields, and at last sleeps. */
enum { SPINS = 2000, YIELDS = 100 };

static void take_work(struct pool *p)
{
	for (;;) {
		int i = atomic_fetch_add(&p->next, 1);
		if (i >= p->n)
			break;
		p->fn(p->ctx, i);
	}
}

static void *loop_thread(void *arg)
{
	struct pool *p = arg;
	int seen = 0;
	for (;;) {
		for (int s = 0; s < SPINS + YIELDS && atomic_load(&p->round) == seen; s++)
			if (s >= SPINS)
				sched_yield();
		if (atomic_load(&p->round) == seen) {
			pthread_mutex_lock(&p->lock);
			while (atomic_load(&p->round) == seen)
				pthread_cond_wait(&p->start, &p->lock);
			pthread_mutex_unlock(&p->lock);
		}
		seen = atomic_load(&p->round);
		if (atomic_load(&p->quit))
			break;
		take_work(p);
		atomic_fetch_sub(&p->left, 1);
	}
	return NULL;
}

struct pool *pool_open(int threads, struct fail *f)
{
	struct pool *p = calloc(1, sizeof *p);
	if (p)
		p->t = calloc((size_t)threads, sizeof *p->t);
	if (!p || !p->t) {
		free(p);
		fail_memory(f);
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->start, NULL);
	p->threads = 1;
	for (int i = 1; i < threads; i++, p->threads++)
		if (pthread_create(&p->t[i], NULL, loop_thread, p)) {
			fail_set(f, "cannot start a thread");
			pool_close(p);
			return NULL;
		}
	return p;
}

static void next_round(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	atomic_fetch_add(&p->round, 1);
	pthread_cond_broadcast(&p->start);
	pthread_mutex_unlock(&p->lock);
}

void pool_run(struct pool *p, int n, void (*fn)(void *ctx, int i), void *ctx)
{
	if (p->threads == 1 || n == 1) {
		for (int i = 0; i < n; i++)
			fn(ctx, i);
		return;
	}
	p->fn = fn;
	p->ctx = ctx;
	p->n = n;
	atomic_store(&p->next, 0);
	atomic_store(&p->left, p->threads - 1);
	next_round(p);
	take_work(p);
	for (int s = 0; atomic_load(&p->left) > 0; s++)
		if (s >= SPINS)
			sched_yield();
}

void pool_close(struct pool *p)
{
	if (!p)
		return;
	atomic_store(&p->quit, 1);
	next_round(p);
	for (int i = 1; i < p->threads; i++)
		pthread_join(p->t[i], NULL);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->start);
	free(p->t);
	free(p);
}
