#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/thread.h"

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

/* Calls follow each other within microseconds, so a waiting thread spins first. On a busy machine that could take the
 * processor from the thread it waits for, so it yields then, and sleeps in the end. */
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
		if (thread_start(&p->t[i], loop_thread, p, f)) {
			pool_close(p);
			return NULL;
		}
	return p;
}

int pool_threads(const struct pool *p) { return p->threads; }

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
