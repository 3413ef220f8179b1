#include "rank/quantiles.h"

#include <math.h>

size_t quantiles_size(uint64_t records) { return records < QUANTILES_MAX ? (size_t)records : QUANTILES_MAX; }

uint64_t quantiles_rank(const struct quantiles *q, size_t i) { return q->n > 1 ? i * (q->records - 1) / (q->n - 1) : 0; }

/* How many kept values are below, or (equal too) at most there. */
static size_t search(const struct quantiles *q, double value, int equal)
{
	size_t low = 0, high = q->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (q->value[middle] < value || (equal && q->value[middle] == value))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Records below a value that lies between kept values i - 1 and i, or on one of these. */
static double between(const struct quantiles *q, size_t i, double value)
{
	uint64_t from = quantiles_rank(q, i - 1), to = quantiles_rank(q, i);
	double a = q->value[i - 1], b = q->value[i], part = 0;
	if (to > from + 1) /* halves where the distance has no number */
		part = isfinite(b - a) ? (value - a) / (b - a) : (value / 2 - a / 2) / (b / 2 - a / 2);
	return (double)from + 1 + part * (double)(to - from - 1);
}

double quantiles_count_le(const struct quantiles *q, double value)
{
	size_t i = search(q, value, 1);
	return i == 0 ? 0 : i == q->n ? (double)q->records : between(q, i, value);
}

double quantiles_count_ge(const struct quantiles *q, double value)
{
	size_t i = search(q, value, 0);
	return i == 0 ? (double)q->records : i == q->n ? 0 : (double)q->records - between(q, i, value);
}
