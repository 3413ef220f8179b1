/* scale.h - brings the coordinates of points to one scale, so that a column with large numbers does not outweigh the others.
 *
 *   SCALE_STD     (x - mean) / standard deviation (of the n values, divided by n)
 *   SCALE_ROBUST  (x - median) / spread; spread is 1.4826 times the median absolute deviation (Rousseeuw & Croux 1993), or where half of the
 *                 values are equal and that is 0, 1.2533 times the mean absolute deviation
 * A column with one value becomes 0.
 */
#ifndef VF_SCALE_H
#define VF_SCALE_H

#include "density/density.h"

enum scale { SCALE_NONE, SCALE_STD, SCALE_ROBUST };
extern const char *const scale_names[]; /* none, std, robust; then NULL */

struct axes { /* [d] each; in the unit of the points */
	double *centre, *spread;
};
/* For SCALE_NONE and for no points there are none. Call axes_free() also after a failure. */
int axes_fit(struct axes *a, enum scale scale, const struct points *x, const struct exec *exec, struct fail *f);
/* Scaled points, rounded to floats; freed by the caller. NULL: no memory. */
float *axes_apply(const struct axes *a, const struct points *x, struct fail *f);
void axes_free(struct axes *a);

#endif
