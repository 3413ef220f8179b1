/* mcd.h - how far a record's logs lie from the bulk of all records, by a robust Mahalanobis distance that strangers
 * among the records cannot bend (up to a quarter of them). Low is as strange as high.
 *
 * Every field becomes a coordinate: its log, minus the median, over 1.4826 times the median deviation. Centre and
 * scatter are the reweighted minimum covariance determinant over h = 3n/4 records (Rousseeuw & Van Driessen 1999,
 * "A fast algorithm for the minimum covariance determinant estimator"), begun from robust starts in place of
 * random ones (after Hubert, Rousseeuw & Verdonck 2012, "A deterministic algorithm for robust location and
 * scatter"), so that the same records give the same score.
 */
#ifndef VF_MCD_H
#define VF_MCD_H

#include <stddef.h>

#include "base/fail.h"

enum { MCD_MAX_FIELDS = 64 };

/* MCD_LOG where at most 1 % of the values are 0 or less: these count as unit, the smallest positive value.
 * MCD_ASINH otherwise: asinh(x / unit), linear near 0 and a log of either sign beyond; unit: the median of |x|
 * (where that is 0, its mean). */
enum mcd_transform { MCD_LOG, MCD_ASINH };

struct mcd_axis {
	enum mcd_transform form;
	double unit, median, spread; /* spread 0: more than half the values are equal, and the field is left out */
};

struct mcd {
	int p;                             /* fields, at most MCD_MAX_FIELDS */
	struct mcd_axis axis[MCD_MAX_FIELDS];
	int used;                          /* axes that are not left out: the coordinates, in order */
	double centre[MCD_MAX_FIELDS];            /* [used] */
	double scatter[MCD_MAX_FIELDS * MCD_MAX_FIELDS]; /* [used][used], scaled so that d^2 of normal logs is chi-squared */
	double root[MCD_MAX_FIELDS * MCD_MAX_FIELDS];    /* its Cholesky factor, lower */
};

/* Fits m (p is set) to n records x [n][p]; afterwards x[i] is the distance of record i. Beside them it wants 16
 * bytes a record. -1 where there are fewer than 5 records a field, or no field is left. */
int mcd_fit(struct mcd *m, double *x, size_t n, struct fail *f);
/* Of the values of a record, as mcd_fit() gives it to the bit. */
double mcd_score(const struct mcd *m, const double *values);
/* Reckons used and root of what was read from a file: -1 where the scatter is not positive definite. */
int mcd_factor(struct mcd *m, struct fail *f);
/* A field that the others determine to 1e-4 of its spread (the last such), or -1. */
int mcd_collinear(const struct mcd *m);

#endif
