/* direct_kernels.h - the kernels of direct.h, for any number of lanes (lanes.h).
 *
 * B [rows][n] is packed into panels of at most VECTORS vectors of columns, as equal as possible: a panel holds the numbers of its first row, then
 * those of its second row. The gradient packs nothing: both factors lie as it reads them. */
#ifndef VF_DIRECT_KERNELS_H
#define VF_DIRECT_KERNELS_H

#include "gemm/direct.h"
#include "gemm/kernels.h"
#include "gemm/lanes.h"

/* A microkernel's sums are 24 of the 32 registers of AVX-512 and NEON, or 12 of the 16 of AVX2. */
enum { MR = LANES == 8 ? 6 : 8, VECTORS = LANES == 8 ? 2 : 3 };

/* --- panels --- */

static inline int count_vectors(int n) { return (n + LANES - 1) / LANES; }
static inline int count_panels(int n) { return (count_vectors(n) + VECTORS - 1) / VECTORS; }
/* The vector with which panel i begins. */
static inline int panel_from(int n, int i) { return count_vectors(n) * i / count_panels(n); }

KERNEL static void pack_panel(float *to, int vectors, int n, int rows, const float *b, size_t row, size_t column)
{
	size_t width = (size_t)vectors * LANES;
	for (int p = 0; p < rows && column == 1; p++)
		for (int h = 0; h < vectors; h++)
			vec_store(to + (size_t)p * width + h * LANES, vec_load_some(b + (size_t)p * row + h * LANES, n - h * LANES));
	for (int p = 0; p < rows && column != 1; p += LANES)
		for (int h = 0; h < vectors; h++) {
			vec t[LANES];
			load_transposed(t, b + (size_t)(h * LANES) * column + p, column, n - h * LANES, rows - p);
			UNROLL
			for (int r = 0; r < LANES; r++)
				if (r < rows - p)
					vec_store(to + (size_t)(p + r) * width + h * LANES, t[r]);
		}
}

static void pack_direct(float *to, int rows, int n, int at, int some, const float *b, size_t row, size_t column)
{
	for (int i = 0; i < count_panels(n); i++) {
		int from = panel_from(n, i), vectors = panel_from(n, i + 1) - from;
		pack_panel(to + (size_t)from * LANES * (size_t)rows + (size_t)at * (size_t)vectors * LANES, vectors, n - from * LANES, some,
		           b + (size_t)from * LANES * column, row, column);
	}
}

/* --- the product --- */

/* Up to MR rows and a panel: where the rows of A and C are, and the first column. */
struct tile {
	size_t a[MR], c[MR];
	const float *b;
	int j;
};

/* What has become of the sums: those of `vectors` vectors of columns from t->j on; complete: the last vector has all its columns. rows, vectors and
 * complete are constants after inlining. */
KERNEL INLINE void store_sums(const struct direct_product *g, const struct tile *t, vec (*sum)[VECTORS], int rows, int vectors, int complete)
{
	UNROLL
	for (int h = 0; h < vectors; h++) {
		int j = t->j + h * LANES, lanes = complete || h < vectors - 1 ? LANES : g->n - j;
		vec bias = g->bias ? lanes == LANES ? vec_load(g->bias + j) : vec_load_some(g->bias + j, lanes) : vec_zero();
		UNROLL
		for (int r = 0; r < rows; r++) {
			vec x = sum[r][h] + bias;
			size_t at = t->c[r] + (size_t)j;
			if (g->relu)
				x = vec_relu(x);
			if (g->relu_mask)
				x = vec_masked(x, lanes == LANES ? vec_load(g->relu_mask + at) : vec_load_some(g->relu_mask + at, lanes));
			if (lanes == LANES)
				vec_store(g->c + at, x);
			else
				vec_store_some(g->c + at, x, lanes);
		}
	}
}

/* C and the mask of a large batch are in main memory when the sums are ready to be stored. */
KERNEL INLINE void prefetch_outputs(const struct direct_product *g, const struct tile *t, int rows, int vectors)
{
	UNROLL
	for (int r = 0; r < rows; r++)
		UNROLL
		for (int h = 0; h < vectors * LANES; h += CACHE_LINE) {
			size_t at = t->c[r] + (size_t)(t->j + h);
			__builtin_prefetch(g->c + at, 1);
			if (g->relu_mask)
				__builtin_prefetch(g->relu_mask + at);
		}
}

