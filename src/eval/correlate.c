#include "eval/correlate.h"

#include <math.h>
#include <stdlib.h>

struct pair {
	double x, y; /* values, then ranks */
};

static int by_x(const void *a, const void *b)
{
	double p = ((const struct pair *)a)->x, q = ((const struct pair *)b)->x;
	return (p > q) - (p < q);
}

static int by_y(const void *a, const void *b)
{
	double p = ((const struct pair *)a)->y, q = ((const struct pair *)b)->y;
	return (p > q) - (p < q);
}

/* Pearson's correlation and the least-squares line, in two passes: means first, so large values lose no digits. */
static double pearson(const struct pair *v, size_t n, double *slope, double *intercept)
{
	double mx = 0, my = 0, xx = 0, yy = 0, xy = 0, k = (double)n, sx = 0, sy = 0;
	for (size_t i = 0; i < n; i++) { /* scaled to 1, so that no square overflows */
		sx = fmax(sx, fabs(v[i].x));
		sy = fmax(sy, fabs(v[i].y));
	}
	*slope = *intercept = NAN;
	if (n < 3 || sx == 0 || sy == 0)
		return NAN;
	for (size_t i = 0; i < n; i++) {
		mx += v[i].x / sx / k;
		my += v[i].y / sy / k;
	}
	for (size_t i = 0; i < n; i++) {
		double x = v[i].x / sx - mx, y = v[i].y / sy - my;
		xx += x * x;
		yy += y * y;
		xy += x * y;
	}
	/* a constant: only rounding is left */
	if (xx <= 1e-28 * k || yy <= 1e-28 * k)
		return NAN;
	*slope = xy / xx * (sy / sx);
	*intercept = my * sy - *slope * mx * sx;
	return xy / sqrt(xx) / sqrt(yy);
}

/* Replaces values, in ascending order, by mean ranks from 1; which: 0 x, 1 y. */
static void mean_ranks(struct pair *v, size_t n, int which)
{
	for (size_t i = 0, end; i < n; i = end) {
		double value = which ? v[i].y : v[i].x;
		for (end = i; end < n && (which ? v[end].y : v[end].x) == value; end++)
			;
		for (size_t k = i; k < end; k++)
			*(which ? &v[k].y : &v[k].x) = 0.5 * (double)(i + end + 1);
	}
}

int correlate(const double *x, const double *y, size_t n, struct correlation *c, struct fail *f)
{
	*c = (struct correlation){.n = 0};
	struct pair *v = calloc(n + 1, sizeof *v);
	if (!v)
		return fail_memory_for(f, "%zu pairs", n);
	size_t k = 0;
	for (size_t i = 0; i < n; i++)
		if (!isnan(x[i]) && !isnan(y[i]))
			v[k++] = (struct pair){x[i], y[i]};
	double r = pearson(v, k, &c->slope, &c->intercept), ignored[2];
	c->n = k;
	c->r2 = r * r;
	qsort(v, k, sizeof *v, by_x);
	mean_ranks(v, k, 0);
	qsort(v, k, sizeof *v, by_y);
	mean_ranks(v, k, 1);
	c->spearman = pearson(v, k, &ignored[0], &ignored[1]);
	free(v);
	return 0;
}
