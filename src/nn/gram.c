/* Gram matrices of a few rows on AVX-512: the m x m products of every record's draws, too small for a library that
 * packs both sides first. Four rows by four others at a time, along the rows. */
#include "gram.h"

#include "simd.h"

#if !defined(__x86_64__)

int gram_wide(float *c, const float *a, int n, int d) { return 0; }

#else

#include <stddef.h>

#include "avx512.h"

#define WIDE __attribute__((target("avx512f")))
enum { GRAM = 64 };

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
