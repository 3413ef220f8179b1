/* panels.h - GEMM with packed panels. B is packed into panels, A is read where it lies, and zeros of A are skipped.
 *
 * Four loops surround the microkernel (microkernel.h), from the outside in, as in BLIS:
 *
 *   p0  in steps of KC = 1024   a block of the inner dimension; C adds up the sums of several blocks
 *   i0  in steps of MC = 512    a block of rows of A
 *   j   in steps of NR          a panel of B, 192 KB with 16 lanes: it stays in the second-level cache while the rows of the block pass
 *   i   in steps of MR          a strip of A, 32 KB: it stays in the first-level cache
 *
 * Weights come packed from mat_pack(); then each strip prefetches a share of the next panel while the present one is in use. Other
 * matrices are packed a panel at a time into scratch.
 *
 * Before a block of rows meets the panels, every strip lists the p where any of its rows is not zero, and the microkernel visits only
 * those. Behind a ReLU most numbers are zero. With few panels the search costs more than it saves, and all p are listed.
 *
 * Accuracy: every number of C is one sum in order of p with one rounding a term, restarted every KC terms; so its error is below
 * mat_error_bound(), and its bits depend on its own row of A and column of B alone. */
#ifndef VF_PANELS_H
#define VF_PANELS_H

#include "gemm/microkernel.h"

enum { MC = 512, SEARCH_FROM = 48 }; /* with fewer columns of B, the search for zeros of A takes longer than it saves */

/* --- packing --- */

/* The panel of columns [j, j + NR) below n over [p0, p1). */
KERNEL static void pack_panel(float *to, const struct gemm_operand *b, int j, int n, int p0, int p1)
{
	int vectors = panel_vectors(n - j);
	size_t ld = (size_t)b->ld, width = (size_t)vectors * LANES;
	if (b->k_rows) {
		const float *v = b->v + (size_t)p0 * ld + (size_t)j;
		for (int p = p0; p < p1; p++, v += ld, to += width)
			for (int h = 0; h < vectors; h++)
				vec_store(to + h * LANES, vec_load_some(v + h * LANES, n - j - h * LANES));
		return;
	}
	for (int p = p0; p < p1; p += LANES, to += LANES * width)
		for (int h = 0; h < vectors; h++) {
			vec t[LANES];
			load_transposed(t, b->v + (size_t)(j + h * LANES) * ld + (size_t)p, ld, n - j - h * LANES, p1 - p);
			UNROLL
			for (int r = 0; r < LANES; r++)
				if (r < p1 - p)
					vec_store(to + (size_t)r * width + h * LANES, t[r]);
		}
}

/* Columns [j, j + LANES) over [p0, p1). */
KERNEL INLINE void pack_some_columns(float *to, const struct gemm_operand *b, int j, int n, int p0, int p1)
{
	size_t ld = (size_t)b->ld, len = (size_t)(p1 - p0);
	for (int p = p0; p < p1; p += LANES, to += LANES) {
		vec t[LANES];
		load_transposed(t, b->v + (size_t)p * ld + (size_t)j, ld, p1 - p, n - j);
		UNROLL
		for (int r = 0; r < LANES; r++)
			if (r < n - j)
				vec_store_some(to + (size_t)r * len, t[r], p1 - p);
	}
}

KERNEL static void pack_columns(float *to, const struct gemm_operand *b, int n, int k)
{
	for (int p0 = 0, p1; p0 < k; p0 = p1) {
		p1 = int_min(p0 + KC, k);
		size_t len = (size_t)(p1 - p0);
		for (int j = 0; j < n && b->k_rows; j += LANES)
			pack_some_columns(to + (size_t)j * len, b, j, n, p0, p1);
		for (int j = 0; j < n && !b->k_rows; j++)
			memcpy(to + (size_t)j * len, b->v + (size_t)j * (size_t)b->ld + (size_t)p0, len * sizeof *to);
		to += (size_t)n * len;
	}
}

