/* Products of bundles have two ways. Panels (panel.h) make all sums, of eight rows by 48 units at a time. Where a relu_mask closes most of them,
 * each that is wanted is made by itself along a line of the weights, of all 16 rows at once. */
#include "gemm/sparse_block.h"

#if !defined(__x86_64__)

int sparse_supported(int p, int d) { return 0; }
int sparse_accepts(const struct mat_packed *w) { return 0; }
size_t sparse_bytes(int n, int width) { return 0; }
struct sparse_block *sparse_place(void *room, int n, int width) { return NULL; }
void sparse_pack(struct sparse_block *b, const float *v, size_t ld, int lines, int width) {}
void sparse_unpack(const struct sparse_block *b, float *v, size_t ld, int lines, int width) {}
void sparse_layer(float *y, size_t ld, const struct sparse_block *x, int n, const struct mat_packed *w, const float *bias) {}
void sparse_layer_relu(struct sparse_block *y, const struct sparse_block *x, int n, const struct mat_packed *w, const float *bias) {}
void sparse_nn_masked(struct sparse_block *dx, const struct sparse_block *dy, const struct sparse_block *relu_mask, int n, const struct mat_packed *w) {}
void sparse_gram(float *c, const struct sparse_block *a) {}

#else

#include <limits.h>
#include <string.h>

#include "gemm/panel.h"
#include "gemm/gemm_avx512.h"

enum {
	FEW = 10,       /* lines of weights that 16 rows go along at once */
	WIDEST = 32768, /* units, for whose numbers 16 bits do */
	RUN = 512,      /* units whose products are summed up before they go to a Gram matrix */
};
_Static_assert((int)SPARSE_ROWS == (int)LANES && (int)LANES == 2 * MR && BEHIND >= 2 * FEW, "rows are lanes, and a list's room");

int sparse_supported(int p, int d) { return gemm_avx512_takes(INT_MAX, p, d) && p <= WIDEST && d <= WIDEST; }
int sparse_accepts(const struct mat_packed *w) { return w && w->pieces <= 0 && w->p <= WIDEST && w->d <= WIDEST; }

/* --- room --- */

static size_t lines_of(size_t bytes) { return (bytes + 63) / 64 * 64; }
static size_t units_size(int width) { return lines_of(((size_t)width + BEHIND) * sizeof(uint16_t)); }
static size_t numbers_size(int width) { return ((size_t)width + BEHIND) * sizeof(float[LANES]); }

size_t sparse_bytes(int n, int width) { return lines_of((size_t)n * sizeof(struct sparse_block)) + (size_t)n * (units_size(width) + numbers_size(width)); }

struct sparse_block *sparse_place(void *room, int n, int width)
{
	struct sparse_block *b = room;
	char *at = (char *)room + lines_of((size_t)n * sizeof *b);
	for (int i = 0; i < n; i++, at += units_size(width) + numbers_size(width))
		b[i] = (struct sparse_block){0, (uint16_t *)(at + numbers_size(width)), (float(*)[LANES])at};
	return b;
}

/* --- turning --- */

/* Puts a unit behind the last one, where it stays unless what comes next takes its place. */
WIDE INLINE void put(struct sparse_block *b, __m512 x, int unit, int stays)
{
	_mm512_store_ps(b->v[b->n], x);
	b->unit[b->n] = (uint16_t)unit;
	b->n += stays;
}

static void end_list(struct sparse_block *b) { memset(b->unit + b->n, 0, BEHIND * sizeof *b->unit); }

WIDE void sparse_pack(struct sparse_block *b, const float *v, size_t ld, int lines, int width)
{
	b->n = 0;
	for (int at = 0; at < width; at += LANES, v += LANES) {
		__m512 t[LANES];
		for (int r = 0; r < lines; r++) /* 16 lines at once are too many to be foreseen */
			__builtin_prefetch(v + (size_t)r * ld + least(2 * LANES, width - at));
		load_transposed(t, v, ld, lines, width - at);
		UNROLL
		for (int i = 0; i < LANES; i++)
			if (i < width - at)
				put(b, t[i], at + i, any(_mm512_castps_si512(t[i])) != 0);
	}
	end_list(b);
}

