/* mcd.h - the robust Mahalanobis distance of a record's logs from the bulk of all records, high or low. Outliers do
 * not distort it as long as they are at most a quarter of the records.
 *
 * Each field becomes a coordinate: its log minus the median, divided by 1.4826 times the median absolute deviation.
 * Location and scatter are the reweighted minimum covariance determinant (MCD) of h = 3n/4 records (Rousseeuw & Van
 * Driessen 1999, "A fast algorithm for the minimum covariance determinant estimator"). The search starts from robust
 * initial estimates, not from random subsets (after Hubert, Rousseeuw & Verdonck 2012, "A deterministic algorithm for
 * robust location and scatter"), so the same records always give the same scores.
 */
#ifndef VF_MCD_H
#define VF_MCD_H

#include <stddef.h>

#include "base/fail.h"

enum { MCD_MAX_FIELDS = 64, MCD_RECORDS_PER_FIELD = 5 };

/* MCD_LOG: log(x), where at most 1 % of the values are 0 or negative; these count as unit, the smallest positive value.
 * MCD_ASINH: asinh(x / unit) otherwise: linear near 0, logarithmic on both sides; unit is the median of |x|, or its
 * mean where the median is 0. */
enum mcd_transform { MCD_LOG, MCD_ASINH };

struct mcd_axis {
	enum mcd_transform transform;
	double unit, median, spread; /* spread 0: more than half the values are equal, so the field is left out */
};

struct mcd {
	int p;                                           /* fields, at most MCD_MAX_FIELDS */
	struct mcd_axis axis[MCD_MAX_FIELDS];            /* [p] */
	int dim;                                         /* coordinates: the fields that are not left out, in order */
	double centre[MCD_MAX_FIELDS];                   /* [dim] */
	double scatter[MCD_MAX_FIELDS * MCD_MAX_FIELDS]; /* [dim][dim], scaled so that d^2 of normal logs is chi-squared */
	double root[MCD_MAX_FIELDS * MCD_MAX_FIELDS];    /* [dim][dim], its lower Cholesky factor */
	double precision[MCD_MAX_FIELDS];                /* [dim], the diagonal of its inverse */
};

/* Fits an axis to a column x[i * stride] of n values, and transforms it in place; v: scratch [n]. */
void mcd_fit_axis(struct mcd_axis *a, double *x, size_t n, int stride, double *v);
/* The log or asinh of a value. */
double mcd_transform_value(const struct mcd_axis *a, double x);
/* Fits m, whose p is set, to n records x [n][p], NAN if a field is missing; then x[i] is the distance of record i. The
 * fit takes the complete records. Allocates 8 bytes a record for the time of the call, and where fields are missing a
 * copy of the complete records. Fails with fewer than MCD_RECORDS_PER_FIELD of these a field. Where every field is left
 * out, dim and all distances are 0. */
int mcd_fit(struct mcd *m, double *x, size_t n, struct fail *f);
/* The distance of one record's values [p], with the same bits as from mcd_fit(). NAN: the field is missing. The distance
 * over the others, by their part of the scatter, has fewer degrees of freedom; the score is the distance that is as
 * rare under those of all fields, if squared distances are chi-squared. It is 0 if all fields are missing. */
double mcd_score(const struct mcd *m, const double *values);
/* The field without which the squared distance would fall most, and whether it is low, given the others; -1 if the distance is 0. */
int mcd_reason(const struct mcd *m, const double *values, int *low);
/* Computes dim, root and precision from axis and scatter. Fails if the scatter is not positive definite. */
int mcd_factor(struct mcd *m, struct fail *f);
/* The last field that the others determine to within 1e-4 of its spread, or -1. */
int mcd_collinear(const struct mcd *m);

#endif
