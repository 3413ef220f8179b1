/* k nearest neighbours of all rows among themselves, exactly.
 *
 * The rows are cut into tiles, which are compared in pairs: |a - b|^2 = |a|^2 + |b|^2 - 2 a.b, with all a.b from one product of floats.
 * The rounding error of that is bounded. A pair whose distance could, within the bound, be one of the k+1 smallest of a row is measured
 * in double; all other pairs are skipped. Since a row soon has near neighbours, only about k log(n/k) of its n distances are measured.
 *
 * For few neighbours each pair of tiles is compared once, for both sides, and every row keeps a sorted list. For many neighbours the
 * lists would need n k numbers, and an insertion k steps. Then a tile of rows is compared with all tiles at a time, and its rows collect
 * candidates without order; when the space for them is used up, a selection keeps the nearest (Hoare 1961, Algorithm 65: FIND). Several k
 * are found in one search for the largest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "density/density.h"
#include "density/tiles.h"
#include "gemm/mat.h"

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
static int is_nearer(const struct knn_neighbour *a, const struct knn_neighbour *b)
{
	return a->d2 < b->d2 || (a->d2 == b->d2 && a->copies < b->copies);
}

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

/* Rows [from, from + rows). Not inlined, because GCC 12 for arm64 fails in the loops that result. */
__attribute__((noinline)) static void tile_load(const struct knn *k, const struct points *x, struct tile *t, size_t from, size_t rows)
{
	t->from = from;
	t->rows = x->n - from < rows ? x->n - from : rows;
	tile_load_floats(x, t->from, t->rows, k->centre, k->scale, t->v, t->sq);
	t->longest = 0;
	for (size_t r = 0; r < t->rows; r++) {
		t->sqf[r] = (float)t->sq[r];
		t->longest = fmax(t->longest, sqrt(t->sq[r]));
	}
}

/* The limit of row r of t against a tile whose longest row is `longest`: the row's (k+1)-th distance so far, plus the error bound. */
static void set_limit(const struct knn *k, struct tile *t, size_t r, double last, double longest)
{
	double lengths = sqrt(t->sq[r]) + longest;
	double limit = last * k->scale * k->scale + k->relative_error * lengths * lengths + k->underflow_error;
	t->limit[r] = last > 0 ? (float)limit : -INFINITY; /* nothing is nearer than 0 */
}

static double last_distance(const struct knn *k, size_t row) { return k->nearest[row * k->keep + k->keep - 1].d2; }

static int insert(struct knn_neighbour *v, size_t keep, struct knn_neighbour new)
{
	size_t i = keep - 1;
	if (!is_nearer(&new, &v[i]))
		return 0;
	for (; i > 0 && is_nearer(&new, &v[i - 1]); i--)
		v[i] = v[i - 1];
	v[i] = new;
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
		size_t i = a->from + r, o = b->from + j;
		if (near_a && insert(k->nearest + i * k->keep, k->keep, (struct knn_neighbour){d2, k->copies[o], (uint32_t)o}))
			set_limit(k, a, r, last_distance(k, i), b->longest);
		if (near_b && insert(k->nearest + o * k->keep, k->keep, (struct knn_neighbour){d2, k->copies[i], (uint32_t)i}))
			set_limit(k, b, j, last_distance(k, o), a->longest);
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
	tile_load(k, k->x, &a, p * k->tile_rows, k->tile_rows);
	tile_load(k, k->x, &b, q * k->tile_rows, k->tile_rows);
	mat_nt(products, (int)b.rows, a.v, (int)d, b.v, (int)d, (int)a.rows, (int)b.rows, (int)d, 0, MAT_16);
	pthread_mutex_lock(&k->lock[p]);
	if (p != q)
		pthread_mutex_lock(&k->lock[q]);
	for (size_t r = 0; r < a.rows; r++)
		set_limit(k, &a, r, last_distance(k, a.from + r), b.longest);
	for (size_t r = 0; r < b.rows; r++)
		set_limit(k, &b, r, last_distance(k, b.from + r), a.longest);
	scan_products(k, &a, &b, products, p != q);
	if (p != q)
		pthread_mutex_unlock(&k->lock[q]);
	pthread_mutex_unlock(&k->lock[p]);
	scratch_give(&k->scratch, scratch);
}

/* The ball of a row from its keep nearest: v[k - 1] is the k-th, and v[k] the next, if there is one. */
static struct knn_ball ball_of(const struct points *x, const struct knn_neighbour *v, size_t k, size_t keep)
{
	struct knn_ball b = {.r = sqrt(v[k - 1].d2) * x->step, .next_r = INFINITY};
	for (size_t i = 0; i < k; i++)
		b.records += v[i].copies;
	if (keep > k) {
		b.next_r = sqrt(v[k].d2) * x->step;
		b.next_copies = v[k].copies;
	}
	return b;
}

