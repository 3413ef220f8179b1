/* tests/tiles/bench_tiles.c compiles this file for emulated tiles, where its numbers mean nothing, but it runs and the products are checked. */
#include "bench_tiles.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/amx.h"
#include "base/simd.h"
#include "../tiles/own_gemm.h"

enum { PEAK, LARGE, WHOLE, NOT_AHEAD, SHORT, SECOND, FIRST, PACK_A, PACK_B, ROWS };
static const char *const row[ROWS] = {
	[PEAK] = "AMX, 1 thread: peak of tiles, of it by 2 / 3 pieces (TFLOP/s)",
	[LARGE] = "    share of that in products of 1024 x 1024 x 1024",
	[WHOLE] = "AMX, 256 x 1024 x 1024 / 512: time over that of its tile products",
	[NOT_AHEAD] = "    without fetching B ahead",
	[SHORT] = "    in blocks of 128 / 96 of k",
	[SECOND] = "    microkernel alone, A and B in the second-level cache",
	[FIRST] = "    microkernel alone, 128 / 96 of k in the first-level cache",
	[PACK_A] = "    packing A",
	[PACK_B] = "    packing B, which is packed before",
};

static int skipped(void)
{
	for (int i = 0; i < ROWS; i++)
		printf("%s\tskipped: no AMX\n", row[i]);
	return 0;
}

#if !defined(SIMD_HAS_AMX)

int bench_tiles(double seconds)
{
	(void)seconds;
	return skipped();
}

#else

/* A product, and its operands as floats and packed. */
struct work {
	struct gemm_args g;
	struct gemm_output to;
	float *a, *b, *c;
	uint16_t *panels;          /* of A */
	struct mat_packed *packed; /* B */
	_Alignas(64) float sum[MR * NR];
	enum mat_bits bits;
};

AMX static void release(void) { _tile_release(); }

/* --- what is measured: each returns its floating point operations, of bfloat16 numbers --- */

static double flop(const struct gemm_args *g, double m, double n, double k) { return 2 * m * n * k * (g->pieces == 2 ? 3 : 6); }
static double flop_of_all(const struct gemm_args *g) { return flop(g, g->m, g->n, g->k); }

/* As the microkernel, 2 x 2 tiles of C, with operands that stay in their tiles. They are no zeros, which take less power. */
AMX static double registers(struct work *w)
{
	enum { STEPS = 1 << 9 };
	const uint16_t *v = (const uint16_t *)w->packed->v;
	__asm__ volatile("" ::: "memory"); /* as in microkernel() */
	LOAD(4, v);
	LOAD(5, v + TILE);
	LOAD(6, v + PIECE);
	LOAD(7, v + PIECE + TILE);
	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
	for (int i = 0; i < STEPS; i++)
		MULTIPLY;
	return 2.0 * 4 * STEPS * TILE_LINES * TILE_LINES * TILE_K;
}

/* The second of two blockings: a panel of A and one of B, with the sums, fit into 48 kB. */
static const int short_kc[] = {[2] = 128, [3] = 96};

static double first_level(struct work *w)
{
	enum { CALLS = 64 };
	const struct pending_tile none = {0};
	int k = short_kc[w->g.pieces];
	for (int i = 0; i < CALLS; i++)
		microkernel(&w->g, w->sum, w->panels, (const uint16_t *)w->packed->v, k / TILE_K, &none, (struct ahead){0});
	return CALLS * flop(&w->g, MR, NR, k);
}

/* All panels of A with some of B: 1.5 MB and less. */
enum { SECOND_PANELS = 4 };

static double second_level(struct work *w)
{
	const struct pending_tile none = {0};
	size_t size = panel_size(w->g.pieces, 0, w->g.k);
	for (size_t j = 0; j < SECOND_PANELS; j++)
		for (size_t i = 0; i < (size_t)w->g.m / MR; i++)
			microkernel(&w->g, w->sum, w->panels + i * size, (const uint16_t *)w->packed->v + j * size, w->g.k / TILE_K, &none,
				    (struct ahead){0});
	return flop(&w->g, w->g.m, SECOND_PANELS * NR, w->g.k);
}

static double pack_a(struct work *w)
{
	size_t size = panel_size(w->g.pieces, 0, w->g.k);
	for (int i = 0; i < w->g.m; i += MR)
		pack_panel(w->panels + (size_t)i / MR * size, &w->g.a, w->g.pieces, 0, i, w->g.m, 0, w->g.k);
	return flop_of_all(&w->g);
}

static double pack_b(struct work *w)
{
	own_repack(w->packed, w->g.b);
	return flop_of_all(&w->g);
}

static double whole(struct work *w)
{
	own_gemm(&w->g);
	return flop_of_all(&w->g);
}

static double dispatched(struct work *w)
{
	mat_nt(w->c, w->g.n, w->a, w->g.k, w->b, w->g.k, NULL, w->g.m, w->g.n, w->g.k, w->bits);
	return flop_of_all(&w->g);
}

/* CPU seconds that an operation takes, times 10^12: the best of some rounds. */
static double cost(double (*run)(struct work *), struct work *w, double seconds)
{
	double best = INFINITY;
	run(w); /* warms up */
	for (int round = 0; round < (seconds > 0 ? 7 : 1); round++) {
		double from = (double)clock() / CLOCKS_PER_SEC, spent, work = 0;
		do {
			work += run(w);
			spent = (double)clock() / CLOCKS_PER_SEC - from;
		} while (spent < seconds);
		best = fmin(best, spent / work * 1e12);
	}
	return best;
}

