#include "train/team.h"

#include <stdlib.h>
#include <string.h>

#include "gemm/mat.h"
#include "train/transport.h"

enum { SLICE = 1 << 16 }; /* floats that one task of the pool adds */

const struct team team_alone = {.ranks = 1, .workers = 1, .end = 1};

void team_open(struct team *t)
{
	*t = team_alone;
	transport_open(&t->rank, &t->ranks);
}

void team_close(void) { transport_close(); }

int team_divide(struct team *t, int workers, struct fail *f)
{
	if (t->ranks > workers)
		return fail_set(f, "%d processes, but only %d virtual workers (train.shards): start at most %d processes, or set train.shards to %d or more", t->ranks, workers, workers, t->ranks);
	t->workers = workers;
	t->first = (int)((long)t->rank * workers / t->ranks);
	t->end = (int)((long)(t->rank + 1) * workers / t->ranks);
	return 0;
}

/* The rank that runs a worker. */
static int owner(const struct team *t, int worker) { return (int)(((long)(worker + 1) * t->ranks - 1) / t->workers); }

int team_follow(const struct team *t, int bad, struct fail *f)
{
	int failed = bad != 0;
	if (t->ranks == 1)
		return bad ? -1 : 0;
	transport_broadcast(&failed, sizeof failed);
	if (failed)
		transport_broadcast(f, sizeof *f);
	return failed ? -1 : 0;
}

int team_agree(const struct team *t, int bad, struct fail *f)
{
	int failed = bad != 0;
	for (int r = 1; r < t->ranks; r++) {
		int other = 0;
		struct fail why;
		if (t->rank == r) {
			transport_send(0, &failed, sizeof failed);
			if (failed)
				transport_send(0, f, sizeof *f);
		}
		if (t->rank)
			continue;
		transport_receive(r, &other, sizeof other);
		if (other)
			transport_receive(r, &why, sizeof why);
		if (other && !failed++)
			*f = why;
	}
	return team_follow(t, failed, f);
}

void team_move(const struct team *t, int worker, void *p, size_t bytes)
{
	int from = owner(t, worker);
	if (from && t->rank == from)
		transport_send(0, p, bytes);
	if (from && !t->rank)
		transport_receive(from, p, bytes);
}

void team_gather(const struct team *t, void *all, size_t size)
{
	if (t->ranks == 1)
		return;
	for (int w = 0; w < t->workers; w++)
		team_move(t, w, (char *)all + (size_t)w * size, size);
	transport_broadcast(all, (size_t)t->workers * size);
}

void team_share(const struct team *t, void *p, size_t bytes)
{
	if (t->ranks > 1)
		transport_broadcast(p, bytes);
}

/* --- the tree --- */

int team_tree_open(struct team_tree *tree, const struct team *t, struct pool *pool, size_t n, struct fail *f)
{
	*tree = (struct team_tree){.team = t, .pool = pool, .n = n, .levels = 1};
	while (1 << (tree->levels - 1) < t->workers)
		tree->levels++;
	tree->level = calloc((size_t)tree->levels, sizeof *tree->level);
	if (!tree->level)
		return fail_memory(f);
	for (int i = 0; i < tree->levels && n; i++)
		if (!(tree->level[i].v = mat_floats(n)))
			return fail_memory_for(f, "the sum of %d gradients of %zu parameters", t->workers, n);
	return 0;
}

void team_tree_close(struct team_tree *tree)
{
	for (int i = 0; tree->level && i < tree->levels; i++)
		free(tree->level[i].v);
	free(tree->level);
	*tree = (struct team_tree){.n = 0};
}

struct addition {
	float *to;
	const float *from;
	size_t n;
};

static void add_slice(void *ctx, int i)
{
	const struct addition *a = ctx;
	size_t at = (size_t)i * SLICE, end = a->n - at < SLICE ? a->n : at + SLICE;
	float *restrict to = a->to;
	const float *restrict from = a->from;
	for (; at < end; at++)
		to[at] += from[at];
}

static void add(const struct team_tree *tree, struct team_sum *to, const struct team_sum *from)
{
	struct addition a = {to->v, from->v, tree->n};
	for (int i = 0; i < TEAM_SUMS; i++)
		to->sum[i] += from->sum[i];
	pool_run(tree->pool, (int)((tree->n + SLICE - 1) / SLICE), add_slice, &a);
}

/* Computes the sum over the existing workers of [from, from + span) into level[at] of the rank that runs worker `from`. All ranks walk the tree in
 * the same order, which prevents deadlock. */
static void reduce(const struct team_tree *tree, int from, int span, int at)
{
	const struct team *t = tree->team;
	int half = span / 2, end = from + span < t->workers ? from + span : t->workers;
	if (end <= t->first || from >= t->end)
		return;
	if (span == 1) {
		tree->leaf(tree->ctx, from, &tree->level[at]);
		return;
	}
	reduce(tree, from, half, at);
	if (from + half >= t->workers)
		return;
	reduce(tree, from + half, half, at + 1);
	int left = owner(t, from), right = owner(t, from + half);
	struct team_sum *mine = &tree->level[at], *other = &tree->level[at + 1];
	if (left != right && t->rank == right) {
		transport_send(left, other->sum, sizeof other->sum);
		transport_send(left, other->v, tree->n * sizeof *other->v);
	}
	if (t->rank != left)
		return;
	if (left != right) {
		transport_receive(right, other->sum, sizeof other->sum);
		transport_receive(right, other->v, tree->n * sizeof *other->v);
	}
	add(tree, mine, other);
}

struct team_sum *team_tree_run(struct team_tree *tree)
{
	struct team_sum *all = tree->level;
	reduce(tree, 0, 1 << (tree->levels - 1), 0);
	team_share(tree->team, all->sum, sizeof all->sum);
	team_share(tree->team, all->v, tree->n * sizeof *all->v);
	return all;
}
