/* Chooses the kernel of a product. AMX and the blocked kernels need matrices of at least one block, and AMX has a cost per call that pays only for
 * larger products. */
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
	const struct blocked_kernels *blocked = blocked_kernels();
	int least = blocked && blocked->lanes < 16 ? 65 : 16; /* with fewer lanes, OpenBLAS is faster if a side is short, as in convolutions */
	return blocked && m >= 8 && n >= least && k >= least ? GEMM_BLOCKED : GEMM_OPENBLAS;
}
