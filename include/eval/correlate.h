/* correlate.h - the correlation of two scores. */
#ifndef VF_CORRELATE_H
#define VF_CORRELATE_H

#include <stddef.h>

#include "base/fail.h"

struct correlation {
	size_t n;                /* records that have both */
	double r2;               /* coefficient of determination of the least-squares line; NAN for n < 3 or a constant */
	double slope, intercept; /* y = intercept + slope x */
	double spearman;         /* Pearson's correlation of the ranks, ties sharing their mean rank; NAN likewise */
};

/* Correlates x [n] and y [n], without the pairs of which one is NAN. Allocates 32 bytes a pair, with what qsort() needs. */
int correlate(const double *x, const double *y, size_t n, struct correlation *c, struct fail *f);

#endif
