/* review_likeness.h - which records are like a suspect, and which suspects are like each other.
 *
 * Likeness is the Euclidean distance between latent means, or small pictures, or vectors whose columns are scaled by median and spread
 * (density/scale.h) and limited to REVIEW_MAX_Z. */
#ifndef VF_REVIEW_LIKENESS_H
#define VF_REVIEW_LIKENESS_H

#include "report/review.h"

/* Sets nearest, column and group of all suspects, and ngroups. Distances are root mean squares over the coordinates. Groups are the
 * clusters of k-means (kmeans.h) with seed 0, the square root of the number of suspects of them. */
int review_compare(struct review *v, const struct exec *exec, struct fail *f);

#endif
