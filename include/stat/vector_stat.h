/* vector_stat.h - what can be said of a vector of numbers without a model.
 *
 * Values that are not finite (NaN, infinities) are missing: they count as values, and the other statistics are of the rest. */
#ifndef VF_VECTOR_STAT_H
#define VF_VECTOR_STAT_H

#include "input/npy.h"

struct vector_stat {
	size_t values;
	double missing, zeros; /* shares of the values */
	/* of the values that are not missing; NAN if there are none */
	double norm;      /* Euclidean */
	double mean, deviation; /* deviation: of the population, divided by n */
	double largest;   /* of the absolute values */
	double largest_z; /* of |value - mean| / deviation; 0 if the deviation is 0 */
};

void vector_stat(const struct npy *v, struct vector_stat *out);

#endif
