/* weighted_sums.h - mat_weighted_sums(), without storing the gradient G = sum_j p_j k_j^T. A tile of MR x NR of G is summed in registers,
 * multiplied by its weights, and then multiplied by the p of every row; the k follow once for all tiles of NR columns. */
#ifndef VF_WEIGHTED_SUMS_H
#define VF_WEIGHTED_SUMS_H

#include "gemm/mat.h"
#include "gemm/microkernel.h"

enum { WEIGHTED_ROWS = 64 }; /* the maximal number of rows */

struct weighted_tile {
	const float *p;      /* [MR][rows]: p, transposed */
	const float *k;      /* [rows][NR] */
	const float *weight; /* rows ld apart */
	size_t ld;
	int rows, from, to;
	int height, width;   /* of the part of the tile that lies inside of the weights */
};

/* sums [rows][NR] += the products of the tile with p, which are not yet multiplied by k. whole: the tile lies inside of the weights; a constant after inlining. */
KERNEL INLINE void add_tile(float (*sums)[NR], const struct weighted_tile *t, int whole)
{
	vec g[MR][PANEL_VECTORS];
	UNROLL
	for (int r = 0; r < MR; r++)
		UNROLL
		for (int h = 0; h < PANEL_VECTORS; h++)
			g[r][h] = vec_zero();
	for (int j = t->from; j < t->to; j++) {
		vec k[PANEL_VECTORS];
		UNROLL
		for (int h = 0; h < PANEL_VECTORS; h++)
			k[h] = vec_load(t->k + (size_t)j * NR + h * LANES);
		UNROLL
		for (int r = 0; r < MR; r++) {
			vec p = vec_all(t->p[r * t->rows + j]);
			UNROLL
			for (int h = 0; h < PANEL_VECTORS; h++)
				g[r][h] = vec_fma(p, k[h], g[r][h]);
		}
	}
	UNROLL
	for (int r = 0; r < MR; r++) {
		const float *w = t->weight + (size_t)(whole || r < t->height ? r : 0) * t->ld; /* rows beyond are 0 */
		UNROLL
		for (int h = 0; h < PANEL_VECTORS; h++)
			g[r][h] *= whole ? vec_load(w + h * LANES) : vec_load_some(w + h * LANES, t->width - h * LANES);
	}
	for (int i = 0; i < t->rows; i++) {
		vec y[PANEL_VECTORS];
		UNROLL
		for (int h = 0; h < PANEL_VECTORS; h++)
			y[h] = vec_load(sums[i] + h * LANES);
		UNROLL
		for (int r = 0; r < MR; r++) {
			vec p = vec_all(t->p[r * t->rows + i]);
			UNROLL
			for (int h = 0; h < PANEL_VECTORS; h++)
				y[h] = vec_fma(p, g[r][h], y[h]);
		}
		UNROLL
		for (int h = 0; h < PANEL_VECTORS; h++)
			vec_store(sums[i] + h * LANES, y[h]);
	}
}

KERNEL static void fetch_weights(const float *weight, size_t ld, int height)
{
	for (int r = 0; r < height; r++)
		for (int h = 0; h < NR; h += CACHE_LINE)
			__builtin_prefetch(weight + (size_t)r * ld + h);
}

/* The first `width` columns of k, at most NR, and zeros behind them. */
KERNEL static void take_columns(float (*to)[NR], const float *k, int ld, int rows, int width)
{
	for (int i = 0; i < rows; i++)
		for (int h = 0; h < NR; h += LANES)
			vec_store(to[i] + h, vec_load_some(k + (size_t)i * (size_t)ld + h, width - h));
}

/* The sum over the lanes of y k. */
KERNEL INLINE double sum_products(const float *y, const float *k)
{
	float lane[LANES];
	vec x = vec_zero();
	double sum = 0;
	UNROLL
	for (int h = 0; h < NR; h += LANES)
		x = vec_fma(vec_load(y + h), vec_load(k + h), x);
	vec_store(lane, x);
	for (int i = 0; i < LANES; i++)
		sum += (double)lane[i];
	return sum;
}

KERNEL static int weighted_sums(double *sum, const struct weighted_factors *f, const float *weight, int ld, int from, int to, float *scratch)
{
	_Alignas(64) float columns[WEIGHTED_ROWS][NR], sums[WEIGHTED_ROWS][NR];
	int rows = f->rows;
	struct weighted_tile t = {.k = columns[0], .ld = (size_t)ld, .rows = rows, .from = from, .to = to};
	if (rows > WEIGHTED_ROWS)
		return 0;
	memset(scratch + (size_t)f->np * (size_t)rows, 0, (size_t)(MR * rows) * sizeof *scratch);
	for (int i = 0; i < rows; i++)
		for (int a = 0; a < f->np; a++)
			scratch[(size_t)a * (size_t)rows + (size_t)i] = f->p[(size_t)i * (size_t)f->ldp + (size_t)a];
	for (int at = 0; at < f->nk; at += NR) {
		t.width = int_min(NR, f->nk - at);
		take_columns(columns, f->k + at, f->ldk, rows, t.width);
		memset(sums, 0, (size_t)rows * sizeof *sums);
		for (int a = 0; a < f->np; a += MR) {
			t.height = f->np - a;
			t.p = scratch + (size_t)a * (size_t)rows;
			t.weight = weight + (size_t)a * t.ld + (size_t)at;
			fetch_weights(t.weight + MR * t.ld, t.ld, int_min(MR, f->np - a - MR));
			if (t.height >= MR && t.width >= NR)
				add_tile(sums, &t, 1);
			else
				add_tile(sums, &t, 0);
		}
		for (int i = 0; i < rows; i++)
			sum[i] += sum_products(sums[i], columns[i]);
	}
	return 1;
}

#endif
