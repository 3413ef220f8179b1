#include "base/simd.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(SIMD_HAS_AMX)
#include <cpuid.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Tiles of bfloat16, and the AVX-512 conversions that fill them. Their state is 8 KB a thread, which Linux (5.16 and later) gives only to
 * processes that request it. */
static int has_amx(void)
{
	enum { GET_XCOMP_PERM = 0x1022, REQ_XCOMP_PERM = 0x1023, XTILE_DATA = 18 }; /* asm/prctl.h, which older systems lack */
	enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, AVX512_BF16 = 1 << 5 };
	unsigned a, b, c, d, a1, b1, c1, d1;
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !__get_cpuid_count(7, 1, &a1, &b1, &c1, &d1))
		return 0;
	if (!(d & AMX_BF16 && d & AMX_TILE && a1 & AVX512_BF16 && __builtin_cpu_supports("avx512bw")))
		return 0;
	uint64_t granted = 0; /* read back, because some sandboxes report success for calls that they do not know */
	return syscall(SYS_arch_prctl, REQ_XCOMP_PERM, XTILE_DATA) == 0 && syscall(SYS_arch_prctl, GET_XCOMP_PERM, &granted) == 0 &&
	       granted >> XTILE_DATA & 1;
}
#else
static int has_amx(void) { return 0; }
#endif

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
	if (level == SIMD_AVX512 && limit == SIMD_AMX && has_amx())
		level = SIMD_AMX;
	return level < limit ? level : limit;
}

int simd_level(void)
{
	static atomic_int known = -1;
	int level = atomic_load_explicit(&known, memory_order_relaxed);
	if (level < 0)
		atomic_store_explicit(&known, level = find_level(), memory_order_relaxed);
	return level;
}
