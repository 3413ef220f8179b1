/* random.h - random numbers for tests: the same on every machine and in every run. */
#ifndef VF_RANDOM_H
#define VF_RANDOM_H

#include <stdint.h>

static uint64_t random_state = 88172645463325252u;

/* Uniform in [0, 1): xorshift (Marsaglia 2003). */
static inline double uniform(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double)(random_state >> 11) * 0x1p-53;
}

/* Approximately standard normal: the sum of 12 uniform numbers, minus 6. */
static inline double normal(void)
{
	double s = 0;
	for (int i = 0; i < 12; i++)
		s += uniform();
	return s - 6;
}

#endif
