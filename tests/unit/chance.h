/* chance.h - numbers for tests: the same on every machine and in every run. */
#ifndef VF_CHANCE_H
#define VF_CHANCE_H

#include <stdint.h>

static uint64_t state = 88172645463325252u;

/* Even in [0, 1): xorshift (Marsaglia 2003). */
static inline double chance(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (double)(state >> 11) * 0x1p-53;
}

/* Nearly normal: 12 even ones. */
static inline double normal(void)
{
	double s = 0;
	for (int i = 0; i < 12; i++)
		s += chance();
	return s - 6;
}

#endif
