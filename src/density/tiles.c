/* Tiles of points. Distances between many points come from matrix products, |a|^2 + |b|^2 - 2 a.b. The points are centred first, and
 * floats are scaled, so that products keep as many digits as they can. Where these do not suffice, single distances are measured in
 * double from the coordinates themselves. */
#include "density/tiles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gemm/mat.h"

float *points_centre(const struct points *x, struct fail *f)
{
	size_t d = (size_t)x->d;
	double *sum = calloc(d, sizeof *sum);
	float *centre = malloc(d * sizeof *centre);
	if (!sum || !centre) {
		free(sum);
		free(centre);
		fail_memory_for(f, "%zu coordinates", d);
		return NULL;
	}
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < d; k++)
			sum[k] += x->u8 ? (double)point_u8(x, i)[k] : (double)point_f4(x, i)[k] / (double)x->n;
	for (size_t k = 0; k < d; k++)
		centre[k] = x->u8 ? rintf((float)(sum[k] / (double)x->n)) : (float)sum[k];
	free(sum);
	return centre;
}

double points_scale(const struct points *x, const float *centre)
{
	size_t d = (size_t)x->d;
	double largest = 0;
	for (size_t i = 0; i < x->n && x->f4; i++)
		for (size_t k = 0; k < d; k++) {
			double off = fabs((double)point_f4(x, i)[k] - (double)centre[k]);
			largest = off > largest ? off : largest; /* not fmax(), over which GCC 12 for arm64 fails */
		}
	return largest > 0 ? ldexp(1, 48 - ilogb(largest)) : 1;
}

size_t tile_rows(int d, size_t max_rows, size_t coordinate_bytes)
{
	size_t rows = ((size_t)32 << 20) / ((size_t)d * coordinate_bytes);
	return rows > max_rows ? max_rows : rows < 16 ? 16 : rows;
}

void tile_load_floats(const struct points *x, size_t from, size_t rows, const float *centre, double scale, float *v, double *sq)
{
	size_t d = (size_t)x->d;
	for (size_t r = 0; r < rows; r++, v += d) {
		const uint8_t *u8 = x->u8 ? point_u8(x, from + r) : NULL;
		const float *f4 = x->u8 ? NULL : point_f4(x, from + r);
		double s = 0;
		if (u8)
			for (size_t k = 0; k < d; k++)
				v[k] = (float)u8[k] - centre[k];
		else
			for (size_t k = 0; k < d; k++)
				v[k] = (float)(((double)f4[k] - (double)centre[k]) * scale);
		for (size_t k = 0; k < d; k++)
			s += (double)v[k] * (double)v[k];
		sq[r] = s;
	}
}

void tile_load_doubles(const struct points *x, size_t from, size_t rows, const float *centre, double *v, double *sq)
{
	size_t d = (size_t)x->d;
	for (size_t r = 0; r < rows; r++, v += d) {
		double s = 0;
		for (size_t k = 0; k < d; k++)
			v[k] = (x->u8 ? (double)point_u8(x, from + r)[k] : (double)point_f4(x, from + r)[k]) - (double)centre[k];
		for (size_t k = 0; k < d; k++)
			s += v[k] * v[k];
		sq[r] = s;
	}
}

/* --- exact distances --- */

static double squared_steps_u8(const uint8_t *a, const uint8_t *b, size_t d)
{
	enum { RUN = 32768 }; /* so many times 255^2 fit into 32 bits */
	uint64_t total = 0;
	for (size_t from = 0; from < d; from += RUN) {
		size_t to = d - from < RUN ? d : from + RUN;
		uint32_t s = 0;
		for (size_t i = from; i < to; i++) {
			int t = (int)a[i] - (int)b[i];
			s += (uint32_t)(t * t);
		}
		total += s;
	}
	return (double)total;
}

double squared_steps(const struct points *a, size_t i, const struct points *b, size_t j)
{
	size_t d = (size_t)a->d;
	return a->u8 ? squared_steps_u8(point_u8(a, i), point_u8(b, j), d) : squared_distance(point_f4(a, i), point_f4(b, j), d);
}

struct distances {
	const struct points *x, *z;
	size_t j;
	double *d2;
};

enum { DISTANCE_ROWS = 1024 };

static void measure_rows(void *ctx, size_t i)
{
	const struct distances *s = ctx;
	size_t from = i * DISTANCE_ROWS, to = s->x->n - from < DISTANCE_ROWS ? s->x->n : from + DISTANCE_ROWS;
	for (size_t r = from; r < to; r++)
		s->d2[r] = squared_steps(s->x, r, s->z, s->j) * s->x->step * s->x->step;
}

int squared_distances(const struct points *x, const struct points *z, size_t j, const struct exec *exec, double *d2, struct fail *f)
{
	struct distances s = {x, z, j, d2};
	if (x->d != z->d || !x->u8 != !z->u8)
		return fail_set(f, "test records of %d dimensions; the records have %d", z->d, x->d);
	exec_run(exec, NULL, (x->n + DISTANCE_ROWS - 1) / DISTANCE_ROWS, measure_rows, &s);
	return 0;
}

/* --- scratch buffers and the parallel loop --- */

int scratch_open(struct scratch_pool *s, int n, size_t bytes, struct fail *f)
{
	*s = (struct scratch_pool){.lock = PTHREAD_MUTEX_INITIALIZER};
	bytes = (bytes + 63) / 64 * 64;
	for (; s->n < n; s->n++) {
		s->free[s->n] = aligned_alloc(64, bytes);
		if (!s->free[s->n]) {
			scratch_close(s);
			return fail_memory_for(f, "a tile of distances, %zu bytes", bytes);
		}
	}
	return 0;
}

void *scratch_take(struct scratch_pool *s)
{
	pthread_mutex_lock(&s->lock);
	void *p = s->free[--s->n];
	pthread_mutex_unlock(&s->lock);
	return p;
}

void scratch_give(struct scratch_pool *s, void *p)
{
	pthread_mutex_lock(&s->lock);
	s->free[s->n++] = p;
	pthread_mutex_unlock(&s->lock);
}

void scratch_close(struct scratch_pool *s)
{
	while (s->n)
		free(s->free[--s->n]);
}

struct round { /* of tasks, from the first on */
	void (*task)(void *ctx, size_t i);
	void *ctx;
	size_t first;
};

static void run_task(void *ctx, int i)
{
	const struct round *r = ctx;
	r->task(r->ctx, r->first + (size_t)i);
}

void exec_run(const struct exec *exec, const char *what, size_t n, void (*task)(void *ctx, size_t i), void *ctx)
{
	size_t step = 32 * (size_t)exec->threads;
	for (size_t first = 0; first < n; first += step) {
		struct round r = {task, ctx, first};
		size_t left = n - first;
		pool_run(exec->pool, (int)(left < step ? left : step), run_task, &r);
		if (exec->progress && what)
			exec->progress(exec->ctx, what, (double)(left < step ? n : first + step), (double)n);
	}
}
