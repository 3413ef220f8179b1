/* Kernel density estimation with a Gaussian kernel, p(z) = 1/n sum_i N(z; x_i, sigma^2 I).
 *
 * The sum over all other points is made tile by tile: squared distances from one product of doubles, then the logarithm of a sum of
 * exponentials that is kept as e^max * sum, so that nothing underflows. For floats, where |a|^2 + |b|^2 - 2 a.b cancels, the distance is
 * measured from the coordinates; for samples the product is exact. */
#include <math.h>
#include <stdlib.h>

#include "density/kde.h"
#include "density/tiles.h"
#include "gemm/mat.h"

enum { NEGLIGIBLE = 80 }; /* nats below the largest term: 6e10 such terms are less than the sum's last bit */

struct kde {
	const struct points *x;
	const struct points *z; /* the points whose sums are computed; x itself, or others */
	size_t tile_rows;
	double scale; /* -1 / (2 sigma^2), sigma in steps */
	const float *centre;
	double *log_sums; /* [z->n] */
	struct scratch_pool scratch;
};

struct exp_sum { /* a sum of exponentials: e^max * sum */
	double max, sum;
};

/* Adds e^v of n exponents. */
static void exp_sum_add(struct exp_sum *s, const double *v, size_t n)
{
	double max = s->max;
	for (size_t i = 0; i < n; i++)
		max = v[i] > max ? v[i] : max;
	if (!(max > -INFINITY))
		return;
	s->sum *= exp(s->max - max);
	s->max = max;
	for (size_t i = 0; i < n; i++)
		if (v[i] - max > -NEGLIGIBLE)
			s->sum += exp(v[i] - max);
}

/* v [n]: in, products of point `row` of z with points from `from` on; out, the exponents -|a - b|^2 / (2 sigma^2). aa and bb [n]: squared
 * lengths. A point of x is not its own neighbour. */
static void products_to_exponents(const struct kde *k, double *v, size_t row, double aa, size_t from, const double *bb, size_t n)
{
	for (size_t j = 0; j < n; j++) {
		double sum = aa + bb[j], d2 = sum - 2 * v[j];
		if (!k->x->u8 && !(d2 > 1e-4 * sum))
			d2 = squared_steps(k->z, row, k->x, from + j);
		v[j] = d2 > 0 ? d2 * k->scale : 0; /* the scale may be infinite */
	}
	if (k->z == k->x && row >= from && row < from + n)
		v[row - from] = -INFINITY;
}

/* Task i: the points of tile i of z against all points of x. */
static void sum_tile(void *ctx, size_t i)
{
	struct kde *k = ctx;
	size_t d = (size_t)k->x->d, n = k->x->n, size = k->tile_rows, from = i * size, rows = k->z->n - from < size ? k->z->n - from : size;
	double *a = scratch_take(&k->scratch), *b = a + size * d, *v = b + size * d, *aa = v + size * size, *bb = aa + size;
	struct exp_sum *sum = (struct exp_sum *)(void *)(bb + size);
	tile_load_doubles(k->z, from, rows, k->centre, a, aa);
	for (size_t r = 0; r < rows; r++)
		sum[r] = (struct exp_sum){-INFINITY, 0};
	for (size_t at = 0; at < n; at += size) {
		size_t columns = n - at < size ? n - at : size;
		tile_load_doubles(k->x, at, columns, k->centre, b, bb);
		mat_nt_double(v, (int)columns, a, (int)d, b, (int)d, (int)rows, (int)columns, (int)d);
		for (size_t r = 0; r < rows; r++) {
			products_to_exponents(k, v + r * columns, from + r, aa[r], at, bb, columns);
			exp_sum_add(&sum[r], v + r * columns, columns);
		}
	}
	for (size_t r = 0; r < rows; r++)
		k->log_sums[from + r] = sum[r].max + log(sum[r].sum);
	scratch_give(&k->scratch, a);
}

