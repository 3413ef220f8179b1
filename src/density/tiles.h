/* tiles.h - what the estimators share: tiles of points as operands of matrix products, exact distances, scratch buffers, and the
 * parallel loop. */
#ifndef VF_TILES_H
#define VF_TILES_H

#include <pthread.h>

#include "density/points.h"

/* centre [d]: whole numbers near the mean of the points. Subtracting it leaves distances as they are and makes products smaller,
 * so that less is lost to rounding. Owned by the caller; NULL: no memory. */
float *points_centre(const struct points *x, struct fail *f);
/* The power of two that scales the largest centred coordinate to about 2^48, where squares neither overflow nor underflow; 1 for
 * samples. */
double points_scale(const struct points *x, const float *centre);

/* Rows that a tile should have: at most max_rows, fewer if a row is long. */
size_t tile_rows(int d, size_t max_rows, size_t coordinate_bytes);
/* v [rows][d]: points [from, from + rows) less the centre, times scale (floats only); sq [rows]: their squared lengths. Exact for
 * samples. */
void tile_load_floats(const struct points *x, size_t from, size_t rows, const float *centre, double scale, float *v, double *sq);
void tile_load_doubles(const struct points *x, size_t from, size_t rows, const float *centre, double *v, double *sq);

/* |a_i - b_j|^2 in stored values, without step: exact for samples. */
double squared_steps(const struct points *a, size_t i, const struct points *b, size_t j);

/* Scratch buffers: one a thread, taken for a task and given back. */
struct scratch_pool {
	void *free[256]; /* as many as a thread pool can have threads */
	int n;
	pthread_mutex_t lock;
};
int scratch_open(struct scratch_pool *s, int n, size_t bytes, struct fail *f);
void *scratch_take(struct scratch_pool *s);
void scratch_give(struct scratch_pool *s, void *p);
void scratch_close(struct scratch_pool *s);

/* Runs task(ctx, i) for i in [0, n) on the thread pool, in rounds; after each round progress is reported as `what`, unless that is
 * NULL. */
void exec_run(const struct exec *exec, const char *what, size_t n, void (*task)(void *ctx, size_t i), void *ctx);

#endif
