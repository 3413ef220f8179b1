/* Products with a triangular or full matrix against loops in double; packed, not packed, and of one row at a time they have the same bits.
 * VAE_FILTERS_SIMD chooses the kernels (tests/simd.bats runs this with each). */
#include <stdlib.h>

#include "gemm/mat.h"
#include "gemm/triangle.h"
#include "naive.h"

static float *numbers(size_t n, unsigned seed)
{
	float *v = mat_floats(n);
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		v[i] = (float)(seed >> 8) / (float)(1 << 23) - 1;
	}
	return v;
}

static double at(const struct triangle *t, int i, int j) { return (double)t->w[i * t->k + j]; }

/* How far y [rows][n] is from x w^T + bias, and y [rows][k] from x w when back. */
static double off_rows(const float *y, const float *x, const struct triangle *t, const float *bias, int rows, int back)
{
	int n = back ? t->k : t->n, k = back ? t->n : t->k;
	double off = 0;
	for (int r = 0; r < rows; r++)
		for (int i = 0; i < n; i++) {
			double sum = bias ? (double)bias[i] : 0;
			for (int j = 0; j < k; j++)
				sum += (double)x[r * k + j] * (back ? at(t, j, i) : at(t, i, j));
			off = fmax(off, fabs(sum - (double)y[r * n + i]));
		}
	return off;
}

/* The same for y [n][columns] = w x, or y [k][columns] = w^T x when back. */
static double off_left(const float *y, const float *x, const struct triangle *t, int columns, int back)
{
	int n = back ? t->k : t->n, k = back ? t->n : t->k;
	double off = 0;
	for (int i = 0; i < n; i++)
		for (int c = 0; c < columns; c++) {
			double sum = 0;
			for (int j = 0; j < k; j++)
				sum += (back ? at(t, j, i) : at(t, i, j)) * (double)x[j * columns + c];
			off = fmax(off, fabs(sum - (double)y[i * columns + c]));
		}
	return off;
}

static void test_size(int n, int k, int full, int rows)
{
	size_t weights = (size_t)n * (size_t)k, most = (size_t)n * (size_t)rows, budget = SIZE_MAX, none = 0;
	float *w = numbers(weights, 1), *turned = mat_floats(weights), *x = numbers(most, 2), *bias = numbers((size_t)n, 3), *y = mat_floats(most), *z = mat_floats(most);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < k; j++) {
			w[i * k + j] = full || j <= i ? w[i * k + j] : 0;
			turned[j * n + i] = w[i * k + j];
		}
	const struct triangle t = {w, n, k, full};
	float *panels = triangle_pack(&t, 0, &budget), *back = triangle_pack(&t, 1, &budget);
	double bound = 2e-7 * n + 1e-6;
	triangle_product(y, x, &t, panels, bias, rows);
	double product = off_rows(y, x, &t, bias, rows, 0);
	triangle_product(z, x, &t, NULL, bias, rows);
	int same = memcmp(y, z, (size_t)rows * (size_t)n * sizeof *y) == 0;
	for (int r = 0; r < rows; r++)
		triangle_product(z + r * n, x + r * k, &t, panels, bias, 1);
	same &= memcmp(y, z, (size_t)rows * (size_t)n * sizeof *y) == 0;
	triangle_product_back(y, x, &t, back, rows);
	double by_back = off_rows(y, x, &t, NULL, rows, 1);
	triangle_product_back(z, x, &t, NULL, rows);
	same &= memcmp(y, z, (size_t)rows * (size_t)k * sizeof *y) == 0;
	triangle_left(y, turned, &t, x, rows);
	double left = off_left(y, x, &t, rows, 0);
	triangle_left_back(y, &t, x, rows);
	double left_back = off_left(y, x, &t, rows, 1);
	ok(product < bound && by_back < bound && left < bound && left_back < bound && same && !triangle_pack(&t, 0, &none),
	   "%d x %d, %s, %d rows: at most %.1g, %.1g, %.1g and %.1g off, %s bits", n, k, full ? "full" : "triangular", rows, product, by_back, left, left_back,
	   same ? "the same" : "other");
	void *all[] = {w, turned, x, bias, y, z, panels, back};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
}

int main(void)
{
	static const int sizes[][3] = {{1, 1, 1}, {5, 5, 7}, {33, 32, 64}, {97, 96, 9}, {193, 192, 20}, {300, 300, 3}};
	mat_thread_init();
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (int full = 0; full < 2; full++) {
			if (triangle_supported(sizes[i][0], sizes[i][1]))
				test_size(sizes[i][0], sizes[i][1], full, sizes[i][2]);
			else
				ok(1, "%d x %d: this processor has no kernels # SKIP", sizes[i][0], sizes[i][1]);
		}
	return done();
}
