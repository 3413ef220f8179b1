#include "influence/eigen_dots.h"

#include <string.h>

#include "base/minmax.h"
#include "gemm/mat.h"

/* Rows of a gradient [p][k] at a time. */
static int block_rows(int p, int k)
{
	int n = EIGEN_FLOATS / k;
	return n < 1 ? 1 : n < p ? n : p;
}

enum { FUSED_ROWS = 64 }; /* rows of a record for which no gradient is written out */

size_t eigen_sums_scratch(int p, int k, int rows)
{
	size_t grams = 3 * (size_t)rows * (size_t)rows, fused = mat_weighted_scratch(p, rows) + (rows <= FUSED_ROWS ? grams : 0);
	size_t written = (size_t)block_rows(p, k) * ((size_t)k + (size_t)rows);
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
	const float *inverse = w->eigen.inverse + (size_t)at * (size_t)w->k;
	for (size_t i = 0; i < (size_t)n * (size_t)w->k; i++)
		v[i] *= inverse[i];
}

/* gram [rows][rows] += that of columns [from, to) of k. part: as gram */
static void add_gram(float *gram, const float *k, int ld, int rows, int from, int to, float *part)
{
	if (from == to)
		return;
	mat_gram(part, k + from, ld, rows, to - from);
	for (int i = 0; i < rows * rows; i++)
		gram[i] += part[i];
}

/* The numbers beyond the steps. Their Gram matrix by K grows from step to step. */
static void add_rest(const struct layer_whitening *w, const float *p, const float *k, int rows, int from, int to, double *sum, float *scratch)
{
	float *gram_k = scratch, *gram_p = gram_k + rows * rows, *part = gram_p + rows * rows;
	memset(gram_k, 0, (size_t)(rows * rows) * sizeof *gram_k);
	for (int s = 0, end = w->k; s < w->eigen.nsteps; end = w->eigen.step[s++].width) {
		const struct eigen_step *step = &w->eigen.step[s];
		add_gram(gram_k, k, w->k, rows, step->width, end, part);
		if (step->width == w->k)
			continue;
		mat_gram(gram_p, p + step->from, w->p, rows, step->to - step->from);
		for (int i = 0; i < rows; i++) {
			double rest = 0;
			for (int j = from; j < to; j++)
				rest += (double)gram_p[i * rows + j] * (double)gram_k[i * rows + j];
			sum[i] += rest * (double)w->eigen.rest;
		}
	}
}

/* 0, and nothing is done: there is no kernel for it. */
static int add_steps(const struct layer_whitening *w, const float *p, const float *k, int rows, int from, int to, double *sum, float *scratch)
{
	for (const struct eigen_step *s = w->eigen.step; s < w->eigen.step + w->eigen.nsteps; s++) {
		const struct weighted_factors part = {p + s->from, k, w->p, w->k, s->to - s->from, s->width, rows};
		if (!mat_weighted_sums(sum, &part, w->eigen.inverse + (size_t)s->from * (size_t)w->k, w->k, from, to, scratch))
			return 0;
	}
	return 1;
}

void eigen_sums(const struct layer_whitening *w, const float *p, const float *k, int rows, int from, int to, double *sum, float *scratch)
{
	int step = block_rows(w->p, w->k);
	for (int i = 0; i < rows; i++)
		sum[i] = 0;
	if (rows <= FUSED_ROWS && add_steps(w, p, k, rows, from, to, sum, scratch)) {
		add_rest(w, p, k, rows, from, to, sum, scratch);
		return;
	}
	float *gradient = scratch, *product = scratch + (size_t)step * (size_t)w->k;
	for (int at = 0; at < w->p && from < to; at += step) {
		int n = int_min(step, w->p - at);
		write_rows(w, gradient, p + (size_t)from * (size_t)w->p, k + (size_t)from * (size_t)w->k, to - from, at, n);
		divide_rows(w, gradient, at, n);
		mat_nt(product, n, k, w->k, gradient, w->k, NULL, rows, n, w->k, MAT_24);
		for (int i = 0; i < rows; i++)
			sum[i] += dot(product + (size_t)i * (size_t)n, p + (size_t)i * (size_t)w->p + at, n);
	}
}

void eigen_weigh(const struct layer_whitening *w, float *out, const float *a, int n)
{
	for (const struct eigen_step *s = w->eigen.step; s < w->eigen.step + w->eigen.nsteps; s++) {
		if (s->width)
			mat_nt(out + s->from, w->p, a, w->k, w->eigen.inverse + (size_t)s->from * (size_t)w->k, w->k, NULL, n, s->to - s->from, s->width, MAT_24);
		for (int r = 0; r < n && s->width < w->k; r++) { /* with all columns, `rest` may be infinite */
			const float *row = a + (size_t)r * (size_t)w->k;
			float *to = out + (size_t)r * (size_t)w->p;
			double rest = 0;
			for (int j = s->width; j < w->k; j++)
				rest += (double)row[j];
			for (int i = s->from; i < s->to; i++)
				to[i] = (s->width ? to[i] : 0) + (float)rest * w->eigen.rest;
		}
	}
}

void eigen_pairs(const struct layer_whitening *w, int rows, const struct gradient_factors *x, const struct gradient_factors *z, double scale, double *out,
                 size_t stride, float *scratch)
{
	int step = block_rows(w->p, w->k);
	size_t size = (size_t)step * (size_t)w->k, np = (size_t)rows * (size_t)w->p, nk = (size_t)rows * (size_t)w->k;
	float *a = scratch, *b = a + EIGEN_RECORDS * size, *product = b + EIGEN_RECORDS * size;
	for (int at = 0; at < w->p; at += step) {
		int n = int_min(step, w->p - at), len = n * w->k;
		for (int q = 0; q < z->n; q += EIGEN_RECORDS) {
			int columns = int_min(EIGEN_RECORDS, z->n - q);
			for (int j = 0; j < columns; j++) {
				float *to = b + (size_t)j * (size_t)len;
				write_rows(w, to, z->p + (size_t)(q + j) * np, z->k + (size_t)(q + j) * nk, rows, at, n);
				divide_rows(w, to, at, n);
			}
			for (int r = 0; r < x->n; r += EIGEN_RECORDS) {
				int lines = int_min(EIGEN_RECORDS, x->n - r);
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
