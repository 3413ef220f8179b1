/* detect.h - how well a score finds known records: detection curve and AUROC. */
#ifndef VF_DETECT_H
#define VF_DETECT_H

#include "ranking.h"

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

#endif
