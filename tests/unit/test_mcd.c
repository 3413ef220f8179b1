/* The robust distance, against exhaustive search and its definition. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "rank/chi2.h"
#include "rank/mcd.h"
#include "tap.h"

enum { MAX_N = 4000, P = 8 };

static double x[MAX_N * P], values[MAX_N * P], d[MAX_N], other[MAX_N];
/* Fits to exp(x) (or to x itself) and leaves the score of every record in d. */
static int scores(struct mcd *j, int p, int n, int logs, struct fail *f)
{
	*j = (struct mcd){.p = p};
	for (int i = 0; i < n * p; i++)
		values[i] = logs ? exp(x[i]) : x[i];
	static double rows[MAX_N * P];
	memcpy(rows, values, sizeof(double) * (size_t)(n * p));
	if (mcd_fit(j, rows, (size_t)n, f))
		return -1;
	int same = 1;
	for (int i = 0; i < n; i++) {
		d[i] = mcd_score(j, values + i * p);
		same &= d[i] == rows[i];
	}
	return same ? 0 : fail_set(f, "the score of the values is not that of the fit");
}

/* --- the exact estimator, by trying every subset; Gauss-Jordan instead of a Cholesky factor --- */

static double invert(double *a, int p)
{
	double det = 1;
	for (int k = 0; k < p; k++) {
		double pivot = a[k * p + k];
		det *= pivot;
		a[k * p + k] = 1;
		for (int i = 0; i < p; i++)
			a[k * p + i] /= pivot;
		for (int i = 0; i < p; i++) {
			double t = a[i * p + k];
			if (i == k)
				continue;
			a[i * p + k] = 0;
			for (int l = 0; l < p; l++)
				a[i * p + l] -= t * a[k * p + l];
		}
	}
	return det;
}

static int by_size(const void *a, const void *b)
{
	double u = *(const double *)a, v = *(const double *)b;
	return (u > v) - (u < v);
}

static double naive_median(const double *v, int n)
{
	double t[MAX_N];
	memcpy(t, v, sizeof *t * (size_t)n);
	qsort(t, (size_t)n, sizeof *t, by_size);
	return n % 2 ? t[n / 2] : 0.5 * (t[n / 2 - 1] + t[n / 2]);
}

/* Mean and inverse covariance of the rows that are in; the determinant. */
static double moments(const double *u, int n, int p, const char *in, double *mean, double *inverse)
{
	int count = 0;
	memset(mean, 0, sizeof *mean * (size_t)p);
	memset(inverse, 0, sizeof *inverse * (size_t)(p * p));
	for (int i = 0; i < n; i++)
		for (int a = 0; in[i] && a < p; a++) {
			mean[a] += u[i * p + a];
			count += a == 0;
		}
	for (int a = 0; a < p; a++)
		mean[a] /= count;
	for (int i = 0; i < n; i++)
		for (int k = 0; in[i] && k < p * p; k++)
			inverse[k] += (u[i * p + k / p] - mean[k / p]) * (u[i * p + k % p] - mean[k % p]) / count;
	return invert(inverse, p);
}

static double distance2(const double *row, int p, const double *mean, const double *inverse)
{
	double s = 0;
	for (int a = 0; a < p; a++)
		for (int b = 0; b < p; b++)
			s += (row[a] - mean[a]) * inverse[a * p + b] * (row[b] - mean[b]);
	return s;
}

/* chi-squared of 2 degrees is exponential: its quantiles have a closed form */
static void naive_scores(int n, double *out)
{
	enum { p = 2 };
	double mean[p], inverse[p * p], best = HUGE_VAL, best_mean[p] = {0}, best_inverse[p * p] = {0};
	char in[32];
	for (uint32_t mask = 0; mask < 1u << n; mask++) {
		if (__builtin_popcount(mask) != n - n / 4)
			continue;
		for (int i = 0; i < n; i++)
			in[i] = mask >> i & 1;
		double det = moments(x, n, p, in, mean, inverse);
		if (det < best) {
			best = det;
			memcpy(best_mean, mean, sizeof mean);
			memcpy(best_inverse, inverse, sizeof inverse);
		}
	}
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < n; i++)
			out[i] = distance2(x + i * p, p, best_mean, best_inverse);
		double t[32], s;
		memcpy(t, out, sizeof *t * (size_t)n);
		qsort(t, (size_t)n, sizeof *t, by_size);
		s = t[n / 2] / (2 * log(2));
		for (int i = 0; i < n; i++) {
			out[i] /= s;
			in[i] = out[i] <= -2 * log(1 - 0.975);
		}
		if (!round)
			moments(x, n, p, in, best_mean, best_inverse);
	}
	for (int i = 0; i < n; i++)
		out[i] = sqrt(out[i]);
}

