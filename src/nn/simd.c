#include "simd.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static int find_level(void)
{
	int level = SIMD_PLAIN;
	const char *at_most = getenv("VAE_FILTERS_SIMD");
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		level = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") ? SIMD_AVX512 : SIMD_AVX2;
#endif
	if (at_most && strcmp(at_most, "plain") == 0)
		return SIMD_PLAIN;
	return at_most && strcmp(at_most, "avx2") == 0 && level > SIMD_AVX2 ? SIMD_AVX2 : level;
}

int simd_level(void)
{
	static atomic_int known = -1;
	int level = atomic_load_explicit(&known, memory_order_relaxed);
	if (level < 0)
		atomic_store_explicit(&known, level = find_level(), memory_order_relaxed);
	return level;
}
