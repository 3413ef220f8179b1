#include "influence/low_rank.h"

#include <math.h>

#include "base/rng.h"
#include "gemm/mat.h"

/* Directions whose singular values are nearly equal stay mixed after these, which adds little to the error. */
enum { ITERATIONS = 10 };

size_t low_rank_scratch(int rows, int rank) { return (size_t)rank * ((size_t)rows + 1); }

static size_t row_start(int row, int width) { return (size_t)row * (size_t)width; }

/* v [rank][nk] = u G, and column [rank] = u times the gradient of the biases, or 0. w [rank][rows]: scratch, for u P^T */
static void multiply(const struct gradient_matrix *g, int rank, const float *u, float *v, float *column, float *w)
{
	const float *rows = g->p ? w : u;
	if (g->p)
		mat_nt(w, g->rows, u, g->np, g->p, g->np, NULL, rank, g->rows, g->np, MAT_24);
	mat_nn(v, g->nk, rows, g->rows, g->k, g->nk, NULL, NULL, rank, g->nk, g->rows, MAT_24);
	for (int r = 0; r < rank; r++)
		column[r] = g->bias ? (float)dot(rows + row_start(r, g->rows), g->bias, g->rows) : 0;
}

/* u [rank][np] = v G^T, and with biases plus column times their gradient. w [rank][rows]: scratch */
static void multiply_back(const struct gradient_matrix *g, int rank, float *u, const float *v, const float *column, float *w)
{
	float *rows = g->p ? w : u;
	mat_nt(rows, g->rows, v, g->nk, g->k, g->nk, NULL, rank, g->rows, g->nk, MAT_24);
	for (int r = 0; r < rank && g->bias; r++)
		for (int i = 0; i < g->rows; i++)
			rows[row_start(r, g->rows) + (size_t)i] += column[r] * g->bias[i];
	if (g->p)
		mat_nn(u, g->np, w, g->rows, g->p, g->np, NULL, NULL, rank, g->np, g->rows, MAT_24);
}

static double largest(const float *row, int n)
{
	float x = 0;
	for (int i = 0; i < n; i++)
		x = fmaxf(x, fabsf(row[i]));
	return (double)x;
}

static void divide(float *row, int n, double by)
{
	for (int i = 0; i < n; i++)
		row[i] = by > 0 ? (float)(row[i] / by) : 0;
}

/* Divides the rows of v, with their numbers in the column. Else the next product would have the square of the length of G, which may be no float. */
static void scale_rows(float *v, float *column, int rank, int n)
{
	for (int r = 0; r < rank; r++) {
		const double by = fmax(largest(v + row_start(r, n), n), fabs((double)column[r]));
		divide(v + row_start(r, n), n, by);
		divide(column + r, 1, by);
	}
}

/* Divides a row by its length, or makes it 0 if that is not above `least`. */
static void normalize(float *row, int n, double least)
{
	const double length = sqrt(dot(row, row, n));
	divide(row, n, length > least ? length : 0);
}

/* Gram-Schmidt, twice for each row. The second pass changes a row little unless the first one left only rounding errors of it: such a row depends
 * on the earlier ones, and becomes 0. */
static void orthonormalize(float *u, int rank, int n)
{
	for (int r = 0; r < rank; r++) {
		float *row = u + row_start(r, n);
		divide(row, n, largest(row, n)); /* its square may be no float */
		for (int pass = 0; pass < 2; pass++) {
			for (int q = 0; q < r; q++) {
				const float *other = u + row_start(q, n);
				const float shared = (float)dot(row, other, n);
				for (int i = 0; i < n; i++)
					row[i] -= shared * other[i];
			}
			normalize(row, n, pass ? 0.5 : 0);
		}
	}
}

/* Divides a row of v by its number in the column of the biases, which becomes 1, and multiplies the row of u by it. A number that is almost 0 is
 * replaced first, so that v stays finite; this changes the gradient of the biases by at most 1e-3 of the largest number of v. */
static void scale_bias(float *u, float *v, double column, int np, int nk)
{
	const double least = 1e-3 * largest(v, nk);
	double scale = fabs(column) > least ? column : column < 0 ? -least : least;
	for (int i = 0; i < np; i++)
		u[i] = (float)(u[i] * scale);
	for (int i = 0; i < nk; i++)
		v[i] = scale != 0 ? (float)(v[i] / scale) : 0;
}

void low_rank(const struct gradient_matrix *g, int rank, float *u, float *v, float *scratch)
{
	float *column = scratch, *w = scratch + rank;
	rng_normal(v, rank * g->nk, 0, ROLE_INIT, 0, 0, 0);
	rng_normal(column, rank, 0, ROLE_INIT, 0, 0, 1); /* from 0, a gradient that only the biases have would stay 0 */
	for (int i = 0; i < ITERATIONS; i++) {
		scale_rows(v, column, rank, g->nk);
		multiply_back(g, rank, u, v, column, w);
		orthonormalize(u, rank, g->np);
		multiply(g, rank, u, v, column, w);
	}
	for (int r = 0; r < rank && g->bias; r++)
		scale_bias(u + row_start(r, g->np), v + row_start(r, g->nk), (double)column[r], g->np, g->nk);
}
