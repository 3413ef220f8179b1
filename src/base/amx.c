#include "base/amx.h"

#if defined(SIMD_HAS_AMX)

#include <cpuid.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The state of the tiles is 8 KB a thread, which Linux (5.16 and later) gives only to processes that request it. */
int amx_granted(void)
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

int amx_granted(void) { return 0; }

#endif
