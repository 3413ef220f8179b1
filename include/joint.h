/* joint.h - the joint score of several fields: how far a record's logs lie from the bulk of all records, by a
 * robust Mahalanobis distance that strangers among the records cannot bend (up to a quarter of them).
 *
 * Every field becomes a coordinate: its log, minus the median, over 1.4826 times the median deviation. Centre and
 * scatter are the reweighted minimum covariance determinant over h = 3n/4 records (Rousseeuw & Van Driessen 1999,
 * "A fast algorithm for the minimum covariance determinant estimator"), begun from robust starts in place of
 * random ones (after Hubert, Rousseeuw & Verdonck 2012, "A deterministic algorithm for robust location and
 * scatter"), so that the same records give the same score.
 */
#ifndef VF_JOINT_H
#define VF_JOINT_H

#include <stddef.h>

#include "fail.h"

enum { JOINT_MAX = 64 };

/* JOINT_BOTH: the Mahalanobis distance from the centre, where low is as strange as high.
 * JOINT_HIGH: the signed distance from the set of points that are nowhere above the centre. Outside, it is the
 * smallest Mahalanobis distance to a point of the set (the statistic of Perlman 1969, "One-sided testing problems in
 * multivariate analysis"); inside, it is negative, the distance to the nearest face: the largest (y_i - c_i) / sd_i.
 * JOINT_SUM: the sum of all y_i - c_i, divided by its standard deviation under the scatter.
 * Of one field the last two are the robust z of its log. They never fall when a field rises. */
enum joint_side { JOINT_HIGH, JOINT_BOTH, JOINT_SUM, JOINT_SIDES };
extern const char *const joint_side_names[JOINT_SIDES];
/* JOINT_SIDES: there is none of that name, or name is NULL. */
enum joint_side joint_side_of(const char *name);

/* JOINT_LOG where at most 1 % of the values are 0 or less: these count as unit, the smallest positive value.
 * JOINT_ASINH otherwise: asinh(x / unit), linear near 0 and a log of either sign beyond; unit: the median of |x|
 * (where that is 0, its mean). */
enum joint_form { JOINT_LOG, JOINT_ASINH };

struct joint_axis {
	enum joint_form form;
	double unit, median, spread; /* spread 0: more than half the values are equal, and the field is left out */
};

struct joint {
	int p;                           /* fields, at most JOINT_MAX */
	enum joint_side side;
	struct joint_axis axis[JOINT_MAX];
	int used;                        /* axes that are not left out: the coordinates, in order */
	double centre[JOINT_MAX];        /* [used] */
	double scatter[JOINT_MAX * JOINT_MAX]; /* [used][used], scaled so that d^2 of normal logs is chi-squared */
	double root[JOINT_MAX * JOINT_MAX];    /* its Cholesky factor, lower */
};

/* Fits j (p and side are set) to n records x [n][p], whose rows become coordinates on the way. Beside them it
 * wants 16 bytes a record. -1 where there are fewer than 5 records a field, or no field is left. */
int joint_fit(struct joint *j, double *x, size_t n, struct fail *f);
/* Of a row as joint_fit() leaves it, and of the values of a record. */
double joint_distance(const struct joint *j, const double *coordinates);
double joint_score(const struct joint *j, const double *values);
/* Reckons used and root of what was read from a file: -1 where the scatter is not positive definite. */
int joint_ready(struct joint *j, struct fail *f);
/* A field that the others determine to 1e-4 of its spread (the last such), or -1. */
int joint_collinear(const struct joint *j);

#endif
