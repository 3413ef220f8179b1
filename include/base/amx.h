/* amx.h - whether this process may use AMX tiles. Tests link another amx_granted() (tests/tiles). */
#ifndef VF_AMX_H
#define VF_AMX_H

/* The compiler has the AMX intrinsics (GCC 11, clang 11), and Linux grants their use. */
#if defined(__x86_64__) && defined(__linux__) && defined(__has_include)
#if __has_include(<amxbf16intrin.h>) || __has_include(<amxintrin.h>)
#define SIMD_HAS_AMX 1
#endif
#endif

/* 1: the processor has tiles of bfloat16 and the AVX-512 conversions that fill them, and Linux has granted the tiles, for which this asks. */
int amx_granted(void);

#endif