static void panels_repack(struct mat_packed *to, struct gemm_operand b)
{
	float *v = (float *)to->v;
	for (int p0 = 0; p0 < to->k; p0 += KC)
		for (int j = 0, p1 = int_min(p0 + KC, to->k); j < to->n; j += NR)
			pack_panel(v + panel_offset(to->n, j, p0, p1), &b, j, to->n, p0, p1);
	if (to->has_columns)
		pack_columns(v + columns_offset(to, 0), &b, to->n, to->k);
}

static struct mat_packed *panels_pack(struct gemm_operand b, int n, int k, int masked)
{
	size_t floats = (padded(n) + (masked ? (size_t)n : 0)) * (size_t)k;
	struct mat_packed *to = packed_alloc(n, k, 0, masked, floats * sizeof(float));
	if (to && b.v)
		panels_repack(to, b);
	return to;
}

/* --- the product --- */

struct block {
	_Alignas(64) float panel[NR * KC];
	struct nonzero_list list[MC / MR];
};

static void move_to_row(const struct gemm_args *g, struct strip *s, int i)
{
	s->i = i;
	s->a = g->a.v + (size_t)i * s->rs + (size_t)s->p0 * s->cs;
}

/* Row i and the next, MR of them or, at the end of A, fewer: then by 4, 2 and 1. */
static void multiply_strip(const struct gemm_args *g, struct strip *s, const struct nonzero_list *list, int i, int vectors)
{
	int end = int_min(i + MR, g->m), rows = MR;
	s->p = list->p;
	s->count = list->n;
	for (; i < end; i += rows) {
		while (rows > end - i)
			rows /= 2;
		move_to_row(g, s, i);
		microkernel(g, s, rows, vectors);
	}
}

/* Rows [i0, i1) and every panel of block [s->p0, s->p1). */
static void multiply_block(const struct gemm_args *g, struct strip *s, struct block *block, int i0, int i1)
{
	const struct mat_packed *packed = g->b.packed;
	int search = g->n > SEARCH_FROM;
	size_t len = (size_t)(s->p1 - s->p0), share = NR * len / (size_t)((i1 - i0 + MR - 1) / MR);
	int complete = 0, len_p = s->p1 - s->p0; /* complete: strips without a zero column; after a few, the other strips are not searched */
	for (int i = i0; i < i1; i += MR) {
		struct nonzero_list *list = &block->list[(i - i0) / MR];
		move_to_row(g, s, i);
		list->n = len_p;
		if (search && complete < 4)
			find_nonzero(list, s->a, s->rs, s->cs, int_min(MR, g->m - i), len_p);
		complete = list->n == len_p ? complete + 1 : 0;
		if (!search)
			break;
	}
	for (s->j = 0; s->j < g->n; s->j += NR) {
		size_t panel = panel_offset(g->n, s->j, s->p0, s->p1);
		/* behind the last panel of this block comes the first one, for other rows, or that of the next block */
		size_t next = s->j + NR < g->n ? panel + NR * len : padded(g->n) * (size_t)(i1 < g->m ? s->p0 : s->p1);
		s->b = packed ? (const float *)packed->v + panel : block->panel;
		if (!packed)
			pack_panel(block->panel, &g->b, s->j, g->n, s->p0, s->p1);
		for (int i = i0; i < i1; i += MR, next += share) {
			if (packed)
				prefetch_panels(packed, next, next + share);
			multiply_strip(g, s, &block->list[search ? (i - i0) / MR : 0], i, panel_vectors(g->n - s->j));
		}
	}
}

static void panels_gemm(const struct gemm_args *g)
{
	_Static_assert(sizeof(struct block) <= SCRATCH_MAX, "scratch is large enough");
	struct block *block = scratch_acquire(sizeof *block);
	size_t lda = (size_t)g->a.ld;
	struct strip s = {.rs = g->a.k_rows ? 1 : lda, .cs = g->a.k_rows ? lda : 1};
	int rows = g->n > SEARCH_FROM ? MC : g->m; /* few panels stay in the cache for all rows */
	for (; s.p0 < g->k; s.p0 = s.p1) {
		s.p1 = int_min(s.p0 + KC, g->k);
		for (int i0 = 0; i0 < g->m; i0 += rows)
			multiply_block(g, &s, block, i0, int_min(i0 + rows, g->m));
	}
	scratch_release(block);
}

#endif
