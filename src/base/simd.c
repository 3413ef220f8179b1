#include "base/simd.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/amx.h"

static int find_level(void)
{
	static const char *const name[] = {"plain", "avx2", "avx512"};
	const char *given = getenv("VAE_FILTERS_SIMD");
	int level = SIMD_PLAIN, limit = SIMD_PLAIN;
	while (limit < SIMD_AMX && !(given && strcmp(given, name[limit]) == 0))
		limit++;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		level = SIMD_AVX2;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
		level = SIMD_AVX512;
#endif
	if (level == SIMD_AVX512 && limit == SIMD_AMX && amx_granted())
		level = SIMD_AMX;
	return level < limit ? level : limit;
}

int simd_only_amx(void)
{
	const char *given = getenv("VAE_FILTERS_SIMD");
	return given && strcmp(given, "amx") == 0;
}

int simd_level(void)
{
	static atomic_int known = -1;
	int level = atomic_load_explicit(&known, memory_order_relaxed);
	if (level < 0)
		atomic_store_explicit(&known, level = find_level(), memory_order_relaxed);
	return level;
}