WIDE void sparse_unpack(const struct sparse_block *b, float *v, size_t ld, int lines, int width)
{
	for (int at = 0, q = 0; at < width; at += LANES, v += LANES) {
		__m512 t[LANES];
		__mmask16 m = 0, left = first_lanes(width - at);
		int from = q;
		for (; q < b->n && b->unit[q] < at + LANES; q++)
			m |= (__mmask16)(1 << (b->unit[q] - at));
		UNROLL
		for (int i = 0; i < LANES; i++)
			t[i] = _mm512_load_ps(b->v[from + i]); /* behind the last one anything: it goes nowhere */
		transpose(t);
		UNROLL
		for (int r = 0; r < LANES; r++)
			if (r < lines)
				_mm512_mask_storeu_ps(v + (size_t)r * ld, left, _mm512_maskz_expand_ps(m, t[r]));
	}
}

/* --- products in panels --- */

WIDE INLINE __m512 apply_mask(__m512 x, const float relu_mask[LANES])
{
	return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(_mm512_load_ps(relu_mask), _mm512_setzero_ps(), _CMP_GT_OQ), x);
}

/* Where the units from k on begin in the list. */
static int units_from(const struct sparse_block *x, int k)
{
	int from = 0, to = x->n;
	while (from < to) {
		int half = (from + to) / 2;
		if (x->unit[half] < k)
			from = half + 1;
		else
			to = half;
	}
	return from;
}

/* 16 rows of sums, NR apart, of units j on, behind those that y has: what is not 0, or what relu_mask has. */
WIDE static void take_sums(struct sparse_block *y, const struct sparse_block *relu_mask, const float *sums, int j, int units)
{
	for (int at = 0; at < units; at += LANES) {
		__m512 t[LANES];
		load_transposed(t, sums + at, NR, LANES, LANES);
		UNROLL
		for (int i = 0; i < LANES; i++)
			if (i < units - at && !relu_mask)
				put(y, t[i], j + at + i, any(_mm512_castps_si512(t[i])) != 0);
			else if (i < units - at && y->n < relu_mask->n && relu_mask->unit[y->n] == j + at + i)
				put(y, apply_mask(t[i], relu_mask->v[y->n]), j + at + i, 1);
	}
}

/* Bundles: of what relu_mask has, or, with that NULL, behind a relu. Or, with y NULL, rows. */
static void panels(float *rows, size_t ld, struct sparse_block *y, const struct sparse_block *relu_mask, const struct sparse_block *x, int n, const struct mat_packed *w,
		   const float *bias)
{
	_Alignas(64) float sums[LANES][NR] = {{0}};
	int p = w->p, d = w->d;
	for (int i = 0; y && i < n; i++)
		y[i].n = 0;
	for (int j = 0; j < p; j += NR)
		for (int i = 0; i < n; i++) {
			struct gemm_output c = {.v = sums[0], .ld = NR, .scale = 1, .bias = bias ? bias + j : NULL, .relu = y && !relu_mask};
			if (!y) {
				c.v = rows + (size_t)i * LANES * ld + j;
				c.ld = (int)ld;
			}
			struct gemm_args s = {.c = &c, .p = least(NR, p - j), .d = d};
			struct strip t = {.turned = 1};
			for (int q = 0; t.k < d; t.k = t.end, q += t.n) {
				t.end = least(t.k + KC, d);
				int width = width_of(s.p);
				size_t panel = panel_at(p, j, t.k, t.end), len = (size_t)(t.end - t.k), share = NR * len / (size_t)n;
				/* while it is worked with the next one comes, a share of it for each bundle */
				if (j + NR < p)
					fetch(w, panel + NR * len + (size_t)i * share, panel + NR * len + (size_t)(i + 1) * share);
				t.alive = x[i].unit + q;
				t.n = units_from(&x[i], t.end) - q;
				t.b = (const float *)w->v + (panel - (size_t)t.k * (size_t)(width * LANES)); /* lists go on through the runs */
				for (t.i = 0; t.i < LANES; t.i += MR) {
					t.a = x[i].v[q] + t.i;
					microkernel(&s, &t, MR, width);
				}
			}
			if (y)
				take_sums(&y[i], relu_mask ? &relu_mask[i] : NULL, sums[0], j, s.p);
		}
	for (int i = 0; y && i < n; i++)
		end_list(&y[i]);
}

void sparse_layer(float *y, size_t ld, const struct sparse_block *x, int n, const struct mat_packed *w, const float *bias)
{
	panels(y, ld, NULL, NULL, x, n, w, bias);
}

