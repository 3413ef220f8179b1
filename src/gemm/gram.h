/* gram.h - Gram matrices of a few rows, behind mat.h. */
#ifndef VF_GRAM_H
#define VF_GRAM_H

/* c[n x n] = a[n x d] a^T. 1 done; 0 not: the processor has no AVX-512 (or simd.h was told so), or n is above 64. */
int gram_wide(float *c, const float *a, int n, int d);

#endif
