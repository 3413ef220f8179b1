/* gemm_avx512.h - matrix products in floats on AVX-512, where no tiles take them (gemm_amx.h).
 *
 * What they have before OpenBLAS's: weights are prepared once, bias, relu and gate cost no pass of their own, and zeros are passed over.
 * A sum goes along k in order, one fused multiply-add a term, in runs of 1024 terms: its bits depend on its own two
 * lines alone. A zero on the first side may take nothing from the second, not even NAN or infinity. */
#ifndef VF_GEMM_AVX512_H
#define VF_GEMM_AVX512_H

#include "gemm/gemm_args.h"

/* The processor has AVX-512, no tiles take the product, and no side is narrower than the kernels are. Tells by the shape alone. */
int gemm_avx512_takes(int n, int p, int d);

/* p lines over d as the second side of many products; NULL without memory. b.v NULL: zeros, for gemm_avx512_repack(). masked: the products have a
 * gate, and take the lines one by one where it opens few sums. Freed with free(). */
struct mat_packed *gemm_avx512_pack(struct gemm_operand b, int p, int d, int masked);
/* Other numbers of the same shape in its place. */
void gemm_avx512_repack(struct mat_packed *packed, struct gemm_operand b);

void gemm_avx512(const struct gemm_args *s);

#endif
