/* k nearest neighbours for many neighbours, and of other points.
 *
 * The lists of knn.c would need n k numbers, and an insertion k steps. Here a block of rows is compared with all tiles, one after the other, and
 * its rows collect candidates without order; when the space for them is used up, a selection keeps the nearest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/select.h"
#include "density/knn_state.h"
#include "gemm/mat.h"

struct row_candidates { /* of one row */
	struct knn_neighbour *v; /* [capacity]: no order */
	size_t n;
	double last; /* the keep-th smallest distance known */
};

/* v[k] becomes the (k + 1)-th nearest, after the k nearest. */
SELECT(select_nearest, struct knn_neighbour, is_nearer)

static void add_candidate(const struct knn *k, struct row_candidates *c, struct knn_neighbour new)
{
	c->v[c->n++] = new;
	if (c->n < k->capacity)
		return;
	select_nearest(c->v, c->n, k->keep - 1);
	c->n = k->keep;
	c->last = c->v[k->keep - 1].d2;
}

static void collect_row(const struct knn *k, struct tile *a, struct tile *b, size_t r, const float *products, struct row_candidates *c)
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
	       k->block_rows * (sizeof(struct row_candidates) + k->capacity * sizeof(struct knn_neighbour));
}

/* The balls of a row for every k, the largest first. */
static void select_balls(const struct knn *k, struct row_candidates *c, size_t row)
{
	size_t n = c->n;
	for (size_t q = 0; q < k->nk; q++) {
		size_t of = k->by_size[q], neighbours = (size_t)k->k[of], keep = neighbours < k->keep ? neighbours + 1 : neighbours;
		if (neighbours > k->x->n)
			continue;
		select_nearest(c->v, n, keep - 1);
		select_nearest(c->v, keep, neighbours - 1);
		k->balls[of * k->z->n + row] = knn_ball_of(k->x, c->v, neighbours, keep);
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
	struct row_candidates *c = (struct row_candidates *)(void *)scratch;
	struct knn_neighbour *v = (struct knn_neighbour *)(void *)(c + k->block_rows);
	char *at = (char *)(v + k->block_rows * k->capacity);
	float *products = (float *)(void *)tile_place(&b, tile_place(&a, at, k->block_rows, d), k->tile_rows, d);
	knn_load_tile(k, k->z, &a, i * k->block_rows, k->block_rows);
	for (size_t r = 0; r < a.rows; r++)
		c[r] = (struct row_candidates){v + r * k->capacity, 0, INFINITY};
	for (size_t t = 0; t < k->tiles; t++) {
		knn_load_tile(k, k->x, &b, (first + t) % k->tiles * k->tile_rows, k->tile_rows);
		mat_nt(products, (int)b.rows, a.v, (int)d, b.v, (int)d, NULL, (int)a.rows, (int)b.rows, (int)d, MAT_16);
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

int knn_collect_all(struct knn *k, const struct exec *exec, struct fail *f)
{
	size_blocks(k);
	if (scratch_open(&k->scratch, exec->threads, block_bytes(k), f))
		return -1;
	exec_run(exec, "k-NN", (k->z->n + k->block_rows - 1) / k->block_rows, collect_block, k);
	return 0;
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
	if (knn_prepare(&x->s, rows, x->k, nk, f)) {
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
	knn_no_balls(balls, z->n * s.nk);
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
