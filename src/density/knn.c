/* A block of points against another: |a|^2 + |b|^2 - 2 a.b by one product of floats, each pair of
 * blocks once, for both sides. A float's error is bounded, and whoever could stand among the k+1
 * nearest under that bound is measured in double; the others are not looked at again. Since a row
 * soon has near neighbours, these are about k log(N/k) of N. */
#include <math.h>
#include <stdlib.h>

#include "density/density.h"
#include "gemm/mat.h"
#include "density/tiles.h"

struct knn {
	const struct points *x;
	size_t keep;  /* k + 1 */
	size_t tile, blocks, base;
	double slack; /* of a distance, relative to (|a| + |b|)^2 */
	double least; /* what it is off by where products are too small to be floats */
	double scale; /* of a coordinate in a block */
	float *centre;
	double *near; /* [n][keep], ascending, in squared steps */
	pthread_mutex_t *lock; /* [blocks]: of the rows of near */
	struct buffer_pool shelf;
};

struct side { /* a block, as a unit of work has it */
	size_t from, rows;
	float *v;    /* [rows][d], scaled as all but near is */
	double *sq;  /* [rows] */
	float *sqf, *limit; /* [rows]: sq; below which |a-b|^2 can still be near */
	double longest;
};

static size_t side_bytes(size_t tile, size_t d) { return tile * (d * sizeof(float) + sizeof(double) + 2 * sizeof(float)) + 64; }

static char *lay_out(struct side *s, char *at, size_t tile, size_t d)
{
	s->sq = (double *)(void *)at;
	s->v = (float *)(void *)(at + tile * sizeof *s->sq);
	s->sqf = s->v + tile * d;
	s->limit = s->sqf + tile;
	return at + side_bytes(tile, d) / 64 * 64;
}

static void load(const struct knn *k, struct side *s, size_t block)
{
	s->from = block * k->tile;
	s->rows = k->x->n - s->from < k->tile ? k->x->n - s->from : k->tile;
	tile_floats(k->x, s->from, s->rows, k->centre, k->scale, s->v, s->sq);
	s->longest = 0;
	for (size_t r = 0; r < s->rows; r++) {
		s->sqf[r] = (float)s->sq[r];
		s->longest = fmax(s->longest, sqrt(s->sq[r]));
	}
}

/* What |a-b|^2 by the product must not exceed, for row r of s against a block with this longest row. */
static void set_limit(const struct knn *k, struct side *s, size_t r, double longest)
{
	double last = k->near[(s->from + r) * k->keep + k->keep - 1], both = sqrt(s->sq[r]) + longest;
	double most = last * k->scale * k->scale + k->slack * both * both + k->least;
	s->limit[r] = last > 0 ? (float)most : -INFINITY; /* nothing is nearer than 0 */
}

static int insert(const struct knn *k, size_t row, double d2)
{
	double *v = k->near + row * k->keep;
	size_t i = k->keep - 1;
	if (!(d2 < v[i]))
		return 0;
	for (; i > 0 && v[i - 1] > d2; i--)
		v[i] = v[i - 1];
	v[i] = d2;
	return 1;
}

/* Columns [from, to) of row r: g holds a.b. both: the columns are rows of their own. */
static void offer(const struct knn *k, struct side *a, struct side *b, size_t r, const float *g, size_t from, size_t to, int both)
{
	for (size_t j = from; j < to; j++) {
		float v = a->sqf[r] + b->sqf[j] - 2 * g[j];
		int row = !(v > a->limit[r]), column = both && !(v > b->limit[j]); /* NAN, after an overflow, is measured */
		if (!row && !column)
			continue;
		double d2 = points_squared_steps(k->x, a->from + r, k->x, b->from + j);
		if (row && insert(k, a->from + r, d2))
			set_limit(k, a, r, b->longest);
		if (column && insert(k, b->from + j, d2))
			set_limit(k, b, j, a->longest);
	}
}

static void scan(const struct knn *k, struct side *a, struct side *b, const float *g, int both)
{
	enum { RUN = 64 };
	for (size_t r = 0; r < a->rows; r++, g += b->rows) {
		const float *sq = b->sqf, *limit = b->limit;
		for (size_t from = 0; from < b->rows; from += RUN) {
			size_t to = b->rows - from < RUN ? b->rows : from + RUN;
			float own = a->sqf[r], mine = a->limit[r];
			int hit = 0;
			if (both)
				for (size_t j = from; j < to; j++) {
					float v = own + sq[j] - 2 * g[j];
					hit |= !(v > mine) | !(v > limit[j]);
				}
			else
				for (size_t j = from; j < to; j++)
					hit |= !(own + sq[j] - 2 * g[j] > mine);
			if (hit)
				offer(k, a, b, r, g, from, to, both);
		}
	}
}

