/* k nearest neighbours of all points among themselves, exactly.
 *
 * The points are cut into tiles. Each pair of tiles is compared once, for both sides: |a - b|^2 = |a|^2 + |b|^2 - 2 a.b, with all a.b
 * from one product of floats. The rounding error of that is bounded. A pair whose distance could, within the bound, be one of the k+1
 * smallest of a point is measured in double; all other pairs are skipped. Since a point soon has near neighbours, only about
 * k log(n/k) of its n distances are measured. */
#include <math.h>
#include <stdlib.h>

#include "density/density.h"
#include "density/tiles.h"
#include "gemm/mat.h"

struct knn {
	const struct points *x;
	size_t keep;             /* k + 1 */
	size_t tile_rows, tiles;
	double scale;            /* of a coordinate in a tile */
	double relative_error;   /* bound on the error of |a - b|^2, relative to (|a| + |b|)^2 */
	double underflow_error;  /* bound on what is lost when products are too small to be floats */
	float *centre;           /* [d] */
	double *nearest;         /* [n][keep]: the smallest squared distances so far, ascending, in steps */
	pthread_mutex_t *lock;   /* [tiles]: of the tile's rows of nearest */
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

static size_t tile_bytes(size_t rows, size_t d) { return rows * (d * sizeof(float) + sizeof(double) + 2 * sizeof(float)) + 64; }

/* Places the arrays of a tile at `at`; returns where they end. */
static char *tile_place(struct tile *t, char *at, size_t rows, size_t d)
{
	t->sq = (double *)(void *)at;
	t->v = (float *)(void *)(at + rows * sizeof *t->sq);
	t->sqf = t->v + rows * d;
	t->limit = t->sqf + rows;
	return at + tile_bytes(rows, d) / 64 * 64;
}

static void tile_load(const struct knn *k, struct tile *t, size_t tile)
{
	t->from = tile * k->tile_rows;
	t->rows = k->x->n - t->from < k->tile_rows ? k->x->n - t->from : k->tile_rows;
	tile_load_floats(k->x, t->from, t->rows, k->centre, k->scale, t->v, t->sq);
	t->longest = 0;
	for (size_t r = 0; r < t->rows; r++) {
		t->sqf[r] = (float)t->sq[r];
		t->longest = fmax(t->longest, sqrt(t->sq[r]));
	}
}

/* The limit of row r of t against a tile whose longest row is `longest`: the point's (k+1)-th distance so far, plus the error bound. */
static void set_limit(const struct knn *k, struct tile *t, size_t r, double longest)
{
	double last = k->nearest[(t->from + r) * k->keep + k->keep - 1], lengths = sqrt(t->sq[r]) + longest;
	double limit = last * k->scale * k->scale + k->relative_error * lengths * lengths + k->underflow_error;
	t->limit[r] = last > 0 ? (float)limit : -INFINITY; /* nothing is nearer than 0 */
}

static int insert(const struct knn *k, size_t row, double d2)
{
	double *v = k->nearest + row * k->keep;
	size_t i = k->keep - 1;
	if (!(d2 < v[i]))
		return 0;
	for (; i > 0 && v[i - 1] > d2; i--)
		v[i] = v[i - 1];
	v[i] = d2;
	return 1;
}

/* Measures the pairs of row r of a with rows [from, to) of b that are within a limit. products [b->rows]: a.b. both: b's rows get
 * neighbours too. */
static void measure_pairs(const struct knn *k, struct tile *a, struct tile *b, size_t r, const float *products, size_t from, size_t to, int both)
{
	for (size_t j = from; j < to; j++) {
		float v = a->sqf[r] + b->sqf[j] - 2 * products[j];
		int near_a = !(v > a->limit[r]), near_b = both && !(v > b->limit[j]); /* NAN, after an overflow, is measured */
		if (!near_a && !near_b)
			continue;
		double d2 = squared_steps(k->x, a->from + r, k->x, b->from + j);
		if (near_a && insert(k, a->from + r, d2))
			set_limit(k, a, r, b->longest);
		if (near_b && insert(k, b->from + j, d2))
			set_limit(k, b, j, a->longest);
	}
}

/* products [a->rows][b->rows]. A run of columns without a pair within its limit is skipped by a loop that the compiler vectorises. */
static void scan_products(const struct knn *k, struct tile *a, struct tile *b, const float *products, int both)
{
	enum { RUN = 64 };
	for (size_t r = 0; r < a->rows; r++, products += b->rows) {
		const float *sq = b->sqf, *limit = b->limit;
		for (size_t from = 0; from < b->rows; from += RUN) {
			size_t to = b->rows - from < RUN ? b->rows : from + RUN;
			float own_sq = a->sqf[r], own_limit = a->limit[r];
			int any = 0;
			if (both)
				for (size_t j = from; j < to; j++) {
					float v = own_sq + sq[j] - 2 * products[j];
					any |= !(v > own_limit) | !(v > limit[j]);
				}
			else
				for (size_t j = from; j < to; j++)
					any |= !(own_sq + sq[j] - 2 * products[j] > own_limit);
			if (any)
				measure_pairs(k, a, b, r, products, from, to, both);
		}
	}
}

/* Task i: pair i of tiles, counted through the rows of the upper triangle. */
static void compare_tiles(void *ctx, size_t i)
{
	struct knn *k = ctx;
	size_t d = (size_t)k->x->d, p = 0;
	for (; i >= k->tiles - p; p++)
		i -= k->tiles - p;
	size_t q = p + i;
	char *scratch = scratch_take(&k->scratch);
	struct tile a, b;
	float *products = (float *)(void *)tile_place(&b, tile_place(&a, scratch, k->tile_rows, d), k->tile_rows, d);
	tile_load(k, &a, p);
	tile_load(k, &b, q);
	mat_nt(products, (int)b.rows, a.v, (int)d, b.v, (int)d, (int)a.rows, (int)b.rows, (int)d, 0, MAT_16);
	pthread_mutex_lock(&k->lock[p]);
	if (p != q)
		pthread_mutex_lock(&k->lock[q]);
	for (size_t r = 0; r < a.rows; r++)
		set_limit(k, &a, r, b.longest);
	for (size_t r = 0; r < b.rows; r++)
		set_limit(k, &b, r, a.longest);
	scan_products(k, &a, &b, products, p != q);
	if (p != q)
		pthread_mutex_unlock(&k->lock[q]);
	pthread_mutex_unlock(&k->lock[p]);
	scratch_give(&k->scratch, scratch);
}

static int find_nearest(struct knn *k, const struct exec *exec, struct fail *f)
{
	size_t n = k->x->n, d = (size_t)k->x->d;
	k->nearest = malloc(n * k->keep * sizeof *k->nearest);
	k->lock = malloc(k->tiles * sizeof *k->lock);
	if (!k->nearest || !k->lock)
		return fail_memory_for(f, "%zu neighbours of %zu records", k->keep, n);
	for (size_t i = 0; i < n * k->keep; i++)
		k->nearest[i] = INFINITY;
	if (!(k->centre = points_centre(k->x, f)) ||
	    scratch_open(&k->scratch, exec->threads, 2 * tile_bytes(k->tile_rows, d) + k->tile_rows * k->tile_rows * sizeof(float), f))
		return -1;
	k->scale = points_scale(k->x, k->centre);
	for (size_t i = 0; i < k->tiles; i++)
		pthread_mutex_init(&k->lock[i], NULL);
	exec_run(exec, "k-NN", k->tiles * (k->tiles + 1) / 2, compare_tiles, k);
	for (size_t i = 0; i < k->tiles; i++)
		pthread_mutex_destroy(&k->lock[i]);
	return 0;
}

int knn_radii(const struct points *x, int k, const struct exec *exec, double *r, struct fail *f)
{
	size_t neighbours = (size_t)k, keep = neighbours < x->n ? neighbours + 1 : x->n;
	struct knn s = {.x = x, .keep = keep, .tile_rows = tile_rows(x->d, 1024, sizeof(float))};
	for (size_t i = 0; i < 2 * x->n; i++)
		r[i] = INFINITY;
	if (neighbours > x->n || !x->n) /* no point has so many neighbours */
		return 0;
	s.tile_rows = s.tile_rows < x->n ? s.tile_rows : x->n;
	s.tiles = (x->n + s.tile_rows - 1) / s.tile_rows;
	/* The error of 2 a.b, at most twice mat_error_bound() (|a| + |b|)^2 / 4, and that of the sum: both have a factor of 2 to spare. */
	s.relative_error = mat_error_bound(x->d, MAT_16) + 8 * 0x1p-24;
	/* For as many products, or parts of them, that were flushed to 0; again with a factor of 2 to spare. */
	s.underflow_error = ((double)x->d + 16) * 0x1p-122;
	int bad = find_nearest(&s, exec, f);
	for (size_t i = 0; i < x->n && !bad; i++)
		for (size_t j = neighbours - 1; j < keep; j++)
			r[2 * i + j - (neighbours - 1)] = sqrt(s.nearest[i * keep + j]) * x->step;
	free(s.nearest);
	free(s.lock);
	free(s.centre);
	scratch_close(&s.scratch);
	return bad;
}

/* --- likelihood and influence --- */

static double log_unit_ball_volume(int d)
{
	int sign;
	return 0.5 * d * log(M_PI) - lgamma_r(0.5 * d + 1, &sign);
}

double knn_nll(size_t n, int d, int k, double rk) { return log((double)n) + log_unit_ball_volume(d) + d * log(rk) - log((double)k); }

double knn_influence(size_t n, int d, double rk, double rk1, int is_neighbour)
{
	return log1p(-1 / (double)n) + (is_neighbour ? d * log(rk1 / rk) : 0);
}

int knn_test_influence(const double *d2, size_t n, int d, int k, double *influence, double *nll, struct fail *why)
{
	size_t keep = (size_t)k + 1;
	if (n < keep)
		return fail_set(why, "%zu records have no %zu-th neighbour", n, keep);
	double *nearest = malloc(keep * sizeof *nearest);
	if (!nearest)
		return fail_memory(why);
	struct knn one = {.keep = keep, .nearest = nearest};
	for (size_t i = 0; i < keep; i++)
		nearest[i] = INFINITY;
	for (size_t i = 0; i < n; i++)
		insert(&one, 0, d2[i]);
	double rk = sqrt(nearest[k - 1]), rk1 = sqrt(nearest[k]), limit = nearest[k - 1];
	free(nearest);
	if (!(rk > 0))
		return fail_set(why, "at least %d records are the same as this one", k);
	*nll = knn_nll(n, d, k, rk);
	double near = knn_influence(n, d, rk, rk1, 1), far = knn_influence(n, d, rk, rk1, 0);
	for (size_t i = 0; i < n; i++)
		influence[i] = d2[i] <= limit ? near : far;
	return 0;
}
