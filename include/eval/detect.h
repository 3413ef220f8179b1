/* detect.h - how well a score finds known records: detection curve, AUROC, average precision. */
#ifndef VF_DETECT_H
#define VF_DETECT_H

#include "rank/ranking.h"

/* Scores of records; rank.v[].index is twice the position, plus one for a positive. */
struct detection {
	struct ranking rank;
	uint64_t positives, positives_unscored;
};

int detection_add(struct detection *d, double value, int positive, struct fail *f);
/* Sorts; the others may be asked afterwards. */
void detection_sort(struct detection *d);
/* Positives among the k highest. */
uint64_t detection_found(const struct detection *d, uint64_t k);
/* Area under the detection curve: the mean over the number checked of the share found (Kong &
 * Chaudhuri 2021, figure 17), and the highest it could be. */
double detection_auc(const struct detection *d, double *ceiling);
/* Probability that a positive scores above a negative, ties half (Mann & Whitney), and its standard
 * error (Hanley & McNeil 1982). */
double detection_auroc(const struct detection *d, double *se);
/* Average precision: the sum over thresholds of the precision there times the gain in recall. Equal
 * scores are one threshold, so that their order does not matter. */
double detection_average_precision(const struct detection *d);

enum curve_kind {
	CURVE_DETECTION, /* share checked, share of the positives found */
	CURVE_ROC,       /* false positive rate, true positive rate */
	CURVE_PRECISION_RECALL, /* recall, precision: steps, the area below them is the average precision */
};
struct curve {
	double *x, *y; /* n points; x in 0..1, never falling */
	size_t n, cap;
};
/* For drawing: equal scores are one straight line, and points nearer than what an eye can tell apart are
 * left out. Freed with curve_free(). */
int detection_curve(const struct detection *d, enum curve_kind kind, struct curve *c, struct fail *f);
void curve_free(struct curve *c);

#endif
