/* The microkernel: MR x NR = 8 x 48 numbers of C in 24 registers. For each p it loads three vectors of B and multiplies them by one number
 * of each row of A, which is broadcast: 24 fused multiply-adds for 3 loads of B and 8 of A. The p come from a list, so that those where all
 * rows of A are zero cost nothing.
 *
 * A sum has the same bits in every strip: its terms are added in order of p, skipped terms are +0 or -0, and scaled_sum() makes -0 the
 * 0 that it would be after one more term. */
#if defined(__x86_64__)

#include "gemm/microkernel.h"

void list_all(struct nonzero_list *list, int count)
{
	for (int p = 0; p < count; p++)
		list->p[p] = (uint16_t)p;
	for (int p = count; p < count + LIST_PADDING; p++)
		list->p[p] = 0;
	list->n = count;
}

AVX512 void find_nonzero(struct nonzero_list *list, const float *a, size_t rs, size_t cs, int rows, int count)
{
	__m512i index = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	list->n = 0;
	for (int p = 0; cs != 1 && p < count; p++) { /* the rows of one p lie side by side */
		list->p[list->n] = (uint16_t)p;
		list->n += nonzero_lanes(_mm512_maskz_loadu_epi32(first_lanes(rows), a + (size_t)p * cs)) != 0;
	}
	for (int p = 0; cs == 1 && p < count; p += LANES, index = _mm512_add_epi32(index, _mm512_set1_epi32(LANES))) {
		__mmask16 lanes = first_lanes(count - p);
		__m512i bits = _mm512_setzero_si512();
		for (int r = 0; r < rows; r++)
			bits = _mm512_or_si512(bits, _mm512_maskz_loadu_epi32(lanes, a + (size_t)r * rs + p));
		lanes = nonzero_lanes(bits);
		_mm256_storeu_si256((__m256i *)(list->p + list->n), _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(lanes, index)));
		list->n += __builtin_popcount(lanes);
	}
	_mm512_storeu_si512(list->p + list->n, _mm512_setzero_si512());
	_Static_assert(LIST_PADDING * sizeof *list->p == sizeof(__m512i) && LIST_PADDING >= PREFETCH_AHEAD, "the padding of a list");
}

AVX512 INLINE __m512 scaled_sum(__m512 sum, __m512 scale) { return _mm512_add_ps(_mm512_mul_ps(scale, sum), _mm512_setzero_ps()); }

/* rows, vectors and sparse are constants where this is inlined */
AVX512 INLINE void multiply(const struct gemm_args *g, const struct strip *s, int rows, int vectors, int sparse)
{
	const struct gemm_output *c = g->c;
	__m512 sum[MR][PANEL_VECTORS];
	UNROLL
	for (int r = 0; r < rows; r++)
		UNROLL
		for (int h = 0; h < vectors; h++)
			sum[r][h] = _mm512_setzero_ps();
	for (int r = 0; c->add && r < rows; r++) /* C may be in main memory, and is read at the end */
		for (int h = 0; h < vectors; h++)
			__builtin_prefetch(c->v + (size_t)(s->i + r) * (size_t)c->ld + s->j + h * LANES, 1);
	size_t rs = sparse ? 1 : s->rs;
	for (int q = 0; q < s->count; q++) {
		size_t p = s->p[q];
		const float *a = s->a + (sparse ? (size_t)(q * LANES) : p * s->cs), *b = s->b + p * (size_t)(vectors * LANES);
		__m512 y[PANEL_VECTORS];
		UNROLL
		for (int h = 0; h < vectors; h++)
			__builtin_prefetch(s->b + s->p[q + PREFETCH_AHEAD] * (size_t)(vectors * LANES) + h * LANES);
		UNROLL
		for (int h = 0; h < vectors; h++)
			y[h] = _mm512_loadu_ps(b + h * LANES);
		UNROLL
		for (int r = 0; r < rows; r++) {
			__m512 x = _mm512_set1_ps(a[(size_t)r * rs]);
			UNROLL
			for (int h = 0; h < vectors; h++)
				sum[r][h] = _mm512_fmadd_ps(x, y[h], sum[r][h]);
		}
	}
	int last = s->p1 == g->k, add = c->add || s->p0;
	__m512 scale = _mm512_set1_ps(c->scale);
	UNROLL
	for (int r = 0; r < rows; r++) {
		float *to = c->v + (size_t)(s->i + r) * (size_t)c->ld + s->j;
		UNROLL
		for (int h = 0; h < vectors; h++) {
			__mmask16 lanes = h < vectors - 1 ? 0xffff : first_lanes(g->n - s->j - h * LANES);
			__m512 x = scaled_sum(sum[r][h], scale);
			if (add)
				x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(lanes, to + h * LANES));
			if (last && c->bias)
				x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(lanes, c->bias + s->j + h * LANES));
			if (last && c->relu)
				x = _mm512_max_ps(_mm512_setzero_ps(), x); /* in this order, which keeps NAN */
			if (last && c->relu_mask)
				x = apply_mask(x, _mm512_maskz_loadu_ps(lanes, c->relu_mask + (to - c->v) + h * LANES));
			_mm512_mask_storeu_ps(to + h * LANES, lanes, x);
		}
	}
}

AVX512 void microkernel(const struct gemm_args *g, const struct strip *s, int rows, int vectors)
{
#define CASE(r, v, sparse)                                                                                                                 \
	case 2 * ((r)*PANEL_VECTORS + (v)) + (sparse):                                                                                     \
		multiply(g, s, r, v, sparse);                                                                                              \
		break
#define CASES(r, sparse)                                                                                                                   \
	CASE(r, 1, sparse);                                                                                                                \
	CASE(r, 2, sparse);                                                                                                                \
	CASE(r, 3, sparse)
	switch (2 * (rows * PANEL_VECTORS + vectors) + s->sparse) {
		CASES(1, 0);
		CASES(2, 0);
		CASES(4, 0);
		CASES(8, 0);
		CASES(8, 1);
	}
#undef CASES
#undef CASE
}

#endif
