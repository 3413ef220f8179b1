/* standardise.h - how a network reads a vector: each value minus its mean over the training records, divided by its
 * standard deviation. */
#ifndef VF_STANDARDISE_H
#define VF_STANDARDISE_H

#include <stddef.h>

struct standardisation {
	double *mean, *deviation; /* [n]; mean NULL: values are read as they are */
};

/* out[i] = (v[i] - mean[i]) / deviation[i]; a deviation of 0 counts as 1. */
void input_standardise(const struct standardisation *s, const double *v, size_t n, float *out);

#endif
