#include <math.h>
#include <stdlib.h>

#include "density/density.h"
#include "gemm/mat.h"
#include "density/tiles.h"

enum { FAINT = 80 }; /* nats below the largest term: 60,000 million such terms are still under its last bit */

struct kde {
	const struct points *x;
	size_t tile, base;
	double scale; /* -1 / (2 sigma^2), sigma in steps */
	float *centre;
	double *others;
	struct buffer_pool shelf;
};

struct sum { /* of exponentials, as e^top * s */
	double top, s;
};

static void sum_add(struct sum *t, double *v, size_t n)
{
	double top = t->top;
	for (size_t i = 0; i < n; i++)
		top = v[i] > top ? v[i] : top;
	if (!(top > -INFINITY))
		return;
	t->s *= exp(t->top - top);
	t->top = top;
	for (size_t i = 0; i < n; i++)
		if (v[i] - top > -FAINT)
			t->s += exp(v[i] - top);
}

/* Exponents of one row of products, into g. */
static void exponents(const struct kde *k, double *g, size_t row, double aa, size_t from, const double *bb, size_t n)
{
	for (size_t j = 0; j < n; j++) {
		double both = aa + bb[j], d2 = both - 2 * g[j];
		if (!k->x->u8 && !(d2 > 1e-4 * both)) /* what cancels is measured; of samples nothing was rounded */
			d2 = points_squared_steps(k->x, row, k->x, from + j);
		g[j] = d2 > 0 ? d2 * k->scale : 0; /* the scale may be infinite */
	}
	if (row >= from && row < from + n)
		g[row - from] = -INFINITY;
}

static void block_of_rows(void *ctx, int i)
{
	struct kde *k = ctx;
	size_t d = (size_t)k->x->d, n = k->x->n, from = (k->base + (size_t)i) * k->tile, rows = n - from < k->tile ? n - from : k->tile;
	double *a = buffer_pool_take(&k->shelf), *b = a + k->tile * d, *g = b + k->tile * d, *aa = g + k->tile * k->tile, *bb = aa + k->tile;
	struct sum *sum = (struct sum *)(void *)(bb + k->tile);
	tile_doubles(k->x, from, rows, k->centre, a, aa);
	for (size_t r = 0; r < rows; r++)
		sum[r] = (struct sum){-INFINITY, 0};
	for (size_t at = 0; at < n; at += k->tile) {
		size_t columns = n - at < k->tile ? n - at : k->tile;
		tile_doubles(k->x, at, columns, k->centre, b, bb);
		mat_nt_double(g, (int)columns, a, (int)d, b, (int)d, (int)rows, (int)columns, (int)d);
		for (size_t r = 0; r < rows; r++) {
			exponents(k, g + r * columns, from + r, aa[r], at, bb, columns);
			sum_add(&sum[r], g + r * columns, columns);
		}
	}
	for (size_t r = 0; r < rows; r++)
		k->others[from + r] = sum[r].top + log(sum[r].s);
	buffer_pool_give(&k->shelf, a);
}

int kde_leave_one_out(const struct points *x, double sigma, const struct exec *exec, double *others, struct fail *f)
{
	struct kde k = {.x = x, .tile = tile_rows(x->d, 512, sizeof(double)), .others = others};
	double steps = sigma / x->unit;
	if (!x->n)
		return 0;
	k.tile = k.tile < x->n ? k.tile : x->n;
	k.scale = -0.5 / steps / steps;
	k.centre = points_centre(x, f);
	size_t each = 2 * k.tile * (size_t)x->d + k.tile * k.tile + 2 * k.tile;
	int bad = !k.centre || buffer_pool_open(&k.shelf, exec->threads, each * sizeof(double) + k.tile * sizeof(struct sum), f);
	if (!bad)
		exec_run(exec, "KDE", (x->n + k.tile - 1) / k.tile, block_of_rows, &k, &k.base);
	buffer_pool_close(&k.shelf);
	free(k.centre);
	return bad ? -1 : 0;
}

double logaddexp(double a, double b)
{
	double high = a > b ? a : b, low = a > b ? b : a;
	return high > -INFINITY ? high + log1p(exp(low - high)) : high;
}

double kde_nll(size_t n, int d, double sigma, double total)
{
	return log((double)n) + 0.5 * d * log(2 * M_PI) + d * log(sigma) - total;
}

double kde_influence(size_t n, double own, double others) { return log1p(-1 / (double)n) + logaddexp(0, own - others); }
