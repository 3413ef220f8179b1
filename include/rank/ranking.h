/* ranking.h - ranks, percentiles and robust z of a field, in 16 bytes a record. */
#ifndef VF_RANKING_H
#define VF_RANKING_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

struct ranked {
	double value;
	uint64_t index; /* the record's position in the stream, from 0 */
};

struct ranking {
	struct ranked *v; /* scored records, highest first, ties by position; then the unscored */
	size_t n, cap, scored;
	double median, spread; /* spread: the standard deviation that z divides by */
};

/* Adds the next record of the stream; NAN: it has no score. */
int ranking_add(struct ranking *r, double value, struct fail *f);
/* Sorts, and measures median and spread: 1.4826 times the median deviation from the median
 * (Rousseeuw & Croux 1993); where half the values are equal and that is 0, 1.2533 times the mean
 * deviation; where all are equal, 0. */
void ranking_sort(struct ranking *r);
/* 0 where the spread is 0; never infinite. */
double ranking_z(const struct ranking *r, double value);
/* After this v is in the order of the stream, and an entry's index is the record's place in the order that was. */
void ranking_invert(struct ranking *r);
void ranking_free(struct ranking *r);

#endif