static void pair_of_blocks(void *ctx, int i)
{
	struct knn *k = ctx;
	size_t d = (size_t)k->x->d, at = k->base + (size_t)i, p = 0;
	for (; at >= k->blocks - p; p++) /* row p of the upper triangle */
		at -= k->blocks - p;
	size_t q = p + at;
	char *mem = buffer_pool_take(&k->shelf);
	struct side a, b;
	float *g = (float *)(void *)lay_out(&b, lay_out(&a, mem, k->tile, d), k->tile, d);
	load(k, &a, p);
	load(k, &b, q);
	mat_nt(g, (int)b.rows, a.v, (int)d, b.v, (int)d, (int)a.rows, (int)b.rows, (int)d, 0, MAT_16);
	pthread_mutex_lock(&k->lock[p]);
	if (p != q)
		pthread_mutex_lock(&k->lock[q]);
	for (size_t r = 0; r < a.rows; r++)
		set_limit(k, &a, r, b.longest);
	for (size_t r = 0; r < b.rows; r++)
		set_limit(k, &b, r, a.longest);
	scan(k, &a, &b, g, p != q);
	if (p != q)
		pthread_mutex_unlock(&k->lock[q]);
	pthread_mutex_unlock(&k->lock[p]);
	buffer_pool_give(&k->shelf, mem);
}

static int find(struct knn *k, const struct exec *exec, struct fail *f)
{
	size_t n = k->x->n, d = (size_t)k->x->d;
	k->near = malloc(n * k->keep * sizeof *k->near);
	k->lock = malloc(k->blocks * sizeof *k->lock);
	if (!k->near || !k->lock)
		return fail_memory_for(f, "%zu neighbours of %zu records", k->keep, n);
	for (size_t i = 0; i < n * k->keep; i++)
		k->near[i] = INFINITY;
	if (!(k->centre = points_centre(k->x, f)) ||
	    buffer_pool_open(&k->shelf, exec->threads, 2 * side_bytes(k->tile, d) + k->tile * k->tile * sizeof(float), f))
		return -1;
	k->scale = points_scale(k->x, k->centre);
	for (size_t i = 0; i < k->blocks; i++)
		pthread_mutex_init(&k->lock[i], NULL);
	exec_run(exec, "k-NN", k->blocks * (k->blocks + 1) / 2, pair_of_blocks, k, &k->base);
	for (size_t i = 0; i < k->blocks; i++)
		pthread_mutex_destroy(&k->lock[i]);
	return 0;
}

int knn_radii(const struct points *x, int k, const struct exec *exec, double *r, struct fail *f)
{
	size_t want = (size_t)k, keep = want < x->n ? want + 1 : x->n;
	struct knn s = {.x = x, .keep = keep, .tile = tile_rows(x->d, 1024, sizeof(float))};
	for (size_t i = 0; i < 2 * x->n; i++)
		r[i] = INFINITY;
	if (want > x->n || !x->n) /* nobody has so many neighbours */
		return 0;
	s.tile = s.tile < x->n ? s.tile : x->n;
	s.blocks = (x->n + s.tile - 1) / s.tile;
	s.slack = mat_error_bound(x->d, MAT_16) + 8 * 0x1p-24; /* of 2 a.b, at most twice (|a| + |b|)^2 / 4, and of the sum; half of it to spare */
	s.least = ((double)x->d + 16) * 0x1p-122; /* as many products, or pieces of them, that were flushed to 0, twice */
	int bad = find(&s, exec, f);
	for (size_t i = 0; i < x->n && !bad; i++)
		for (size_t j = want - 1; j < keep; j++)
			r[2 * i + j - (want - 1)] = sqrt(s.near[i * keep + j]) * x->unit;
	free(s.near);
	free(s.lock);
	free(s.centre);
	buffer_pool_close(&s.shelf);
	return bad;
}

/* log of the volume of the unit ball */
static double log_ball(int d)
{
	int sign;
	return 0.5 * d * log(M_PI) - lgamma_r(0.5 * d + 1, &sign);
}

double knn_nll(size_t n, int d, int k, double rk) { return log((double)n) + log_ball(d) + d * log(rk) - log((double)k); }

double knn_influence(size_t n, int d, double rk, double rk1, int among)
{
	return log1p(-1 / (double)n) + (among ? d * log(rk1 / rk) : 0);
}
