/* sparse_kernels.h - products of sparse blocks. Rows are lanes: a column of a block is COLUMN_VECTORS vectors, of 16 numbers.
 *
 * Dense outputs and outputs behind a ReLU are computed by the microkernel, which takes a block as strips of MR rows and visits
 * only its columns. All blocks of a call pass one panel of the weights before the next, so that the weights are read once. The 16 x NR sums
 * are then transposed, and columns of zeros are dropped.
 *
 * Behind a mask that leaves less than two thirds of the outputs, each active output is computed alone: the inner product of the block
 * with one column of the weights, for all 16 rows at once, MASKED_NR outputs side by side. Both ways add the same terms in the same
 * order, with one rounding a term, so they give the same bits as the dense kernel; sums over k restart every KC terms. */
#ifndef VF_SPARSE_KERNELS_H
#define VF_SPARSE_KERNELS_H

#include "gemm/microkernel.h"

enum {
	COLUMN_VECTORS = SPARSE_ROWS / LANES,
	/* active outputs computed side by side: 10 independent sums hide the latency of an addition; 4 lanes add them in less time */
	MASKED_NR = LANES == 4 ? 5 : 10 / COLUMN_VECTORS,
	GRAM_KC = 512,                     /* columns whose products are added up in registers before they go to a Gram matrix */
	GRAM_ROWS = LANES == 16 ? 16 : 4,  /* of a Gram matrix, whose sums fit the registers */
};
_Static_assert(LIST_PADDING >= 2 * MASKED_NR, "lists are padded");

/* --- packing --- */

/* Writes a column behind the last one, and counts it if keep; otherwise the next column overwrites it. */
KERNEL INLINE void append(struct sparse_block *b, const vec *x, int column, int keep)
{
	UNROLL
	for (int h = 0; h < COLUMN_VECTORS; h++)
		vec_store(b->v[b->n] + h * LANES, x[h]);
	b->column[b->n] = (uint16_t)column;
	b->n += keep;
}

KERNEL INLINE void append_nonzero(struct sparse_block *b, const vec *x, int column)
{
	vec bits = x[0];
	UNROLL
	for (int h = 1; h < COLUMN_VECTORS; h++)
		bits = vec_or(bits, x[h]);
	append(b, x, column, vec_any_nonzero(bits));
}

/* Loads LANES columns of v[SPARSE_ROWS][ld] into x, column i into x[i]. Only `rows` rows and `columns` columns exist. */
KERNEL INLINE void load_columns(vec x[LANES][COLUMN_VECTORS], const float *v, size_t ld, int rows, int columns)
{
	UNROLL
	for (int h = 0; h < COLUMN_VECTORS; h++) {
		vec t[LANES];
		load_transposed(t, v + (size_t)(h * LANES) * ld, ld, rows - h * LANES, columns);
		UNROLL
		for (int i = 0; i < LANES; i++)
			x[i][h] = t[i];
	}
}

static void pad_list(struct sparse_block *b) { memset(b->column + b->n, 0, LIST_PADDING * sizeof *b->column); }

KERNEL static void pack_block(struct sparse_block *b, const float *v, size_t ld, int rows, int width)
{
	b->n = 0;
	for (int j = 0; j < width; j += LANES, v += LANES) {
		vec x[LANES][COLUMN_VECTORS];
		for (int r = 0; r < rows; r++) /* the hardware does not follow 16 rows at once */
			__builtin_prefetch(v + (size_t)r * ld + int_min(2 * LANES, width - j));
		load_columns(x, v, ld, rows, width - j);
		UNROLL
		for (int i = 0; i < LANES; i++)
			if (i < width - j)
				append_nonzero(b, x[i], j + i);
	}
	pad_list(b);
}

KERNEL static void unpack_block(const struct sparse_block *b, float *v, size_t ld, int rows, int width)
{
	for (int j = 0, from = 0, q; j < width; j += LANES, v += LANES, from = q) {
		UNROLL
		for (int h = 0; h < COLUMN_VECTORS; h++) {
			vec t[LANES];
			q = from;
			UNROLL
			for (int i = 0; i < LANES; i++) { /* behind the last column there is padding */
				int there = q < b->n && b->column[q] == j + i;
				t[i] = vec_masked(vec_load(b->v[q] + h * LANES), vec_all((float)there));
				q += there;
			}
			transpose(t);
			UNROLL
			for (int r = 0; r < LANES; r++)
				if (h * LANES + r < rows)
					vec_store_some(v + (size_t)(h * LANES + r) * ld, t[r], width - j);
		}
	}
}

/* The first entry of the list with a column of at least j. */
static int first_from(const struct sparse_block *x, int j)
{
	int from = 0, to = x->n;
	while (from < to) {
		int half = (from + to) / 2;
		if (x->column[half] < j)
			from = half + 1;
		else
			to = half;
	}
	return from;
}

/* --- products by panels --- */

