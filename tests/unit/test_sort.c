/* Sorting in place, the k-th smallest and the median, against qsort(): random values, few values, runs, all equal. */
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "tap.h"

enum { MOST = 3000 };

static int by_real(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;
	return (a > b) - (a < b);
}

static int by_whole(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;
	return (a > b) - (a < b);
}

static uint64_t state = 5;
static uint64_t next(void) { return (state = state * 6364136223846793005u + 1442695040888963407u) >> 11; }

static uint64_t value(int kind, size_t i, size_t n)
{
	const uint64_t of[] = {next(), next() % 7, i, n - i, 3, i % 2 ? i : n - i, next() << 11};
	return of[kind];
}

/* Whether select_double() leaves the k-th in its place, smaller ones before it and larger ones after it. */
static int selects(const double *from, const double *sorted, size_t n, size_t k)
{
	static double v[MOST];
	memcpy(v, from, n * sizeof *v);
	int right = select_double(v, n, k) == sorted[k] && v[k] == sorted[k];
	for (size_t i = 0; i < n; i++)
		right &= i < k ? v[i] <= v[k] : v[i] >= v[k];
	qsort(v, n, sizeof *v, by_real);
	return right && !memcmp(v, sorted, n * sizeof *v);
}

static double middle(const double *sorted, size_t n) { return 0.5 * sorted[(n - 1) / 2] + 0.5 * sorted[n / 2]; }

int main(void)
{
	static const size_t sizes[] = {0, 1, 2, 24, 25, 100, 1000, MOST};
	static double v[MOST], want[MOST], again[MOST];
	static uint64_t w[MOST], whole[MOST];
	for (int kind = 0; kind < 7; kind++) {
		int bad = 0;
		for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
			size_t n = sizes[s];
			for (size_t i = 0; i < n; i++) {
				w[i] = whole[i] = value(kind, i, n);
				want[i] = ((double)w[i] - (kind == 1 ? 3 : 0)) * (kind == 6 ? 1e290 : 1e-3);
			}
			memcpy(v, want, n * sizeof *v);
			qsort(want, n, sizeof *want, by_real);
			qsort(whole, n, sizeof *whole, by_whole);
			for (size_t i = 0; i < n; i += 1 + n / 50)
				bad += kind != 1 && memcmp(&(double){select_not_negative(v, n, i)}, &want[i], sizeof *want) != 0;
			for (size_t i = 0; i < n; i += 1 + n / 50)
				bad += !selects(v, want, n, i);
			memcpy(again, v, n * sizeof *v);
			bad += n && median(again, n) != middle(want, n);
			sort_doubles(v, n);
			sort_words(w, n);
			bad += memcmp(v, want, n * sizeof *v) || memcmp(w, whole, n * sizeof *w);
		}
		ok(!bad, "values of kind %d: %d differ from qsort()", kind, bad);
	}
	return done();
}
