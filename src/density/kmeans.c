#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "density/density.h"
#include "gemm/mat.h"
#include "base/rng.h"
#include "density/tiles.h"

enum { STARTS = 10, TRY = 10, ITERATIONS = 300, COLUMNS = 64 };

struct kmeans {
	const struct points *x;
	size_t k, tile, base;
	float *shift;      /* taken off every coordinate */
	double *centre, *sq; /* [k][d], [k]: less the shift */
	double *d2;        /* [n]: to the nearest centre, in steps */
	uint32_t *own;     /* [n]: the nearest centre */
	size_t *size;      /* [k] */
	size_t chosen;     /* while seeding: the newest centre is this point */
	struct buffer_pool shelf;
};

/* --- seeding --- */

static void near_chosen(void *ctx, int i)
{
	struct kmeans *m = ctx;
	size_t from = (m->base + (size_t)i) * m->tile, to = m->x->n - from < m->tile ? m->x->n : from + m->tile;
	for (size_t r = from; r < to; r++) {
		double d2 = points_squared_steps(m->x, r, m->x, m->chosen);
		m->d2[r] = d2 < m->d2[r] ? d2 : m->d2[r];
	}
}

static double uniform(uint64_t seed, uint64_t start, uint64_t centre)
{
	uint32_t w[2];
	rng_words(w, 2, seed, ROLE_CLUSTERS, start, centre, 0);
	return ((double)w[0] * 0x1p-32 + (double)w[1] * 0x1p-64);
}

/* k points, each with a chance by its squared distance to those before it. */
static int choose_centres(struct kmeans *m, uint64_t seed, uint64_t start, const struct exec *exec, struct fail *f)
{
	size_t n = m->x->n, d = (size_t)m->x->d;
	for (size_t i = 0; i < n; i++)
		m->d2[i] = INFINITY;
	m->chosen = (size_t)(uniform(seed, start, 0) * (double)n);
	for (size_t c = 0; c < m->k; c++) {
		if (c > 0) {
			double total = 0, at = 0;
			for (size_t i = 0; i < n; i++)
				total += m->d2[i];
			if (!(total > 0))
				return fail_set(f, "%zu clusters are wanted, but there are only %zu different records", m->k, c);
			double want = uniform(seed, start, c) * total;
			for (size_t i = 0; i < n; i++) {
				if (m->d2[i] > 0)
					m->chosen = i;
				at += m->d2[i];
				if (at > want && m->d2[i] > 0)
					break;
			}
		}
		exec_run(exec, NULL, (n + m->tile - 1) / m->tile, near_chosen, m, &m->base);
		tile_doubles(m->x, m->chosen, 1, m->shift, m->centre + c * d, &m->sq[c]);
	}
	return 0;
}

/* --- Lloyd's iterations --- */

static void assign(void *ctx, int i)
{
	struct kmeans *m = ctx;
	size_t d = (size_t)m->x->d, from = (m->base + (size_t)i) * m->tile, rows = m->x->n - from < m->tile ? m->x->n - from : m->tile;
	double *v = buffer_pool_take(&m->shelf), *g = v + m->tile * d, *sq = g + m->tile * m->k;
	tile_doubles(m->x, from, rows, m->shift, v, sq);
	mat_nt_double(g, (int)m->k, v, (int)d, m->centre, (int)d, (int)rows, (int)m->k, (int)d);
	for (size_t r = 0; r < rows; r++) {
		const double *p = g + r * m->k;
		double best = INFINITY;
		for (size_t c = 0; c < m->k; c++) {
			double t = m->sq[c] - 2 * p[c];
			if (t < best) {
				best = t;
				m->own[from + r] = (uint32_t)c;
			}
		}
		m->d2[from + r] = best + sq[r] > 0 ? best + sq[r] : 0;
	}
	buffer_pool_give(&m->shelf, v);
}

/* Some coordinates of all centres, over the points in their order. */
static void average(void *ctx, int i)
{
	struct kmeans *m = ctx;
	size_t d = (size_t)m->x->d, from = (m->base + (size_t)i) * COLUMNS, to = d - from < COLUMNS ? d : from + COLUMNS;
	for (size_t c = 0; c < m->k; c++)
		memset(m->centre + c * d + from, 0, (to - from) * sizeof *m->centre);
	for (size_t r = 0; r < m->x->n; r++) {
		double *c = m->centre + m->own[r] * d;
		for (size_t j = from; j < to; j++)
			c[j] += (m->x->u8 ? (double)m->x->u8[r * d + j] : (double)m->x->f4[r * d + j]) - (double)m->shift[j];
	}
	for (size_t c = 0; c < m->k; c++)
		for (size_t j = from; j < to; j++)
			m->centre[c * d + j] /= (double)m->size[c];
}

/* Gives a cluster that has lost all its points the point that is farthest from its own centre. */
static void fill_empty(struct kmeans *m)
{
	for (size_t c = 0; c < m->k; c++) {
		size_t far = 0, none = 1;
		for (size_t i = 0; i < m->x->n && !m->size[c]; i++)
			if (m->size[m->own[i]] > 1 && (none || m->d2[i] > m->d2[far])) {
				far = i;
				none = 0;
			}
		if (m->size[c] || none)
			continue;
		m->size[m->own[far]]--;
		m->own[far] = (uint32_t)c;
		m->d2[far] = 0;
		m->size[c] = 1;
	}
}

