/* team.h - one training by several processes (ranks).
 *
 * The configuration fixes the number of virtual workers, train.shards. Worker w reads FILEs w, w + shards, w + 2 shards, ... In every step it
 * takes batch / shards of their records, in its own order. Rank r runs the workers from r shards / ranks on. The gradients of all workers are
 * added along a binary tree, whose shape depends on the number of workers alone: node (w, 2 s) is node (w, s) plus node (w + s, s). So the
 * number of ranks does not change the result. Every rank then makes the same step on its own copy of the weights.
 *
 * All ranks call the functions below in the same order. Rank 0 alone writes files and messages.
 */
#ifndef VF_TEAM_H
#define VF_TEAM_H

#include <stddef.h>

#include "base/fail.h"
#include "base/pool.h"

struct team {
	int rank, ranks;
	int workers;    /* on all ranks; 1 until team_divide() */
	int first, end; /* the workers [first, end) of this rank */
};

/* One process with one worker. */
extern const struct team team_alone;
/* Joins the processes that mpirun has started; without MPI there is one. */
void team_open(struct team *t);
void team_close(void);
/* Gives every rank its workers. -1 when there are more ranks than workers. */
int team_divide(struct team *t, int workers, struct fail *f);
/* bad: whether this rank has failed, with the message in f. Returns -1 on all ranks if any rank has failed, with the message of the first. */
int team_agree(const struct team *t, int bad, struct fail *f);
/* The same, if only rank 0 can fail. */
int team_follow(const struct team *t, int bad, struct fail *f);
/* all [workers]: items of `size` bytes. Every rank has filled in the items of its workers, and receives the others. */
void team_gather(const struct team *t, void *all, size_t size);
/* Copies p from the rank of that worker to rank 0. */
void team_move(const struct team *t, int worker, void *p, size_t bytes);
/* Copies p from rank 0 to all ranks. */
void team_share(const struct team *t, void *p, size_t bytes);

/* The sum over the workers along the tree. */
enum { TEAM_SUMS = 4 };
struct team_sum {
	double sum[TEAM_SUMS]; /* further sums, such as losses */
	float *v;              /* [n] */
};
struct team_tree {
	const struct team *team;
	struct pool *pool;
	size_t n;           /* length of the vectors, may be 0 */
	int levels;
	struct team_sum *level; /* [levels] */
	/* Computes the term of a worker of this rank. */
	void (*leaf)(void *ctx, int worker, struct team_sum *out);
	void *ctx;
};
/* Call team_tree_close() also after a failure. */
int team_tree_open(struct team_tree *tree, const struct team *t, struct pool *pool, size_t n, struct fail *f);
/* The sum, on every rank; valid until the next call. */
struct team_sum *team_tree_run(struct team_tree *tree);
void team_tree_close(struct team_tree *tree);

#endif
