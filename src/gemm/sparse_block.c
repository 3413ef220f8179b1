/* Products of sparse blocks, on AVX-512. Rows are lanes: a column of a block is one vector of 16 numbers.
 *
 * Dense outputs and outputs behind a ReLU are computed by the microkernel, which takes a block as two strips of MR = 8 rows and visits
 * only its columns. All blocks of a call pass one panel of the weights before the next, so that the weights are read once. The 16 x NR sums
 * are then transposed, and columns of zeros are dropped.
 *
 * Behind a mask that leaves less than two thirds of the outputs, each active output is computed alone: the inner product of the block
 * with one column of the weights, for all 16 rows at once, MASKED_NR outputs side by side. Both ways add the same terms in the same
 * order, with one rounding a term, so they give the same bits as the dense kernel; sums over k restart every KC terms. */
#include "gemm/sparse_block.h"

#if !defined(__x86_64__)

int sparse_supported(int n, int k) { return 0; }
int sparse_accepts(const struct mat_packed *w) { return 0; }
size_t sparse_bytes(int count, int width) { return 0; }
struct sparse_block *sparse_place(void *memory, int count, int width) { return NULL; }
void sparse_pack(struct sparse_block *b, const float *v, size_t ld, int rows, int width) {}
void sparse_unpack(const struct sparse_block *b, float *v, size_t ld, int rows, int width) {}
void sparse_layer(float *y, size_t ld, const struct sparse_block *x, int count, const struct mat_packed *w, const float *bias) {}
void sparse_layer_relu(struct sparse_block *y, const struct sparse_block *x, int count, const struct mat_packed *w, const float *bias) {}
void sparse_nn_masked(struct sparse_block *dx, const struct sparse_block *dy, const struct sparse_block *relu_mask, int count,
		      const struct mat_packed *w)
{
}
void sparse_gram(float *c, const struct sparse_block *a) {}

#else

#include <limits.h>
#include <string.h>

#include "gemm/microkernel.h"

enum {
	MASKED_NR = 10,      /* active outputs computed side by side: 10 independent sums hide the latency of an addition */
	MAX_COLUMNS = 32768, /* an index has 16 bits */
	GRAM_KC = 512,       /* columns whose products are added up in registers before they go to a Gram matrix */
};
_Static_assert((int)SPARSE_ROWS == (int)LANES && (int)LANES == 2 * MR && LIST_PADDING >= 2 * MASKED_NR, "rows are lanes; lists are padded");

int sparse_supported(int n, int k) { return gemm_select(INT_MAX, n, k) == GEMM_AVX512 && n <= MAX_COLUMNS && k <= MAX_COLUMNS; }
int sparse_accepts(const struct mat_packed *w) { return w && !w->pieces && w->n <= MAX_COLUMNS && w->k <= MAX_COLUMNS; }

/* --- memory --- */

static size_t cache_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }
static size_t index_bytes(int width) { return cache_lines(((size_t)width + LIST_PADDING) * sizeof(uint16_t)); }
static size_t number_bytes(int width) { return ((size_t)width + LIST_PADDING) * sizeof(float[LANES]); }

size_t sparse_bytes(int count, int width)
{
	return cache_lines((size_t)count * sizeof(struct sparse_block)) + (size_t)count * (index_bytes(width) + number_bytes(width));
}

struct sparse_block *sparse_place(void *memory, int count, int width)
{
	struct sparse_block *b = memory;
	char *at = (char *)memory + cache_lines((size_t)count * sizeof *b);
	for (int i = 0; i < count; i++, at += index_bytes(width) + number_bytes(width))
		b[i] = (struct sparse_block){0, (uint16_t *)(at + number_bytes(width)), (float(*)[LANES])at};
	return b;
}

/* --- packing --- */

/* Writes a column behind the last one, and counts it when keep; otherwise the next one overwrites it. */
AVX512 INLINE void append(struct sparse_block *b, __m512 x, int column, int keep)
{
	_mm512_store_ps(b->v[b->n], x);
	b->column[b->n] = (uint16_t)column;
	b->n += keep;
}

AVX512 INLINE void append_nonzero(struct sparse_block *b, __m512 x, int column)
{
	append(b, x, column, nonzero_lanes(_mm512_castps_si512(x)) != 0);
}

static void pad_list(struct sparse_block *b) { memset(b->column + b->n, 0, LIST_PADDING * sizeof *b->column); }

AVX512 void sparse_pack(struct sparse_block *b, const float *v, size_t ld, int rows, int width)
{
	b->n = 0;
	for (int j = 0; j < width; j += LANES, v += LANES) {
		__m512 t[LANES];
		for (int r = 0; r < rows; r++) /* the hardware does not follow 16 rows at once */
			__builtin_prefetch(v + (size_t)r * ld + min_int(2 * LANES, width - j));
		load_transposed(t, v, ld, rows, width - j);
		UNROLL
		for (int i = 0; i < LANES; i++)
			if (i < width - j)
				append_nonzero(b, t[i], j + i);
	}
	pad_list(b);
}