/* --- few neighbours --- */

static int sort_all(struct knn *k, const struct exec *exec, struct fail *f)
{
	size_t n = k->x->n;
	k->nearest = malloc(n * k->keep * sizeof *k->nearest);
	k->lock = malloc(k->tiles * sizeof *k->lock);
	if (!k->nearest || !k->lock)
		return fail_memory_for(f, "%zu neighbours of %zu records", k->keep, n);
	for (size_t i = 0; i < n * k->keep; i++)
		k->nearest[i] = (struct knn_neighbour){.d2 = INFINITY};
	size_t bytes = 2 * tile_bytes(k->tile_rows, (size_t)k->x->d) + k->tile_rows * k->tile_rows * sizeof(float);
	if (scratch_open(&k->scratch, exec->threads, bytes, f))
		return -1;
	for (size_t i = 0; i < k->tiles; i++)
		pthread_mutex_init(&k->lock[i], NULL);
	exec_run(exec, "k-NN", k->tiles * (k->tiles + 1) / 2, compare_tiles, k);
	for (size_t i = 0; i < k->tiles; i++)
		pthread_mutex_destroy(&k->lock[i]);
	for (size_t q = 0; q < k->nk; q++)
		for (size_t i = 0; i < n && (size_t)k->k[q] <= n; i++)
			k->balls[q * n + i] = ball_of(k->x, k->nearest + i * k->keep, (size_t)k->k[q], k->keep);
	return 0;
}

/* --- many neighbours --- */

struct candidates { /* of one row */
	struct knn_neighbour *v; /* [capacity]: no order */
	size_t n;
	double last; /* the keep-th smallest distance known */
};

/* Reorders v so that the `keep` nearest come first, v[keep - 1] the farthest of them. */
static void select_nearest(struct knn_neighbour *v, size_t n, size_t keep)
{
	ptrdiff_t low = 0, high = (ptrdiff_t)n - 1, at = (ptrdiff_t)keep - 1;
	while (low < high) {
		struct knn_neighbour pivot = v[low + (high - low) / 2];
		ptrdiff_t i = low, j = high;
		while (i <= j) {
			while (is_nearer(&v[i], &pivot))
				i++;
			while (is_nearer(&pivot, &v[j]))
				j--;
			if (i <= j) {
				struct knn_neighbour swap = v[i];
				v[i++] = v[j];
				v[j--] = swap;
			}
		}
		if (at > j && at < i) /* equals the pivot */
			return;
		if (at <= j)
			high = j;
		else
			low = i;
	}
}

static void add_candidate(const struct knn *k, struct candidates *c, struct knn_neighbour new)
{
	c->v[c->n++] = new;
	if (c->n < k->capacity)
		return;
	select_nearest(c->v, c->n, k->keep);
	c->n = k->keep;
	c->last = c->v[k->keep - 1].d2;
}

static void collect_row(const struct knn *k, struct tile *a, struct tile *b, size_t r, const float *products, struct candidates *c)
{
	enum { RUN = 64 };
	const float *sq = b->sqf;
	for (size_t from = 0; from < b->rows; from += RUN) {
		size_t to = b->rows - from < RUN ? b->rows : from + RUN;
		float own = a->sqf[r], limit = a->limit[r];
		int any = 0;
		for (size_t j = from; j < to; j++)
			any |= !(own + sq[j] - 2 * products[j] > limit);
		for (size_t j = from; any && j < to; j++) {
			if (own + sq[j] - 2 * products[j] > a->limit[r])
				continue;
			double last = c->last, d2 = squared_steps(k->z, a->from + r, k->x, b->from + j);
			if (d2 <= last)
				add_candidate(k, c, (struct knn_neighbour){d2, k->copies[b->from + j], (uint32_t)(b->from + j)});
			if (c->last < last)
				set_limit(k, a, r, c->last, b->longest);
		}
	}
}

static size_t block_bytes(const struct knn *k)
{
	size_t d = (size_t)k->x->d;
	return tile_bytes(k->block_rows, d) + tile_bytes(k->tile_rows, d) + k->block_rows * k->tile_rows * sizeof(float) + 64 +
	       k->block_rows * (sizeof(struct candidates) + k->capacity * sizeof(struct knn_neighbour));
}

