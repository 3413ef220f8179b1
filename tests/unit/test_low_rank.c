/* The error of low_rank() against the least that is possible: that of the nearest matrix of the rank, from singular values by Jacobi rotations in double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gemm/mat.h"
#include "influence/low_rank.h"
#include "naive.h"

enum { NP = 40, NK = 29, ROWS = 16, COLUMNS = NK + 1, MOST_RANK = 20 };

/* Eigenvalues of a symmetric matrix, which is overwritten. */
static void eigenvalues(double *a, int n, double *value)
{
	for (int sweep = 0; sweep < 60; sweep++)
		for (int p = 0; p < n; p++)
			for (int q = p + 1; q < n; q++) {
				double t = 0.5 * atan2(2 * a[p * n + q], a[q * n + q] - a[p * n + p]), c = cos(t), s = sin(t);
				for (int i = 0; i < n; i++) {
					double x = a[i * n + p], y = a[i * n + q];
					a[i * n + p] = c * x - s * y, a[i * n + q] = s * x + c * y;
				}
				for (int i = 0; i < n; i++) {
					double x = a[p * n + i], y = a[q * n + i];
					a[p * n + i] = c * x - s * y, a[q * n + i] = s * x + c * y;
				}
			}
	for (int i = 0; i < n; i++)
		value[i] = a[i * n + i];
}

static int falling(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? 1 : -1; }

/* The squared distance of m [NP][COLUMNS] from the nearest matrix of that rank; *all: from 0. Both are sums of squared singular values. */
static double least_error(const double *m, int rank, double *all)
{
	static double a[COLUMNS * COLUMNS];
	double value[COLUMNS], sum = 0;
	for (int i = 0; i < COLUMNS; i++)
		for (int j = 0; j < COLUMNS; j++) {
			a[i * COLUMNS + j] = 0;
			for (int r = 0; r < NP; r++)
				a[i * COLUMNS + j] += m[r * COLUMNS + i] * m[r * COLUMNS + j];
		}
	eigenvalues(a, COLUMNS, value);
	qsort(value, COLUMNS, sizeof *value, falling);
	for (int i = *all = 0; i < COLUMNS; i++) {
		*all += value[i];
		sum += i < rank ? 0 : value[i];
	}
	return sum > 0 ? sum : 0;
}

/* written: G is explicit, in k [NP][NK] and ones [NP]; else from factors p [ROWS][NP], k [ROWS][NK], ones [ROWS]. Each row of k is smaller than the one
 * before by the factor decay. */
static void test(int rank, double decay, int bias, int written, uint64_t *state)
{
	static float p[ROWS * NP], k[NP * NK], ones[NP], u[MOST_RANK * NP], v[MOST_RANK * NK];
	static double g[NP * COLUMNS];
	int rows = written ? NP : ROWS;
	naive_fill(p, ROWS * NP, 1, 1, state);
	naive_fill(k, (size_t)rows * NK, 1, 1, state);
	naive_fill(ones, NP, 1, 1, state);
	for (int i = 0; i < rows; i++) {
		float scale = (float)pow(decay, i);
		for (int j = 0; j < NK; j++)
			k[i * NK + j] *= scale;
		ones[i] *= scale * 3;
	}
	memset(g, 0, sizeof g);
	for (int r = 0; r < NP; r++)
		for (int i = 0; i < rows; i++) {
			double by = !written ? (double)p[i * NP + r] : i == r;
			for (int j = 0; j < COLUMNS; j++)
				g[r * COLUMNS + j] += by * (j < NK ? (double)k[i * NK + j] : bias ? (double)ones[i] : 0);
		}
	const struct gradient_matrix m = {written ? NULL : p, k, rows, NP, NK, bias ? ones : NULL};
	float *scratch = malloc(low_rank_scratch(rows, rank) * sizeof *scratch);
	low_rank(&m, rank, u, v, scratch);
	free(scratch);
	double error = 0, all, least = least_error(g, rank, &all);
	for (int r = 0; r < NP; r++)
		for (int j = 0; j < (bias ? COLUMNS : NK); j++) {
			double sum = g[r * COLUMNS + j];
			for (int i = 0; i < rank; i++)
				sum -= (double)u[i * NP + r] * (j < NK ? (double)v[i * NK + j] : 1);
			error += sum * sum;
		}
	/* 1.1: iterations do not separate directions whose singular values are nearly equal */
	ok(error <= 1.1 * least + 1e-9 * all, "rank %d of %d%s%s, decay %g: error %.4g of the norm, at least %.4g", rank, rows, written ? ", written out" : "", bias ? ", bias" : "", decay,
	   sqrt(error / all), sqrt(least / all));
}

/* Gradients of rank 1, also so long or short that their square is no float; without inputs, only the biases have a gradient. */
static void test_one_row(double length, int inputs)
{
	static float p[ROWS * NP], k[ROWS * NK], ones[ROWS], u[3 * NP], v[3 * NK], scratch[3 * (ROWS + 1)];
	uint64_t state = 9;
	naive_fill(p, NP, 1, 1, &state);
	memset(k, 0, sizeof k);
	naive_fill(k, (size_t)inputs, 1, 1, &state);
	for (int i = 0; i < NP; i++)
		p[i] = (float)(p[i] * length);
	ones[0] = 1;
	const struct gradient_matrix m = {p, k, ROWS, NP, NK, ones};
	low_rank(&m, 3, u, v, scratch);
	double error = 0, all = 0;
	for (int r = 0; r < NP; r++)
		for (int j = 0; j < COLUMNS; j++) {
			double x = j < NK ? (double)k[j] : 1, wanted = (double)p[r] * x, got = 0;
			for (int i = 0; i < 3; i++)
				got += (double)u[i * NP + r] * (j < NK ? (double)v[i * NK + j] : 1);
			error = max_error(error, fabs(got - wanted));
			all = max_error(all, fabs(wanted));
		}
	ok(error < 1e-5 * all, "a gradient of %g, %d inputs: %.2g of it off", length, inputs, error / all);
}

static void test_zeros(void)
{
	static const float zero[ROWS * NP];
	float u[4 * NP], v[4 * NK], scratch[4 * (ROWS + 1)];
	const struct gradient_matrix m = {zero, zero, ROWS, NP, NK, zero};
	low_rank(&m, 4, u, v, scratch);
	int bad = 0;
	for (int i = 0; i < 4 * NP; i++)
		bad |= u[i] != 0;
	for (int i = 0; i < 4 * NK; i++)
		bad |= v[i] != 0;
	ok(!bad, "0 has factors of 0");
}

int main(void)
{
	uint64_t state = 5;
	mat_thread_init();
	for (int bias = 0; bias < 2; bias++)
		for (int written = 0; written < 2; written++) {
			test(1, 0.5, bias, written, &state);
			test(3, 0.5, bias, written, &state);
			test(4, 0.7, bias, written, &state);
			test(3, 0.95, bias, written, &state);
		}
	test(ROWS, 0.9, 0, 0, &state);
	test(MOST_RANK, 0.8, 1, 0, &state); /* more than G has */
	test_one_row(1e-30, NK);
	test_one_row(1e-10, NK);
	test_one_row(1e10, NK);
	test_one_row(1e30, NK);
	test_one_row(1, 0);
	test_zeros();
	return done();
}
