/* sparse_pairs.h - products of two spread blocks, such as the draws of two records. Columns that are zero in one of them are skipped: behind the
 * ReLUs of a trained network two records share a tenth of them.
 *
 * Each number is one sum in order of the columns, with one rounding a term. */
#ifndef VF_SPARSE_PAIRS_H
#define VF_SPARSE_PAIRS_H

#include "gemm/sparse_kernels.h"
#include "gemm/spread_mask.h"

enum {
	PAIR_ROWS = LANES == 16 ? SPARSE_ROWS : 4, /* of a product, whose sums fit the registers */
	PAIR_AHEAD = 24,                           /* list entries by which columns are fetched */
	PAIR_BYTES = 512 << 10,                    /* of blocks of z that meet all of x: half of the second-level cache */
};
_Static_assert((int)LIST_PADDING >= (int)PAIR_AHEAD, "lists are padded");

typedef float pair_gram[SPARSE_ROWS][SPARSE_ROWS];

KERNEL static void spread_block(float *to, const struct sparse_block *b, int width)
{
	uint64_t *mask = (uint64_t *)spread_mask(to, width);
	memset(mask, 0, mask_words(width) * sizeof *mask);
	for (int q = 0; q < b->n; q++) {
		int j = b->column[q];
		UNROLL
		for (int h = 0; h < COLUMN_VECTORS; h++)
			vec_store(to + (size_t)j * SPARSE_ROWS + h * LANES, vec_load(b->v[q] + h * LANES));
		mask[j / MASK_BITS] |= (uint64_t)1 << j % MASK_BITS;
	}
}

/* The columns that both blocks keep. */
struct common_columns {
	const float *a, *b;
	uint16_t *list; /* [n], then padding */
	int n, width;
};

static void fetch_column(const struct common_columns *c, int q)
{
	__builtin_prefetch(c->a + (size_t)c->list[q] * SPARSE_ROWS);
	__builtin_prefetch(c->b + (size_t)c->list[q] * SPARSE_ROWS);
}

/* Lists the columns, and fetches the first ones. */
KERNEL static void find_common(struct common_columns *c, const float *a, const float *b, int width)
{
	const uint64_t *of_a = spread_mask(a, width), *of_b = spread_mask(b, width);
	int n = 0;
	for (int j = 0; j < width; j += MASK_BITS) {
		uint64_t common = of_a[j / MASK_BITS] & of_b[j / MASK_BITS];
		for (int i = 0; i < MASK_BITS; i += LANES)
			n += vec_list(c->list + n, (unsigned)(common >> i) & ((1u << LANES) - 1), j + i);
	}
	memset(c->list + n, 0, LIST_PADDING * sizeof *c->list);
	c->a = a, c->b = b, c->n = n, c->width = width;
	for (int q = 0; q < PAIR_AHEAD; q++)
		fetch_column(c, q);
}

/* g = a b^T. all: every column is common; a constant after inlining. */
KERNEL INLINE void multiply_columns(pair_gram g, const struct common_columns *c, int all)
{
	for (int i0 = 0; i0 < SPARSE_ROWS; i0 += PAIR_ROWS) {
		vec sum[PAIR_ROWS][COLUMN_VECTORS];
		UNROLL
		for (int i = 0; i < PAIR_ROWS; i++)
			UNROLL
			for (int h = 0; h < COLUMN_VECTORS; h++)
				sum[i][h] = vec_zero();
		for (int q = 0; q < c->n; q++) {
			size_t at = (size_t)(all ? q : c->list[q]) * SPARSE_ROWS;
			vec y[COLUMN_VECTORS];
			if (!all)
				fetch_column(c, q + PAIR_AHEAD);
			UNROLL
			for (int h = 0; h < COLUMN_VECTORS; h++)
				y[h] = vec_load(c->b + at + h * LANES);
			UNROLL
			for (int i = 0; i < PAIR_ROWS; i++) {
				vec x = vec_all(c->a[at + (size_t)(i0 + i)]);
				UNROLL
				for (int h = 0; h < COLUMN_VECTORS; h++)
					sum[i][h] = vec_fma(x, y[h], sum[i][h]);
			}
		}
		UNROLL
		for (int i = 0; i < PAIR_ROWS; i++)
			UNROLL
			for (int h = 0; h < COLUMN_VECTORS; h++)
				vec_store(g[i0 + i] + h * LANES, sum[i][h]);
	}
}

KERNEL static void multiply_common(pair_gram g, const struct common_columns *c)
{
	if (c->n == c->width)
		multiply_columns(g, c, 1);
	else
		multiply_columns(g, c, 0);
}

/* The sum of p (k + bias) over all numbers: a vector of float sums of SPARSE_ROWS terms a lane, whose lanes are added in double. */
KERNEL static double sum_pair(pair_gram p, pair_gram k, float bias)
{
	float lane[LANES];
	vec sum = vec_zero(), one = vec_all(bias);
	double total = 0;
	for (int i = 0; i < SPARSE_ROWS; i++)
		for (int h = 0; h < SPARSE_ROWS; h += LANES)
			sum = vec_fma(vec_load(p[i] + h), vec_load(k[i] + h) + one, sum);
	vec_store(lane, sum);
	for (int l = 0; l < LANES; l++)
		total += (double)lane[l];
	return total;
}

/* Pair after pair: the columns of the next one are listed and fetched before the present one is multiplied. */
static void pair_dots(double *to, size_t stride, const struct spread_factors *x, const struct spread_factors *z, int np, int nk, float bias)
{
	size_t p = spread_floats(np), k = spread_floats(nk), list = (size_t)(np > nk ? np : nk) + MASK_BITS + LIST_PADDING;
	int step = (int)(PAIR_BYTES / ((p + k) * sizeof(float))) + 1, pairs = x->count * z->count, now = 0;
	uint16_t *lists = scratch_acquire(4 * list * sizeof *lists);
	struct common_columns common[2][2] = {{{.list = lists}, {.list = lists + list}}, {{.list = lists + 2 * list}, {.list = lists + 3 * list}}};
	int r = 0, c = 0, c0 = 0, end = int_min(step, z->count);
	for (int i = 0; i <= pairs; i++, now = !now) {
		if (i < pairs) {
			find_common(&common[now][0], x->p + (size_t)r * p, z->p + (size_t)c * p, np);
			find_common(&common[now][1], x->k + (size_t)r * k, z->k + (size_t)c * k, nk);
		}
		if (i > 0) {
			_Alignas(64) pair_gram gram_p, gram_k;
			multiply_common(gram_p, &common[!now][0]);
			multiply_common(gram_k, &common[!now][1]);
			size_t row = (size_t)(common[!now][0].a - x->p) / p, column = (size_t)(common[!now][0].b - z->p) / p;
			to[row * stride + column] = sum_pair(gram_p, gram_k, bias);
		}
		if (++c == end && ++r < x->count)
			c = c0;
		else if (c == end)
			r = 0, c0 = end, end = int_min(c0 + step, z->count);
	}
	scratch_release(lists);
}

#endif
