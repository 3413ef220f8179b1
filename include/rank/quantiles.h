/* quantiles.h - the empirical distribution of a value over a set of records: all values in order, or order statistics
 * that are evenly spaced by rank and include the minimum and the maximum. */
#ifndef VF_QUANTILES_H
#define VF_QUANTILES_H

#include <stddef.h>
#include <stdint.h>

enum { QUANTILES_MAX = 10001 }; /* order statistics in a reference file */

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

#endif