static void exhaustive(void)
{
	enum { N = 16, ROUNDS = 60 };
	struct mcd j;
	struct fail f;
	int equal = 0;
	double worst = 0;
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < N; i++) {
			double a = normal(), b = normal();
			x[2 * i] = 2 + 0.5 * a + (i < 4 ? 4 : 0);
			x[2 * i + 1] = 1 + 0.8 * a + 0.3 * b - (i < 4 ? 4 : 0);
		}
		naive_scores(N, other);
		double off = scores(&j, 2, N, 1, &f) ? HUGE_VAL : 0;
		for (int i = 0; i < N; i++)
			off = fmax(off, fabs(d[i] - other[i]) / other[i]);
		equal += off < 1e-7;
		worst = fmax(worst, off);
	}
	ok(equal == ROUNDS, "the exact minimum covariance determinant in %d of %d searches (worst %.2g)", equal, ROUNDS, worst);
}

/* --- robustness --- */

/* n records of p correlated normal logs; the first ones, the outliers, are moved. */
static void draw(int n, int p, int outliers, double shift, int spread_out)
{
	for (int i = 0; i < n; i++) {
		double common = normal();
		for (int a = 0; a < p; a++) {
			x[i * p + a] = 0.9 * common + 0.4 * normal() + a;
			if (i < outliers)
				x[i * p + a] += spread_out ? shift * (2 + normal()) : a == p - 1 ? shift : -0.2 * shift;
			if (i < outliers && !spread_out)
				x[i * p + a] = a + (a == p - 1 ? shift : -0.2 * shift) + 0.01 * normal();
		}
	}
}

static void breakdown(void)
{
	struct mcd j;
	struct fail f;
	enum { N = 1000 };
	static double clean[N];
	for (int p = 2; p <= 8; p += 3)
		for (int kind = 0; kind < 6; kind++) {
			double shift = kind < 3 ? (const double[]){8, 20, 100}[kind] : (const double[]){3, 15, 60}[kind - 3];
			int outliers = N / 5, found = 1;
			uint64_t before = random_state;
			draw(N, p, outliers, shift, kind >= 3);
			/* fitted to the inliers alone */
			memmove(x, x + outliers * p, sizeof *x * (size_t)((N - outliers) * p));
			int bad = scores(&j, p, N - outliers, 1, &f);
			memcpy(clean, d, sizeof clean);
			random_state = before;
			draw(N, p, outliers, shift, kind >= 3);
			bad |= scores(&j, p, N, 1, &f);
			double least = HUGE_VAL, most = 0, off = 0;
			for (int i = 0; i < outliers; i++)
				least = fmin(least, d[i]);
			for (int i = outliers; i < N; i++) {
				most = fmax(most, d[i]);
				off = fmax(off, fabs(d[i] - clean[i - outliers]) / (1 + clean[i - outliers]));
			}
			if (kind < 3)
				found = least > most;
			ok(!bad && found && off < 0.25, "%d fields, 20 %% outliers %s by %g: the inliers' distances stay (%.2f), %s", p,
			   kind < 3 ? "in a cluster" : "scattered", shift, off, kind < 3 ? "all outliers are farther" : "");
		}
}

