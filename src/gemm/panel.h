/* panel.h - how the second side of a product lies in memory for AVX-512, and strips of lines that go along it (gemm_avx512.c, bundle.c); for
 * x86-64 only.
 *
 * Runs of KC numbers of k one after the other; of a run, panels of NR lines, k by k, the last panel as narrow as whole vectors
 * allow. Behind all of them, where products have a gate, the same runs line by line. */
#ifndef VF_PANEL_H
#define VF_PANEL_H

#include <stdint.h>

#include "gemm/avx512.h"
#include "gemm/gemm_args.h"

#define WIDE __attribute__((target("avx512f")))
enum {
	MR = 8,             /* lines of a strip */
	WIDTH = 3,            /* vectors of a panel */
	NR = WIDTH * LANES, /* lines of one */
	KC = 1024,          /* numbers of k that are summed up before they go to c */
	AHEAD = LANES,        /* steps that b is fetched before it is wanted: leaps are not foreseen */
	BEHIND = 2 * LANES,   /* zeros behind the last k of a list, which are read but not counted */
};

static inline int width_of(int lines) { return least(WIDTH, (lines + LANES - 1) / LANES); }
static inline size_t whole(int p) { return ((size_t)p + LANES - 1) / LANES * LANES; }

/* Where, of p lines, the panel from line j on begins, of the run from k to end; and where the lines of the run from k on do. */
static inline size_t panel_at(int p, int j, int k, int end) { return whole(p) * (size_t)k + (size_t)j * (size_t)(end - k); }
static inline size_t lines_at(const struct mat_packed *b, int k) { return whole(b->p) * (size_t)b->d + (size_t)b->p * (size_t)k; }

/* Whether sums one by one take less time than panels, with so many of all wanted. */
static inline int mask_is_sparse(long wanted, long all) { return wanted * 3 < all * 2; }

/* Numbers [at, end) of panels, from the third cache into the second. */
static inline void fetch(const struct mat_packed *b, size_t at, size_t end)
{
	size_t all = whole(b->p) * (size_t)b->d;
	for (end = end < all ? end : all; at < end; at += LANES)
		__builtin_prefetch((const float *)b->v + at, 0, 2);
}

/* Where any bit but the sign's is set. */
WIDE INLINE __mmask16 any(__m512i bits)
{
	__m512i size = _mm512_slli_epi32(bits, 1);
	return _mm512_test_epi32_mask(size, size);
}

/* 16 k of up to 16 lines, turned over: line r's in lane r; zeros beyond the lines and the k that are left. */
WIDE INLINE void load_transposed(__m512 t[LANES], const float *v, size_t ld, int lines, int left)
{
	UNROLL
	for (int r = 0; r < LANES; r++)
		t[r] = r < lines ? _mm512_maskz_loadu_ps(first_lanes(left), v + (size_t)r * ld) : _mm512_setzero_ps();
	transpose(t);
}

/* Lines of a along a panel, over the run [k, end): alive[q], counted from the run's start or, turned, from 0 on, is where line r has
 * a[r row + alive[q] step], or, turned, a[q LANES + r]. b: where the panel has what is counted as 0. Sums go to line i + r, from j on. */
struct strip {
	const float *a, *b;
	size_t row, step;
	int turned, i, j, k, end;
	const uint16_t *alive; /* AHEAD more are read */
	int n;
};

/* rows: 1, 2, 4 or MR; turned ones MR. */
void microkernel(const struct gemm_args *s, const struct strip *t, int rows, int width);

#endif
