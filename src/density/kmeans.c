/* k-means: k-means++ seeding (Arthur & Vassilvitskii 2007), then Lloyd's iterations. Ten starts run for a few iterations each, which
 * shows which one is best; that one runs on until no point changes its cluster.
 *
 * Tasks are tiles of points, or a few columns of all centres, and every sum runs over the points in their order: the result has the
 * same bits for any number of threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "density/kmeans.h"
#include "density/tiles.h"
#include "gemm/mat.h"

enum { STARTS = 10, START_ITERATIONS = 10, ITERATIONS = 300, COLUMNS = 64 };

struct kmeans {
	const struct points *x;
	size_t k, tile_rows;
	float *origin;     /* [d]: subtracted from every coordinate */
	double *centre;    /* [k][d]: less the origin */
	double *centre_sq; /* [k]: squared lengths */
	double *d2;        /* [n]: squared distance to the nearest centre, in steps */
	uint32_t *nearest; /* [n]: the nearest centre */
	uint32_t *previous; /* [n]: nearest of the iteration before */
	size_t *size;      /* [k]: points of a cluster */
	size_t chosen;     /* while seeding: the newest centre is this point */
	struct scratch_pool scratch;
};

static size_t tiles(const struct kmeans *m) { return (m->x->n + m->tile_rows - 1) / m->tile_rows; }

/* --- seeding --- */

/* Task i: a tile's distances to the newest centre. */
static void update_distances(void *ctx, size_t i)
{
	struct kmeans *m = ctx;
	size_t from = i * m->tile_rows, to = m->x->n - from < m->tile_rows ? m->x->n : from + m->tile_rows;
	for (size_t r = from; r < to; r++) {
		double d2 = squared_steps(m->x, r, m->x, m->chosen);
		m->d2[r] = d2 < m->d2[r] ? d2 : m->d2[r];
	}
}

static double uniform(uint64_t seed, uint64_t start, uint64_t centre)
{
	uint32_t w[2];
	rng_words(w, 2, seed, ROLE_CLUSTERS, start, centre, 0);
	return ((double)w[0] * 0x1p-32 + (double)w[1] * 0x1p-64);
}

/* A point with probability proportional to d2, for u uniform in [0, 1); never one that is a centre already. */
static size_t sample_point(const struct kmeans *m, double total, double u)
{
	double sum = 0, target = u * total;
	size_t point = m->chosen;
	for (size_t i = 0; i < m->x->n; i++) {
		if (m->d2[i] > 0)
			point = i;
		sum += m->d2[i];
		if (sum > target && m->d2[i] > 0)
			break;
	}
	return point;
}

static int seed_centres(struct kmeans *m, uint64_t seed, uint64_t start, const struct exec *exec, struct fail *f)
{
	size_t n = m->x->n, d = (size_t)m->x->d;
	for (size_t i = 0; i < n; i++)
		m->d2[i] = INFINITY;
	m->chosen = (size_t)(uniform(seed, start, 0) * (double)n);
	for (size_t c = 0; c < m->k; c++) {
		double total = 0;
		for (size_t i = 0; i < n && c > 0; i++)
			total += m->d2[i];
		if (c > 0 && !(total > 0))
			return fail_set(f, "%zu clusters requested, but there are only %zu different records", m->k, c);
		if (c > 0)
			m->chosen = sample_point(m, total, uniform(seed, start, c));
		exec_run(exec, NULL, tiles(m), update_distances, m);
		tile_load_doubles(m->x, m->chosen, 1, m->origin, m->centre + c * d, &m->centre_sq[c]);
	}
	return 0;
}

/* --- Lloyd's iterations --- */

/* Task i: the nearest centre of each point of a tile, by the smallest |c|^2 - 2 x.c. */
static void assign_tile(void *ctx, size_t i)
{
	struct kmeans *m = ctx;
	size_t d = (size_t)m->x->d, from = i * m->tile_rows, rows = m->x->n - from < m->tile_rows ? m->x->n - from : m->tile_rows;
	double *v = scratch_take(&m->scratch), *products = v + m->tile_rows * d, *sq = products + m->tile_rows * m->k;
	tile_load_doubles(m->x, from, rows, m->origin, v, sq);
	mat_nt_double(products, (int)m->k, v, (int)d, m->centre, (int)d, (int)rows, (int)m->k, (int)d);
	for (size_t r = 0; r < rows; r++) {
		const double *p = products + r * m->k;
		double best = INFINITY;
		for (size_t c = 0; c < m->k; c++) {
			double t = m->centre_sq[c] - 2 * p[c];
			if (t < best) {
				best = t;
				m->nearest[from + r] = (uint32_t)c;
			}
		}
		m->d2[from + r] = best + sq[r] > 0 ? best + sq[r] : 0;
	}
	scratch_give(&m->scratch, v);
}

/* Task i: COLUMNS coordinates of all centres. */
static void average_columns(void *ctx, size_t i)
{
	struct kmeans *m = ctx;
	size_t d = (size_t)m->x->d, from = i * COLUMNS, to = d - from < COLUMNS ? d : from + COLUMNS;
	for (size_t c = 0; c < m->k; c++)
		memset(m->centre + c * d + from, 0, (to - from) * sizeof *m->centre);
	for (size_t r = 0; r < m->x->n; r++) {
		double *c = m->centre + m->nearest[r] * d;
		for (size_t j = from; j < to; j++)
			c[j] += (m->x->u8 ? (double)m->x->u8[r * d + j] : (double)m->x->f4[r * d + j]) - (double)m->origin[j];
	}
	for (size_t c = 0; c < m->k; c++)
		for (size_t j = from; j < to; j++)
			m->centre[c * d + j] /= (double)m->size[c];
}

