#include "eval/detect.h"

#include <math.h>
#include <stdlib.h>

#include "base/grow.h"

int detection_add(struct detection *d, double value, int positive, struct fail *f)
{
	/* the label is the lowest bit of the index, so ties still go by position */
	if (ranking_add(&d->rank, value, f))
		return -1;
	d->rank.v[d->rank.n - 1].index = 2 * (d->rank.n - 1) + (uint64_t)positive;
	if (isnan(value))
		d->positives_unscored += (uint64_t)positive;
	else
		d->positives += (uint64_t)positive;
	return 0;
}

void detection_sort(struct detection *d) { ranking_sort(&d->rank); }

uint64_t detection_found(const struct detection *d, uint64_t k)
{
	uint64_t found = 0;
	for (uint64_t i = 0; i < k && i < d->rank.scored; i++)
		found += (uint64_t)detection_label(&d->rank.v[i]);
	return found;
}

double detection_auc(const struct detection *d, double *ceiling)
{
	double n = (double)d->rank.scored, p = (double)d->positives, area = 0;
	uint64_t found = 0;
	if (!d->positives)
		return *ceiling = NAN;
	for (uint64_t i = 0; i < d->rank.scored; i++) {
		found += (uint64_t)detection_label(&d->rank.v[i]);
		area += (double)found;
	}
	*ceiling = 1 - (p - 1) / (2 * n);
	return area / p / n;
}

/* The end of the group of equal scores that begins at i; *pos: how many of them are positive. */
static uint64_t tie_group(const struct detection *d, uint64_t i, double *pos)
{
	const struct ranked *v = d->rank.v;
	uint64_t end = i;
	for (*pos = 0; end < d->rank.scored && v[end].value == v[i].value; end++)
		*pos += detection_label(&v[end]);
	return end;
}

double detection_auroc(const struct detection *d, double *se)
{
	double p = (double)d->positives, q = (double)d->rank.scored - p, above = 0, seen = 0; /* seen: negatives in higher groups */
	if (p == 0 || q == 0)
		return *se = NAN;
	/* per group, from the highest: a pair with a lower negative counts 1, with one in the group 1/2 */
	for (uint64_t i = 0, end; i < d->rank.scored; i = end) {
		double pos;
		end = tie_group(d, i, &pos);
		double neg = (double)(end - i) - pos;
		above += pos * (q - seen - neg) + 0.5 * pos * neg;
		seen += neg;
	}
	double a = above / p / q, q1 = a / (2 - a), q2 = 2 * a * a / (1 + a);
	*se = sqrt((a * (1 - a) + (p - 1) * (q1 - a * a) + (q - 1) * (q2 - a * a)) / (p * q));
	return a;
}

double detection_average_precision(const struct detection *d)
{
	double p = (double)d->positives, found = 0, sum = 0, pos;
	if (p == 0)
		return NAN;
	for (uint64_t i = 0; i < d->rank.scored;) {
		i = tie_group(d, i, &pos);
		found += pos;
		sum += pos / p * (found / (double)i);
	}
	return sum;
}

static int add_point(struct curve *c, double x, double y, struct fail *f)
{
	size_t x_cap = c->cap;
	if (grow(&c->x, &x_cap, c->n + 1, "points of a curve", f) || grow(&c->y, &c->cap, c->n + 1, "points of a curve", f))
		return -1;
	c->x[c->n] = x;
	c->y[c->n++] = y;
	return 0;
}

int detection_curve(const struct detection *d, enum curve_kind kind, struct curve *c, struct fail *f)
{
	const double min_step = 1.0 / 400;
	double n = (double)d->rank.scored, p = (double)d->positives, found = 0, pos, x = 0, y = 0;
	*c = (struct curve){.n = 0};
	if (p == 0 || p == n)
		return 0;
	if (kind != CURVE_PRECISION_RECALL && add_point(c, 0, 0, f))
		return -1;
	for (uint64_t i = 0; i < d->rank.scored;) {
		i = tie_group(d, i, &pos);
		found += pos;
		double k = (double)i, x1 = kind == CURVE_DETECTION ? k / n : kind == CURVE_ROC ? (k - found) / (n - p) : found / p;
		double y1 = kind == CURVE_PRECISION_RECALL ? found / k : found / p;
		if (kind == CURVE_PRECISION_RECALL && x1 == x)
			continue; /* no gain in recall */
		if (c->n && fabs(x1 - x) < min_step && fabs(y1 - y) < min_step && k < n)
			continue;
		if (kind == CURVE_PRECISION_RECALL && add_point(c, x, y1, f))
			return -1;
		if (add_point(c, x1, y1, f))
			return -1;
		x = x1;
		y = y1;
	}
	return 0;
}

void detection_heights(const struct detection *d, enum curve_kind kind, double *y, size_t n)
{
	const double all = (double)d->rank.scored, p = (double)d->positives;
	double x0 = 0, y0 = 0, found = 0, pos;
	size_t at = 0;
	if (p == 0 || p == all)
		for (; at <= n; at++)
			y[at] = NAN;
	for (uint64_t i = 0; i < d->rank.scored && at <= n;) {
		i = tie_group(d, i, &pos);
		found += pos;
		/* in units of 1 / n */
		double x1 = (double)n * (kind == CURVE_DETECTION ? (double)i / all : ((double)i - found) / (all - p)), y1 = found / p;
		for (; at <= n && (double)at < x1; at++)
			y[at] = y0 + (y1 - y0) * ((double)at - x0) / (x1 - x0);
		x0 = x1;
		y0 = y1;
	}
	for (; at <= n; at++)
		y[at] = 1;
}

void curve_free(struct curve *c)
{
	free(c->x);
	free(c->y);
	*c = (struct curve){.n = 0};
}