/* Appends columns [j, j + columns) of y from sums[16][NR]: those that are not zero, or those of the mask. */
KERNEL static void append_sums(struct sparse_block *y, const struct sparse_block *mask, const float *sums, int j, int columns)
{
	for (int at = 0; at < columns; at += LANES) {
		vec x[LANES][COLUMN_VECTORS];
		load_columns(x, sums + at, NR, SPARSE_ROWS, LANES);
		UNROLL
		for (int i = 0; i < LANES; i++)
			if (i < columns - at && !mask)
				append_nonzero(y, x[i], j + at + i);
			else if (i < columns - at && y->n < mask->n && mask->column[y->n] == j + at + i) {
				UNROLL
				for (int h = 0; h < COLUMN_VECTORS; h++)
					x[i][h] = vec_masked(x[i][h], vec_load(mask->v[y->n] + h * LANES));
				append(y, x[i], j + at + i, 1);
			}
	}
}

/* Multiplies one block by the panel of columns [j, j + NR), and prefetches part `part` of the next panel. */
static void multiply_panel(const struct gemm_output *c, const struct sparse_block *x, const struct mat_packed *w, int j, int part,
			   int parts)
{
	struct gemm_args g = {.c = c, .n = int_min(NR, w->n - j), .k = w->k};
	struct strip s = {.sparse = 1};
	int vectors = panel_vectors(g.n);
	for (int q = 0; s.p0 < w->k; s.p0 = s.p1, q += s.count) {
		s.p1 = int_min(s.p0 + KC, w->k);
		size_t panel = panel_offset(w->n, j, s.p0, s.p1), len = (size_t)(s.p1 - s.p0), share = NR * len / (size_t)parts;
		if (j + NR < w->n) /* a part of the next panel */
			prefetch_panels(w, panel + NR * len + (size_t)part * share, panel + NR * len + (size_t)(part + 1) * share);
		s.p = x->column + q;
		s.count = first_from(x, s.p1) - q;
		s.b = (const float *)w->v + (panel - (size_t)s.p0 * (size_t)(vectors * LANES)); /* columns count from 0, not from p0 */
		for (s.i = 0; s.i < SPARSE_ROWS; s.i += MR) {
			s.a = x->v[q] + s.i;
			microkernel(&g, &s, MR, vectors);
		}
	}
}

static void layer(float *y, size_t ld, const struct sparse_block *x, int count, const struct mat_packed *w, const float *bias)
{
	for (int j = 0; j < w->n; j += NR)
		for (int i = 0; i < count; i++) {
			float *to = y + (size_t)i * SPARSE_ROWS * ld + j;
			struct gemm_output c = {.v = to, .ld = (int)ld, .scale = 1, .bias = bias ? bias + j : NULL};
			multiply_panel(&c, &x[i], w, j, i, count);
		}
}

/* Computes blocks y, with a mask or, without one, after a ReLU. */
static void multiply_all(struct sparse_block *y, const struct sparse_block *mask, const struct sparse_block *x, int count,
			 const struct mat_packed *w, const float *bias)
{
	_Alignas(64) float sums[SPARSE_ROWS][NR] = {{0}};
	for (int i = 0; i < count; i++)
		y[i].n = 0;
	for (int j = 0; j < w->n; j += NR)
		for (int i = 0; i < count; i++) {
			struct gemm_output c = {.v = sums[0], .ld = NR, .scale = 1, .bias = bias ? bias + j : NULL, .relu = !mask};
			multiply_panel(&c, &x[i], w, j, i, count);
			append_sums(&y[i], mask ? &mask[i] : NULL, sums[0], j, int_min(NR, w->n - j));
		}
	for (int i = 0; i < count; i++)
		pad_list(&y[i]);
}

static void layer_relu(struct sparse_block *y, const struct sparse_block *x, int count, const struct mat_packed *w, const float *bias)
{
	multiply_all(y, NULL, x, count, w, bias);
}

/* --- products of active outputs only --- */

/* The columns of a block in [p0, p0 + len) of k, and the columns of the weights there. */
struct block_part {
	const float (*v)[SPARSE_ROWS];
	const uint16_t *p;
	int n, p0;
	size_t len;
	const float *b;  /* number p of column j of the weights is b[j len + p] */
	int first, last; /* whether it is the first part of k, and the last */
};

