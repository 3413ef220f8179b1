/* Chooses the kernel of a product. AMX has a cost per call that pays only for larger products. The blocked kernels take all others, where there are
 * some: the bits of a row of theirs depend on that row of A and on B alone, while those of OpenBLAS depend on the place of the row too. */
#include "base/simd.h"
#include "gemm/kernels.h"

const struct blocked_kernels *blocked_kernels(void)
{
#if defined(__x86_64__)
	int level = simd_level();
	return level >= SIMD_AVX512 ? &blocked_16 : level >= SIMD_AVX2 ? &blocked_8 : NULL;
#elif defined(__aarch64__)
	return &blocked_4;
#else
	return NULL;
#endif
}

enum gemm_kernel gemm_select(int m, int n, int k, enum mat_bits bits)
{
	if (bits != MAT_SPARSE && simd_level() >= SIMD_AMX && m >= 32 && n >= 32 && k >= 32 && (double)m * n * k >= 64 * 64 * 64)
		return GEMM_AMX;
	return blocked_kernels() && k > 0 ? GEMM_BLOCKED : GEMM_OPENBLAS; /* OpenBLAS also writes sums of no terms */
}