AVX512 void sparse_unpack(const struct sparse_block *b, float *v, size_t ld, int rows, int width)
{
	for (int j = 0, q = 0; j < width; j += LANES, v += LANES) {
		__m512 t[LANES];
		__mmask16 present = 0, inside = first_lanes(width - j);
		int from = q;
		for (; q < b->n && b->column[q] < j + LANES; q++)
			present |= (__mmask16)(1 << (b->column[q] - j));
		UNROLL
		for (int i = 0; i < LANES; i++)
			t[i] = _mm512_load_ps(b->v[from + i]); /* the padding behind the last column is loaded, and not expanded */
		transpose(t);
		UNROLL
		for (int r = 0; r < LANES; r++)
			if (r < rows)
				_mm512_mask_storeu_ps(v + (size_t)r * ld, inside, _mm512_maskz_expand_ps(present, t[r]));
	}
}

/* The first entry of the list with a column of at least j. */
static int first_from(const struct sparse_block *x, int j)
{
	int from = 0, to = x->n;
	while (from < to) {
		int half = (from + to) / 2;
		if (x->column[half] < j)
			from = half + 1;
		else
			to = half;
	}
	return from;
}

/* --- products by panels --- */

/* Appends columns [j, j + columns) of y from sums[16][NR]: those that are not zero, or those of the mask. */
AVX512 static void append_sums(struct sparse_block *y, const struct sparse_block *mask, const float *sums, int j, int columns)
{
	for (int at = 0; at < columns; at += LANES) {
		__m512 t[LANES];
		load_transposed(t, sums + at, NR, LANES, LANES);
		UNROLL
		for (int i = 0; i < LANES; i++)
			if (i < columns - at && !mask)
				append_nonzero(y, t[i], j + at + i);
			else if (i < columns - at && y->n < mask->n && mask->column[y->n] == j + at + i)
				append(y, apply_mask(t[i], _mm512_load_ps(mask->v[y->n])), j + at + i, 1);
	}
}

/* One block through the panel of columns [j, j + NR). Meanwhile it fetches this part, of so many, of the next panel. */
static void multiply_panel(const struct gemm_output *c, const struct sparse_block *x, const struct mat_packed *w, int j, int part,
			   int parts)
{
	struct gemm_args g = {.c = c, .n = min_int(NR, w->n - j), .k = w->k};
	struct strip s = {.sparse = 1};
	int vectors = panel_vectors(g.n);
	for (int q = 0; s.p0 < w->k; s.p0 = s.p1, q += s.count) {
		s.p1 = min_int(s.p0 + KC, w->k);
		size_t panel = panel_offset(w->n, j, s.p0, s.p1), len = (size_t)(s.p1 - s.p0), share = NR * len / (size_t)parts;
		if (j + NR < w->n) /* a part of the next panel */
			prefetch_panels(w, panel + NR * len + (size_t)part * share, panel + NR * len + (size_t)(part + 1) * share);
		s.p = x->column + q;
		s.count = first_from(x, s.p1) - q;
		s.b = (const float *)w->v + (panel - (size_t)s.p0 * (size_t)(vectors * LANES)); /* columns count from 0, not from p0 */
		for (s.i = 0; s.i < LANES; s.i += MR) {
			s.a = x->v[q] + s.i;
			microkernel(&g, &s, MR, vectors);
		}
	}
}

void sparse_layer(float *y, size_t ld, const struct sparse_block *x, int count, const struct mat_packed *w, const float *bias)
{
	for (int j = 0; j < w->n; j += NR)
		for (int i = 0; i < count; i++) {
			float *to = y + (size_t)i * LANES * ld + j;
			struct gemm_output c = {.v = to, .ld = (int)ld, .scale = 1, .bias = bias ? bias + j : NULL};
			multiply_panel(&c, &x[i], w, j, i, count);
		}
}

/* Blocks y: with a mask, or else behind a ReLU. */
static void multiply_all(struct sparse_block *y, const struct sparse_block *mask, const struct sparse_block *x, int count,
			 const struct mat_packed *w, const float *bias)
{
	_Alignas(64) float sums[LANES][NR] = {{0}};
	for (int i = 0; i < count; i++)
		y[i].n = 0;
	for (int j = 0; j < w->n; j += NR)
		for (int i = 0; i < count; i++) {
			struct gemm_output c = {.v = sums[0], .ld = NR, .scale = 1, .bias = bias ? bias + j : NULL, .relu = !mask};
			multiply_panel(&c, &x[i], w, j, i, count);
			append_sums(&y[i], mask ? &mask[i] : NULL, sums[0], j, min_int(NR, w->n - j));
		}
	for (int i = 0; i < count; i++)
		pad_list(&y[i]);
}

void sparse_layer_relu(struct sparse_block *y, const struct sparse_block *x, int count, const struct mat_packed *w, const float *bias)
{
	multiply_all(y, NULL, x, count, w, bias);
}

/* --- products of active outputs only --- */