static void equivariance(void)
{
	struct mcd j;
	struct fail f;
	enum { N = 700 };
	double off = 0;
	for (int p = 2; p <= 6; p += 2) {
		draw(N, p, N / 4, 20, 1);
		int bad = scores(&j, p, N, 1, &f);
		memcpy(other, d, sizeof other);
		double m[P * P];
		for (int i = 0; i < p * p; i++)
			m[i] = normal() + (i / p == i % p ? 2 : 0);
		for (int i = 0; i < N; i++) {
			double y[P];
			memcpy(y, x + i * p, sizeof *y * (size_t)p);
			for (int a = 0; a < p; a++) {
				x[i * p + a] = a - 3;
				for (int b = 0; b < p; b++)
					x[i * p + a] += m[a * p + b] * y[b];
			}
		}
		bad |= scores(&j, p, N, 1, &f);
		off = bad ? HUGE_VAL : 0;
		for (int i = 0; i < N; i++)
			off = fmax(off, fabs(d[i] / other[i] - 1));
		ok(off < 1e-6, "%d fields: products of powers of the fields give the same distances (%.2g)", p, off);
	}
	draw(N, 3, N / 10, 5, 1);
	int bad = scores(&j, 3, N, 1, &f);
	memcpy(other, d, sizeof other);
	for (int i = 0; i < N * 3; i++)
		x[i] = x[i] * (const double[]){0.5, 1, 7}[i % 3] + 2 * (i % 3) - 5;
	bad |= scores(&j, 3, N, 1, &f);
	off = bad ? HUGE_VAL : 0;
	for (int i = 0; i < N; i++)
		off = fmax(off, fabs(d[i] - other[i]));
	ok(off < 1e-9, "powers and units of a field change nothing (%.2g)", off);
	/* another order of the records */
	for (int i = 0; i < N / 2; i++)
		for (int a = 0; a < 3; a++) {
			double t = x[i * 3 + a];
			x[i * 3 + a] = x[(N - 1 - i) * 3 + a];
			x[(N - 1 - i) * 3 + a] = t;
		}
	memcpy(other, d, sizeof other);
	bad |= scores(&j, 3, N, 1, &f);
	off = bad ? HUGE_VAL : 0;
	for (int i = 0; i < N; i++)
		off = fmax(off, fabs(d[i] - other[N - 1 - i]));
	ok(off < 1e-9, "nor does the order of the records (%.2g)", off);
}

static void scale(void)
{
	struct mcd j;
	struct fail f;
	static const double middle[] = {0.45493642311957, 1.38629436111989, 0, 3.35669398003332};
	for (int p = 1; p <= 4; p += p) {
		draw(1001, p, 0, 0, 0);
		int bad = scores(&j, p, 1001, 1, &f);
		double m = naive_median(d, 1001);
		ok(!bad && fabs(m * m / middle[p - 1] - 1) < 1e-9, "%d fields: the median of d^2 is that of chi-squared", p);
	}
	draw(4000, 2, 0, 0, 0);
	scores(&j, 2, 4000, 1, &f);
	int beyond = 0;
	for (int i = 0; i < 4000; i++)
		beyond += d[i] * d[i] > -2 * log(0.01);
	ok(beyond > 20 && beyond < 65, "1 %% of normal logs lies beyond the 99 %% quantile (%d of 4000)", beyond);
}

/* --- special values of fields --- */

static int all_finite(int n)
{
	for (int i = 0; i < n; i++)
		if (!isfinite(d[i]))
			return 0;
	return 1;
}

