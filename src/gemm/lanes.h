/* lanes.h - vectors of LANES floats for the blocked kernels: 16 by AVX-512, 8 by AVX2, 4 by NEON. A vector is one register.
 *
 * blocked_16.c, blocked_8.c and blocked_4.c define LANES, and compile the same kernels (blocked.h). A number of lanes is at most LANES;
 * functions with `some` in their name load zeros beyond that number. */
#ifndef VF_LANES_H
#define VF_LANES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/minmax.h"

enum { CACHE_LINE = 16 }; /* floats */

#if LANES == 16

#include "gemm/avx512.h"

#define KERNEL AVX512
typedef __m512 vec;

KERNEL INLINE vec vec_zero(void) { return _mm512_setzero_ps(); }
KERNEL INLINE vec vec_all(float x) { return _mm512_set1_ps(x); }
KERNEL INLINE vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
KERNEL INLINE void vec_store(float *p, vec x) { _mm512_storeu_ps(p, x); }
KERNEL INLINE vec vec_load_some(const float *p, int n) { return _mm512_maskz_loadu_ps(first_lanes(n), p); }
KERNEL INLINE void vec_store_some(float *p, vec x, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), x); }
KERNEL INLINE vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
KERNEL INLINE vec vec_relu(vec x) { return _mm512_max_ps(_mm512_setzero_ps(), x); } /* in this order, which keeps NAN */
KERNEL INLINE vec vec_masked(vec x, vec mask) { return apply_mask(x, mask); }
KERNEL INLINE vec vec_or(vec x, vec y) { return _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(x), _mm512_castps_si512(y))); }
KERNEL INLINE int vec_any_nonzero(vec x) { return nonzero_lanes(_mm512_castps_si512(x)) != 0; }

/* Appends p + r for every bit r of `lanes`; may write LANES indices. Returns how many. */
KERNEL INLINE int vec_list(uint16_t *list, unsigned lanes, int p)
{
	__m512i index = _mm512_add_epi32(_mm512_set1_epi32(p), _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
	_mm256_storeu_si256((__m256i *)list, _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32((__mmask16)lanes, index)));
	return __builtin_popcount(lanes);
}

/* The same for every lane r below n that is neither 0 nor -0. */
KERNEL INLINE int vec_list_nonzero(uint16_t *list, vec x, int p, int n)
{
	return vec_list(list, nonzero_lanes(_mm512_castps_si512(x)) & first_lanes(n), p);
}

#else

#include "base/simd.h"

#if LANES == 8
#include <immintrin.h>
#define KERNEL __attribute__((target("avx2,fma")))
#else
#include <arm_neon.h>
#define KERNEL
#endif
#define UNROLL _Pragma("GCC unroll 16")

typedef float vec __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t vec_bits __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef uint64_t vec_pairs __attribute__((vector_size(LANES * sizeof(int32_t)))); /* of lanes */

KERNEL INLINE vec vec_zero(void) { return (vec){0}; }
KERNEL INLINE vec vec_load(const float *p)
{
	vec x;
	memcpy(&x, p, sizeof x);
	return x;
}
KERNEL INLINE void vec_store(float *p, vec x) { memcpy(p, &x, sizeof x); }
KERNEL INLINE vec vec_where(vec_bits yes, vec x) { return (vec)((vec_bits)x & yes); }
KERNEL INLINE vec vec_relu(vec x) { return vec_where(~(x < 0), x); } /* keeps NAN */
KERNEL INLINE vec vec_masked(vec x, vec mask) { return vec_where(mask > 0, x); }
KERNEL INLINE vec vec_or(vec x, vec y) { return (vec)((vec_bits)x | (vec_bits)y); }

#if LANES == 8

