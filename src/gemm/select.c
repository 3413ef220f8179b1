/* Which kernel computes a product. AMX and AVX-512 need matrices of at least their own blocks, and AMX has a cost per call that only
 * larger products repay. */
#include "base/simd.h"
#include "gemm/kernels.h"

enum gemm_kernel gemm_select(int m, int n, int k)
{
	int level = simd_level();
	if (level >= SIMD_AMX && m >= 32 && n >= 32 && k >= 32 && (double)m * n * k >= 64 * 64 * 64)
		return GEMM_AMX;
	return level >= SIMD_AVX512 && m >= 8 && n >= 16 && k >= 16 ? GEMM_AVX512 : GEMM_OPENBLAS;
}
