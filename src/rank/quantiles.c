#include "rank/quantiles.h"

#include <math.h>

size_t quantiles_size(uint64_t records) { return records < QUANTILES_MAX ? (size_t)records : QUANTILES_MAX; }

uint64_t quantiles_rank(const struct quantiles *q, size_t i) { return q->n > 1 ? i * (q->records - 1) / (q->n - 1) : 0; }

size_t quantiles_search(const struct quantiles *q, double value, int or_equal)
{
	size_t low = 0, high = q->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (q->value[middle] < value || (or_equal && q->value[middle] == value))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The number of records below a value in [value[i - 1], value[i]]. */
static double interpolate(const struct quantiles *q, size_t i, double value)
{
	uint64_t from = quantiles_rank(q, i - 1), to = quantiles_rank(q, i);
	double a = q->value[i - 1], b = q->value[i], part = 0;
	if (to > from + 1) /* halves where b - a overflows */
		part = isfinite(b - a) ? (value - a) / (b - a) : (value / 2 - a / 2) / (b / 2 - a / 2);
	return (double)from + 1 + part * (double)(to - from - 1);
}

double quantiles_count_le(const struct quantiles *q, double value)
{
	size_t i = quantiles_search(q, value, 1);
	return i == 0 ? 0 : i == q->n ? (double)q->records : interpolate(q, i, value);
}

double quantiles_count_ge(const struct quantiles *q, double value)
{
	size_t i = quantiles_search(q, value, 0);
	return i == 0 ? (double)q->records : i == q->n ? 0 : (double)q->records - interpolate(q, i, value);
}