static size_t scratch_bytes(const struct kde *k)
{
	size_t doubles = 2 * k->tile_rows * (size_t)k->x->d + k->tile_rows * k->tile_rows + 2 * k->tile_rows;
	return doubles * sizeof(double) + k->tile_rows * sizeof(struct exp_sum);
}

static struct kde kde_of(const struct points *x, const struct points *z, double sigma, const float *centre, double *log_sums)
{
	struct kde k = {.x = x, .z = z, .tile_rows = tile_rows(x->d, 512, sizeof(double)), .centre = centre, .log_sums = log_sums};
	double steps = sigma / x->step;
	k.tile_rows = k.tile_rows < x->n ? k.tile_rows : x->n;
	k.scale = -0.5 / steps / steps;
	return k;
}

int kde_leave_one_out(const struct points *x, double sigma, const struct exec *exec, double *log_others, struct fail *f)
{
	if (!x->n)
		return 0;
	float *centre = points_centre(x, f);
	struct kde k = kde_of(x, x, sigma, centre, log_others);
	int bad = !centre || scratch_open(&k.scratch, exec->threads, scratch_bytes(&k), f);
	if (!bad)
		exec_run(exec, "KDE", (x->n + k.tile_rows - 1) / k.tile_rows, sum_tile, &k);
	scratch_close(&k.scratch);
	free(centre);
	return bad ? -1 : 0;
}

int kde_search(const struct points *x, double sigma, const float *centre, const struct points *z, double *log_sums, struct fail *f)
{
	struct kde k = kde_of(x, z, sigma, centre, log_sums);
	if (scratch_open(&k.scratch, 1, scratch_bytes(&k), f))
		return -1;
	for (size_t i = 0; i < (z->n + k.tile_rows - 1) / k.tile_rows; i++)
		sum_tile(&k, i);
	scratch_close(&k.scratch);
	return 0;
}

/* --- likelihood and influence --- */

double logaddexp(double a, double b)
{
	double high = a > b ? a : b, low = a > b ? b : a;
	return high > -INFINITY ? high + log1p(exp(low - high)) : high;
}

double kde_nll(size_t n, int d, double sigma, double log_sum)
{
	return log((double)n) + 0.5 * d * log(2 * M_PI) + d * log(sigma) - log_sum;
}

double kde_influence(size_t n, double log_own, double log_others) { return log1p(-1 / (double)n) + logaddexp(0, log_own - log_others); }

static double exponent(double d2, double sigma) { return -0.5 * d2 / sigma / sigma; }

/* For the one point whose term is more than half of the sum: adds up the other terms, because a subtraction would cancel. */
static double dominant_influence(const double *d2, size_t n, size_t i, double sigma)
{
	double log_others = -INFINITY;
	for (size_t j = 0; j < n; j++)
		if (j != i)
			log_others = logaddexp(log_others, exponent(d2[j], sigma));
	return kde_influence(n, exponent(d2[i], sigma), log_others);
}

int kde_test_influence(const double *d2, size_t n, int d, double sigma, double *influence, double *nll, struct fail *why)
{
	double max = -INFINITY, sum = 0;
	if (n < 2)
		return fail_unscored(why, "%zu records are too few to leave one out", n);
	for (size_t i = 0; i < n; i++) {
		influence[i] = exponent(d2[i], sigma);
		max = influence[i] > max ? influence[i] : max;
	}
	if (!(max > -INFINITY))
		return fail_unscored(why, "too far from all records for sigma = %.9g", sigma);
	for (size_t i = 0; i < n; i++)
		sum += exp(influence[i] - max);
	double log_sum = max + log(sum);
	*nll = kde_nll(n, d, sigma, log_sum);
	for (size_t i = 0; i < n; i++) {
		double share = exp(influence[i] - log_sum);
		influence[i] = share > 0.5 ? dominant_influence(d2, n, i, sigma) : log1p(-1 / (double)n) - log1p(-share);
	}
	return 0;
}
