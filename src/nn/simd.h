/* simd.h - the same lines compiled twice, for any processor and for AVX2, chosen at run time.
 *
 * Write the work as an INLINE function; AVX2_VARIANT() makes name_plain and name_avx2 out of the
 * body given, and HAVE_AVX2 says which to call. No fused multiply-add: both give the same bits. */
#ifndef VF_SIMD_H
#define VF_SIMD_H

#define INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define HAVE_AVX2 __builtin_cpu_supports("avx2")
#define AVX2_VARIANT(type, name, parameters, body)                          \
	static type name##_plain parameters body                            \
	__attribute__((target("avx2"))) static type name##_avx2 parameters body
#define PICK(name) (HAVE_AVX2 ? name##_avx2 : name##_plain)
#else
#define AVX2_VARIANT(type, name, parameters, body) static type name##_plain parameters body
#define PICK(name) name##_plain
#endif

#endif