static void special_values(void)
{
	struct mcd j;
	struct fail f;
	enum { N = 200 };

	draw(N, 2, 0, 0, 0);
	scores(&j, 2, N, 1, &f);
	ok(mcd_collinear(&j) < 0, "two independent fields");
	memcpy(other, d, sizeof other);
	for (int i = N; i-- > 0;) {
		double a = x[2 * i], b = x[2 * i + 1];
		x[3 * i] = a;
		x[3 * i + 1] = b;
		x[3 * i + 2] = a;
	}
	double off = scores(&j, 3, N, 1, &f) ? HUGE_VAL : 0;
	/* the scale is that of 3 degrees of freedom, not 2 */
	double ratio = other[0] / d[0];
	for (int i = 0; i < N; i++)
		if (d[i] > 0)
			off = fmax(off, fabs(other[i] / d[i] / ratio - 1));
	ok(off < 0.3 && mcd_collinear(&j) == 2, "the same field twice is found, and does no harm (%.2g)", off);
	for (int i = 0; i < N; i++)
		x[3 * i + 2] = x[3 * i] - 2 * x[3 * i + 1] + 1e-9 * normal();
	ok(!scores(&j, 3, N, 1, &f) && mcd_collinear(&j) == 2 && all_finite(N), "a product of two others, up to rounding");

	draw(N, 3, 0, 0, 0);
	for (int i = 0; i < N; i++)
		x[3 * i + 1] = i % 3 ? 0.7 : i;
	ok(!scores(&j, 3, N, 1, &f) && j.dim == 2 && j.axis[1].spread == 0 && all_finite(N) && mcd_collinear(&j) < 0,
	   "a field with one value in most records is left out");
	memcpy(other, d, sizeof other);
	for (int i = 0; i < N; i++) {
		double a = x[3 * i], b = x[3 * i + 2];
		x[2 * i] = a;
		x[2 * i + 1] = b;
	}
	scores(&j, 2, N, 1, &f);
	ok(memcmp(d, other, sizeof *d * N) == 0, "the scores are those without it");
	for (int i = 0; i < 2 * N; i++)
		x[i] = 3;
	ok(!scores(&j, 2, N, 1, &f) && j.dim == 0 && d[0] == 0 && d[N - 1] == 0, "constant fields only: all distances are 0");

	draw(N, 2, 0, 0, 0);
	ok(scores(&j, 2, 9, 1, &f) && strstr(f.msg, "10 records") && strstr(f.msg, "are 9"), "too few records: '%s'", f.msg);
	ok(!scores(&j, 2, 10, 1, &f) && all_finite(10), "just enough records");

	/* zeros and negative numbers */
	draw(N, 2, 0, 0, 0);
	for (int i = 0; i < 2 * N; i++)
		x[i] = exp(x[i]);
	x[0] = -1;
	x[2] = 0;
	ok(!scores(&j, 2, N, 0, &f) && j.axis[0].transform == MCD_LOG && all_finite(N), "1 %% of values <= 0: still logs");
	double least = HUGE_VAL;
	for (int i = 2; i < N; i++)
		least = fmin(least, x[2 * i]);
	near(j.axis[0].unit, least, 0, "these count as the smallest positive value");
	x[4] = 0;
	ok(!scores(&j, 2, N, 0, &f) && j.axis[0].transform == MCD_ASINH && j.axis[1].transform == MCD_LOG && all_finite(N), "more of them: asinh");
	for (int i = 0; i < 2 * N; i++)
		x[i] = normal();
	scores(&j, 2, N, 0, &f);
	memcpy(other, d, sizeof other);
	for (int i = 0; i < 2 * N; i++)
		x[i] *= i % 2 ? -1 : 1e6;
	off = scores(&j, 2, N, 0, &f) ? HUGE_VAL : 0;
	for (int i = 0; i < N; i++)
		off = fmax(off, fabs(d[i] / other[i] - 1));
	ok(off < 1e-9, "another sign or unit: the same scores (%.2g)", off);

	/* the largest and smallest numbers */
	x[0] = 1.7e308;
	x[3] = -1.7e308;
	x[4] = 5e-324;
	ok(!scores(&j, 2, N, 0, &f) && all_finite(N) && d[0] > 10 && d[1] > 10, "extreme values of both signs");
	for (int i = 0; i < 2 * N; i++)
		x[i] = exp(normal());
	x[0] = 1.7e308;
	x[2] = 5e-324;
	ok(!scores(&j, 2, N, 0, &f) && all_finite(N) && d[0] > 100 && d[1] > 100, "extreme values under logs");

	j = (struct mcd){.p = 2, .scatter = {1, 2, 2, 1}};
	j.axis[0].spread = j.axis[1].spread = 1;
	ok(mcd_factor(&j, &f) != 0, "an indefinite scatter: '%s'", f.msg);
}

/* --- missing fields --- */

static void chi2_tails(void)
{
	static const struct { int p; double x; int to; double log_tail, y; } expected[] = {
#include "../data/rank/chi2.inc"
	};
	double worst = 0, worst_y = 0;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		worst = fmax(worst, fabs(chi2_log_tail(expected[i].p, expected[i].x) / expected[i].log_tail - 1));
		worst_y = fmax(worst_y, fabs(chi2_convert(expected[i].p, expected[i].x, expected[i].to) / expected[i].y - 1));
	}
	ok(worst < 1e-12 && worst_y < 1e-8, "tails of chi-squared and their conversion agree with mpmath (%.2g, %.2g)", worst, worst_y);
	int bad = 0;
	double last = -1;
	for (double v = 1e-12; v < 1e15; v *= 1.5) {
		double y = chi2_convert(3, v, 9);
		bad += !(y > last && y >= v);
		last = y;
	}
	ok(!bad && chi2_convert(3, 0, 9) == 0 && chi2_convert(4, 7, 4) == 7, "a farther record stays farther (%d wrong)", bad);
}

/* The squared distance over the coordinates whose bit is set, by the inverse of their part of the scatter. */
static double marginal2(const struct mcd *j, const double *v, unsigned bits)
{
	double y[P], inverse[P * P], zero[P] = {0};
	int n = 0, index[P];
	for (int a = 0; a < j->p; a++)
		if (bits >> a & 1) {
			y[n] = (log(v[a]) - j->axis[a].median) / j->axis[a].spread - j->centre[a];
			index[n++] = a;
		}
	for (int k = 0; k < n * n; k++)
		inverse[k] = j->scatter[index[k / n] * j->p + index[k % n]];
	invert(inverse, n);
	return distance2(y, n, zero, inverse);
}