/* rows, vectors and complete are constants after inlining */
KERNEL INLINE void multiply(const struct direct_product *g, const struct tile *t, int rows, int vectors, int complete)
{
	vec sum[MR][VECTORS];
	const float *b = t->b;
	UNROLL
	for (int r = 0; r < rows; r++)
		UNROLL
		for (int h = 0; h < vectors; h++)
			sum[r][h] = vec_zero();
	prefetch_outputs(g, t, rows, vectors);
	const size_t skipped = (size_t)(g->all_length - g->length) * (size_t)vectors * LANES;
	for (int s = 0; s < g->segments; s++, b += skipped) {
		const float *a = g->a + (size_t)s * g->line;
		for (int p = 0; p < g->length; p++, a++, b += vectors * LANES) {
			vec y[VECTORS];
			UNROLL
			for (int h = 0; h < vectors; h++)
				y[h] = vec_load(b + h * LANES);
			UNROLL
			for (int r = 0; r < rows; r++) {
				vec x = vec_all(a[t->a[r]]);
				UNROLL
				for (int h = 0; h < vectors; h++)
					sum[r][h] = vec_fma(x, y[h], sum[r][h]);
			}
		}
	}
	store_sums(g, t, sum, rows, vectors, complete);
}

#define CASE(r, v, ...)                                                                                                                    \
	case (r)*VECTORS + (v):                                                                                                            \
		__VA_ARGS__(r, v);                                                                                                         \
		break
#if LANES != 8
#define ROW_CASES(r, what)                                                                                                                 \
	CASE(r, 1, what);                                                                                                                  \
	CASE(r, 2, what);                                                                                                                  \
	CASE(r, 3, what)
#else
#define ROW_CASES(r, what)                                                                                                                 \
	CASE(r, 1, what);                                                                                                                  \
	CASE(r, 2, what)
#endif
#define CASES(what)                                                                                                                        \
	ROW_CASES(MR, what);                                                                                                               \
	ROW_CASES(4, what);                                                                                                                \
	ROW_CASES(2, what);                                                                                                                \
	ROW_CASES(1, what)

/* Rows that the microkernel has: MR, 4, 2 or 1. */
static inline int rows_of(int left) { return left >= MR ? MR : left >= 4 ? 4 : left >= 2 ? 2 : 1; }

KERNEL static void multiply_tile(const struct direct_product *g, const struct tile *t, int rows, int vectors)
{
	int complete = t->j + vectors * LANES <= g->n;
#define MULTIPLY(r, v) complete ? multiply(g, t, r, v, 1) : multiply(g, t, r, v, 0)
	switch (rows * VECTORS + vectors) { CASES(MULTIPLY); }
#undef MULTIPLY
}

/* All rows meet a panel, which stays in the cache, before the next one. */
KERNEL static void multiply_panel(const struct direct_product *g, struct tile *t, int vectors)
{
	int m = g->records * g->width, d = 0, x = 0;
	for (int i = 0, rows; i < m; i += rows) {
		rows = rows_of(m - i);
		for (int r = 0; r < rows; r++) {
			t->a[r] = (size_t)d * g->a_by.record + (size_t)x * g->a_by.column;
			t->c[r] = (size_t)d * g->c_by.record + (size_t)x * g->c_by.column;
			x = x + 1 < g->width ? x + 1 : 0;
			d += x == 0;
		}
		multiply_tile(g, t, rows, vectors);
	}
}

KERNEL static void product(const struct direct_product *g)
{
	size_t rows = (size_t)g->all_segments * (size_t)g->all_length, first = (size_t)g->first * (size_t)g->all_length + (size_t)g->skip; /* of B */
	for (int q = 0; q < count_panels(g->n); q++) {
		int from = panel_from(g->n, q), vectors = panel_from(g->n, q + 1) - from;
		struct tile t = {.b = g->b + LANES * ((size_t)from * rows + first * (size_t)vectors), .j = from * LANES};
		multiply_panel(g, &t, vectors);
	}
}

