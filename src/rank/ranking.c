#include "rank/ranking.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/grow.h"

int ranking_add(struct ranking *r, double value, struct fail *f)
{
	if (grow(&r->v, &r->cap, r->n + 1, "ranks", f))
		return -1;
	r->v[r->n] = (struct ranked){value, r->n};
	r->n++;
	r->scored += !isnan(value);
	return 0;
}

static int by_rank(const void *pa, const void *pb)
{
	const struct ranked *a = pa, *b = pb;
	int na = isnan(a->value), nb = isnan(b->value);
	if (na != nb)
		return na - nb;
	if (!na && a->value != b->value)
		return a->value > b->value ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

static double median_of(const struct ranked *v, size_t n)
{
	return n % 2 ? v[n / 2].value : 0.5 * v[n / 2 - 1].value + 0.5 * v[n / 2].value;
}

/* Half the median absolute deviation, because the whole may overflow. The largest deviations stand at both ends of the
 * sorted values: dropping them one by one leads to the median one, in linear time and without memory. */
static double half_mad(const struct ranked *v, size_t n, double median)
{
	size_t low = 0, high = n;
	double last = 0, previous = 0; /* the deviations dropped last */
	for (size_t k = 0; k <= n / 2; k++) {
		double a = 0.5 * v[low].value - 0.5 * median, b = 0.5 * median - 0.5 * v[high - 1].value;
		previous = last;
		if (a >= b) {
			last = a;
			low++;
		} else {
			last = b;
			high--;
		}
	}
	return n % 2 ? last : 0.5 * (last + previous);
}

void ranking_sort(struct ranking *r)
{
	size_t n = r->scored;
	if (r->n)
		qsort(r->v, r->n, sizeof *r->v, by_rank);
	r->median = r->spread = 0;
	if (n == 0)
		return;
	r->median = median_of(r->v, n);
	r->spread = 1.4826 * (2 * half_mad(r->v, n, r->median));
	if (r->spread == 0) {
		double mean = 0;
		for (size_t i = 0; i < n; i++)
			mean += fabs(r->v[i].value - r->median) / (double)n;
		r->spread = 1.2533 * mean;
	}
	r->spread = fmin(r->spread, DBL_MAX);
}

double ranking_z(const struct ranking *r, double value)
{
	double z = r->spread > 0 ? (0.5 * value - 0.5 * r->median) / (0.5 * r->spread) : 0;
	return fmax(-DBL_MAX, fmin(z, DBL_MAX));
}

size_t ranking_count_above(const struct ranking *r, double x)
{
	size_t low = 0, high = r->scored;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (r->v[middle].value > x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void ranking_invert(struct ranking *r)
{
	const uint64_t done = 1ull << 63; /* marks an entry in its final place */
	for (size_t i = 0; i < r->n; i++) {
		struct ranked entry = r->v[i];
		for (uint64_t rank = i; !(entry.index & done);) { /* follows one cycle of the permutation */
			uint64_t to = entry.index;
			struct ranked next = r->v[to];
			r->v[to] = (struct ranked){entry.value, rank | done};
			if (to == i)
				break;
			entry = next;
			rank = to;
		}
	}
	for (size_t i = 0; i < r->n; i++)
		r->v[i].index &= ~done;
}

void ranking_free(struct ranking *r)
{
	free(r->v);
	*r = (struct ranking){.v = NULL};
}