/* --- products --- */

/* Whether c[m x n], of a row of ld, holds the products of rows of A from i0 on and of B from j0 on, over their first k numbers: tries some.
 */
static int is_product(const struct work *w, const float *c, int i0, int m, int j0, int n, int ld, int k)
{
	int good = 1;
	for (int i = 0; i < m; i += m / 2 + 3)
		for (int j = 0; j < n; j += n / 4 + 3) {
			double sum = 0, size = 0;
			for (int p = 0; p < k; p++) {
				double x = (double)w->a[(i0 + i) * w->g.k + p] * (double)w->b[(j0 + j) * w->g.k + p];
				sum += x;
				size += fabs(x);
			}
			good &= fabs((double)c[i * ld + j] - sum) <= (3 * 0x1p-16 + k * 0x1p-24) * size;
		}
	return good;
}

static void work_free(struct work *w) { free(w->a), free(w->b), free(w->c), free(w->panels), free(w->packed); }

static int work_make(struct work *w, int m, int n, int k, int pieces)
{
	*w = (struct work){.a = mat_floats((size_t)m * (size_t)k),
			   .b = mat_floats((size_t)n * (size_t)k),
			   .c = mat_floats((size_t)m * (size_t)n),
			   .panels = (uint16_t *)mat_floats((size_t)m * (size_t)k * 3),
			   .bits = pieces == 2 ? MAT_16 : MAT_24};
	for (size_t i = 0; w->a && i < (size_t)m * (size_t)k; i++)
		w->a[i] = (float)sin(1.7 * (double)i);
	for (size_t i = 0; w->b && i < (size_t)n * (size_t)k; i++)
		w->b[i] = (float)sin(2.9 * (double)i + 1);
	w->packed = w->b ? own_pack((struct gemm_operand){w->b, k, 0, NULL}, n, k, pieces) : NULL;
	w->to = (struct gemm_output){.v = w->c, .ld = n, .scale = 1};
	w->g = (struct gemm_args){&w->to, {w->a, k, 0, NULL}, {w->b, k, 0, w->packed}, m, n, k, pieces};
	return w->a && w->c && w->panels && w->packed ? 0 : -1;
}

/* What the rows cost with 2 or 3 pieces. Returns 1 for a wrong product, -1 without memory. */
static int measure(double t[ROWS], int pieces, double seconds)
{
	enum { M = 256, N = 1024 };
	int good = 1, kc = blocking.kc[pieces];
	struct work w;
	if (work_make(&w, N, N, N, pieces))
		return -1;
	configure_tiles();
	t[PEAK] = cost(registers, &w, seconds);
	release();
	t[LARGE] = cost(dispatched, &w, seconds);
	good &= is_product(&w, w.c, 0, N, 0, N, N, N);
	work_free(&w);

	if (work_make(&w, M, N, kc, pieces))
		return -1;
	t[WHOLE] = cost(whole, &w, seconds);
	good &= is_product(&w, w.c, 0, M, 0, N, N, kc);
	blocking.prefetch = 0;
	t[NOT_AHEAD] = cost(whole, &w, seconds);
	blocking.prefetch = 1;
	t[PACK_A] = cost(pack_a, &w, seconds);
	t[PACK_B] = cost(pack_b, &w, seconds);
	configure_tiles();
	t[SECOND] = cost(second_level, &w, seconds);
	good &= is_product(&w, w.sum, M - MR, MR, (SECOND_PANELS - 1) * NR, NR, NR, kc);
	t[FIRST] = cost(first_level, &w, seconds);
	good &= is_product(&w, w.sum, 0, MR, 0, NR, NR, short_kc[pieces]);
	release();
	blocking.kc[pieces] = short_kc[pieces];
	own_repack(w.packed, w.g.b);
	memset(w.c, 0, sizeof *w.c * M * N);
	t[SHORT] = cost(whole, &w, seconds);
	good &= is_product(&w, w.c, 0, M, 0, N, N, kc);
	blocking.kc[pieces] = kc;
	work_free(&w);
	return !good;
}

int bench_tiles(double seconds)
{
	double t[4][ROWS];
	if (simd_level() != SIMD_AMX)
		return skipped();
	for (int pieces = 2; pieces <= 3; pieces++) {
		int bad = measure(t[pieces], pieces, seconds);
		if (bad) {
			fprintf(stderr, "bench: tiles: %s\n", bad > 0 ? "a product is wrong" : "out of memory");
			return 1;
		}
	}
	double peak = fmin(t[2][PEAK], t[3][PEAK]); /* the least cost */
	printf("%s\t%.2f, %.2f / %.2f\n", row[PEAK], 1 / peak, 1 / peak / 3, 1 / peak / 6);
	printf("%s\t%.0f %% / %.0f %%\n", row[LARGE], 100 * peak / t[2][LARGE], 100 * peak / t[3][LARGE]);
	for (int i = WHOLE; i < ROWS; i++)
		printf("%s\t%.2f / %.2f\n", row[i], t[2][i] / peak, t[3][i] / peak);
	return 0;
}

#endif
