#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "density/density.h"
#include "density/tiles.h"

/* --- distances from one test point --- */

enum { ROWS = 1024 };

struct distances {
	const struct points *x, *z;
	size_t j, base;
	double *d2;
};

static void rows(void *ctx, int i)
{
	struct distances *s = ctx;
	size_t from = (s->base + (size_t)i) * ROWS, to = s->x->n - from < ROWS ? s->x->n : from + ROWS;
	for (size_t r = from; r < to; r++)
		s->d2[r] = points_squared_distance(s->x, r, s->z, s->j);
}

int squared_distances(const struct points *x, const struct points *z, size_t j, const struct exec *exec, double *d2, struct fail *f)
{
	struct distances s = {.x = x, .z = z, .j = j, .d2 = d2};
	if (x->d != z->d || !x->u8 != !z->u8)
		return fail_set(f, "test records of %d dimensions, where the records have %d", z->d, x->d);
	exec_run(exec, NULL, (x->n + ROWS - 1) / ROWS, rows, &s, &s.base);
	return 0;
}

/* --- influence --- */

int knn_test_influence(const double *d2, size_t n, int d, int k, double *out, double *nll, struct fail *why)
{
	size_t keep = (size_t)k + 1;
	if (n < keep)
		return fail_set(why, "%zu records have no %zu-th neighbour", n, keep);
	double *near = malloc(keep * sizeof *near);
	if (!near)
		return fail_memory(why);
	for (size_t i = 0; i < keep; i++)
		near[i] = INFINITY;
	for (size_t i = 0; i < n; i++) {
		size_t at = keep - 1;
		if (!(d2[i] < near[at]))
			continue;
		for (; at > 0 && near[at - 1] > d2[i]; at--)
			near[at] = near[at - 1];
		near[at] = d2[i];
	}
	double rk = sqrt(near[k - 1]), rk1 = sqrt(near[k]), bound = near[k - 1];
	free(near);
	if (!(rk > 0))
		return fail_set(why, "at least %d records are the same as this one", k);
	*nll = knn_nll(n, d, k, rk);
	double in = knn_influence(n, d, rk, rk1, 1), not = knn_influence(n, d, rk, rk1, 0);
	for (size_t i = 0; i < n; i++)
		out[i] = d2[i] <= bound ? in : not;
	return 0;
}

int kde_test_influence(const double *d2, size_t n, int d, double sigma, double *out, double *nll, struct fail *why)
{
	double total = -INFINITY, top = -INFINITY, s = 0;
	if (n < 2)
		return fail_set(why, "%zu records are too few to leave one out", n);
	for (size_t i = 0; i < n; i++) {
		out[i] = -0.5 * d2[i] / sigma / sigma;
		top = out[i] > top ? out[i] : top;
	}
	if (!(top > -INFINITY))
		return fail_set(why, "alone at the scale of sigma = %.9g", sigma);
	for (size_t i = 0; i < n; i++)
		s += exp(out[i] - top);
	total = top + log(s);
	*nll = kde_nll(n, d, sigma, total);
	for (size_t i = 0; i < n; i++) {
		double own = out[i], share = exp(own - total);
		if (share > 0.5) { /* at most one; what is left is summed, not subtracted */
			double others = -INFINITY;
			for (size_t j = 0; j < n; j++)
				if (j != i)
					others = logaddexp(others, j < i ? -0.5 * d2[j] / sigma / sigma : out[j]);
			out[i] = kde_influence(n, own, others);
		} else {
			out[i] = log1p(-1 / (double)n) - log1p(-share);
		}
	}
	return 0;
}

/* --- proponents and opponents --- */

/* Whether a comes before b. */
static int before(const struct top_point *a, const struct top_point *b, int opponents)
{
	if (a->influence != b->influence)
		return opponents ? a->influence < b->influence : a->influence > b->influence;
	if (a->d2 != b->d2)
		return opponents ? a->d2 > b->d2 : a->d2 < b->d2;
	return a->i < b->i;
}

size_t top_points(const double *influence, const double *d2, size_t n, int opponents, size_t k, struct top_point *out)
{
	size_t have = 0;
	for (size_t i = 0; i < n; i++) {
		struct top_point one = {influence[i], d2[i], i};
		if (!isfinite(influence[i]) || (influence[i] > 0) == opponents)
			continue;
		if (have == k && (k == 0 || !before(&one, &out[k - 1], opponents)))
			continue;
		size_t at = have < k ? have++ : k - 1;
		for (; at > 0 && before(&one, &out[at - 1], opponents); at--)
			out[at] = out[at - 1];
		out[at] = one;
	}
	return have;
}
