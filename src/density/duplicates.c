#include "density/duplicates.h"

#include <math.h>
#include <stdlib.h>

#include "density/tiles.h"

#define CHANCE 1e-4 /* of a record without duplicates */
#define LARGEST_RATIO 0.7

/* The root of a set is its least row, which has the earliest point. */
static uint32_t find_root(uint32_t *parent, uint32_t i)
{
	while (parent[i] != i)
		i = parent[i] = parent[parent[i]];
	return i;
}

static void join(uint32_t *parent, uint32_t a, uint32_t b)
{
	a = find_root(parent, a);
	b = find_root(parent, b);
	parent[a > b ? a : b] = a > b ? b : a;
}

/* Of n rows with keep - 1 = K others each; NAN if K is too small. */
static double estimate_dimension(const struct knn_neighbour *nearest, size_t n, size_t keep)
{
	size_t outer = keep - 1, inner = keep / 2, used = 0;
	double sum = 0, expected = 0;
	if (keep < 4)
		return NAN;
	for (size_t i = inner; i < outer; i++)
		expected += 1 / (double)i;
	for (size_t i = 0; i < n; i++) {
		const struct knn_neighbour *v = nearest + i * keep;
		if (!(v[inner].d2 > 0))
			continue;
		sum += 0.5 * log(v[outer].d2 / v[inner].d2);
		used++;
	}
	return sum > 0 ? expected * (double)used / sum : NAN;
}

static double choose_ratio(double dimension, size_t others)
{
	return isnan(dimension) ? 0 : fmin(LARGEST_RATIO, pow(CHANCE / (double)others, 1 / dimension));
}

static void join_near(uint32_t *parent, const struct knn_neighbour *nearest, size_t n, size_t keep, double ratio)
{
	for (size_t i = 0; i < n && ratio > 0; i++) {
		const struct knn_neighbour *v = nearest + i * keep;
		double limit = ratio * ratio * v[keep - 1].d2;
		for (size_t j = 0; j + 1 < keep && v[j].d2 <= limit; j++)
			join(parent, (uint32_t)i, v[j].row);
	}
}

static void name_groups(struct duplicates *d, uint32_t *parent, const struct points *x, const struct rows *rows)
{
	for (size_t i = 0; i < x->n; i++) {
		uint32_t first = rows->first[find_root(parent, rows->of[i])];
		d->first[i] = first;
		d->distance[i] = sqrt(squared_steps(x, i, x, first)) * x->step;
		if (first == i)
			continue;
		d->later++;
		d->groups += !d->grouped[first];
		d->grouped[i] = d->grouped[first] = 1;
	}
}

int duplicates_find(struct duplicates *d, const struct points *x, const struct rows *rows, const struct knn_neighbour *nearest, size_t keep, struct fail *f)
{
	size_t n = rows->x.n;
	uint32_t *parent = malloc((n + 1) * sizeof *parent);
	d->first = malloc((x->n + 1) * sizeof *d->first);
	d->distance = malloc((x->n + 1) * sizeof *d->distance);
	d->grouped = calloc(x->n + 1, 1);
	d->dimension = NAN;
	if (!parent || !d->first || !d->distance || !d->grouped) {
		free(parent);
		return fail_memory_for(f, "groups of %zu records", x->n);
	}
	for (size_t i = 0; i < n; i++)
		parent[i] = (uint32_t)i;
	if (nearest && !(d->ratio > 0)) {
		d->dimension = estimate_dimension(nearest, n, keep);
		d->ratio = choose_ratio(d->dimension, keep - 1);
	}
	if (nearest)
		join_near(parent, nearest, n, keep, d->ratio);
	name_groups(d, parent, x, rows);
	free(parent);
	return 0;
}

void duplicates_free(struct duplicates *d)
{
	free(d->first);
	free(d->distance);
	free(d->grouped);
}
