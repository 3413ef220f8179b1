/* weighted_sums.h - mat_weighted_sums(), without storing the gradient G = sum_j p_j k_j^T. A tile of MR x NR of G is summed in registers,
 * multiplied by its weights, and then multiplied by the p and k of every row. */
#ifndef VF_WEIGHTED_SUMS_H
#define VF_WEIGHTED_SUMS_H

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

/* sums [rows][LANES] += lane by lane. whole: the tile lies inside of the weights; a constant after inlining. */
KERNEL INLINE void add_tile(float (*sums)[LANES], const struct weighted_tile *t, int whole)
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
		vec y[PANEL_VECTORS], sum = vec_load(sums[i]);
		UNROLL
		for (int h = 0; h < PANEL_VECTORS; h++)
			y[h] = vec_zero();
		UNROLL
		for (int r = 0; r < MR; r++) {
			vec p = vec_all(t->p[r * t->rows + i]);
			UNROLL
			for (int h = 0; h < PANEL_VECTORS; h++)
				y[h] = vec_fma(p, g[r][h], y[h]);
		}
		UNROLL
		for (int h = 0; h < PANEL_VECTORS; h++)
			sum = vec_fma(y[h], vec_load(t->k + (size_t)i * NR + h * LANES), sum);
		vec_store(sums[i], sum);
	}
}

KERNEL static void fetch_weights(const float *weight, size_t ld, int height)
{
	for (int r = 0; r < height; r++)
		for (int h = 0; h < NR; h += CACHE_LINE)
			__builtin_prefetch(weight + (size_t)r * ld + h);
}

/* Columns [at, at + NR) of k. */
KERNEL static void take_columns(float (*to)[NR], const float *k, int nk, int rows, int at)
{
	for (int i = 0; i < rows; i++)
		for (int h = 0; h < NR; h += LANES)
			vec_store(to[i] + h, vec_load_some(k + (size_t)i * (size_t)nk + at + h, nk - at - h));
}

KERNEL static int weighted_sums(double *sum, const float *p, int np, const float *k, int nk, const float *weight, int rows, int from, int to,
				float *scratch)
{
	_Alignas(64) float columns[WEIGHTED_ROWS][NR], sums[WEIGHTED_ROWS][LANES];
	struct weighted_tile t = {.k = columns[0], .ld = (size_t)nk, .rows = rows, .from = from, .to = to};
	if (rows > WEIGHTED_ROWS)
		return 0;
	memset(scratch + (size_t)np * (size_t)rows, 0, (size_t)(MR * rows) * sizeof *scratch);
	for (int i = 0; i < rows; i++) {
		sum[i] = 0;
		for (int a = 0; a < np; a++)
			scratch[(size_t)a * (size_t)rows + (size_t)i] = p[(size_t)i * (size_t)np + (size_t)a];
	}
	for (int at = 0; at < nk; at += NR) {
		take_columns(columns, k, nk, rows, at);
		memset(sums, 0, sizeof sums);
		t.width = nk - at;
		for (int a = 0; a < np; a += MR) {
			t.height = np - a;
			t.p = scratch + (size_t)a * (size_t)rows;
			t.weight = weight + (size_t)a * t.ld + (size_t)at;
			fetch_weights(t.weight + MR * t.ld, t.ld, min_int(MR, np - a - MR));
			if (t.height >= MR && t.width >= NR)
				add_tile(sums, &t, 1);
			else
				add_tile(sums, &t, 0);
		}
		for (int i = 0; i < rows; i++)
			for (int r = 0; r < LANES; r++)
				sum[i] += (double)sums[i][r];
	}
	return 1;
}

#endif
