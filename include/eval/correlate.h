/* correlate.h - how far two scores go together. */
#ifndef VF_CORRELATE_H
#define VF_CORRELATE_H

#include <stddef.h>

#include "base/fail.h"

struct correlation {
	size_t n;                /* records that have both */
	double r2;               /* of the straight line through (x, y), least squares; NAN below 3 records or where one is constant */
	double slope, intercept; /* y = intercept + slope x */
	double spearman;         /* Pearson's correlation of the ranks, equal values sharing their middle rank; NAN likewise */
};

/* x [n], y [n]; entries where either is NAN are left out. Takes 32 bytes an entry for the time of the call. */
int correlate(const double *x, const double *y, size_t n, struct correlation *c, struct fail *f);

#endif