/* The balls of a row for every k, the largest first. */
static void select_balls(const struct knn *k, struct candidates *c, size_t row)
{
	size_t n = c->n;
	for (size_t q = 0; q < k->nk; q++) {
		size_t of = k->by_size[q], neighbours = (size_t)k->k[of], keep = neighbours < k->keep ? neighbours + 1 : neighbours;
		if (neighbours > k->x->n)
			continue;
		select_nearest(c->v, n, keep);
		select_nearest(c->v, keep, neighbours);
		k->balls[of * k->z->n + row] = ball_of(k->x, c->v, neighbours, keep);
		n = keep;
	}
}

/* Task i: a block of rows against all tiles, beginning with the tile of the block, where near rows may stand. */
static void collect_block(void *ctx, size_t i)
{
	struct knn *k = ctx;
	size_t d = (size_t)k->x->d, first = i * k->block_rows / k->tile_rows % k->tiles;
	char *scratch = scratch_take(&k->scratch);
	struct tile a, b;
	struct candidates *c = (struct candidates *)(void *)scratch;
	struct knn_neighbour *v = (struct knn_neighbour *)(void *)(c + k->block_rows);
	char *at = (char *)(v + k->block_rows * k->capacity);
	float *products = (float *)(void *)tile_place(&b, tile_place(&a, at, k->block_rows, d), k->tile_rows, d);
	tile_load(k, k->z, &a, i * k->block_rows, k->block_rows);
	for (size_t r = 0; r < a.rows; r++)
		c[r] = (struct candidates){v + r * k->capacity, 0, INFINITY};
	for (size_t t = 0; t < k->tiles; t++) {
		tile_load(k, k->x, &b, (first + t) % k->tiles * k->tile_rows, k->tile_rows);
		mat_nt(products, (int)b.rows, a.v, (int)d, b.v, (int)d, (int)a.rows, (int)b.rows, (int)d, 0, MAT_16);
		for (size_t r = 0; r < a.rows; r++) {
			set_limit(k, &a, r, c[r].last, b.longest);
			collect_row(k, &a, &b, r, products + r * b.rows, &c[r]);
		}
	}
	for (size_t r = 0; r < a.rows; r++) {
		select_balls(k, &c[r], a.from + r);
		if (k->lists)
			memcpy(k->lists + (a.from + r) * k->keep, c[r].v, k->keep * sizeof *k->lists);
	}
	scratch_give(&k->scratch, scratch);
}

static void size_blocks(struct knn *k)
{
	enum { BUDGET = 16 << 20, MAX_BLOCK = 256 };
	k->capacity = k->keep + k->keep / 2 + 1;
	size_t rows = BUDGET / (k->capacity * sizeof(struct knn_neighbour));
	k->block_rows = rows > MAX_BLOCK ? MAX_BLOCK : rows < 4 ? 4 : rows / 4 * 4;
}

static int collect_all(struct knn *k, const struct exec *exec, struct fail *f)
{
	size_blocks(k);
	if (scratch_open(&k->scratch, exec->threads, block_bytes(k), f))
		return -1;
	exec_run(exec, "k-NN", (k->z->n + k->block_rows - 1) / k->block_rows, collect_block, k);
	return 0;
}

static void sort_by_size(struct knn *s)
{
	for (size_t q = 0; q < s->nk; q++) {
		size_t at = q;
		for (; at > 0 && s->k[s->by_size[at - 1]] < s->k[q]; at--)
			s->by_size[at] = s->by_size[at - 1];
		s->by_size[at] = q;
	}
}

/* Everything but the balls. With no k that the rows can have, most is 0. */
static int prepare(struct knn *s, const struct rows *rows, const int *neighbours, int nk, struct fail *f)
{
	const struct points *x = &rows->x;
	size_t n = x->n, k = 0;
	for (int q = 0; q < nk; q++)
		k = (size_t)neighbours[q] <= n && (size_t)neighbours[q] > k ? (size_t)neighbours[q] : k;
	*s = (struct knn){.x = x, .z = x, .copies = rows->copies, .k = neighbours, .nk = (size_t)nk, .most = k, .keep = k < n ? k + 1 : n,
	                  .tile_rows = tile_rows(x->d, 1024, sizeof(float))};
	s->tile_rows = s->tile_rows < n ? s->tile_rows : n;
	if (!k || !s->tile_rows)
		return 0;
	s->tiles = (n + s->tile_rows - 1) / s->tile_rows;
	sort_by_size(s);
	/* The error of 2 a.b, at most twice mat_error_bound() (|a| + |b|)^2 / 4, and that of the sum: both have a factor of 2 to spare. */
	s->relative_error = mat_error_bound(x->d, MAT_16) + 8 * 0x1p-24;
	/* For as many products, or parts of them, that were flushed to 0; again with a factor of 2 to spare. */
	s->underflow_error = ((double)x->d + 16) * 0x1p-122;
	s->centre = points_centre(x, f);
	if (!s->centre)
		return -1;
	s->scale = points_scale(x, s->centre);
	return 0;
}

