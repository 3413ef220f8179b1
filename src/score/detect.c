#include "detect.h"

#include <math.h>

int detection_add(struct detection *d, double value, int positive, struct fail *f)
{
	/* the mark sits in the lowest bit, so that positions decide ties */
	if (ranking_add(&d->rank, value, f))
		return -1;
	d->rank.v[d->rank.n - 1].index = 2 * (d->rank.n - 1) + (uint64_t)positive;
	if (isnan(value))
		d->positives_unscored += (uint64_t)positive;
	else
		d->positives += (uint64_t)positive;
	return 0;
}

static int positive(const struct detection *d, uint64_t i) { return (int)(d->rank.v[i].index & 1); }

void detection_sort(struct detection *d) { ranking_sort(&d->rank); }

uint64_t detection_found(const struct detection *d, uint64_t k)
{
	uint64_t found = 0;
	for (uint64_t i = 0; i < k && i < d->rank.scored; i++)
		found += (uint64_t)positive(d, i);
	return found;
}

double detection_auc(const struct detection *d, double *ceiling)
{
	double n = (double)d->rank.scored, p = (double)d->positives, area = 0;
	uint64_t found = 0;
	if (!d->positives)
		return *ceiling = NAN;
	for (uint64_t i = 0; i < d->rank.scored; i++) {
		found += (uint64_t)positive(d, i);
		area += (double)found;
	}
	*ceiling = 1 - (p - 1) / (2 * n);
	return area / p / n;
}

double detection_auroc(const struct detection *d, double *se)
{
	double p = (double)d->positives, q = (double)d->rank.scored - p, above = 0, seen = 0;
	const struct ranked *v = d->rank.v;
	if (p == 0 || q == 0)
		return *se = NAN;
	/* groups of equal scores, from the highest: pairs with a negative below count 1, within 1/2 */
	for (uint64_t i = 0, end; i < d->rank.scored; i = end) {
		double pos = 0;
		for (end = i; end < d->rank.scored && v[end].value == v[i].value; end++)
			pos += positive(d, end);
		double neg = (double)(end - i) - pos;
		above += pos * (q - seen - neg) + 0.5 * pos * neg;
		seen += neg;
	}
	double a = above / p / q, q1 = a / (2 - a), q2 = 2 * a * a / (1 + a);
	*se = sqrt((a * (1 - a) + (p - 1) * (q1 - a * a) + (q - 1) * (q2 - a * a)) / (p * q));
	return a;
}
