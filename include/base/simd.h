/* simd.h - one function compiled for any processor, for AVX2 and for AVX-512, chosen at run time.
 *
 * Write the work as an INLINE function of plain C. SIMD_VARIANTS(type, name, parameters, body) makes name_plain, name_avx2 and
 * name_avx512 of the body given, and SIMD_DISPATCH(name) is the best one that the processor runs. All give the same bits, because the
 * Makefile forbids the compiler to contract a * b + c to a fused multiply-add. */
#ifndef VF_SIMD_H
#define VF_SIMD_H

#define INLINE static inline __attribute__((always_inline))

enum { SIMD_PLAIN, SIMD_AVX2, SIMD_AVX512, SIMD_AMX };

/* What the processor and the system allow, or less: VAE_FILTERS_SIMD=plain, avx2 or avx512 in the environment is an upper limit, for
 * tests. SIMD_AMX includes the request for the tiles that Linux requires. */
int simd_level(void);
/* Whether VAE_FILTERS_SIMD=amx forbids to take other kernels where tiles can compute. */
int simd_only_amx(void);

#if defined(__x86_64__)
#define SIMD_VARIANTS(type, name, parameters, body)                                                                                        \
	static type name##_plain parameters body                                                                                           \
	__attribute__((target("avx2"))) static type name##_avx2 parameters body                                                            \
	__attribute__((target("avx512f,avx512vl"))) static type name##_avx512 parameters body
#define SIMD_DISPATCH(name) (simd_level() == SIMD_PLAIN ? name##_plain : simd_level() == SIMD_AVX2 ? name##_avx2 : name##_avx512)
#else
#define SIMD_VARIANTS(type, name, parameters, body) static type name##_plain parameters body
#define SIMD_DISPATCH(name) name##_plain
#endif

#endif
