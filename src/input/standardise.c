#include "input/standardise.h"

void input_standardise(const struct standardisation *s, const double *v, size_t n, float *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (float)(!s->mean ? v[i] : s->deviation[i] > 0 ? (v[i] - s->mean[i]) / s->deviation[i] : v[i] - s->mean[i]);
}
