/* microkernel.h - the microkernel of the blocked products, and packed B as it reads it.
 *
 * The inner dimension is cut into blocks of KC, and within each block B is cut into panels of NR columns. A panel holds the NR numbers of
 * p = 0, then those of p = 1, and so on, so that the microkernel reads memory in order. The last panel has as many vectors as its columns
 * need, with zeros beyond column n. B for masked products has its columns behind all panels, one by one, block by block as well. */
#ifndef VF_MICROKERNEL_H
#define VF_MICROKERNEL_H

#include <stdint.h>

#include "gemm/kernels.h"
#include "gemm/lanes.h"
#include "gemm/sparse_block.h"

enum {
	MR = LANES == 8 ? 4 : 8,    /* rows of A in a strip */
	PANEL_VECTORS = 3,          /* MR * PANEL_VECTORS = 24 of the 32 registers of AVX-512 and NEON hold sums, and 12 of the 16 of AVX2 */
	NR = PANEL_VECTORS * LANES, /* columns of B in a panel */
	KC = 1024,                  /* terms that are added up in registers before they go to C */
	PREFETCH_AHEAD = 16,        /* list entries by which B is prefetched; the hardware cannot predict the jumps of a list */
	LIST_PADDING = 32,          /* zeros behind the last entry of a list: they are read but not counted */
};

static inline int panel_vectors(int columns) { return int_min(PANEL_VECTORS, (columns + LANES - 1) / LANES); }
static inline size_t padded(int n) { return ((size_t)n + LANES - 1) / LANES * LANES; }

/* Where in packed B the panel of column j begins, within block [p0, p1) of k; and where the single columns of the block at p0 do. */
static inline size_t panel_offset(int n, int j, int p0, int p1) { return padded(n) * (size_t)p0 + (size_t)j * (size_t)(p1 - p0); }
static inline size_t columns_offset(const struct mat_packed *b, int p0) { return padded(b->n) * (size_t)b->k + (size_t)b->n * (size_t)p0; }

/* Fetches numbers [from, to) of the panels from the third-level cache into the second. */
static inline void prefetch_panels(const struct mat_packed *b, size_t from, size_t to)
{
	size_t end = padded(b->n) * (size_t)b->k;
	for (to = to < end ? to : end; from < to; from += CACHE_LINE)
		__builtin_prefetch((const float *)b->v + from, 0, 2);
}

/* Whether a masked product is faster over its active outputs one by one than over all of them in panels. */
static inline int mask_is_sparse(long active, long total) { return active * 3 < total * 2; }

/* The list of all p for which some row of a strip is not zero. If the list has every p, p[] is not read. */
struct nonzero_list {
	uint16_t p[KC + LIST_PADDING];
	int n;
};

/* A strip of rows of A and a panel of B over block [p0, p1) of k, and the part of C from row i and column j on that they add to. */
struct strip {
	const float *a;
	size_t rs, cs;     /* number p of row r is a[r rs + p cs] */
	int sparse;        /* A is a sparse block: the number of list entry q and row r is a[q SPARSE_ROWS + r] */
	const float *b;    /* number p of column j + h is b[p (width of the panel) + h] */
	const uint16_t *p; /* the p to visit; PREFETCH_AHEAD more are read */
	int count;
	int i, j, p0, p1;
};

/* The microkernel: MR x NR numbers of C in registers, 8 x 48 with 16 lanes, 4 x 24 with 8, 8 x 12 with 4. For each p it loads three vectors of B and
 * multiplies them by one number of each row of A, which is broadcast: 3 MR fused multiply-adds for 3 loads of B and MR of A. The p come
 * from a list, so that those where all rows of A are zero cost nothing.
 *
 * A sum has the same bits in every strip: its terms are added in order of p, skipped terms are +0 or -0, and scaled_sum() makes -0 the
 * 0 that it would be after one more term. */

/* Of a[rows x count], rows <= LANES or MR, count <= KC; number p of row r is a[r rs + p cs], and rs or cs is 1. */
KERNEL static void find_nonzero(struct nonzero_list *list, const float *a, size_t rs, size_t cs, int rows, int count)
{
	list->n = 0;
	for (int p = 0; cs != 1 && p < count; p++) { /* the rows of one p lie side by side */
		list->p[list->n] = (uint16_t)p;
		vec bits = vec_load_some(a + (size_t)p * cs, rows);
		for (int r = LANES; r < MR; r += LANES)
			bits = vec_or(bits, vec_load_some(a + (size_t)p * cs + r, rows - r));
		list->n += vec_any_nonzero(bits);
	}
	for (int p = 0; cs == 1 && p < count; p += LANES) {
		vec bits = vec_zero();
		for (int r = 0; r < rows; r++)
			bits = vec_or(bits, vec_load_some(a + (size_t)r * rs + p, count - p));
		list->n += vec_list_nonzero(list->p + list->n, bits, p, count - p);
	}
	memset(list->p + list->n, 0, LIST_PADDING * sizeof *list->p);
	_Static_assert(LIST_PADDING >= PREFETCH_AHEAD && LIST_PADDING >= LANES, "the padding of a list");
}