static void missing_fields(void)
{
	enum { N = 600, D = 5 };
	struct mcd j, complete;
	struct fail f;
	static double rows[N * D], kept[N * D];
	draw(N, D, N / 10, 3, 1);
	int n = 0;
	for (int i = 0; i < N; i++) {
		unsigned bits = i % 3 ? (1u << D) - 1 : 1 + (unsigned)i / 3 % ((1u << D) - 1);
		for (int a = 0; a < D; a++)
			values[i * D + a] = bits >> a & 1 ? exp(x[i * D + a]) : NAN;
		if (bits == (1u << D) - 1)
			memcpy(kept + D * n++, values + i * D, D * sizeof *kept);
	}
	memcpy(rows, values, sizeof rows);
	j = complete = (struct mcd){.p = D};
	int bad = mcd_fit(&j, rows, N, &f) || mcd_fit(&complete, kept, (size_t)n, &f);
	ok(!bad && n < N && memcmp(&j, &complete, sizeof j) == 0, "the fit is that of the %d complete records", n);
	double off = 0;
	int wrong = 0, wrong_reason = 0;
	for (int i = 0; i < N; i++) {
		unsigned bits = 0, count = 0;
		for (int a = 0; a < D; a++)
			bits |= isnan(values[i * D + a]) ? 0 : 1u << a;
		count = (unsigned)__builtin_popcount(bits);
		double d2 = marginal2(&j, values + i * D, bits), expected = sqrt(chi2_convert((int)count, d2, D));
		off = fmax(off, fabs(rows[i] / expected - 1));
		wrong += mcd_score(&j, values + i * D) != rows[i];
		int low = -1, found = mcd_reason(&j, values + i * D, &low), best = -1;
		double least = HUGE_VAL;
		for (int a = 0; a < D; a++)
			if (bits >> a & 1) {
				double without = bits == 1u << a ? 0 : marginal2(&j, values + i * D, bits & ~(1u << a));
				if (without < least) {
					least = without;
					best = a;
				}
			}
		wrong_reason += found != best || (low != 0 && low != 1);
	}
	ok(off < 1e-7 && !wrong, "missing fields: the marginal distance, converted by its degrees of freedom (%.2g, %d wrong)", off, wrong);
	ok(!wrong_reason, "the reason is the field without which the distance falls most (%d wrong)", wrong_reason);
	int low = 0;
	ok(mcd_score(&j, (double[]){NAN, NAN, NAN, NAN, NAN}) == 0 && mcd_reason(&j, (double[]){NAN, NAN, NAN, NAN, NAN}, &low) == -1, "no field: 0");
	ok(mcd_reason(&j, (double[]){NAN, 1e9, NAN, NAN, NAN}, &low) == 1 && !low && mcd_reason(&j, (double[]){NAN, NAN, 1e-9, NAN, NAN}, &low) == 2 && low, "high and low");
	/* the distances of records that lack fields are spread like those of complete ones */
	draw(4000, 4, 0, 0, 0);
	int beyond = 0, lacking = 0;
	for (int i = 0; i < 4000 * 4; i++)
		values[i] = i / 4 % 2 && i % 4 != i / 8 % 4 ? NAN : exp(x[i]);
	j = (struct mcd){.p = 4};
	static double all[4000 * 4];
	memcpy(all, values, sizeof all);
	bad = mcd_fit(&j, all, 4000, &f);
	for (int i = 1; i < 4000; i += 2) {
		lacking++;
		beyond += all[i] * all[i] > 13.2767; /* the 99 % quantile with 4 degrees of freedom */
	}
	ok(!bad && beyond > lacking / 250 && beyond < lacking / 40, "1 %% of records with one of four fields lies beyond the 99 %% quantile of four (%d of %d)", beyond, lacking);
	for (int i = 0; i < N; i++)
		values[i * D + i % D] = NAN;
	ok(mcd_fit(&j, (memcpy(rows, values, sizeof rows), j.p = D, rows), N, &f) && strstr(f.msg, "there are 0"), "no complete record: '%s'", f.msg);
}

int main(void)
{
	chi2_tails();
	missing_fields();
	exhaustive();
	scale();
	breakdown();
	equivariance();
	special_values();
	return done();
}
