/* Gram matrices of a few rows on AVX-512: the m x m products of every record's draws, too small for a library that
 * packs both sides first. Four rows by four others at a time, along the rows. */
#include "gram.h"

#include "simd.h"

#if !defined(__x86_64__)

int gram_wide(float *c, const float *a, int n, int d) { return 0; }

#else

#include <immintrin.h>
#include <stddef.h>

#define WIDE __attribute__((target("avx512f")))
#define UNROLL _Pragma("GCC unroll 16")
enum { LANES = 16, GRAM = 64 };

WIDE INLINE void transpose(__m512 r[LANES])
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

static int least(int a, int b) { return a < b ? a : b; }

static __mmask16 first_lanes(int n) { return (__mmask16)(n >= LANES ? 0xffff : (1 << n) - 1); }

/* Four rows by four others, along the rows; d is padded by masks. */
WIDE static void gram_block(float *c, int n, const float *const a[4], const float *const b[4], int d, int rows, int columns)
{
	__m512 s[LANES];
	UNROLL
	for (int i = 0; i < 4; i++)
		UNROLL
		for (int j = 0; j < 4; j++)
			s[4 * i + j] = _mm512_setzero_ps();
	for (int k = 0; k < d; k += LANES) {
		__mmask16 m = first_lanes(d - k);
		__m512 y[4];
		UNROLL
		for (int j = 0; j < 4; j++)
			y[j] = _mm512_maskz_loadu_ps(m, b[j] + k);
		UNROLL
		for (int i = 0; i < 4; i++) {
			__m512 x = _mm512_maskz_loadu_ps(m, a[i] + k);
			UNROLL
			for (int j = 0; j < 4; j++)
				s[4 * i + j] = _mm512_fmadd_ps(x, y[j], s[4 * i + j]);
		}
	}
	transpose(s);
	float total[LANES];
	__m512 all = s[0];
	UNROLL
	for (int i = 1; i < LANES; i++)
		all = _mm512_add_ps(all, s[i]);
	_mm512_storeu_ps(total, all);
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < columns; j++)
			c[i * n + j] = total[4 * i + j];
}

WIDE int gram_wide(float *c, const float *a, int n, int d)
{
	if (simd_level() < SIMD_AVX512 || n > GRAM)
		return 0;
	const float *row[GRAM + 4];
	for (int i = 0; i < n + 4; i++) /* the last block's missing rows are any row */
		row[i] = a + (size_t)(i < n ? i : 0) * (size_t)d;
	for (int i = 0; i < n; i += 4)
		for (int j = i; j < n; j += 4)
			gram_block(c + i * n + j, n, row + i, row + j, d, least(n - i, 4), least(n - j, 4));
	for (int i = 0; i < n; i++)
		for (int j = i + 1; j < n; j++)
			c[j * n + i] = c[i * n + j];
	return 1;
}

#endif
