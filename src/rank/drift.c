#include "rank/drift.h"

#include <math.h>
#include <stdlib.h>

#define PERCENTILE 99.5
#define FAR_KS 0.1
#define FAR_P 0.001
#define FAR_ABOVE 0.02

int drift_open(struct drift *d, const struct quantiles *ref, struct fail *f)
{
	*d = (struct drift){.ref = ref};
	if (!ref || !ref->n)
		return 0;
	d->upto = calloc(ref->n + 1, sizeof *d->upto);
	d->below = calloc(ref->n + 1, sizeof *d->below);
	return d->upto && d->below ? 0 : fail_memory(f);
}

void drift_add(struct drift *d, double value)
{
	if (!d->upto)
		return;
	d->records++;
	d->upto[quantiles_search(d->ref, value, 0)]++;
	d->below[quantiles_search(d->ref, value, 1)]++;
	d->above += 100 * quantiles_count_le(d->ref, value) / (double)d->ref->records >= PERCENTILE;
}

double drift_p(double ks, double m, double n)
{
	double root = sqrt(m * n / (m + n)), x = (root + 0.12 + 0.11 / root) * ks, sum = 0;
	if (!(x > 0.2)) /* there the series converges slowly, and p is 1 */
		return 1;
	for (int k = 1, sign = 1; k <= 100; k++, sign = -sign) {
		double term = exp(-2 * x * x * k * k);
		sum += sign * term;
		if (term < 1e-17 * fabs(sum))
			break;
	}
	return fmax(0, fmin(2 * sum, 1));
}

/* The probability of at least count of n values, each with this share: binomial, or normal where many are expected. */
static double binomial_tail(uint64_t count, uint64_t n, double share)
{
	double mean = share * (double)n, term = exp((double)n * log1p(-share)), sum = 0;
	if (mean > 50)
		return 0.5 * erfc(((double)count - 0.5 - mean) / sqrt(2 * mean * (1 - share)));
	for (uint64_t k = 0; k < count; k++) {
		sum += term;
		term *= share / (1 - share) * (double)(n - k) / (double)(k + 1);
	}
	return fmax(0, 1 - sum);
}

/* The expected share of records above: 0.005, or more if many trusted records equal the boundary, as in a constant field. */
static double expected_above(const struct quantiles *ref)
{
	double all = (double)ref->records;
	size_t i = 0;
	while (i + 1 < ref->n && 100 * quantiles_count_le(ref, ref->value[i]) / all < PERCENTILE)
		i++;
	return 1 - PERCENTILE / 100 + fmax(0, quantiles_count_le(ref, ref->value[i]) + quantiles_count_ge(ref, ref->value[i]) - all - 1) / all;
}

struct drift_result drift_measure(const struct drift *d)
{
	struct drift_result r = {0, 1, 0, 0};
	double upto = 0, below = 0, n = (double)d->records;
	if (!d->records)
		return r;
	double all = (double)d->ref->records;
	for (size_t i = 0; i < d->ref->n; i++) {
		double v = d->ref->value[i];
		upto += (double)d->upto[i];
		below += (double)d->below[i];
		if (i + 1 < d->ref->n && d->ref->value[i + 1] == v && d->ref->n == d->ref->records)
			continue; /* the last of equal values compares them all */
		r.ks = fmax(r.ks, fabs(upto / n - quantiles_count_le(d->ref, v) / all));
		r.ks = fmax(r.ks, fabs(below / n - (all - quantiles_count_ge(d->ref, v)) / all));
	}
	r.p = drift_p(r.ks, n, all);
	r.above = (double)d->above / n;
	double expected = expected_above(d->ref), excess = FAR_ABOVE - (1 - PERCENTILE / 100);
	r.far = (r.ks >= FAR_KS && r.p < FAR_P) || (expected < 1 && r.above >= expected + excess && binomial_tail(d->above, d->records, expected) < FAR_P);
	return r;
}

void drift_free(struct drift *d)
{
	free(d->upto);
	free(d->below);
	*d = (struct drift){.ref = NULL};
}
