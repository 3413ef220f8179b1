/* drift.h - how far the values of a stream lie from a reference distribution.
 *
 * The Kolmogorov-Smirnov distance is the largest difference of the two distribution functions. It is exact where the
 * reference has all its values, since both functions are compared on either side of every kept value; otherwise to within
 * the share of records between two kept values, 1e-4. Its p is that of the limit distribution, with the correction of
 * Stephens (1970, "Use of the Kolmogorov-Smirnov, Cramer-von Mises and related statistics without extensive tables") for the
 * effective number of records m n / (m + n). Memory: 16 bytes for every kept value of the reference, for any stream.
 */
#ifndef VF_DRIFT_H
#define VF_DRIFT_H

#include "base/fail.h"
#include "rank/quantiles.h"

struct drift {
	const struct quantiles *ref; /* borrowed */
	uint64_t *upto, *below;      /* [ref->n + 1]: values for which this is the first kept one that is at least, or above them */
	uint64_t records, above;     /* values; those at or above the 99.5th percentile of the reference */
};

struct drift_result {
	double ks, p; /* 0 and 1 without values */
	double above; /* the share of the values at or above the 99.5th percentile of the reference */
	int far;      /* ks is at least 0.1 with p < 0.001; or `above` exceeds the expected share by 0.015, with p < 0.001 */
};

/* ref: NULL or empty: all results are 0. Call drift_free() also after a failure. */
int drift_open(struct drift *d, const struct quantiles *ref, struct fail *f);
void drift_add(struct drift *d, double value);
struct drift_result drift_measure(const struct drift *d);
/* The probability of a distance of at least this between two samples of m and n values of one distribution. */
double drift_p(double ks, double m, double n);
void drift_free(struct drift *d);

#endif
