/* gram.h - Gram matrices of few rows on AVX-512. */
#ifndef VF_GRAM_H
#define VF_GRAM_H

/* c[m x m] = a[m x k] a^T. Returns 1, or 0 with nothing done: the processor has no AVX-512, or m is above 64. */
int gram_avx512(float *c, const float *a, int m, int k);

#endif
