/* quantiles.h - how many of a set of records have a value as low, or as high: from all their values in order, or
 * from so many of them, evenly spaced by rank with both ends among them. */
#ifndef VF_QUANTILES_H
#define VF_QUANTILES_H

#include <stddef.h>
#include <stdint.h>

enum { QUANTILES_MAX = 10001 }; /* what a file keeps */

struct quantiles {
	double *value; /* [n], ascending: value[i] is that of rank i (records - 1) / (n - 1) from below, rounded down */
	size_t n;
	uint64_t records; /* n where all are kept */
};

/* How many are kept of so many. */
size_t quantiles_size(uint64_t records);
/* The rank, from below, of kept value i. */
uint64_t quantiles_rank(const struct quantiles *q, size_t i);
/* How many records have this value or a lower one: 0 to records. Between kept values by their distance. */
double quantiles_count_le(const struct quantiles *q, double value);
/* How many have this value or a higher one. Two that bracket a value: low + high = records. */
double quantiles_count_ge(const struct quantiles *q, double value);

#endif
