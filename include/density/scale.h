/* scale.h - brings the coordinates of points to one scale, so that a column with large numbers does not outweigh the others.
 *
 *   SCALE_STD     (x - mean) / standard deviation (of the n values, divided by n)
 *   SCALE_ROBUST  (x - median) / spread; spread is 1.4826 times the median absolute deviation (Rousseeuw & Croux 1993), or where half of the
 *                 values are equal and that is 0, 1.2533 times the mean absolute deviation
 *   SCALE_ASINH   asinh((x - median) / spread), the same spread: linear near the median and logarithmic far from it, so that a column of
 *                 heavy tails does not outweigh the others (Burbidge, Magee & Robb 1988, "Alternative transformations to handle extreme
 *                 values of the dependent variable")
 * A column with one value becomes 0.
 */
#ifndef VF_SCALE_H
#define VF_SCALE_H

#include "density/points.h"

enum scale { SCALE_NONE, SCALE_STD, SCALE_ROBUST, SCALE_ASINH, SCALES };
extern const char *const scale_names[]; /* none, std, robust, asinh; then NULL */

struct axes {
	enum scale scale;
	double *centre, *spread; /* [d] each; in the unit of the points */
};
/* For SCALE_NONE and for no points there are none. Call axes_free() also after a failure. */
int axes_fit(struct axes *a, enum scale scale, const struct points *x, const struct exec *exec, struct fail *f);
/* Scaled points, rounded to floats; freed by the caller. NULL: no memory. */
float *axes_apply(const struct axes *a, const struct points *x, struct fail *f);
void axes_free(struct axes *a);

#endif
