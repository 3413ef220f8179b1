#include "simd.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(SIMD_HAS_TILES)
#include <cpuid.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Tiles of bfloat16, and the conversions that fill them. Their state is 8 KB a thread, which Linux (5.16 on) gives only who asks. */
static int has_tiles(void)
{
	enum {
		HAVE_STATE = 0x1022,
		ASK_FOR_STATE = 0x1023,
		TILE_DATA = 18
	}; /* ARCH_GET_XCOMP_PERM, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA */
	enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, AVX512_BF16 = 1 << 5 };
	unsigned a, b, c, d, a1, b1, c1, d1;
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !__get_cpuid_count(7, 1, &a1, &b1, &c1, &d1))
		return 0;
	if (!(d & AMX_BF16 && d & AMX_TILE && a1 & AVX512_BF16 && __builtin_cpu_supports("avx512bw")))
		return 0;
	uint64_t have = 0; /* some sandboxes say yes to a question they do not know */
	return syscall(SYS_arch_prctl, ASK_FOR_STATE, TILE_DATA) == 0 && syscall(SYS_arch_prctl, HAVE_STATE, &have) == 0 &&
	       have >> TILE_DATA & 1;
}
#else
static int has_tiles(void) { return 0; }
#endif

static int find_level(void)
{
	static const char *const name[] = {"plain", "avx2", "avx512"};
	int level = SIMD_PLAIN;
	const char *at_most = getenv("VAE_FILTERS_SIMD");
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		level = SIMD_AVX2;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
		level = SIMD_AVX512;
#endif
	for (int i = SIMD_PLAIN; at_most && i < level; i++)
		if (strcmp(at_most, name[i]) == 0)
			return i;
	return level == SIMD_AVX512 && !(at_most && strcmp(at_most, "avx512") == 0) && has_tiles() ? SIMD_AMX : level;
}

int simd_level(void)
{
	static atomic_int known = -1;
	int level = atomic_load_explicit(&known, memory_order_relaxed);
	if (level < 0)
		atomic_store_explicit(&known, level = find_level(), memory_order_relaxed);
	return level;
}
