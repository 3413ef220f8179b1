/* The distance of a stream from a reference: against SciPy, and against the definition. */
#include <math.h>
#include <stdlib.h>

#include "random.h"
#include "rank/drift.h"
#include "tap.h"

enum { MAX = 60000 };

static struct fail f;

static int by_value(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;
	return (a > b) - (a < b);
}

/* The reference of n values, which are sorted; as many are kept as a file has. */
static struct quantiles reference(double *v, size_t n)
{
	static double kept[QUANTILES_MAX];
	struct quantiles q = {kept, quantiles_size(n), n};
	qsort(v, n, sizeof *v, by_value);
	for (size_t i = 0; i < q.n; i++)
		kept[i] = v[quantiles_rank(&q, i)];
	return q;
}

static struct drift_result measure(double *ref, size_t n, const double *stream, size_t m)
{
	struct quantiles q = reference(ref, n);
	struct drift d;
	int bad = drift_open(&d, &q, &f);
	for (size_t i = 0; i < m && !bad; i++)
		drift_add(&d, stream[i]);
	struct drift_result r = drift_measure(&d);
	drift_free(&d);
	return r;
}

static void vectors(void)
{
	static const struct { const char *name; int n; double ref[300]; int m; double stream[300], ks, p, above; } expected[] = {
#include "../data/rank/drift.inc"
	};
	static double ref[300];
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		for (int k = 0; k < expected[i].n; k++)
			ref[k] = expected[i].ref[k];
		struct drift_result r = measure(ref, (size_t)expected[i].n, expected[i].stream, (size_t)expected[i].m);
		ok(fabs(r.ks - expected[i].ks) < 1e-12 && fabs(r.above - expected[i].above) < 1e-12, "%s: distance %.6g, expected %.6g; above %.6g, expected %.6g",
		   expected[i].name, r.ks, expected[i].ks, r.above, expected[i].above);
		ok(fabs(r.p - expected[i].p) < (expected[i].m < 10 ? 0.2 : 0.02) && /* the limit distribution is approximate for few values */
		    (expected[i].p > 1e-3 || r.p < 2e-3), "%s: p %.3g, expected %.3g", expected[i].name, r.p, expected[i].p);
	}
}

/* The largest difference of the distribution functions at any value of either sample; both sorted. */
static double naive(const double *a, size_t n, const double *b, size_t m)
{
	size_t i = 0, k = 0;
	double most = 0;
	while (i < n || k < m) {
		double v = k == m || (i < n && a[i] <= b[k]) ? a[i] : b[k];
		while (i < n && a[i] == v)
			i++;
		while (k < m && b[k] == v)
			k++;
		most = fmax(most, fabs((double)i / (double)n - (double)k / (double)m));
	}
	return most;
}

static void definition(void)
{
	static double a[MAX], b[MAX];
	double worst = 0, worst_large = 0;
	for (int round = 0; round < 300; round++) {
		size_t n = 1 + (size_t)(200 * uniform()), m = 1 + (size_t)(200 * uniform());
		for (size_t i = 0; i < n; i++)
			a[i] = round % 3 ? normal() : floor(4 * uniform());
		for (size_t i = 0; i < m; i++)
			b[i] = round % 3 ? normal() + 0.5 * (round % 5) : floor(5 * uniform());
		double ks = measure(a, n, b, m).ks;
		qsort(b, m, sizeof *b, by_value);
		worst = fmax(worst, fabs(ks - naive(a, n, b, m)));
	}
	ok(worst < 1e-12, "300 pairs of samples: the distance by its definition (%.2g)", worst);
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < MAX; i++)
			a[i] = round % 2 ? exp(3 * normal()) : floor(50 * uniform() * uniform());
		for (size_t i = 0; i < MAX / 2; i++)
			b[i] = round % 2 ? exp(3 * normal() + 0.05 * round) : floor(55 * uniform() * uniform());
		double ks = measure(a, MAX, b, MAX / 2).ks;
		qsort(b, MAX / 2, sizeof *b, by_value);
		worst_large = fmax(worst_large, fabs(ks - naive(a, MAX, b, MAX / 2)));
	}
	ok(worst_large < 1.01e-4, "of 60000 records, 10001 of which are kept: within 1e-4 (%.2g)", worst_large);
}

static void far(void)
{
	static double a[20000], b[20000];
	int false_alarms = 0, found = 0;
	for (int round = 0; round < 200; round++) {
		size_t m = (size_t)(1 << round % 12);
		for (size_t i = 0; i < 2000; i++)
			a[i] = normal();
		for (size_t i = 0; i < m; i++)
			b[i] = normal();
		false_alarms += measure(a, 2000, b, m).far;
		for (size_t i = 0; i < 1000; i++)
			b[i] = normal() + (round % 2 ? 0.4 : i < 30 ? 4 : 0); /* all a little; few by much */
		found += measure(a, 2000, b, 1000).far;
	}
	ok(false_alarms <= 2 && found >= 195, "streams like the reference are not far (%d of 200 were), others are (%d of 200)", false_alarms, found);
	/* equal values across the 99.5th percentile: a constant, as the saturation of gray pictures, and the highest of few values */
	int tied = 0;
	for (int share = 1; share <= 100; share += 11) {
		for (size_t i = 0; i < 2000; i++)
			a[i] = i % 100 < (size_t)share;
		for (size_t i = 0; i < 500; i++)
			b[i] = i % 100 < (size_t)share;
		tied += measure(a, 2000, b, 500).far;
	}
	ok(!tied, "a stream with the values of a reference in which they are equal is not far (%d of 10 were)", tied);
	for (size_t i = 0; i < 2000; i++)
		a[i] = i % 100 < 3;
	for (size_t i = 0; i < 500; i++)
		b[i] = i % 100 < 9;
	ok(measure(a, 2000, b, 500).far, "with thrice as many of the highest value it is");
	struct drift_result r = measure(a, 2000, b, 0);
	ok(r.ks == 0 && r.p == 1 && r.above == 0 && !r.far, "an empty stream is not far");
	struct drift d;
	ok(!drift_open(&d, &(struct quantiles){.n = 0}, &f) && (drift_add(&d, 1), drift_measure(&d).ks == 0), "nor is any from an unknown reference");
	drift_free(&d);
	ok(drift_p(1e-9, 10, 10) == 1 && drift_p(0, 10, 10) == 1 && drift_p(1, 1e6, 1e6) == 0, "p at the ends");
}

int main(void)
{
	vectors();
	definition();
	far();
	return done();
}
