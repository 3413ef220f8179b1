/* gemm_amx.c of the library on emulated tiles. A program that links this file before the library takes its products for those of AMX, on every
 * machine with AVX-512. */
#include "base/amx.h"

#if defined(SIMD_HAS_AMX)

#include "tiles.h"

int amx_granted(void) { return __builtin_cpu_supports("avx512bw") != 0; }

#else

int amx_granted(void) { return 0; }

#endif

#include "gemm/gemm_amx.c" /* NOLINT(bugprone-suspicious-include) */