/* Computes MASKED_NR outputs j[], with the same bits as microkernel(). full: no p is missing; a constant after inlining. */
KERNEL INLINE void multiply_active(float (*to)[SPARSE_ROWS], const struct block_part *x, const uint16_t *j, const float (*mask)[SPARSE_ROWS], int full)
{
	const float *b[MASKED_NR];
	vec sum[MASKED_NR][COLUMN_VECTORS];
	UNROLL
	for (int q = 0; q < MASKED_NR; q++) {
		b[q] = x->b + j[q] * x->len;
		UNROLL
		for (int h = 0; h < COLUMN_VECTORS; h++)
			sum[q][h] = vec_zero();
	}
	for (int q = MASKED_NR; q < 2 * MASKED_NR; q++) /* the start of the next columns */
		for (int p = 0; p < 2 * CACHE_LINE; p += CACHE_LINE)
			__builtin_prefetch(x->b + j[q] * x->len + x->p0 + p);
	for (int at = 0; at < x->n; at++) {
		vec v[COLUMN_VECTORS];
		size_t p = full ? (size_t)(x->p0 + at) : x->p[at];
		UNROLL
		for (int h = 0; h < COLUMN_VECTORS; h++)
			v[h] = vec_load(x->v[at] + h * LANES);
		UNROLL
		for (int q = 0; q < MASKED_NR; q++) {
			vec w = vec_all(b[q][p]);
			UNROLL
			for (int h = 0; h < COLUMN_VECTORS; h++)
				sum[q][h] = vec_fma(v[h], w, sum[q][h]);
		}
	}
	UNROLL
	for (int q = 0; q < MASKED_NR; q++)
		UNROLL
		for (int h = 0; h < COLUMN_VECTORS; h++) {
			vec y = sum[q][h] + vec_zero(); /* -0 becomes 0 */
			if (!x->first)
				y += vec_load(to[q] + h * LANES);
			vec_store(to[q] + h * LANES, x->last ? vec_masked(y, vec_load(mask[q] + h * LANES)) : y);
		}
}

/* The last group may reach into the padding: it computes output 0 again, into memory that is not read. */
KERNEL static void multiply_part(struct sparse_block *y, const struct block_part *x, const struct sparse_block *mask)
{
	for (int q = 0; q < mask->n; q += MASKED_NR) {
		if (x->n == (int)x->len)
			multiply_active(y->v + q, x, mask->column + q, (const float(*)[SPARSE_ROWS])mask->v + q, 1);
		else
			multiply_active(y->v + q, x, mask->column + q, (const float(*)[SPARSE_ROWS])mask->v + q, 0);
	}
}

static void multiply_masked(struct sparse_block *y, const struct sparse_block *mask, const struct sparse_block *x, int count,
			    const struct mat_packed *w)
{
	for (int i = 0; i < count; i++) {
		memcpy(y[i].column, mask[i].column, ((size_t)mask[i].n + LIST_PADDING) * sizeof *mask[i].column);
		y[i].n = mask[i].n;
	}
	for (int p0 = 0, p1; p0 < w->k; p0 = p1) {
		p1 = int_min(p0 + KC, w->k);
		const float *b = (const float *)w->v + (columns_offset(w, p0) - (size_t)p0);
		for (int i = 0; i < count; i++) {
			int q = first_from(&x[i], p0), n = first_from(&x[i], p1) - q;
			struct block_part part = {
				(const float(*)[SPARSE_ROWS])x[i].v + q, x[i].column + q, n, p0, (size_t)(p1 - p0), b, p0 == 0, p1 == w->k,
			};
			multiply_part(&y[i], &part, &mask[i]);
		}
	}
}

static void nn_masked(struct sparse_block *dx, const struct sparse_block *dy, const struct sparse_block *relu_mask, int count,
		      const struct mat_packed *w)
{
	long active = 0;
	for (int i = 0; i < count; i++)
		active += relu_mask[i].n;
	if (mask_is_sparse(active, (long)count * w->n))
		multiply_masked(dx, relu_mask, dy, count, w);
	else
		multiply_all(dx, relu_mask, dy, count, w, NULL);
}

/* --- Gram matrices --- */

/* Row i of c sums element i of each column times the column. Partial sums end at fixed columns of the matrix, so that the bits do not depend on
 * which columns are kept. */
KERNEL static void gram(float *c, const struct sparse_block *a)
{
	memset(c, 0, SPARSE_ROWS * SPARSE_ROWS * sizeof *c);
	for (int from = 0, to, j = GRAM_KC; from < a->n; from = to, j += GRAM_KC) {
		to = first_from(a, j);
		for (int i0 = 0; i0 < SPARSE_ROWS; i0 += GRAM_ROWS) {
			vec sum[GRAM_ROWS][COLUMN_VECTORS];
			UNROLL
			for (int i = 0; i < GRAM_ROWS; i++)
				UNROLL
				for (int h = 0; h < COLUMN_VECTORS; h++)
					sum[i][h] = vec_zero();
			for (int q = from; q < to; q++) {
				vec x[COLUMN_VECTORS];
				UNROLL
				for (int h = 0; h < COLUMN_VECTORS; h++)
					x[h] = vec_load(a->v[q] + h * LANES);
				UNROLL
				for (int i = 0; i < GRAM_ROWS; i++) {
					vec y = vec_all(a->v[q][i0 + i]);
					UNROLL
					for (int h = 0; h < COLUMN_VECTORS; h++)
						sum[i][h] = vec_fma(x[h], y, sum[i][h]);
				}
			}
			UNROLL
			for (int i = 0; i < GRAM_ROWS; i++)
				UNROLL
				for (int h = 0; h < COLUMN_VECTORS; h++) {
					float *at = c + (i0 + i) * SPARSE_ROWS + h * LANES;
					vec_store(at, vec_load(at) + sum[i][h]);
				}
		}
	}
}

#endif
