/* Gram matrices of a few rows on AVX-512: the m x m products of every record's draws, too small for a library that
 * packs both sides first. Four rows by four others at a time, along the rows. */
#include "gemm/gram.h"

#include "base/simd.h"

#if !defined(__x86_64__)

int gram_wide(float *c, const float *a, int n, int d) { return 0; }

#else

#include <stddef.h>

#include "gemm/avx512.h"

#define WIDE __attribute__((target("avx512f")))
enum { GRAM = 64 };

/* s += four rows by four others over the lanes of m, from k on. */
WIDE INLINE void add_products(__m512 s[LANES], const float *const a[4], const float *const b[4], int k, __mmask16 m)
{
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

/* Four rows by four others, along the rows. */
WIDE static void gram_block(float *c, int n, const float *const from[4], const float *const other[4], int d, int rows, int columns)
{
	const float *const a[4] = {from[0], from[1], from[2], from[3]}, *const b[4] = {other[0], other[1], other[2], other[3]};
	__m512 s[LANES];
	int k = 0;
	UNROLL
	for (int i = 0; i < LANES; i++)
		s[i] = _mm512_setzero_ps();
	for (; k + LANES <= d; k += LANES)
		add_products(s, a, b, k, 0xffff);
	if (k < d)
		add_products(s, a, b, k, first_lanes(d - k));
	transpose(s);
	float total[LANES];
	UNROLL
	for (int step = LANES / 2; step > 0; step /= 2)
		UNROLL
		for (int i = 0; i < step; i++)
			s[i] = _mm512_add_ps(s[i], s[i + step]);
	_mm512_storeu_ps(total, s[0]);
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
