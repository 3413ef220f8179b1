/* detect.h - how well a score detects the positive records: detection curve, AUROC, average precision. */
#ifndef VF_DETECT_H
#define VF_DETECT_H

#include "rank/ranking.h"

/* The scores of records. rank.v[i].index is twice the position in the stream, plus the label: 1 for a positive. */
struct detection {
	struct ranking rank;
	uint64_t positives, positives_unscored;
};

static inline int detection_label(const struct ranked *v) { return (int)(v->index & 1); }
static inline uint64_t detection_position(const struct ranked *v) { return v->index >> 1; }

/* Adds the next record of the stream; value NAN: it has no score. positive: 0 or 1. */
int detection_add(struct detection *d, double value, int positive, struct fail *f);
/* Sorts; call it before the functions below. */
void detection_sort(struct detection *d);
/* The number of positives among the k highest. */
uint64_t detection_found(const struct detection *d, uint64_t k);
/* The area under the detection curve: the share of positives found, averaged over the number of records checked (Kong &
 * Chaudhuri 2021, figure 17). *ceiling: the area of a perfect score. */
double detection_auc(const struct detection *d, double *ceiling);
/* The probability that a positive scores higher than a negative, ties counting half (Mann & Whitney 1947). *se: its
 * standard error (Hanley & McNeil 1982). */
double detection_auroc(const struct detection *d, double *se);
/* The sum over thresholds of precision times the gain in recall. Equal scores are one threshold, so their order does not
 * matter. */
double detection_average_precision(const struct detection *d);

enum curve_kind {
	CURVE_DETECTION,        /* share of records checked, share of positives found */
	CURVE_ROC,              /* false positive rate, true positive rate */
	CURVE_PRECISION_RECALL, /* recall, precision: steps, the area below is the average precision */
};
struct curve {
	double *x, *y; /* [n]; x in 0 to 1, never falling */
	size_t n, cap;
};
/* The curve for a plot: equal scores are one straight line, and points closer than 1/400 are left out. Free it with
 * curve_free(), also after a failure. */
int detection_curve(const struct detection *d, enum curve_kind kind, struct curve *c, struct fail *f);
void curve_free(struct curve *c);
/* Sets y[i] to the height of the curve at x = i / n, for i from 0 to n. The curve is straight between groups of equal scores; where it is
 * vertical, the upper end counts. Not for CURVE_PRECISION_RECALL. NAN if there are no positives or no negatives. */
void detection_heights(const struct detection *d, enum curve_kind kind, double *y, size_t n);

#endif
