/* masked_gemm.h - products behind a ReLU that masks most of their outputs, on AVX-512. */
#ifndef VF_MASKED_GEMM_H
#define VF_MASKED_GEMM_H

#include "gemm/gemm_args.h"

/* Whether the mask of C leaves so few outputs that computing them one by one is faster, and B is packed for that. */
int masked_gemm_pays(const struct gemm_args *g);
/* The bits of gemm_avx512(). */
void masked_gemm(const struct gemm_args *g);

#endif
