/* Groups of duplicates against a naive version that measures all pairs, and the dimension of points whose dimension is known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "density/duplicates.h"
#include "random.h"
#include "tap.h"

enum { N = 220, D = 6, K = 9 };

static float points[N * D];

static double distance(size_t i, size_t j)
{
	double sum = 0;
	for (size_t k = 0; k < D; k++)
		sum += ((double)points[i * D + k] - (double)points[j * D + k]) * ((double)points[i * D + k] - (double)points[j * D + k]);
	return sqrt(sum);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The distances of point i to the other rows, ascending; how many. */
static size_t others(size_t i, double *d)
{
	size_t n = 0;
	for (size_t j = 0; j < N; j++) {
		int copy = distance(i, j) == 0;
		for (size_t l = 0; l < j && !copy; l++) /* a row counts once */
			copy = distance(j, l) == 0;
		if (!copy)
			d[n++] = distance(i, j);
	}
	qsort(d, n, sizeof *d, ascending);
	return n;
}

static void naive(double ratio, size_t *first)
{
	static double d[N], limit[N];
	for (size_t i = 0; i < N; i++) {
		others(i, d);
		limit[i] = ratio * d[K - 1];
		first[i] = i;
	}
	for (int changed = 1; changed;) {
		changed = 0;
		for (size_t i = 0; i < N; i++)
			for (size_t j = 0; j < N; j++)
				if (first[j] < first[i] && distance(i, j) <= fmax(limit[i], limit[j])) {
					first[i] = first[j];
					changed = 1;
				}
	}
}

static int fit(const struct points *x, struct duplicates *d, const struct exec *exec)
{
	struct rows rows;
	struct fail f = {{0}};
	struct knn_neighbour *nearest = NULL;
	size_t keep = 0;
	int k = K, bad = rows_find(&rows, x, 0, &f);
	struct knn_ball *balls = malloc((x->n + 1) * sizeof *balls);
	bad = bad || !balls || knn_lists(&rows, &k, 1, exec, balls, &nearest, &keep, &f) || duplicates_find(d, x, &rows, nearest, keep, &f);
	free(nearest);
	free(balls);
	rows_free(&rows);
	return bad;
}

/* Points, and for a third of them a copy: equal, or moved a little, or a chain of both. */
static void draw(double move)
{
	size_t n = 0;
	while (n < N) {
		size_t from = n > 20 && uniform() < 0.3 ? (size_t)(uniform() * (double)n) : n;
		double by = uniform() < 0.3 ? 0 : move;
		for (size_t k = 0; k < D; k++)
			points[n * D + k] = from == n ? (float)(normal() * (n % 3 ? 1 : 10)) : points[from * D + k] + (float)(by * normal());
		n++;
	}
}

static void test_groups(const struct exec *exec)
{
	const struct points x = {NULL, points, N, D, 1};
	static size_t expected[N];
	int bad = 0, groups = 0;
	for (int t = 0; t < 40; t++) {
		struct duplicates d = {.ratio = 0.1 + 0.8 * uniform()};
		draw(0.02 + 0.3 * uniform());
		naive(d.ratio, expected);
		bad += fit(&x, &d, exec);
		size_t later = 0, found = 0;
		for (size_t i = 0; i < N; i++) {
			size_t members = 0;
			for (size_t j = 0; j < N; j++)
				members += expected[j] == expected[i];
			bad += d.first[i] != expected[i] || d.grouped[i] != (members > 1) || fabs(d.distance[i] - distance(i, expected[i])) > 1e-6 * (1 + d.distance[i]);
			later += expected[i] != i;
			found += expected[i] == i && members > 1;
		}
		bad += later != d.later || found != d.groups;
		groups += (int)found;
		duplicates_free(&d);
	}
	ok(!bad && groups > 500, "40 sets: the groups, %d, are those of the naive version", groups);
}

/* Evenly filled cubes. */
static void test_dimension(const struct exec *exec)
{
	enum { MANY = 4000 };
	static float v[MANY * D];
	for (int m = 1; m <= D; m++) {
		for (int i = 0; i < MANY * D; i++)
			v[i] = i % D < m ? (float)uniform() : 0;
		const struct points x = {NULL, v, MANY, D, 1};
		struct duplicates d = {.ratio = 0};
		int bad = fit(&x, &d, exec);
		ok(!bad && fabs(d.dimension / m - 1) < 0.06 + 0.02 * m, "%d dimensions are found as %.2f", m, d.dimension);
		near(d.ratio, fmin(0.7, pow(1e-4 / K, 1 / d.dimension)), 1e-12, "the ratio of that");
		ok(d.later <= 4, "by chance %zu of 4000 are duplicates, where at most 0.4 are expected", d.later);
		duplicates_free(&d);
	}
}

static void test_small(const struct exec *exec)
{
	float v[8] = {1, 2, 3, 5, 1, 2, 3, 5};
	for (size_t n = 1; n <= 4; n++) {
		const struct points x = {NULL, v, n, 2, 1};
		struct duplicates d = {.ratio = 0};
		int bad = fit(&x, &d, exec);
		ok(!bad && d.ratio == 0 && isnan(d.dimension) && d.later == (n > 2 ? n - 2 : 0), "%zu points: only equal ones are duplicates", n);
		duplicates_free(&d);
	}
	const struct points none = {NULL, v, 0, 2, 1};
	struct duplicates d = {.ratio = 0.5};
	struct rows rows;
	struct fail f = {{0}};
	ok(!rows_find(&rows, &none, 0, &f) && !duplicates_find(&d, &none, &rows, NULL, 0, &f) && d.later == 0, "no points");
	duplicates_free(&d);
	rows_free(&rows);
}

int main(void)
{
	struct fail f = {{0}};
	struct exec exec = {pool_open(3, &f), 3, NULL, NULL};
	if (!exec.pool)
		return 1;
	test_groups(&exec);
	test_dimension(&exec);
	test_small(&exec);
	pool_close(exec.pool);
	return done();
}