static void no_balls(struct knn_ball *balls, size_t n)
{
	for (size_t i = 0; i != n; i++)
		balls[i] = (struct knn_ball){INFINITY, INFINITY, 0, 0};
}

int knn_lists(const struct rows *rows, const int *neighbours, int nk, const struct exec *exec, struct knn_ball *balls, struct knn_neighbour **nearest,
              size_t *keep, struct fail *f)
{
	struct knn s;
	int bad = prepare(&s, rows, neighbours, nk, f);
	s.balls = balls;
	if (nearest) {
		*nearest = NULL;
		*keep = s.keep;
	}
	no_balls(balls, rows->x.n * s.nk);
	if (!bad && s.most)
		bad = (s.most > KNN_SORTED_MAX && s.keep > s.most ? collect_all : sort_all)(&s, exec, f);
	if (nearest && !bad) {
		*nearest = s.nearest;
		*keep = s.keep;
		s.nearest = NULL;
	}
	free(s.nearest);
	free(s.lock);
	free(s.centre);
	scratch_close(&s.scratch);
	return bad ? -1 : 0;
}

int knn_balls(const struct rows *rows, const int *k, int nk, const struct exec *exec, struct knn_ball *balls, struct fail *f)
{
	return knn_lists(rows, k, nk, exec, balls, NULL, NULL, f);
}

/* --- other points --- */

struct knn_index {
	struct knn s;
	int k[KNN_MAX_K];
};

struct knn_index *knn_index_open(const struct rows *rows, const int *k, int nk, struct fail *f)
{
	struct knn_index *x = calloc(1, sizeof *x);
	if (!x) {
		fail_memory(f);
		return NULL;
	}
	for (int q = 0; q < nk; q++)
		x->k[q] = k[q];
	if (prepare(&x->s, rows, x->k, nk, f)) {
		knn_index_free(x);
		return NULL;
	}
	if (x->s.most)
		size_blocks(&x->s);
	return x;
}

size_t knn_index_lists(const struct knn_index *x, size_t *keep)
{
	*keep = x->s.keep;
	return x->s.most;
}

int knn_search(const struct knn_index *x, const struct points *z, struct knn_ball *balls, struct knn_neighbour *lists, struct fail *f)
{
	struct knn s = x->s;
	s.z = z;
	s.balls = balls;
	s.lists = lists;
	no_balls(balls, z->n * s.nk);
	if (!s.most || !z->n)
		return 0;
	s.block_rows = s.block_rows < z->n ? s.block_rows : z->n;
	if (scratch_open(&s.scratch, 1, block_bytes(&s), f))
		return -1;
	for (size_t i = 0; i < (z->n + s.block_rows - 1) / s.block_rows; i++)
		collect_block(&s, i);
	scratch_close(&s.scratch);
	return 0;
}

void knn_index_free(struct knn_index *x)
{
	if (x)
		free(x->s.centre);
	free(x);
}

/* --- test points --- */

int knn_test_influence(const struct rows *rows, const double *d2, size_t n, int d, int k, double *influence, double *nll, struct fail *why)
{
	size_t keep = (size_t)k + 1;
	if (k < 1 || rows->x.n < keep)
		return fail_unscored(why, "%zu records have no %d-th neighbour", rows->x.n, k + 1);
	struct knn_neighbour *nearest = calloc(keep, sizeof *nearest);
	if (!nearest)
		return fail_memory(why);
	for (size_t i = 0; i < keep; i++)
		nearest[i] = (struct knn_neighbour){.d2 = INFINITY};
	for (size_t i = 0; i < rows->x.n; i++)
		insert(nearest, keep, (struct knn_neighbour){d2[rows->first[i]], rows->copies[i], (uint32_t)i});
	const struct points unit = {.step = 1};
	struct knn_ball b = ball_of(&unit, nearest, (size_t)k, keep);
	struct knn_neighbour last = nearest[k - 1];
	free(nearest);
	if (!(b.r > 0))
		return fail_unscored(why, "at least %d records are the same as this one", k);
	*nll = knn_nll(n, d, b.records, b.r);
	for (size_t i = 0; i < n; i++) {
		struct knn_neighbour own = {d2[i], rows->copies[rows->of[i]], rows->of[i]};
		influence[i] = knn_influence(n, d, &b, !is_nearer(&last, &own), rows->copies[rows->of[i]]);
	}
	return 0;
}