/* --- the gradient --- */

/* Numbers [i, i + rows) of A and [j, ...) of B; complete: the last vector has all its columns. rows, vectors and complete are constants after
 * inlining */
KERNEL INLINE void add_products(const struct direct_gradient *g, int i, int j, int rows, int vectors, int complete)
{
	vec sum[MR][VECTORS];
	int lanes = complete ? LANES : g->n - j - (vectors - 1) * LANES;
	UNROLL
	for (int r = 0; r < rows; r++)
		UNROLL
		for (int h = 0; h < vectors; h++)
			sum[r][h] = vec_zero();
	for (int d = 0; d < g->records; d++)
		for (int y = 0; y < g->lines; y++) {
			const float *a = g->a + (size_t)d * g->a_by.record + (size_t)y * g->a_line + i;
			const float *b = g->b + (size_t)d * g->b_by.record + (size_t)y * g->b_line + j;
			for (int x = 0; x < g->width; x++, a += g->a_by.column, b += g->b_by.column) {
				vec v[VECTORS];
				UNROLL
				for (int h = 0; h < vectors; h++)
					v[h] = h == vectors - 1 && !complete ? vec_load_some(b + h * LANES, lanes) : vec_load(b + h * LANES);
				UNROLL
				for (int r = 0; r < rows; r++) {
					vec s = vec_all(a[r]);
					UNROLL
					for (int h = 0; h < vectors; h++)
						sum[r][h] = vec_fma(s, v[h], sum[r][h]);
				}
			}
		}
	UNROLL
	for (int r = 0; r < rows; r++) {
		float *to = g->c + (size_t)(i + r) * g->ldc + j;
		UNROLL
		for (int h = 0; h < vectors; h++) {
			int some = h == vectors - 1 ? lanes : LANES;
			if (g->add)
				sum[r][h] += vec_load_some(to + h * LANES, some);
			vec_store_some(to + h * LANES, sum[r][h], some);
		}
	}
}

KERNEL static void gradient_tile(const struct direct_gradient *g, int i, int j, int rows, int vectors)
{
	int complete = j + vectors * LANES <= g->n;
#define ADD(r, v) complete ? add_products(g, i, j, r, v, 1) : add_products(g, i, j, r, v, 0)
	switch (rows * VECTORS + vectors) { CASES(ADD); }
#undef ADD
}

KERNEL static void gradient(const struct direct_gradient *g)
{
	for (int q = 0; q < count_panels(g->n); q++) {
		int from = panel_from(g->n, q), vectors = panel_from(g->n, q + 1) - from;
		for (int i = 0, rows; i < g->m; i += rows)
			gradient_tile(g, i, from * LANES, rows = rows_of(g->m - i), vectors);
	}
}

#undef CASES
#undef ROW_CASES
#undef CASE

/* --- sums of runs --- */

/* Whole vectors, whose lanes beyond a run are overwritten by the next run. terms is a constant after inlining. */
KERNEL INLINE void sum_terms(float *to, int n, int count, const float *first, const float *const *from, int terms, size_t step)
{
	for (int x = 0; x < count; x++)
		for (int j = 0; j < n; j += LANES) {
			size_t at = (size_t)x * step + (size_t)j;
			vec sum = vec_load(first + j);
			UNROLL
			for (int q = 0; q < terms; q++)
				sum += vec_load(from[q] + at);
			vec_store(to + x * n + j, sum);
		}
}

KERNEL static void sum_runs(float *to, int n, int count, const float *first, const float *const *from, int terms, size_t step)
{
	if (terms == 4) { /* kernels of twice the stride; the addresses stay in registers */
		const float *four[] = {from[0], from[1], from[2], from[3]};
		sum_terms(to, n, count, first, four, 4, step);
	} else {
		sum_terms(to, n, count, first, from, terms, step);
	}
}

#define DIRECT_KERNELS                                                                                                                     \
	{                                                                                                                                  \
		pack_direct, product, gradient, sum_runs                                                                                             \
	}

#endif
