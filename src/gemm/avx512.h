/* avx512.h - what the kernels for AVX-512 and AMX share; for x86-64 only. */
#ifndef VF_AVX512_H
#define VF_AVX512_H

#include <immintrin.h>
#include <stddef.h>

#include "base/minmax.h"
#include "base/simd.h"

#define AVX512 __attribute__((target("avx512f")))
#define UNROLL _Pragma("GCC unroll 16")
#if !defined(LANES)
#define LANES 16 /* floats of a vector */
#endif

/* The first n of 16 lanes. */
static inline __mmask16 first_lanes(int n) { return (__mmask16)(n >= LANES ? 0xffff : n <= 0 ? 0 : (1 << n) - 1); }

/* The lanes that are neither 0 nor -0. */
AVX512 INLINE __mmask16 nonzero_lanes(__m512i bits)
{
	__m512i magnitude = _mm512_slli_epi32(bits, 1);
	return _mm512_test_epi32_mask(magnitude, magnitude);
}

/* x, and 0 where mask is not above 0. */
AVX512 INLINE __m512 apply_mask(__m512 x, __m512 mask)
{
	return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(mask, _mm512_setzero_ps(), _CMP_GT_OQ), x);
}

/* Transposes 16 x 16 numbers of 32 bits. */
AVX512 INLINE void transpose(__m512 r[LANES])
{
	__m512 t[LANES];
	UNROLL
	for (int i = 0; i < LANES; i += 2) {
		t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
	}
	UNROLL
	for (int i = 0; i < LANES; i += 4)
		for (int h = 0; h < 2; h++) {
			__m512d a = _mm512_castps_pd(t[i + h]), b = _mm512_castps_pd(t[i + 2 + h]);
			r[i + 2 * h] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
			r[i + 2 * h + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
		}
	UNROLL
	for (int i = 0; i < 4; i++) { /* r[4 g + i] holds columns i, 4 + i, 8 + i and 12 + i of rows 4 g to 4 g + 3 */
		t[i] = _mm512_shuffle_f32x4(r[i], r[4 + i], 0x88);
		t[4 + i] = _mm512_shuffle_f32x4(r[i], r[4 + i], 0xdd);
		t[8 + i] = _mm512_shuffle_f32x4(r[8 + i], r[12 + i], 0x88);
		t[12 + i] = _mm512_shuffle_f32x4(r[8 + i], r[12 + i], 0xdd);
	}
	UNROLL
	for (int i = 0; i < 8; i++) {
		r[i] = _mm512_shuffle_f32x4(t[i], t[8 + i], 0x88);
		r[8 + i] = _mm512_shuffle_f32x4(t[i], t[8 + i], 0xdd);
	}
}

/* The transpose of v[rows x columns], up to 16 x 16: vector p holds column p, and zeros for rows and columns beyond. */
AVX512 INLINE void load_transposed(__m512 t[LANES], const float *v, size_t ld, int rows, int columns)
{
	UNROLL
	for (int r = 0; r < LANES; r++)
		t[r] = r < rows ? _mm512_maskz_loadu_ps(first_lanes(columns), v + (size_t)r * ld) : _mm512_setzero_ps();
	transpose(t);
}

#endif
