/* Merging distributions: the bound on every count, exact ends, and independence of the order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "rank/quantiles.h"
#include "tap.h"

enum { MAX = 400000, PARTS = 7 };

static struct fail f;
static double all[MAX], part[MAX], kept[PARTS][QUANTILES_MAX];

static int by_value(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;
	return (a > b) - (a < b);
}

static double draw(int kind, int p)
{
	switch (kind) {
	case 0:
		return normal();
	case 1: /* each part has a range of its own */
		return 10 * p + uniform();
	case 2:
		return floor(30 * uniform() * uniform()) + (p == 3 ? 5 : 0);
	case 3: /* a heavy tail in one part */
		return p == 2 ? exp(9 * normal()) : uniform();
	default: /* one value in most */
		return uniform() < 0.9 ? 4 : normal();
	}
}

/* The sizes are those of the parts; *n becomes their sum, and all their values in order. */
static void make(int kind, const size_t *size, int parts, struct quantiles *q, size_t *n)
{
	*n = 0;
	for (int p = 0; p < parts; p++) {
		for (size_t i = 0; i < size[p]; i++)
			part[i] = all[(*n)++] = draw(kind, p);
		qsort(part, size[p], sizeof *part, by_value);
		q[p] = (struct quantiles){kept[p], quantiles_size(size[p]), size[p]};
		for (size_t i = 0; i < q[p].n; i++)
			kept[p][i] = part[quantiles_rank(&q[p], i)];
	}
	qsort(all, *n, sizeof *all, by_value);
}

/* The largest error of a count, at every value, just below and just above it. */
static double worst_error(const struct quantiles *m, size_t n)
{
	double worst = 0;
	for (size_t i = 0; i < n;) {
		size_t end = i;
		while (end < n && all[end] == all[i])
			end++;
		const double at[] = {all[i], nextafter(all[i], -HUGE_VAL), nextafter(all[i], HUGE_VAL)};
		const size_t le[] = {end, i, end}, ge[] = {n - i, n - i, n - end};
		for (int k = 0; k < 3; k++) {
			worst = fmax(worst, fabs(quantiles_count_le(m, at[k]) - (double)le[k]));
			worst = fmax(worst, fabs(quantiles_count_ge(m, at[k]) - (double)ge[k]));
		}
		i = end;
	}
	return worst;
}

static void bound(void)
{
	static const size_t sizes[][PARTS] = {{100000, 50000, 20000, 70000, 12000, 500, 1}, {10001, 10002, 10003, 30000, 2, 15000, 60000}, {300000, 1, 1, 1, 1, 1, 1}};
	for (int kind = 0; kind < 5; kind++)
		for (int s = 0; s < 3; s++) {
			struct quantiles q[PARTS], m, other;
			const struct quantiles *in[PARTS];
			size_t n;
			make(kind, sizes[s], PARTS, q, &n);
			for (int p = 0; p < PARTS; p++)
				in[p] = &q[p];
			int bad = quantiles_merge(&m, in, PARTS, &f), differ = 0;
			double worst = worst_error(&m, n);
			ok(!bad && m.records == n && m.n == QUANTILES_MERGED_MAX && m.value[0] == all[0] && m.value[m.n - 1] == all[n - 1] && worst <= 1e-4 * (double)n + 2,
			   "kind %d, sizes %d: count, minimum and maximum are exact, every rank is off by at most %.2g of N", kind, s, worst / (double)n);
			for (int round = 0; round < 20; round++) { /* random orders */
				for (int p = PARTS - 1; p > 0; p--) {
					int to = (int)((p + 1) * uniform());
					const struct quantiles *t = in[p];
					in[p] = in[to];
					in[to] = t;
				}
				bad |= quantiles_merge(&other, in, PARTS, &f);
				differ += memcmp(m.value, other.value, m.n * sizeof *m.value) != 0;
				free(other.value);
			}
			ok(!bad && !differ, "any order gives the same bits (%d of 20 differ)", differ);
			free(m.value);
		}
}

static void exact(void)
{
	int bad = 0;
	for (int round = 0; round < 100; round++) {
		struct quantiles q[PARTS], m;
		const struct quantiles *in[PARTS];
		size_t n, size[PARTS];
		for (int p = 0; p < PARTS; p++) {
			size[p] = 1 + (size_t)((round % 10 ? 50 : 5000) * uniform());
			in[p] = &q[p];
		}
		make(round % 5, size, PARTS, q, &n);
		bad += quantiles_merge(&m, in, PARTS, &f) || m.n != n || memcmp(m.value, all, n * sizeof *all) != 0;
		free(m.value);
	}
	ok(!bad, "where all values are kept, the merged ones are all of them (%d of 100 wrong)", bad);
}

/* Pairs, pairs of pairs: the error grows by a quarter of that of one step. */
static void chain(void)
{
	static const size_t size[] = {80000, 60000, 90000, 50000};
	struct quantiles q[4], ab, cd, m;
	size_t n;
	make(0, size, 4, q, &n);
	int bad = quantiles_merge(&ab, (const struct quantiles *[]){&q[0], &q[1]}, 2, &f) || quantiles_merge(&cd, (const struct quantiles *[]){&q[3], &q[2]}, 2, &f) ||
	          quantiles_merge(&m, (const struct quantiles *[]){&cd, &ab}, 2, &f);
	double worst = worst_error(&m, n);
	ok(!bad && m.records == n && m.value[0] == all[0] && m.value[m.n - 1] == all[n - 1] && worst <= 1e-4 * (double)n + 4, "merged references can be merged: off by at most %.2g of N",
	   worst / (double)n);
	free(ab.value);
	free(cd.value);
	free(m.value);
}

int main(void)
{
	bound();
	exact();
	chain();
	return done();
}