void sparse_layer_relu(struct sparse_block *y, const struct sparse_block *x, int n, const struct mat_packed *w, const float *bias)
{
	panels(NULL, 0, y, NULL, x, n, w, bias);
}

/* --- products of which few sums are wanted --- */

/* x's part that belongs to a run of k, and where a line of weights has k = 0. */
struct part {
	const float (*v)[LANES];
	const uint16_t *k;
	const float *b;
	int n, k0;
	size_t len;
	int first, last; /* whether the run is the first one, and the last */
};

/* the same to the bit as microkernel(); all, whether no k is left out, is known where this is inlined */
WIDE INLINE void multiply_few(float (*to)[LANES], const struct part *x, const uint16_t *line, const float (*relu_mask)[LANES], int all)
{
	const float *l[FEW];
	__m512 sum[FEW];
	UNROLL
	for (int q = 0; q < FEW; q++) {
		l[q] = x->b + line[q] * x->len;
		sum[q] = _mm512_setzero_ps();
	}
	for (int q = FEW; q < 2 * FEW; q++) /* where the next ones begin */
		for (int k = 0; k < 2 * LANES; k += LANES)
			__builtin_prefetch(x->b + line[q] * x->len + x->k0 + k);
	for (int at = 0; at < x->n; at++) {
		__m512 v = _mm512_load_ps(x->v[at]);
		size_t k = all ? (size_t)(x->k0 + at) : x->k[at];
		UNROLL
		for (int q = 0; q < FEW; q++)
			sum[q] = _mm512_fmadd_ps(v, _mm512_set1_ps(l[q][k]), sum[q]);
	}
	UNROLL
	for (int q = 0; q < FEW; q++) {
		__m512 y = _mm512_add_ps(sum[q], _mm512_setzero_ps()); /* of -0 nothing is left */
		if (!x->first)
			y = _mm512_add_ps(y, _mm512_load_ps(to[q]));
		_mm512_store_ps(to[q], x->last ? apply_mask(y, relu_mask[q]) : y);
	}
}

/* Behind the last line: line 0, of which nothing is taken. */
WIDE static void add_few(struct sparse_block *y, const struct part *x, const struct sparse_block *relu_mask)
{
	for (int q = 0; q < relu_mask->n; q += FEW) {
		if (x->n == (int)x->len)
			multiply_few(y->v + q, x, relu_mask->unit + q, (const float(*)[LANES])relu_mask->v + q, 1);
		else
			multiply_few(y->v + q, x, relu_mask->unit + q, (const float(*)[LANES])relu_mask->v + q, 0);
	}
}

static void few(struct sparse_block *y, const struct sparse_block *relu_mask, const struct sparse_block *x, int n, const struct mat_packed *w)
{
	for (int i = 0; i < n; i++) {
		memcpy(y[i].unit, relu_mask[i].unit, ((size_t)relu_mask[i].n + BEHIND) * sizeof *relu_mask[i].unit);
		y[i].n = relu_mask[i].n;
	}
	for (int k = 0, end; k < w->d; k = end) {
		end = least(k + KC, w->d);
		const float *b = (const float *)w->v + (lines_at(w, k) - (size_t)k);
		for (int i = 0; i < n; i++) {
			int q = units_from(&x[i], k), units = units_from(&x[i], end) - q;
			struct part part = {(const float(*)[LANES])x[i].v + q, x[i].unit + q, b, units, k, (size_t)(end - k), k == 0, end == w->d};
			add_few(&y[i], &part, &relu_mask[i]);
		}
	}
}

void sparse_nn_masked(struct sparse_block *dx, const struct sparse_block *dy, const struct sparse_block *relu_mask, int n, const struct mat_packed *w)
{
	long open = 0;
	for (int i = 0; i < n; i++)
		open += relu_mask[i].n;
	if (mask_is_sparse(open, (long)n * w->p))
		few(dx, relu_mask, dy, n, w);
	else
		panels(NULL, 0, dx, relu_mask, dy, n, w, NULL);
}

/* --- between the rows --- */

WIDE void sparse_gram(float *c, const struct sparse_block *a)
{
	memset(c, 0, LANES * LANES * sizeof *c);
	for (int from = 0, to, k = RUN; from < a->n; from = to, k += RUN) { /* by units, whether or not zeros stand among them */
		__m512 sum[LANES];
		to = units_from(a, k);
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
