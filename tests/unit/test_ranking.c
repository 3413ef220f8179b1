/* Ranks, median, spread and the measures of detection, against their definitions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "eval/detect.h"
#include "rank/ranking.h"
#include "tap.h"

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double naive_median(const double *v, size_t n)
{
	double *c = malloc(n * sizeof *c), m;
	memcpy(c, v, n * sizeof *c);
	qsort(c, n, sizeof *c, by_value);
	m = n % 2 ? c[n / 2] : 0.5 * (c[n / 2 - 1] + c[n / 2]);
	free(c);
	return m;
}

/* Median and spread by their definitions; v may hold NAN. */
static void naive_spread(const double *v, size_t n, double *median, double *spread)
{
	double *c = malloc((n + 1) * sizeof *c), mean = 0;
	size_t k = 0;
	*median = *spread = 0;
	for (size_t i = 0; i < n; i++)
		if (!isnan(v[i]))
			c[k++] = v[i];
	if (k) {
		*median = naive_median(c, k);
		for (size_t i = 0; i < k; i++) {
			c[i] = fabs(c[i] - *median);
			mean += c[i] / (double)k;
		}
		*spread = 1.4826 * naive_median(c, k);
		if (*spread == 0)
			*spread = 1.2533 * mean;
	}
	free(c);
}

static int close_to(double a, double b) { return fabs(a - b) <= 1e-12 * (fabs(a) + fabs(b)); }

static int agrees(const double *v, size_t n)
{
	struct ranking r = {.v = NULL};
	struct fail f;
	double median, spread;
	int good = 1;
	for (size_t i = 0; i < n; i++)
		good &= ranking_add(&r, v[i], &f) == 0;
	ranking_sort(&r);
	naive_spread(v, n, &median, &spread);
	good &= close_to(r.median, median) && close_to(r.spread, spread);
	for (size_t i = 0; i < n; i++)
		if (!isnan(v[i]))
			good &= spread > 0 ? close_to(ranking_z(&r, v[i]), (v[i] - median) / spread) : ranking_z(&r, v[i]) == 0;
	ranking_invert(&r);
	for (size_t i = 0; i < n; i++) {
		int64_t above = 0;
		for (size_t k = 0; k < n; k++)
			above += v[k] > v[i] || (v[k] == v[i] && k < i);
		good &= isnan(v[i]) ? isnan(r.v[i].value) && r.v[i].index >= r.scored : r.v[i].value == v[i] && r.v[i].index == (uint64_t)above;
	}
	ranking_free(&r);
	return good;
}

/* Over all pairs. */
static double naive_auroc(const double *v, const int *positive, size_t n)
{
	double above = 0, pairs = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			if (positive[i] && !positive[k] && !isnan(v[i]) && !isnan(v[k])) {
				pairs++;
				above += v[i] > v[k] ? 1 : v[i] == v[k] ? 0.5 : 0;
			}
	return above / pairs;
}

int main(void)
{
	enum { N = 200 };
	double v[N], se, ceiling;
	int positive[N], bad = 0, bad_auroc = 0, bad_auc = 0;
	struct fail f;
	for (int round = 0; round < 2000; round++) {
		size_t n = (size_t)(uniform() * (round < 1000 ? 8 : N));
		int levels = round % 3 ? 4 : 1000000;
		for (size_t i = 0; i < n; i++) {
			v[i] = uniform() < 0.1 ? NAN : floor(uniform() * levels) - levels / 2;
			positive[i] = uniform() < 0.3;
		}
		bad += !agrees(v, n);
		struct detection d = {.positives = 0};
		size_t p = 0, scored = 0, where = 0;
		for (size_t i = 0; i < n; i++) {
			detection_add(&d, v[i], positive[i], &f);
			scored += !isnan(v[i]);
			p += !isnan(v[i]) && positive[i];
		}
		detection_sort(&d);
		if (p && p < scored)
			bad_auroc += !close_to(detection_auroc(&d, &se), naive_auroc(v, positive, n));
		if (p) {
			double area = 0;
			for (size_t i = 0; i < n; i++)
				if (!isnan(v[i]) && positive[i]) { /* found from its rank on */
					where = 0;
					for (size_t k = 0; k < n; k++)
						where += v[k] > v[i] || (v[k] == v[i] && k < i);
					area += (double)(scored - where);
				}
			bad_auc += !close_to(detection_auc(&d, &ceiling), area / (double)p / (double)scored);
			bad_auc += detection_auc(&d, &ceiling) > ceiling * (1 + 1e-12);
			bad_auc += detection_found(&d, scored) != p || detection_found(&d, n + 5) != p || detection_found(&d, 0) != 0;
		}
		ranking_free(&d.rank);
	}
	ok(bad == 0, "ranks, median, spread and z of 2000 random lists, %d wrong", bad);
	ok(bad_auroc == 0, "AUROC is the share of pairs, %d wrong", bad_auroc);
	ok(bad_auc == 0, "the detection curve's area, %d wrong", bad_auc);

	ok(agrees((double[]){NAN, NAN}, 2), "no record has a score");
	ok(agrees((double[]){5}, 1), "one record");
	ok(agrees((double[]){5, 5, 5, 5, 5}, 5), "all equal");
	ok(agrees((double[]){5, 5, 5, 9}, 4), "half the values equal: the mean deviation");
	ok(agrees((double[]){-0.0, 0.0, -0.0}, 3), "zeros of both signs are one value");
	ok(agrees((double[]){1e300, -1e300, 5e-324, 0}, 4), "extreme values");

	struct ranking r = {.v = NULL};
	ranking_sort(&r);
	ok(r.scored == 0 && r.median == 0 && r.spread == 0 && ranking_z(&r, 1) == 0, "no records");
	ranking_free(&r);

	struct detection d = {.positives = 0};
	static const struct { double v; int p; } hand[] = {{5, 1}, {4, 0}, {4, 1}, {3, 0}, {2, 0}, {1, 1}};
	for (int i = 0; i < 6; i++)
		detection_add(&d, hand[i].v, hand[i].p, &f);
	detection_add(&d, NAN, 1, &f);
	detection_sort(&d);
	near(detection_auroc(&d, &se), 5.5 / 9, 1e-12, "AUROC of a small case computed by hand");
	near(detection_auc(&d, &ceiling), 11.0 / 18, 1e-12, "its detection AUC");
	near(ceiling, 5.0 / 6, 1e-12, "the AUC of a perfect score");
	double a = 5.5 / 9, q1 = a / (2 - a), q2 = 2 * a * a / (1 + a);
	near(se, sqrt((a * (1 - a) + 2 * (q1 - a * a) + 2 * (q2 - a * a)) / 9), 1e-12, "its standard error");
	ok(d.positives == 3 && d.positives_unscored == 1, "positives without a score are counted separately");
	ranking_free(&d.rank);
	return done();
}
