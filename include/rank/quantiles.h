/* quantiles.h - the empirical distribution of a value over a set of records: all values in order, or order statistics
 * that are evenly spaced by rank and include the minimum and the maximum. */
#ifndef VF_QUANTILES_H
#define VF_QUANTILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

/* Order statistics in a reference file; in one that was merged from several. */
enum { QUANTILES_MAX = 10001, QUANTILES_MERGED_MAX = 40001 };

struct quantiles {
	double *value;    /* [n], ascending: value[i] has rank i (records - 1) / (n - 1) from below, rounded down */
	size_t n;         /* equals records where all values are kept */
	uint64_t records;
};

/* The number of order statistics kept for this many records. */
size_t quantiles_size(uint64_t records);
/* The rank of value[i] among the records, counted from the lowest, which is 0. */
uint64_t quantiles_rank(const struct quantiles *q, size_t i);
/* The number of kept values below value; with or_equal, at most value. */
size_t quantiles_search(const struct quantiles *q, double value, int or_equal);
/* The number of records with at most this value: 0 to records. Linear between kept values. */
double quantiles_count_le(const struct quantiles *q, double value);
/* The number of records with at least this value. For a value between two kept ones, le + ge = records. */
double quantiles_count_ge(const struct quantiles *q, double value);
/* Merges n distributions into out, whose values the caller frees: exact where all of them keep all values and there are at most
 * QUANTILES_MERGED_MAX records. Otherwise minimum, maximum and the number of records are exact. A count from distributions of
 * QUANTILES_MAX values is off by at most 1e-4 of the records: half the distance of two kept values, 0.5e-4, because the records between two
 * kept values may lie at either, and at most 0.25e-4 between two values of out. The order of the distributions changes no bit. */
int quantiles_merge(struct quantiles *out, const struct quantiles *const *in, size_t n, struct fail *f);

#endif
