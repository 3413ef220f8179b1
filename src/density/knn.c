/* k nearest neighbours of all rows among themselves, exactly.
 *
 * The rows are cut into tiles, which are compared in pairs: |a - b|^2 = |a|^2 + |b|^2 - 2 a.b, with all a.b from one product of floats.
 * The rounding error of that is bounded. A pair whose distance could, within the bound, be one of the k+1 smallest of a row is measured
 * in double; all other pairs are skipped. Since a row soon has near neighbours, only about k log(n/k) of its n distances are measured.
 *
 * For few neighbours, here, each pair of tiles is compared once, for both sides, and every row keeps a sorted list. Several k are found in one
 * search for the largest. */
#include <math.h>
#include <stdlib.h>

#include "density/knn_state.h"
#include "gemm/mat.h"

/* Not inlined, because GCC 12 for arm64 fails in the loops that result. */
__attribute__((noinline)) void knn_load_tile(const struct knn *k, const struct points *x, struct tile *t, size_t from, size_t rows)
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
	knn_load_tile(k, k->x, &a, p * k->tile_rows, k->tile_rows);
	knn_load_tile(k, k->x, &b, q * k->tile_rows, k->tile_rows);
	mat_nt(products, (int)b.rows, a.v, (int)d, b.v, (int)d, NULL, (int)a.rows, (int)b.rows, (int)d, MAT_16);
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

struct knn_ball knn_ball_of(const struct points *x, const struct knn_neighbour *v, size_t k, size_t keep)
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
			k->balls[q * n + i] = knn_ball_of(k->x, k->nearest + i * k->keep, (size_t)k->k[q], k->keep);
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

int knn_prepare(struct knn *s, const struct rows *rows, const int *neighbours, int nk, struct fail *f)
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

void knn_no_balls(struct knn_ball *balls, size_t n)
{
	for (size_t i = 0; i != n; i++)
		balls[i] = (struct knn_ball){INFINITY, INFINITY, 0, 0};
}

int knn_lists(const struct rows *rows, const int *neighbours, int nk, const struct exec *exec, struct knn_ball *balls, struct knn_neighbour **nearest,
              size_t *keep, struct fail *f)
{
	struct knn s;
	int bad = knn_prepare(&s, rows, neighbours, nk, f);
	s.balls = balls;
	if (nearest) {
		*nearest = NULL;
		*keep = s.keep;
	}
	knn_no_balls(balls, rows->x.n * s.nk);
	if (!bad && s.most)
		bad = (s.most > KNN_SORTED_MAX && s.keep > s.most ? knn_collect_all : sort_all)(&s, exec, f);
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
	struct knn_ball b = knn_ball_of(&unit, nearest, (size_t)k, keep);
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
