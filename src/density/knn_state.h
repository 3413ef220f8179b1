/* knn_state.h - what the searches of k-NN share: few neighbours (knn.c), many neighbours and other points (knn_blocks.c).
 */
#ifndef VF_KNN_STATE_H
#define VF_KNN_STATE_H

#include <math.h>

#include "density/knn.h"
#include "density/tiles.h"

struct knn {
	const struct points *x;
	const struct points *z;  /* the points whose neighbours in x are searched; x itself, or others */
	const uint32_t *copies;  /* [n] */
	const int *k;            /* [nk]: descending in the order of `by_size` */
	size_t nk, most, keep;   /* most: the largest k that x has rows for; keep: one more, if x has that */
	size_t by_size[KNN_MAX_K];
	size_t tile_rows, tiles;
	double scale;            /* of a coordinate in a tile */
	double relative_error;   /* bound on the error of |a - b|^2, relative to (|a| + |b|)^2 */
	double underflow_error;  /* bound on what is lost when products are too small to be floats */
	float *centre;           /* [d] */
	struct knn_neighbour *nearest; /* [n][keep]: the nearest so far, ascending; for few neighbours */
	pthread_mutex_t *lock;   /* [tiles]: of the tile's rows of nearest */
	size_t block_rows, capacity; /* rows of a task, and candidates of a row, for many neighbours */
	struct knn_ball *balls;  /* [nk][z->n]: the result */
	struct knn_neighbour *lists; /* [z->n][keep]: as knn_search() has them; or NULL */
	struct scratch_pool scratch;
};

struct tile {
	size_t from, rows;
	float *v;       /* [rows][d]: centred and scaled, as sq, sqf and limit are */
	double *sq;     /* [rows]: squared lengths */
	float *sqf;     /* [rows]: sq as floats */
	float *limit;   /* [rows]: only a computed |a - b|^2 up to this can be among the nearest */
	double longest; /* length of the longest row */
};

/* By distance. Of equally distant rows the one with fewer copies is nearer, so that a result does not depend on an order. */
static inline int is_nearer(const struct knn_neighbour *a, const struct knn_neighbour *b)
{
	return a->d2 < b->d2 || (a->d2 == b->d2 && a->copies < b->copies);
}

static inline size_t tile_bytes(size_t rows, size_t d) { return rows * (d * sizeof(float) + sizeof(double) + 2 * sizeof(float)) + 64; }

/* Places the arrays of a tile at `at`; returns where they end. */
static inline char *tile_place(struct tile *t, char *at, size_t rows, size_t d)
{
	t->sq = (double *)(void *)at;
	t->v = (float *)(void *)(at + rows * sizeof *t->sq);
	t->sqf = t->v + rows * d;
	t->limit = t->sqf + rows;
	return at + tile_bytes(rows, d) / 64 * 64;
}

/* The limit of row r of t against a tile whose longest row is `longest`: the row's (k+1)-th distance so far, plus the error bound. */
static inline void set_limit(const struct knn *k, struct tile *t, size_t r, double last, double longest)
{
	double lengths = sqrt(t->sq[r]) + longest;
	double limit = last * k->scale * k->scale + k->relative_error * lengths * lengths + k->underflow_error;
	t->limit[r] = last > 0 ? (float)limit : -INFINITY; /* nothing is nearer than 0 */
}

/* Sets all that does not depend on the points searched for. most is 0 if the rows are fewer than every k. s->centre is freed by the caller. */
int knn_prepare(struct knn *s, const struct rows *rows, const int *neighbours, int nk, struct fail *f);
/* Rows [from, from + rows) of x. */
void knn_load_tile(const struct knn *k, const struct points *x, struct tile *t, size_t from, size_t rows);
/* The ball of a row from its keep nearest: v[k - 1] is the k-th, and v[k] the next, if there is one. */
struct knn_ball knn_ball_of(const struct points *x, const struct knn_neighbour *v, size_t k, size_t keep);
/* Sets n balls to those of too few rows (knn.h). */
void knn_no_balls(struct knn_ball *balls, size_t n);
/* Finds the balls of all rows, for many neighbours. */
int knn_collect_all(struct knn *k, const struct exec *exec, struct fail *f);

#endif
