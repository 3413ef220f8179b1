/* microkernel.h - the microkernel of the AVX-512 products, and packed B as it reads it; for x86-64 only.
 *
 * The inner dimension is cut into blocks of KC, and within each block B is cut into panels of NR columns. A panel holds the NR numbers of
 * p = 0, then those of p = 1, and so on, so that the microkernel reads memory in order. The last panel has as many vectors as its columns
 * need, with zeros beyond column n. B for masked products has its columns behind all panels, one by one, block by block as well. */
#ifndef VF_MICROKERNEL_H
#define VF_MICROKERNEL_H

#include <stdint.h>

#include "gemm/avx512.h"
#include "gemm/kernels.h"

enum {
	MR = 8,                     /* rows of A in a strip */
	PANEL_VECTORS = 3,          /* MR * PANEL_VECTORS = 24 of the 32 registers hold sums */
	NR = PANEL_VECTORS * LANES, /* columns of B in a panel */
	KC = 1024,                  /* terms that are added up in registers before they go to C */
	PREFETCH_AHEAD = LANES,     /* entries of a list that B is fetched ahead; the hardware does not foresee its jumps */
	LIST_PADDING = 2 * LANES,   /* zeros behind the last entry of a list: they are read but not counted */
};

static inline int panel_vectors(int columns) { return min_int(PANEL_VECTORS, (columns + LANES - 1) / LANES); }
static inline size_t padded(int n) { return ((size_t)n + LANES - 1) / LANES * LANES; }

/* Where in packed B the panel of column j begins, within block [p0, p1) of k; and where the single columns of the block at p0 do. */
static inline size_t panel_offset(int n, int j, int p0, int p1) { return padded(n) * (size_t)p0 + (size_t)j * (size_t)(p1 - p0); }
static inline size_t columns_offset(const struct mat_packed *b, int p0) { return padded(b->n) * (size_t)b->k + (size_t)b->n * (size_t)p0; }

/* Fetches numbers [from, to) of the panels from the third-level cache into the second. */
static inline void prefetch_panels(const struct mat_packed *b, size_t from, size_t to)
{
	size_t end = padded(b->n) * (size_t)b->k;
	for (to = to < end ? to : end; from < to; from += LANES)
		__builtin_prefetch((const float *)b->v + from, 0, 2);
}

/* Whether a masked product is faster over its active outputs one by one than over all of them in panels. */
static inline int mask_is_sparse(long active, long total) { return active * 3 < total * 2; }

/* The p of a strip where any of its rows is not zero. */
struct nonzero_list {
	uint16_t p[KC + LIST_PADDING];
	int n;
};
/* Of a[rows x count], rows <= LANES, count <= KC; number p of row r is a[r rs + p cs], and rs or cs is 1. */
void find_nonzero(struct nonzero_list *list, const float *a, size_t rs, size_t cs, int rows, int count);
void list_all(struct nonzero_list *list, int count);

/* A strip of rows of A and a panel of B over block [p0, p1) of k, and the part of C from row i and column j on that they add to. */
struct strip {
	const float *a;
	size_t rs, cs;     /* number p of row r is a[r rs + p cs] */
	int sparse;        /* A is a sparse block: the number of list entry q and row r is a[q LANES + r] */
	const float *b;    /* number p of column j + h is b[p (width of the panel) + h] */
	const uint16_t *p; /* the p to visit; PREFETCH_AHEAD more are read */
	int count;
	int i, j, p0, p1;
};

/* Adds the product of a strip of rows (1, 2, 4 or MR; MR when sparse) and a panel of `vectors` vectors to C, and in the last block of k
 * applies bias, ReLU and mask. Each sum is one chain of fused multiply-adds in the order of the list. */
void microkernel(const struct gemm_args *g, const struct strip *s, int rows, int vectors);

#endif
