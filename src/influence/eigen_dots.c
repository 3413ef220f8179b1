#include "influence/eigen_dots.h"

#include "gemm/mat.h"

/* Rows of a gradient [p][k] at a time. */
static int block_rows(int p, int k)
{
	int n = EIGEN_FLOATS / k;
	return n < 1 ? 1 : n < p ? n : p;
}

static int least(int a, int b) { return a < b ? a : b; }

size_t eigen_sums_scratch(int p, int k, int rows)
{
	size_t fused = mat_weighted_scratch(p, rows), written = (size_t)block_rows(p, k) * ((size_t)k + (size_t)rows);
	return fused > written ? fused : written;
}

size_t eigen_pairs_scratch(int p, int k) { return 2 * EIGEN_RECORDS * (size_t)block_rows(p, k) * (size_t)k + EIGEN_RECORDS * EIGEN_RECORDS; }

/* out [n][w->k]: rows [at, at + n) of a record's gradient. */
static void write_rows(const struct layer_whitening *w, float *out, const float *p, const float *k, int rows, int at, int n)
{
	mat_tn(out, w->k, p + at, w->p, k, w->k, NULL, n, w->k, rows, 1, 0, MAT_24);
}

static void divide_rows(const struct layer_whitening *w, float *v, int at, int n)
{
	const float *inverse = w->inverse + (size_t)at * (size_t)w->k;
	for (size_t i = 0; i < (size_t)n * (size_t)w->k; i++)
		v[i] *= inverse[i];
}

void eigen_sums(const struct layer_whitening *w, const float *p, const float *k, int rows, int from, int to, double *sum, float *scratch)
{
	int step = block_rows(w->p, w->k);
	if (mat_weighted_sums(sum, p, w->p, k, w->k, w->inverse, rows, from, to, scratch))
		return;
	float *gradient = scratch, *product = scratch + (size_t)step * (size_t)w->k;
	for (int i = 0; i < rows; i++)
		sum[i] = 0;
	for (int at = 0; at < w->p && from < to; at += step) {
		int n = least(step, w->p - at);
		write_rows(w, gradient, p + (size_t)from * (size_t)w->p, k + (size_t)from * (size_t)w->k, to - from, at, n);
		divide_rows(w, gradient, at, n);
		mat_nt(product, n, k, w->k, gradient, w->k, NULL, rows, n, w->k, MAT_24);
		for (int i = 0; i < rows; i++)
			sum[i] += dot(product + (size_t)i * (size_t)n, p + (size_t)i * (size_t)w->p + at, n);
	}
}

void eigen_pairs(const struct layer_whitening *w, int rows, const struct eigen_factors *x, const struct eigen_factors *z, double scale, double *out,
                 size_t stride, float *scratch)
{
	int step = block_rows(w->p, w->k);
	size_t size = (size_t)step * (size_t)w->k, np = (size_t)rows * (size_t)w->p, nk = (size_t)rows * (size_t)w->k;
	float *a = scratch, *b = a + EIGEN_RECORDS * size, *product = b + EIGEN_RECORDS * size;
	for (int at = 0; at < w->p; at += step) {
		int n = least(step, w->p - at), len = n * w->k;
		for (int q = 0; q < z->n; q += EIGEN_RECORDS) {
			int columns = least(EIGEN_RECORDS, z->n - q);
			for (int j = 0; j < columns; j++) {
				float *to = b + (size_t)j * (size_t)len;
				write_rows(w, to, z->p + (size_t)(q + j) * np, z->k + (size_t)(q + j) * nk, rows, at, n);
				divide_rows(w, to, at, n);
			}
			for (int r = 0; r < x->n; r += EIGEN_RECORDS) {
				int lines = least(EIGEN_RECORDS, x->n - r);
				for (int i = 0; i < lines; i++)
					write_rows(w, a + (size_t)i * (size_t)len, x->p + (size_t)(r + i) * np, x->k + (size_t)(r + i) * nk, rows, at, n);
				mat_nt(product, columns, a, len, b, len, NULL, lines, columns, len, MAT_24);
				for (int i = 0; i < lines; i++)
					for (int j = 0; j < columns; j++)
						out[(size_t)(r + i) * stride + (size_t)(q + j)] += scale * (double)product[i * columns + j];
			}
		}
	}
}
