/* The matrix is cut into blocks of columns of the product, each with its own inner dimension. */
#include "gemm/triangle.h"

#include <stdlib.h>

#include "base/minmax.h"
#include "base/simd.h"
#include "gemm/direct.h"
#include "gemm/kernels.h"
#include "gemm/mat.h"

enum { COLUMNS = 48, ROWS = 16 }; /* columns: whole panels (direct_kernels.h) for any number of lanes */

/* Columns [from, from + columns) of a product, whose numbers [first, first + inner) of x are multiplied. */
struct block {
	int from, columns, first, inner;
};

/* Returns 0 behind the last block. */
static int next_block(struct block *b, const struct triangle *t, int back)
{
	int columns = back ? t->k : t->n, inner = back ? t->n : t->k;
	b->from += b->columns;
	b->columns = int_min(COLUMNS, columns - b->from);
	b->first = back && !t->full ? b->from : 0;
	b->inner = back || t->full ? inner - b->first : int_min(inner, b->from + b->columns);
	return b->columns > 0;
}

static size_t block_size(const struct block *b) { return direct_packed_size(b->inner, b->columns); }

static void pack_block(float *to, const struct triangle *t, int back, const struct block *b)
{
	size_t k = (size_t)t->k;
	const float *from = back ? t->w + (size_t)b->first * k + b->from : t->w + (size_t)b->from * k;
	direct_pack(to, b->inner, b->columns, 0, b->inner, from, back ? k : 1, back ? 1 : k);
}

/* AMX is faster than these kernels. */
int triangle_supported(int n, int k)
{
	struct block widest = {.columns = COLUMNS, .inner = n > k ? n : k};
	return direct_supported() && simd_level() != SIMD_AMX && block_size(&widest) * sizeof(float) <= SCRATCH_MAX;
}

float *triangle_pack(const struct triangle *t, int back, size_t *budget)
{
	struct block b = {.from = 0};
	size_t size = 0;
	while (next_block(&b, t, back))
		size += block_size(&b);
	float *panels = size * sizeof *panels <= *budget ? mat_floats(size) : NULL, *at = panels;
	if (!panels)
		return NULL;
	*budget -= size * sizeof *panels;
	for (b = (struct block){.from = 0}; next_block(&b, t, back); at += block_size(&b))
		pack_block(at, t, back, &b);
	return panels;
}

static void multiply(float *y, const float *x, const struct triangle *t, int back, const float *panels, const float *bias, int rows)
{
	size_t ldx = (size_t)(back ? t->n : t->k), ldy = (size_t)(back ? t->k : t->n);
	for (struct block b = {.from = 0}; next_block(&b, t, back); panels += panels ? block_size(&b) : 0) {
		float *scratch = panels ? NULL : scratch_acquire(block_size(&b) * sizeof *scratch);
		if (scratch)
			pack_block(scratch, t, back, &b);
		direct_product(&(struct direct_product){
			.records = 1, .width = rows, .a = x + b.first, .a_by = {.column = ldx}, .segments = 1, .length = b.inner,
			.b = scratch ? scratch : panels, .all_segments = 1, .all_length = b.inner,
			.c = y + b.from, .c_by = {.column = ldy}, .n = b.columns, .bias = bias ? bias + b.from : NULL});
		if (scratch)
			scratch_release(scratch);
	}
}

void triangle_product(float *y, const float *x, const struct triangle *t, const float *panels, const float *bias, int rows)
{
	multiply(y, x, t, 0, panels, bias, rows);
}

void triangle_product_back(float *y, const float *x, const struct triangle *t, const float *panels, int rows)
{
	multiply(y, x, t, 1, panels, NULL, rows);
}

/* Rows [i, ...) of y: sums over the rows [from, to) of a, in which they are columns, and of x */
static void left_rows(float *y, const float *a, int lda, const float *x, int columns, int i, int rows, int from, int to)
{
	size_t n = (size_t)columns;
	direct_gradient(&(struct direct_gradient){
		.records = 1, .lines = 1, .width = to - from, .a = a + (size_t)from * (size_t)lda + i, .a_by = {.column = (size_t)lda},
		.b = x + (size_t)from * n, .b_by = {.column = n}, .m = rows, .n = columns, .c = y + (size_t)i * n, .ldc = n});
}

void triangle_left(float *y, const float *turned, const struct triangle *t, const float *x, int columns)
{
	for (int i = 0, rows; i < t->n; i += rows) {
		rows = int_min(ROWS, t->n - i);
		left_rows(y, turned, t->n, x, columns, i, rows, 0, t->full ? t->k : int_min(t->k, i + rows));
	}
}

void triangle_left_back(float *y, const struct triangle *t, const float *x, int columns)
{
	for (int i = 0, rows; i < t->k; i += rows) {
		rows = int_min(ROWS, t->k - i);
		left_rows(y, t->w, t->k, x, columns, i, rows, t->full ? 0 : i, t->n);
	}
}
