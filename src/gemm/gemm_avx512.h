/* gemm_avx512.h - products in floats on AVX-512, of shapes for which gemm_select() says so. */
#ifndef VF_GEMM_AVX512_H
#define VF_GEMM_AVX512_H

#include "gemm/gemm_args.h"

/* mat_pack() and mat_repack() for this kernel. b.v NULL: zeros. masked: with the columns of B, for masked_gemm(). */
struct mat_packed *gemm_avx512_pack(struct gemm_operand b, int n, int k, int masked);
void gemm_avx512_repack(struct mat_packed *packed, struct gemm_operand b);

void gemm_avx512(const struct gemm_args *g);

#endif