/* Centres of what own says. */
static void move_centres(struct kmeans *m, const struct exec *exec)
{
	size_t d = (size_t)m->x->d;
	memset(m->size, 0, m->k * sizeof *m->size);
	for (size_t i = 0; i < m->x->n; i++)
		m->size[m->own[i]]++;
	fill_empty(m);
	exec_run(exec, NULL, (d + COLUMNS - 1) / COLUMNS, average, m, &m->base);
	for (size_t c = 0; c < m->k; c++) {
		m->sq[c] = 0;
		for (size_t j = 0; j < d; j++)
			m->sq[c] += m->centre[c * d + j] * m->centre[c * d + j];
	}
}

/* From the centres there are; the sum of squared distances at the end, own is the assignment. */
static double lloyd(struct kmeans *m, int iterations, uint32_t *before, const struct exec *exec)
{
	size_t n = m->x->n;
	double total = 0;
	for (int t = 0; t < iterations; t++) {
		exec_run(exec, NULL, (n + m->tile - 1) / m->tile, assign, m, &m->base);
		if (t && memcmp(before, m->own, n * sizeof *before) == 0)
			break;
		move_centres(m, exec); /* and before is what it made of own */
		memcpy(before, m->own, n * sizeof *before);
		if (exec->progress && iterations > TRY)
			exec->progress(exec->ctx, "k-means", t + 1, iterations);
	}
	for (size_t i = 0; i < n; i++)
		total += m->d2[i];
	return total;
}

/* --- the best of several starts --- */

/* Numbers clusters by size, ties by their first point. */
static int number(uint32_t *cluster, size_t n, size_t k, struct fail *f)
{
	size_t *size = calloc(k, sizeof *size);
	uint32_t *first = malloc(k * sizeof *first), *name = malloc(k * sizeof *name);
	if (!size || !first || !name || n > UINT32_MAX) {
		free(size);
		free(first);
		free(name);
		return fail_memory_for(f, "%zu clusters", k);
	}
	memset(first, 0xff, k * sizeof *first);
	for (size_t i = 0; i < n; i++) {
		uint32_t c = cluster[i];
		first[c] = size[c]++ ? first[c] : (uint32_t)i;
	}
	for (size_t c = 0; c < k; c++) {
		name[c] = 0;
		for (size_t o = 0; o < k; o++)
			name[c] += size[o] > size[c] || (size[o] == size[c] && first[o] < first[c]);
	}
	for (size_t i = 0; i < n; i++)
		cluster[i] = name[cluster[i]];
	free(size);
	free(first);
	free(name);
	return 0;
}

static int prepare(struct kmeans *m, const struct exec *exec, struct fail *f)
{
	size_t n = m->x->n, d = (size_t)m->x->d;
	m->centre = malloc(m->k * d * sizeof *m->centre);
	m->sq = malloc(m->k * sizeof *m->sq);
	m->d2 = malloc(n * sizeof *m->d2);
	m->own = calloc(n, sizeof *m->own);
	m->size = calloc(m->k, sizeof *m->size);
	if (!m->centre || !m->sq || !m->d2 || !m->own || !m->size)
		return fail_memory_for(f, "%zu clusters of %zu records", m->k, n);
	m->shift = points_centre(m->x, f);
	return !m->shift || buffer_pool_open(&m->shelf, exec->threads, m->tile * (d + m->k + 1) * sizeof(double), f) ? -1 : 0;
}

int kmeans(const struct points *x, int k, uint64_t seed, const struct exec *exec, uint32_t *cluster, struct fail *f)
{
	struct kmeans m = {.x = x, .k = (size_t)k, .tile = tile_rows(x->d, 512, sizeof(double))};
	double best = INFINITY;
	if ((size_t)k > x->n)
		return fail_set(f, "%d clusters are wanted, but there are only %zu records", k, x->n);
	uint32_t *before = malloc(x->n * sizeof *before);
	int bad = !before ? fail_memory(f) : prepare(&m, exec, f);
	for (uint64_t start = 0; start < STARTS && !bad; start++) { /* a few iterations tell which start is good */
		bad = choose_centres(&m, seed, start, exec, f);
		double total = bad ? INFINITY : lloyd(&m, TRY, before, exec);
		if (total < best) {
			best = total;
			memcpy(cluster, m.own, x->n * sizeof *cluster);
		}
	}
	if (!bad) {
		memcpy(m.own, cluster, x->n * sizeof *cluster);
		move_centres(&m, exec);
		lloyd(&m, ITERATIONS, before, exec);
		memcpy(cluster, m.own, x->n * sizeof *cluster);
	}
	if (!bad)
		bad = number(cluster, x->n, (size_t)k, f);
	free(before);
	free(m.centre);
	free(m.sq);
	free(m.d2);
	free(m.own);
	free(m.size);
	free(m.shift);
	buffer_pool_close(&m.shelf);
	return bad;
}