KERNEL INLINE vec vec_all(float x) { return (vec){x, x, x, x, x, x, x, x}; }
KERNEL INLINE vec vec_fma(vec a, vec b, vec c) { return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
KERNEL INLINE vec vec_load_some(const float *p, int n)
{
	vec x = {0};
	if (n >= LANES)
		return vec_load(p);
	for (int i = 0; i < n; i++)
		x[i] = p[i];
	return x;
}
KERNEL INLINE void vec_store_some(float *p, vec x, int n)
{
	if (n >= LANES)
		vec_store(p, x);
	else
		for (int i = 0; i < n; i++)
			p[i] = x[i];
}
KERNEL INLINE int vec_any_nonzero(vec x)
{
	vec_pairs b = (vec_pairs)((vec_bits)x & INT32_MAX);
	return (b[0] | b[1] | b[2] | b[3]) != 0;
}
KERNEL INLINE int vec_list(uint16_t *list, unsigned lanes, int p)
{
	int count = 0;
	if (lanes == 0xff) {
		_mm_storeu_si128((__m128i *)list, _mm_add_epi16(_mm_set1_epi16((short)p), _mm_set_epi16(7, 6, 5, 4, 3, 2, 1, 0)));
		return LANES;
	}
	for (; lanes; lanes &= lanes - 1)
		list[count++] = (uint16_t)(p + __builtin_ctz(lanes));
	return count;
}
KERNEL INLINE int vec_list_nonzero(uint16_t *list, vec x, int p, int n)
{
	__m256i zero = _mm256_cmpeq_epi32(_mm256_slli_epi32((__m256i)x, 1), _mm256_setzero_si256());
	return vec_list(list, ~(unsigned)_mm256_movemask_ps((__m256)zero) & (n < LANES ? (1u << n) - 1 : 0xff), p);
}

/* Transposes 8 x 8 numbers. */
KERNEL INLINE void transpose(vec r[LANES])
{
	vec t[LANES];
	UNROLL
	for (int i = 0; i < LANES; i += 2) {
		t[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
		t[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
	}
	UNROLL
	for (int i = 0; i < LANES; i += 4)
		for (int h = 0; h < 2; h++) {
			r[i + h] = __builtin_shufflevector(t[i + h], t[i + 2 + h], 0, 1, 8, 9, 4, 5, 12, 13);
			r[i + 2 + h] = __builtin_shufflevector(t[i + h], t[i + 2 + h], 2, 3, 10, 11, 6, 7, 14, 15);
		}
	UNROLL
	for (int i = 0; i < 4; i++) {
		t[i] = __builtin_shufflevector(r[i], r[4 + i], 0, 1, 2, 3, 8, 9, 10, 11);
		t[4 + i] = __builtin_shufflevector(r[i], r[4 + i], 4, 5, 6, 7, 12, 13, 14, 15);
	}
	UNROLL
	for (int i = 0; i < LANES; i++)
		r[i] = t[i];
}

#else

KERNEL INLINE vec vec_all(float x) { return (vec){x, x, x, x}; }
KERNEL INLINE vec vec_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
KERNEL INLINE vec vec_load_some(const float *p, int n)
{
	return n >= LANES ? vec_load(p) : (vec){n > 0 ? p[0] : 0, n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, 0};
}
KERNEL INLINE void vec_store_some(float *p, vec x, int n)
{
	if (n >= LANES) {
		vec_store(p, x);
		return;
	}
	if (n > 0)
		p[0] = x[0];
	if (n > 1)
		p[1] = x[1];
	if (n > 2)
		p[2] = x[2];
}
KERNEL INLINE int vec_any_nonzero(vec x)
{
	vec_pairs b = (vec_pairs)((vec_bits)x & INT32_MAX);
	return (b[0] | b[1]) != 0;
}
KERNEL INLINE int vec_list(uint16_t *list, unsigned lanes, int p)
{
	int count = 0;
	UNROLL
	for (int r = 0; r < LANES; r++) {
		list[count] = (uint16_t)(p + r);
		count += lanes >> r & 1;
	}
	return count;
}
KERNEL INLINE int vec_list_nonzero(uint16_t *list, vec x, int p, int n)
{
	vec_bits nonzero = (((vec_bits)x & INT32_MAX) != 0) & (vec_bits){1, 2, 4, 8};
	return vec_list(list, (unsigned)vaddvq_s32(nonzero) & (n < LANES ? (1u << n) - 1 : 0xf), p);
}

/* Transposes 4 x 4 numbers. */
KERNEL INLINE void transpose(vec r[LANES])
{
	vec even[2], odd[2];
	UNROLL
	for (int i = 0; i < 2; i++) {
		even[i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 0, 4, 2, 6);
		odd[i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 1, 5, 3, 7);
	}
	r[0] = __builtin_shufflevector(even[0], even[1], 0, 1, 4, 5);
	r[1] = __builtin_shufflevector(odd[0], odd[1], 0, 1, 4, 5);
	r[2] = __builtin_shufflevector(even[0], even[1], 2, 3, 6, 7);
	r[3] = __builtin_shufflevector(odd[0], odd[1], 2, 3, 6, 7);
}

#endif

/* The transpose of v[rows x columns], up to LANES x LANES: vector p holds column p, and zeros for rows and columns beyond. */
KERNEL INLINE void load_transposed(vec t[LANES], const float *v, size_t ld, int rows, int columns)
{
	UNROLL
	for (int r = 0; r < LANES; r++)
		t[r] = r < rows ? vec_load_some(v + (size_t)r * ld, columns) : vec_zero();
	transpose(t);
}

#endif

#endif