/* The columns of a block in [p0, p0 + len) of k, and the columns of the weights there. */
struct block_part {
	const float (*v)[LANES];
	const uint16_t *p;
	int n, p0;
	size_t len;
	const float *b;  /* number p of column j of the weights is b[j len + p] */
	int first, last; /* whether it is the first part of k, and the last */
};

/* MASKED_NR outputs j[], with the bits of microkernel(). full, whether no p is missing, is a constant where this is inlined. */
AVX512 INLINE void multiply_active(float (*to)[LANES], const struct block_part *x, const uint16_t *j, const float (*mask)[LANES], int full)
{
	const float *b[MASKED_NR];
	__m512 sum[MASKED_NR];
	UNROLL
	for (int q = 0; q < MASKED_NR; q++) {
		b[q] = x->b + j[q] * x->len;
		sum[q] = _mm512_setzero_ps();
	}
	for (int q = MASKED_NR; q < 2 * MASKED_NR; q++) /* the start of the next columns */
		for (int p = 0; p < 2 * LANES; p += LANES)
			__builtin_prefetch(x->b + j[q] * x->len + x->p0 + p);
	for (int at = 0; at < x->n; at++) {
		__m512 v = _mm512_load_ps(x->v[at]);
		size_t p = full ? (size_t)(x->p0 + at) : x->p[at];
		UNROLL
		for (int q = 0; q < MASKED_NR; q++)
			sum[q] = _mm512_fmadd_ps(v, _mm512_set1_ps(b[q][p]), sum[q]);
	}
	UNROLL
	for (int q = 0; q < MASKED_NR; q++) {
		__m512 y = _mm512_add_ps(sum[q], _mm512_setzero_ps()); /* -0 becomes 0 */
		if (!x->first)
			y = _mm512_add_ps(y, _mm512_load_ps(to[q]));
		_mm512_store_ps(to[q], x->last ? apply_mask(y, _mm512_load_ps(mask[q])) : y);
	}
}

/* The last group may reach into the padding: it computes output 0 again, into memory that is not read. */
AVX512 static void multiply_part(struct sparse_block *y, const struct block_part *x, const struct sparse_block *mask)
{
	for (int q = 0; q < mask->n; q += MASKED_NR) {
		if (x->n == (int)x->len)
			multiply_active(y->v + q, x, mask->column + q, (const float(*)[LANES])mask->v + q, 1);
		else
			multiply_active(y->v + q, x, mask->column + q, (const float(*)[LANES])mask->v + q, 0);
	}
}

static void multiply_masked(struct sparse_block *y, const struct sparse_block *mask, const struct sparse_block *x, int count,
			    const struct mat_packed *w)
{
	for (int i = 0; i < count; i++) {
		memcpy(y[i].column, mask[i].column, ((size_t)mask[i].n + LIST_PADDING) * sizeof *mask[i].column);
		y[i].n = mask[i].n;
	}
	for (int p0 = 0, p1; p0 < w->k; p0 = p1) {
		p1 = min_int(p0 + KC, w->k);
		const float *b = (const float *)w->v + (columns_offset(w, p0) - (size_t)p0);
		for (int i = 0; i < count; i++) {
			int q = first_from(&x[i], p0), n = first_from(&x[i], p1) - q;
			struct block_part part = {
				(const float(*)[LANES])x[i].v + q, x[i].column + q, n, p0, (size_t)(p1 - p0), b, p0 == 0, p1 == w->k,
			};
			multiply_part(&y[i], &part, &mask[i]);
		}
	}
}

void sparse_nn_masked(struct sparse_block *dx, const struct sparse_block *dy, const struct sparse_block *relu_mask, int count,
		      const struct mat_packed *w)
{
	long active = 0;
	for (int i = 0; i < count; i++)
		active += relu_mask[i].n;
	if (mask_is_sparse(active, (long)count * w->n))
		multiply_masked(dx, relu_mask, dy, count, w);
	else
		multiply_all(dx, relu_mask, dy, count, w, NULL);
}

/* --- Gram matrices --- */

/* Row i of c adds up number i of each column times the whole column. The runs are cut by column, so that the bits do not depend on
 * which columns are kept. */
AVX512 void sparse_gram(float *c, const struct sparse_block *a)
{
	memset(c, 0, LANES * LANES * sizeof *c);
	for (int from = 0, to, j = GRAM_KC; from < a->n; from = to, j += GRAM_KC) {
		__m512 sum[LANES];
		to = first_from(a, j);
		UNROLL
		for (int i = 0; i < LANES; i++)
			sum[i] = _mm512_setzero_ps();
		for (int q = from; q < to; q++) {
			__m512 x = _mm512_load_ps(a->v[q]);
			UNROLL
			for (int i = 0; i < LANES; i++)
				sum[i] = _mm512_fmadd_ps(x, _mm512_set1_ps(a->v[q][i]), sum[i]);
		}
		UNROLL
		for (int i = 0; i < LANES; i++)
			_mm512_storeu_ps(c + i * LANES, _mm512_add_ps(_mm512_loadu_ps(c + i * LANES), sum[i]));
	}
}

#endif