/* Gives each empty cluster the point that is farthest from its own centre. */
static void fill_empty_clusters(struct kmeans *m)
{
	for (size_t c = 0; c < m->k; c++) {
		size_t farthest = 0, none = 1;
		for (size_t i = 0; i < m->x->n && !m->size[c]; i++)
			if (m->size[m->nearest[i]] > 1 && (none || m->d2[i] > m->d2[farthest])) {
				farthest = i;
				none = 0;
			}
		if (m->size[c] || none)
			continue;
		m->size[m->nearest[farthest]]--;
		m->nearest[farthest] = (uint32_t)c;
		m->d2[farthest] = 0;
		m->size[c] = 1;
	}
}

static void move_centres(struct kmeans *m, const struct exec *exec)
{
	size_t d = (size_t)m->x->d;
	memset(m->size, 0, m->k * sizeof *m->size);
	for (size_t i = 0; i < m->x->n; i++)
		m->size[m->nearest[i]]++;
	fill_empty_clusters(m);
	exec_run(exec, NULL, (d + COLUMNS - 1) / COLUMNS, average_columns, m);
	for (size_t c = 0; c < m->k; c++) {
		m->centre_sq[c] = 0;
		for (size_t j = 0; j < d; j++)
			m->centre_sq[c] += m->centre[c * d + j] * m->centre[c * d + j];
	}
}

/* Iterates from the present centres; returns the sum of squared distances. */
static double iterate(struct kmeans *m, int iterations, const struct exec *exec)
{
	size_t n = m->x->n;
	double total = 0;
	for (int t = 0; t < iterations; t++) {
		exec_run(exec, NULL, tiles(m), assign_tile, m);
		if (t && memcmp(m->previous, m->nearest, n * sizeof *m->nearest) == 0)
			break;
		move_centres(m, exec); /* which may change `nearest` */
		memcpy(m->previous, m->nearest, n * sizeof *m->nearest);
		if (exec->progress && iterations > START_ITERATIONS)
			exec->progress(exec->ctx, "k-means", t + 1, iterations);
	}
	for (size_t i = 0; i < n; i++)
		total += m->d2[i];
	return total;
}

/* --- the best of several starts --- */

/* Renumbers clusters by size, equal ones by their first point. */
static int number_by_size(uint32_t *cluster, size_t n, size_t k, struct fail *f)
{
	size_t *size = calloc(k, sizeof *size);
	uint32_t *first = malloc(k * sizeof *first), *number = malloc(k * sizeof *number);
	if (!size || !first || !number || n > UINT32_MAX) {
		free(size);
		free(first);
		free(number);
		return fail_memory_for(f, "%zu clusters", k);
	}
	memset(first, 0xff, k * sizeof *first);
	for (size_t i = 0; i < n; i++) {
		uint32_t c = cluster[i];
		first[c] = size[c]++ ? first[c] : (uint32_t)i;
	}
	for (size_t c = 0; c < k; c++) {
		number[c] = 0;
		for (size_t o = 0; o < k; o++)
			number[c] += size[o] > size[c] || (size[o] == size[c] && first[o] < first[c]);
	}
	for (size_t i = 0; i < n; i++)
		cluster[i] = number[cluster[i]];
	free(size);
	free(first);
	free(number);
	return 0;
}

static int kmeans_open(struct kmeans *m, const struct exec *exec, struct fail *f)
{
	size_t n = m->x->n, d = (size_t)m->x->d;
	m->centre = malloc(m->k * d * sizeof *m->centre);
	m->centre_sq = malloc(m->k * sizeof *m->centre_sq);
	m->d2 = malloc(n * sizeof *m->d2);
	m->nearest = calloc(n, sizeof *m->nearest);
	m->previous = malloc(n * sizeof *m->previous);
	m->size = calloc(m->k, sizeof *m->size);
	if (!m->centre || !m->centre_sq || !m->d2 || !m->nearest || !m->previous || !m->size)
		return fail_memory_for(f, "%zu clusters of %zu records", m->k, n);
	m->origin = points_centre(m->x, f);
	return !m->origin || scratch_open(&m->scratch, exec->threads, m->tile_rows * (d + m->k + 1) * sizeof(double), f) ? -1 : 0;
}

static void kmeans_close(struct kmeans *m)
{
	free(m->centre);
	free(m->centre_sq);
	free(m->d2);
	free(m->nearest);
	free(m->previous);
	free(m->size);
	free(m->origin);
	scratch_close(&m->scratch);
}

int kmeans(const struct points *x, int k, uint64_t seed, const struct exec *exec, uint32_t *cluster, struct fail *f)
{
	struct kmeans m = {.x = x, .k = (size_t)k, .tile_rows = tile_rows(x->d, 512, sizeof(double))};
	size_t bytes = x->n * sizeof *cluster;
	double best = INFINITY;
	if ((size_t)k > x->n)
		return fail_set(f, "%d clusters requested, but there are only %zu records", k, x->n);
	int bad = kmeans_open(&m, exec, f);
	for (uint64_t start = 0; start < STARTS && !bad; start++) {
		bad = seed_centres(&m, seed, start, exec, f);
		double total = bad ? INFINITY : iterate(&m, START_ITERATIONS, exec);
		if (total < best) {
			best = total;
			memcpy(cluster, m.nearest, bytes);
		}
	}
	if (!bad) {
		memcpy(m.nearest, cluster, bytes);
		move_centres(&m, exec);
		iterate(&m, ITERATIONS, exec);
		memcpy(cluster, m.nearest, bytes);
		bad = number_by_size(cluster, x->n, (size_t)k, f);
	}
	kmeans_close(&m);
	return bad;
}