KERNEL INLINE vec scaled_sum(vec sum, vec scale) { return scale * sum + vec_zero(); }

/* How A is read: from a sparse block, at the p of the list; from rows, at the p of the list; from rows, at all p. */
enum reading { FROM_BLOCK, LISTED, ALL };

/* rows, vectors and how are constants after inlining */
KERNEL INLINE void multiply(const struct gemm_args *g, const struct strip *s, int rows, int vectors, enum reading how)
{
	const struct gemm_output *c = g->c;
	vec sum[MR][PANEL_VECTORS];
	const float *row[MR];
	UNROLL
	for (int r = 0; r < rows; r++) {
		row[r] = s->a + (how == FROM_BLOCK ? (size_t)r : (size_t)r * s->rs);
		UNROLL
		for (int h = 0; h < vectors; h++)
			sum[r][h] = vec_zero();
	}
	for (int r = 0; c->add && r < rows; r++) /* C may be in main memory, and is read at the end */
		for (int h = 0; h < vectors; h++)
			__builtin_prefetch(c->v + (size_t)(s->i + r) * (size_t)c->ld + s->j + h * LANES, 1);
	for (int q = 0; q < s->count; q++) {
		size_t p = how == ALL ? (size_t)q : s->p[q];
		const float *b = s->b + p * (size_t)(vectors * LANES);
		size_t at = how == FROM_BLOCK ? (size_t)(q * SPARSE_ROWS) : p * s->cs;
		vec y[PANEL_VECTORS];
		for (int h = 0; how != ALL && h < vectors * LANES; h += CACHE_LINE)
			__builtin_prefetch(s->b + s->p[q + PREFETCH_AHEAD] * (size_t)(vectors * LANES) + h);
		UNROLL
		for (int h = 0; h < vectors; h++)
			y[h] = vec_load(b + h * LANES);
		UNROLL
		for (int r = 0; r < rows; r++) {
			vec x = vec_all(row[r][at]);
			UNROLL
			for (int h = 0; h < vectors; h++)
				sum[r][h] = vec_fma(x, y[h], sum[r][h]);
		}
	}
	int last = s->p1 == g->k, add = c->add || s->p0;
	vec scale = vec_all(c->scale);
	UNROLL
	for (int r = 0; r < rows; r++) {
		float *to = c->v + (size_t)(s->i + r) * (size_t)c->ld + s->j;
		UNROLL
		for (int h = 0; h < vectors; h++) {
			int lanes = h < vectors - 1 ? LANES : g->n - s->j - h * LANES;
			vec x = scaled_sum(sum[r][h], scale);
			if (add)
				x += vec_load_some(to + h * LANES, lanes);
			if (last && c->bias)
				x += vec_load_some(c->bias + s->j + h * LANES, lanes);
			if (last && c->relu)
				x = vec_relu(x);
			if (last && c->relu_mask)
				x = vec_masked(x, vec_load_some(c->relu_mask + (to - c->v) + h * LANES, lanes));
			vec_store_some(to + h * LANES, x, lanes);
		}
	}
}

/* Adds the product of a strip of rows (1, 2, 4 or MR; MR when sparse) and a panel of `vectors` vectors to C, and in the last block of k
 * applies bias, ReLU and mask. Each sum is one chain of fused multiply-adds in the order of the list. */
KERNEL static void microkernel(const struct gemm_args *g, const struct strip *s, int rows, int vectors)
{
	enum reading how = s->sparse ? FROM_BLOCK : s->count == s->p1 - s->p0 ? ALL : LISTED;
#define CASE(r, v, how)                                                                                                                    \
	case ((r)*PANEL_VECTORS + (v)) * 3 + (how):                                                                                        \
		multiply(g, s, r, v, how);                                                                                                 \
		break
#define CASES(r, how)                                                                                                                      \
	CASE(r, 1, how);                                                                                                                   \
	CASE(r, 2, how);                                                                                                                   \
	CASE(r, 3, how)
	switch ((rows * PANEL_VECTORS + vectors) * 3 + (int)how) {
		CASES(1, LISTED);
		CASES(2, LISTED);
		CASES(MR, LISTED);
		CASES(1, ALL);
		CASES(2, ALL);
		CASES(MR, ALL);
		CASES(MR, FROM_BLOCK);
#if LANES != 8
		CASES(4, LISTED);
		CASES(4, ALL);
#endif
	}
#undef CASES
#undef CASE
}

#endif
