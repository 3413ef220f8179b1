/* Gram matrices of few rows on AVX-512: the m x m inner products of a record's m draws, which are too small for a library that packs both
 * operands first. Nothing is packed. Four rows meet four others at a time, 16 numbers of k per step, in 16 vectors of sums; at the end a
 * transpose and four rounds of additions sum the lanes of all 16 vectors at once. Only the upper triangle is computed.
 *
 * Accuracy: a lane adds k / 16 terms in order, one rounding a term, and then 16 lanes are added pairwise. */
#include "gemm/kernels.h"

#include "base/simd.h"

#if !defined(__x86_64__)

int gram_avx512(float *c, const float *a, int lda, int m, int k) { return 0; }

#else

#include "gemm/avx512.h"

enum { MAX_ROWS = 64 };

/* sum[4 i + j] += rows i times rows j, over the given lanes from p on */
AVX512 INLINE void add_products(__m512 sum[LANES], const float *const a[4], const float *const b[4], int p, __mmask16 lanes)
{
	__m512 y[4];
	UNROLL
	for (int j = 0; j < 4; j++)
		y[j] = _mm512_maskz_loadu_ps(lanes, b[j] + p);
	UNROLL
	for (int i = 0; i < 4; i++) {
		__m512 x = _mm512_maskz_loadu_ps(lanes, a[i] + p);
		UNROLL
		for (int j = 0; j < 4; j++)
			sum[4 * i + j] = _mm512_fmadd_ps(x, y[j], sum[4 * i + j]);
	}
}

/* c[rows x columns] of stride m, from four rows and four others. */
AVX512 static void gram_block(float *c, int m, const float *const row[4], const float *const other[4], int k, int rows, int columns)
{
	const float *const a[4] = {row[0], row[1], row[2], row[3]}, *const b[4] = {other[0], other[1], other[2], other[3]};
	__m512 sum[LANES];
	int p = 0;
	UNROLL
	for (int i = 0; i < LANES; i++)
		sum[i] = _mm512_setzero_ps();
	for (; p + LANES <= k; p += LANES)
		add_products(sum, a, b, p, 0xffff);
	if (p < k)
		add_products(sum, a, b, p, first_lanes(k - p));
	transpose(sum);
	float total[LANES];
	UNROLL
	for (int step = LANES / 2; step > 0; step /= 2)
		UNROLL
		for (int i = 0; i < step; i++)
			sum[i] = _mm512_add_ps(sum[i], sum[i + step]);
	_mm512_storeu_ps(total, sum[0]);
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < columns; j++)
			c[i * m + j] = total[4 * i + j];
}

int gram_avx512(float *c, const float *a, int lda, int m, int k)
{
	if (simd_level() < SIMD_AVX512 || m > MAX_ROWS)
		return 0;
	const float *row[MAX_ROWS + 4];
	for (int i = 0; i < m + 4; i++) /* the last block is filled up with row 0 */
		row[i] = a + (size_t)(i < m ? i : 0) * (size_t)lda;
	for (int i = 0; i < m; i += 4)
		for (int j = i; j < m; j += 4)
			gram_block(c + i * m + j, m, row + i, row + j, k, int_min(m - i, 4), int_min(m - j, 4));
	for (int i = 0; i < m; i++)
		for (int j = i + 1; j < m; j++)
			c[j * m + i] = c[i * m + j];
	return 1;
}

#endif
