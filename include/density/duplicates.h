/* duplicates.h - groups of records that are copies of each other, or nearly.
 *
 * Two rows are near duplicates if the distance between them is at most `ratio` times the distance from one of them to its K-th nearest
 * other row. So a dense region, where all records are alike, has a smaller threshold than a sparse one, and units do not matter.
 * Groups are the connected components.
 *
 * Without duplicates, where records fill m dimensions evenly, a row has other rows within the ratio r of its K-th distance with a
 * probability of at most K r^m. The ratio that is chosen makes that 1 in 10,000:
 *
 *   r = (1e-4 / K)^(1/m), at most 0.7
 *   1/m = mean of log(d_K / d_H) / (1/H + 1/(H+1) + ... + 1/(K-1)),  H = (K + 1) / 2
 *
 * which is the estimate of Levina & Bickel (2004) from the outer half of the neighbours, where groups of up to H copies do not count.
 */
#ifndef VF_DUPLICATES_H
#define VF_DUPLICATES_H

#include "density/knn.h"

struct duplicates {
	double ratio; /* set by the caller; 0: to be chosen. 0 afterwards: only equal records are duplicates */

	/* results */
	double dimension;  /* m; NAN if it was not estimated */
	uint32_t *first;   /* [points]: the first point of the group; the point itself if it is in none */
	double *distance;  /* [points]: to that one, in the unit of the points */
	uint8_t *grouped;  /* [points]: is in a group of two or more */
	size_t groups, later; /* groups, and points that are not the first of theirs */
};

/* x: the points of the rows. nearest [rows->x.n][keep] of knn_lists(). Call duplicates_free() also after a failure. */
int duplicates_find(struct duplicates *d, const struct points *x, const struct rows *rows, const struct knn_neighbour *nearest, size_t keep, struct fail *f);
void duplicates_free(struct duplicates *d);

#endif
