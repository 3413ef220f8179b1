/* ranking.h - ranks, median and robust z-scores of one value per record. Memory: 16 bytes a record, and as many again while qsort() sorts. */
#ifndef VF_RANKING_H
#define VF_RANKING_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

struct ranked {
	double value;   /* NAN: no score */
	uint64_t index; /* position in the stream, from 0 */
};

struct ranking {
	struct ranked *v; /* after ranking_sort(): highest first, ties by position, records without a score last */
	size_t n, cap, scored;
	double median, spread; /* spread: the robust standard deviation that z divides by */
};

/* Adds the next record of the stream; value NAN: it has no score. */
int ranking_add(struct ranking *r, double value, struct fail *f);
/* Sorts, and computes median and spread: 1.4826 times the median absolute deviation (Rousseeuw & Croux 1993). Where
 * half the values are equal and that is 0: 1.2533 times the mean absolute deviation. Where all are equal: 0. */
void ranking_sort(struct ranking *r);
/* (value - median) / spread; 0 if the spread is 0; always finite. */
double ranking_z(const struct ranking *r, double value);
/* How many values of a sorted ranking are above x. */
size_t ranking_count_above(const struct ranking *r, double x);
/* Inverts the sorted order: v is then in stream order, and v[i].index is the rank of record i. */
void ranking_invert(struct ranking *r);
void ranking_free(struct ranking *r);

#endif
