/* top_points.h - the strongest proponents and opponents of a test point. */
#ifndef VF_TOP_POINTS_H
#define VF_TOP_POINTS_H

#include <stddef.h>

struct top_point {
	double influence, d2;
	size_t i;
};
/* Writes at most k points to out and returns how many: the strongest proponents (influence > 0, highest first, of equal ones the
 * nearest) or the strongest opponents (influence <= 0, lowest first, of equal ones the farthest). */
size_t top_points(const double *influence, const double *d2, size_t n, int opponents, size_t k, struct top_point *out);

#endif
