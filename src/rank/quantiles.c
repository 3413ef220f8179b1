#include "rank/quantiles.h"

#include <math.h>
#include <stdlib.h>

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

struct weighted {
	double value;
	uint64_t weight; /* the records that it stands for */
};

static int by_value(const void *pa, const void *pb)
{
	const struct weighted *a = pa, *b = pb;
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return (a->weight > b->weight) - (a->weight < b->weight);
}

/* Each kept value stands for its own record and for half of those between it and either neighbour. */
static void weigh(const struct quantiles *q, struct weighted *out)
{
	for (size_t i = 0; i < q->n; i++)
		out[i] = (struct weighted){q->value[i], 1};
	for (size_t i = 1; i < q->n; i++) {
		uint64_t between = quantiles_rank(q, i) - quantiles_rank(q, i - 1) - 1;
		out[i - 1].weight += between / 2;
		out[i].weight += between - between / 2;
	}
}

int quantiles_merge(struct quantiles *out, const struct quantiles *const *in, size_t n, struct fail *f)
{
	size_t kept = 0;
	*out = (struct quantiles){.value = NULL};
	for (size_t i = 0; i < n; i++) {
		kept += in[i]->n;
		out->records += in[i]->records;
	}
	out->n = out->records < QUANTILES_MERGED_MAX ? (size_t)out->records : QUANTILES_MERGED_MAX;
	struct weighted *all = calloc(kept + !kept, sizeof *all);
	out->value = malloc((out->n + !out->n) * sizeof *out->value);
	if (!all || !out->value) {
		free(all);
		return fail_memory_for(f, "%zu values of references", kept);
	}
	for (size_t i = 0, at = 0; i < n; at += in[i]->n, i++)
		weigh(in[i], all + at);
	if (kept)
		qsort(all, kept, sizeof *all, by_value);
	uint64_t upto = kept ? all[0].weight : 0; /* records of all[0..at] */
	for (size_t i = 0, at = 0; i < out->n; i++) {
		while (upto <= quantiles_rank(out, i))
			upto += all[++at].weight;
		out->value[i] = all[at].value;
	}
	free(all);
	return 0;
}
