/* avx512.h - what the kernels written for AVX-512 and the tiles share; for x86-64 only. */
#ifndef VF_AVX512_H
#define VF_AVX512_H

#include <immintrin.h>

#include "base/simd.h"

#define UNROLL _Pragma("GCC unroll 16")
enum { LANES = 16 };

/* 16 by 16 numbers of 32 bits. */
__attribute__((target("avx512f"))) INLINE void transpose(__m512 r[LANES])
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
	for (int i = 0; i < 4; i++) { /* r[4 g + i] has, of rows 4 g on, the columns i, 4 + i, 8 + i, 12 + i */
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

/* The first n of 16 lanes. */
static inline __mmask16 first_lanes(int n) { return (__mmask16)(n >= LANES ? 0xffff : n <= 0 ? 0 : (1 << n) - 1); }

static inline int least(int a, int b) { return a < b ? a : b; }

#endif
