/* tiles.h - blocks of points for matrix products, and buffers that wait for a thread. */
#ifndef VF_TILES_H
#define VF_TILES_H

#include <pthread.h>

#include "density/density.h"

/* A whole number near the mean of every coordinate: distances do not change, products shrink. */
float *points_centre(const struct points *x, struct fail *f);
/* A power of two that takes the largest coordinate less the centre to about 2^48, where sums of squares are floats; of
 * samples 1. */
double points_scale(const struct points *x, const float *centre);
/* Rows [from, from + rows) less the centre, times the scale, into out [rows][d], and their squared lengths; doubles are not
 * scaled. Of samples all are exact. */
void tile_floats(const struct points *x, size_t from, size_t rows, const float *centre, double scale, float *out, double *sq);
void tile_doubles(const struct points *x, size_t from, size_t rows, const float *centre, double *out, double *sq);
/* |a_i - b_j|^2 in steps */
double points_squared_steps(const struct points *a, size_t i, const struct points *b, size_t j);
/* Rows of a block: at most `most`, and less where a row is long. */
size_t tile_rows(int d, size_t most, size_t bytes_each);

/* A few buffers, fewer than there is work: taken for a unit of work and given back. */
struct buffer_pool {
	void *free[256]; /* as many as the threads of any pool */
	int n;
	pthread_mutex_t lock;
};
int buffer_pool_open(struct buffer_pool *s, int n, size_t bytes, struct fail *f);
void *buffer_pool_take(struct buffer_pool *s);
void buffer_pool_give(struct buffer_pool *s, void *p);
void buffer_pool_close(struct buffer_pool *s);

/* Runs fn over n units in rounds, with a word on progress between them. */
void exec_run(const struct exec *exec, const char *what, size_t n, void (*fn)(void *ctx, int i), void *ctx, size_t *base);

#endif
