/* GEMM on AMX tiles: float products from bfloat16 pieces.
 *
 * The tile units of newer Xeons (Sapphire Rapids and later) multiply bfloat16, which has 8 bits of significand, and add up in float. So
 * every float is split into a sum of pieces, and the products of pieces that matter are computed (Henry, Tang & Heinecke 2019, "Leveraging
 * the bfloat16 artificial intelligence datatype for higher-precision computations"):
 *
 *   2 pieces, 16 bits   3 products: all but low times low
 *   3 pieces, 24 bits   6 products; the sums round as those of floats do
 *
 * Accuracy: with 2 pieces |c - exact| <= (3 2^-16 + k 2^-24) sum_p |a_ip b_pj|, in practice some 2e-7 of that sum. Factors below 2^-100
 * lose their last pieces, and those that are infinite or would round to infinity become NAN.
 *
 * Tiles: each piece of A and B is cut into tiles of 16 lines (rows of A, columns of B) by 32 of k. A row of an A tile is a line. B tiles
 * have the layout that the instruction requires (VNNI): row r holds two numbers for each of the 16 columns, here those of p = r and
 * p = 16 + r, and the rows of A tiles have the same order of p. In units of 32 bits, a tile of B is the transpose of a tile of A.
 *
 * Blocking: the loops, from the outside in:
 *
 *   p0  in steps of kc         1024 of k with 2 pieces, 512 with 3
 *   j0  in steps of NC = 1024  columns of B, packed once and kept in scratch when A has several blocks
 *   i0  in steps of MC = 256   rows of A, packed into scratch: they stay in the second-level cache
 *   j   in steps of NR = 32    a panel of B; meanwhile the next one is fetched into the second-level cache
 *   i   in steps of MR = 32    the microkernel: 2 x 2 tiles of C, so that each tile of A and B is used twice
 *
 * tests/bench/AMX.md counts the cycles of this, and of blocks of k that the first-level cache would hold. */
#include "gemm/kernels.h"

#include "base/amx.h"

#if !defined(SIMD_HAS_AMX)

struct mat_packed *gemm_amx_pack(struct gemm_operand b, int n, int k, int pieces) { return NULL; }
void gemm_amx_repack(struct mat_packed *packed, struct gemm_operand b) {}
void gemm_amx(const struct gemm_args *g) {}

#else

#include <stdint.h>

#include "gemm/avx512.h"

#if !defined(AMX) /* tests compile this file for an emulation of the tiles (tests/tiles) */
#define AMX __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512bf16")))
#endif

enum {
	TILE_LINES = LANES,
	TILE_K = 32,
	TILE = TILE_LINES * TILE_K, /* numbers of a tile */
	MR = 2 * TILE_LINES,        /* rows of A, and columns of B, in the microkernel */
	NR = MR,
	PIECE = 2 * TILE,           /* MR lines by TILE_K, of one piece; all pieces of a step of k follow each other */
	MC = 256,
	NC = 1024,
	A_SIZE = MC * 1024 * 2,     /* numbers of packed A, and of packed B, in scratch */
	B_SIZE = NC * 1024 * 2,
	LINE = 64, /* bytes of a cache line */
};

/* The bench includes this file and changes these; the library does not. */
static struct {
	int kc[4];    /* by number of pieces */
	int prefetch; /* of B */
} blocking = {{0, 0, 1024, 512}, 1};

/* --- packing --- */

/* Splits 16 pairs of numbers (x and y) into pieces. All but the last are rounded by integer arithmetic, which is faster; it loses a NAN,
 * but then the remainder is NAN again. */
AMX INLINE void split(__m512 x, __m512 y, __m512i *piece, int pieces)
{
	static const uint16_t interleave[2 * LANES] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
						       8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
	const __m512i half = _mm512_set1_epi32(1 << 15), high = _mm512_set1_epi32(-(1 << 16));
	UNROLL
	for (int i = 0; i < pieces - 1; i++) {
		__m512i near_x = _mm512_and_epi32(_mm512_add_epi32(_mm512_castps_si512(x), half), high);
		__m512i near_y = _mm512_and_epi32(_mm512_add_epi32(_mm512_castps_si512(y), half), high);
		piece[i] = _mm512_or_epi32(_mm512_srli_epi32(near_x, 16), near_y);
		x = _mm512_sub_ps(x, _mm512_castsi512_ps(near_x));
		y = _mm512_sub_ps(y, _mm512_castsi512_ps(near_y));
	}
	piece[pieces - 1] = _mm512_permutexvar_epi16(_mm512_loadu_si512(interleave), (__m512i)_mm512_cvtne2ps_pbh(y, x));
}

/* What to pack; constants if this is inlined. */
struct tile_kind {
	int pieces, k_rows;
	int vnni; /* as B has its tiles */
};

/* The tile of lines [i, i + 16) below n and of [p, p + 32) below p1, with zeros beyond; whole: nothing is beyond. Its pieces are PIECE
 * numbers apart. */
AMX INLINE void pack_tile(uint16_t *to, const struct gemm_operand *s, struct tile_kind kind, int whole, int i, int n, int p, int p1)
{
	__m512i row[3][TILE_LINES];
	int transposed = kind.k_rows != kind.vnni;
	/* a row of memory, and the second half of its 32 numbers of k: 16 numbers on, or 16 rows on when k_rows */
	int rows = kind.k_rows ? p1 - p : n - i;
	size_t ld = (size_t)s->ld, second = kind.k_rows ? LANES * ld : LANES;
	__mmask16 left = first_lanes(kind.k_rows ? n - i : p1 - p), right = kind.k_rows ? left : first_lanes(p1 - p - LANES);
	const float *v = s->v + (kind.k_rows ? (size_t)p * ld + (size_t)i : (size_t)i * ld + (size_t)p);
	for (int r = 0; r < TILE_LINES; r++, v += ld) {
		__m512i piece[3];
		__m512 x, y;
		if (whole) {
			x = _mm512_loadu_ps(v);
			y = _mm512_loadu_ps(v + second);
		} else {
			x = _mm512_maskz_loadu_ps(r < rows ? left : 0, v);
			y = _mm512_maskz_loadu_ps(r + (kind.k_rows ? LANES : 0) < rows ? right : 0, v + second);
		}
		split(x, y, piece, kind.pieces);
		for (int q = 0; q < kind.pieces; q++)
			*(transposed ? &row[q][r] : (__m512i *)(to + q * PIECE + r * TILE_K)) = piece[q];
	}
	for (int q = 0; transposed && q < kind.pieces; q++) {
		__m512 t[TILE_LINES];
		UNROLL
		for (int r = 0; r < TILE_LINES; r++)
			t[r] = _mm512_castsi512_ps(row[q][r]);
		transpose(t);
		UNROLL
		for (int r = 0; r < TILE_LINES; r++)
			_mm512_store_ps(to + q * PIECE + r * TILE_K, t[r]);
	}
}

AMX INLINE void pack_steps(uint16_t *to, const struct gemm_operand *s, struct tile_kind kind, int i, int n, int p0, int p1)
{
	for (int p = p0; p < p1; p += TILE_K, to += kind.pieces * PIECE)
		for (int h = 0; h < 2; h++) {
			int line = i + h * TILE_LINES;
			if (n - line >= TILE_LINES && p1 - p >= TILE_K)
				pack_tile(to + h * TILE, s, kind, 1, line, n, p, p1);
			else
				pack_tile(to + h * TILE, s, kind, 0, line, n, p, p1);
		}
}

/* A panel: MR lines over [p0, p1), step by step. vnni: of B. */
AMX static void pack_panel(uint16_t *to, const struct gemm_operand *s, int pieces, int vnni, int i, int n, int p0, int p1)
{
#define CASE(pieces, k_rows, vnni)                                                                                                         \
	case (pieces)*4 + (k_rows)*2 + (vnni):                                                                                             \
		pack_steps(to, s, (struct tile_kind){pieces, k_rows, vnni}, i, n, p0, p1);                                              \
		break
	switch (pieces * 4 + s->k_rows * 2 + vnni) {
		CASE(2, 0, 0);
		CASE(2, 0, 1);
		CASE(2, 1, 0);
		CASE(2, 1, 1);
		CASE(3, 0, 0);
		CASE(3, 0, 1);
		CASE(3, 1, 0);
		CASE(3, 1, 1);
	}
#undef CASE
}

/* The numbers of a panel over [p0, p1), and the panels of n columns. */
static size_t panel_size(int pieces, int p0, int p1) { return (size_t)((p1 - p0 + TILE_K - 1) / TILE_K) * (size_t)pieces * PIECE; }
static size_t panels_of(int n) { return (size_t)((n + NR - 1) / NR); }

struct mat_packed *gemm_amx_pack(struct gemm_operand b, int n, int k, int pieces)
{
	size_t numbers = 0;
	for (int p0 = 0, kc = blocking.kc[pieces]; p0 < k; p0 += kc)
		numbers += panels_of(n) * panel_size(pieces, p0, int_min(p0 + kc, k));
	struct mat_packed *to = packed_alloc(n, k, pieces, 0, numbers * sizeof(uint16_t));
	if (to && b.v)
		gemm_amx_repack(to, b);
	return to;
}

void gemm_amx_repack(struct mat_packed *to, struct gemm_operand b)
{
	uint16_t *v = (uint16_t *)to->v;
	for (int p0 = 0, kc = blocking.kc[to->pieces]; p0 < to->k; p0 += kc)
		for (int j = 0, p1 = int_min(p0 + kc, to->k); j < to->n; j += NR, v += panel_size(to->pieces, p0, p1))
			pack_panel(v, &b, to->pieces, 1, j, to->n, p0, p1);
}

/* --- the microkernel --- */

/* MR x NR sums that are complete but not yet stored in C. */
struct pending_tile {
	const float *sum;    /* [MR][NR]; NULL: none */
	int i, j, add, last; /* last: the sums include the last block of k */
};

/* Stores rows [r0, r1) of a pending tile in C. */
AMX INLINE void store_tile(const struct gemm_args *g, const struct pending_tile *t, int r0, int r1)
{
	__mmask16 left = first_lanes(g->n - t->j), right = first_lanes(g->n - t->j - LANES);
	__m512 scale = _mm512_set1_ps(g->c->scale), zero = _mm512_setzero_ps();
	const float *bias = t->last && g->c->bias ? g->c->bias + t->j : NULL;
	if (!t->sum)
		return;
	r1 = int_min(r1, int_min(MR, g->m - t->i));
	for (int r = r0; r < r1; r++) {
		float *to = g->c->v + (size_t)(t->i + r) * (size_t)g->c->ld + t->j;
		__m512 x = _mm512_mul_ps(scale, _mm512_load_ps(t->sum + r * NR));
		__m512 y = _mm512_mul_ps(scale, _mm512_load_ps(t->sum + r * NR + LANES));
		if (t->add) { /* otherwise C, which may be in main memory, is not waited for */
			x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(left, to));
			y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(right, to + LANES));
		}
		if (bias) {
			x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(left, bias));
			y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(right, bias + LANES));
		}
		if (t->last && g->c->relu) {
			x = _mm512_max_ps(zero, x); /* in this order, which keeps NAN */
			y = _mm512_max_ps(zero, y);
		}
		if (t->last && g->c->relu_mask) {
			const float *mask = g->c->relu_mask + (to - g->c->v);
			x = apply_mask(x, _mm512_maskz_loadu_ps(left, mask));
			y = apply_mask(y, _mm512_maskz_loadu_ps(right, mask + LANES));
		}
		_mm512_mask_storeu_ps(to, left, x);
		_mm512_mask_storeu_ps(to + LANES, right, y);
	}
}

/* Tiles 0 to 3 hold C, 4 and 5 A, 6 and 7 B. These are macros because an instruction contains the numbers of its tiles. */
#define LOAD(tile, from) _tile_loadd(tile, from, 64)
#define MULTIPLY                                                                                                                           \
	do {                                                                                                                               \
		_tile_dpbf16ps(0, 4, 6);                                                                                                   \
		_tile_dpbf16ps(1, 4, 7);                                                                                                   \
		_tile_dpbf16ps(2, 5, 6);                                                                                                   \
		_tile_dpbf16ps(3, 5, 7);                                                                                                   \
	} while (0)
/* MULTIPLY, and loads for the next one: each stands behind the last product that reads the tile. Loads in a row would take up what the
 * processor looks ahead, before products that need none of them. */
#define MULTIPLY_LOAD_A(a)                                                                                                                 \
	do {                                                                                                                               \
		_tile_dpbf16ps(0, 4, 6);                                                                                                   \
		_tile_dpbf16ps(1, 4, 7);                                                                                                   \
		LOAD(4, a);                                                                                                                \
		_tile_dpbf16ps(2, 5, 6);                                                                                                   \
		_tile_dpbf16ps(3, 5, 7);                                                                                                   \
		LOAD(5, (a) + TILE);                                                                                                       \
	} while (0)
#define MULTIPLY_LOAD_B(b)                                                                                                                 \
	do {                                                                                                                               \
		_tile_dpbf16ps(0, 4, 6);                                                                                                   \
		_tile_dpbf16ps(1, 4, 7);                                                                                                   \
		_tile_dpbf16ps(2, 5, 6);                                                                                                   \
		LOAD(6, b);                                                                                                                \
		_tile_dpbf16ps(3, 5, 7);                                                                                                   \
		LOAD(7, (b) + TILE);                                                                                                       \
	} while (0)
#define MULTIPLY_LOAD_BOTH(a, b)                                                                                                           \
	do {                                                                                                                               \
		_tile_dpbf16ps(0, 4, 6);                                                                                                   \
		_tile_dpbf16ps(1, 4, 7);                                                                                                   \
		LOAD(4, a);                                                                                                                \
		_tile_dpbf16ps(2, 5, 6);                                                                                                   \
		LOAD(6, b);                                                                                                                \
		_tile_dpbf16ps(3, 5, 7);                                                                                                   \
		LOAD(5, (a) + TILE);                                                                                                       \
		LOAD(7, (b) + TILE);                                                                                                       \
	} while (0)

/* Memory for later calls: each step fetches so many lines of it into the second-level cache. */
struct ahead {
	const char *from;
	int lines;
};

/* sum[MR x NR] = A B over so many steps of TILE_K. Between the steps it stores the sums of two calls before, a few rows at a time: all rows
 * at once would wait for each other's memory. */
AMX __attribute__((noinline)) static void microkernel(const struct gemm_args *g, float *sum, const uint16_t *a, const uint16_t *b,
						      int steps, const struct pending_tile *before, struct ahead ahead)
{
	int rows = (MR + steps - 1) / steps, last = (g->pieces - 1) * PIECE;
	__asm__ volatile("" ::: "memory"); /* GCC does not know that tile loads read memory, and might store A and B behind them */
	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
	LOAD(4, a + last);
	LOAD(6, b);
	LOAD(7, b + TILE);
	LOAD(5, a + last + TILE);
	for (int q = 0; q < steps; q++) {
		store_tile(g, before, q * rows, (q + 1) * rows);
		for (int i = 0; i < ahead.lines; i++, ahead.from += LINE)
			_mm_prefetch(ahead.from, _MM_HINT_T1);
		if (g->pieces == 2) { /* both orders load few tiles */
			MULTIPLY_LOAD_A(a);
			MULTIPLY_LOAD_B(b + PIECE);
		} else {
			MULTIPLY_LOAD_A(a + PIECE);
			MULTIPLY_LOAD_B(b + PIECE);
			MULTIPLY_LOAD_A(a);
			MULTIPLY_LOAD_B(b + 2 * PIECE);
			MULTIPLY_LOAD_B(b);
		}
		a += g->pieces * PIECE;
		b += g->pieces * PIECE;
		if (q + 1 < steps)
			MULTIPLY_LOAD_BOTH(a + last, b);
		else
			MULTIPLY;
	}
	_tile_stored(0, sum, NR * sizeof *sum);
	_tile_stored(1, sum + LANES, NR * sizeof *sum);
	_tile_stored(2, sum + LANES * NR, NR * sizeof *sum);
	_tile_stored(3, sum + LANES * NR + LANES, NR * sizeof *sum);
}

/* --- the product --- */

/* The panels of B from column j0 on over [p0, p1), each of so many numbers; NULL if B is not packed. */
static const uint16_t *packed_panels(const struct gemm_args *g, int j0, int p0, size_t size)
{
	const struct mat_packed *b = g->b.packed;
	return b ? (const uint16_t *)b->v + panels_of(g->n) * panel_size(g->pieces, 0, p0) + (size_t)j0 / NR * size : NULL;
}

/* The part of the next panel of B that call number `call` of the microkernel fetches, with a whole block of rows: with fewer calls the
 * third-level cache would be too slow for the parts. next NULL: nothing */
static struct ahead part_of(const uint16_t *next, int pieces, int steps, int call, int calls)
{
	int lines = next && blocking.prefetch && calls == MC / MR ? pieces * PIECE * (int)sizeof *next / LINE / calls : 0;
	return (struct ahead){lines ? (const char *)next + (size_t)call * (size_t)steps * (size_t)lines * LINE : NULL, lines};
}

/* Rows [i0, i1) of A and columns [j0, j1) of B over [p0, p1). */
AMX static void multiply_block(const struct gemm_args *g, uint16_t *scratch, int i0, int i1, int j0, int j1, int p0, int p1)
{
	_Alignas(64) float sum[3][MR * NR];
	struct pending_tile before = {0}, newest = {0}; /* the processor may still write the newest while the one before is stored */
	int steps = (p1 - p0 + TILE_K - 1) / TILE_K, calls = (i1 - i0 + MR - 1) / MR, turn = 0;
	size_t size = panel_size(g->pieces, p0, p1);
	const uint16_t *packed = packed_panels(g, j0, p0, size);
	for (int i = i0; i < i1; i += MR)
		pack_panel(scratch + (size_t)(i - i0) / MR * size, &g->a, g->pieces, 0, i, g->m, p0, p1);
	for (int j = j0; j < j1; j += NR) {
		size_t from = (size_t)(j - j0) / NR * size;
		uint16_t *own = scratch + A_SIZE + (g->m > MC ? from : 0); /* kept for the next block of A, if there is one */
		const uint16_t *b = packed ? packed + from : own;
		if (!packed && i0 == 0)
			pack_panel(own, &g->b, g->pieces, 1, j, g->n, p0, p1);
		const uint16_t *next = j + NR < j1 && (packed || i0 > 0) ? b + size : NULL;
		for (int call = 0; call < calls; call++) {
			int i = i0 + call * MR;
			struct ahead ahead = part_of(next, g->pieces, steps, call, calls);
			microkernel(g, sum[turn], scratch + (size_t)call * size, b, steps, &before, ahead);
			before = newest;
			newest = (struct pending_tile){sum[turn], i, j, g->c->add || p0, p1 == g->k};
			turn = (turn + 1) % 3;
		}
	}
	store_tile(g, &before, 0, MR);
	store_tile(g, &newest, 0, MR);
}

AMX static void configure_tiles(void)
{
	static const struct { /* GCC does not know that ldtilecfg reads more than 8 bytes, and could leave out others that are written */
		uint8_t palette, start_row, reserved[14];
		uint16_t row_bytes[16];
		uint8_t rows[16];
	} config = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
	_tile_loadconfig(&config);
}

AMX static void multiply_all(const struct gemm_args *g, uint16_t *scratch)
{
	int kc = blocking.kc[g->pieces];
	configure_tiles();
	for (int p0 = 0; p0 < g->k; p0 += kc)
		for (int j0 = 0, p1 = int_min(p0 + kc, g->k); j0 < g->n; j0 += NC)
			for (int i0 = 0, j1 = int_min(j0 + NC, g->n); i0 < g->m; i0 += MC)
				multiply_block(g, scratch, i0, int_min(i0 + MC, g->m), j0, j1, p0, p1);
	_tile_release();
}

void gemm_amx(const struct gemm_args *g)
{
	_Static_assert((A_SIZE + B_SIZE) * sizeof(uint16_t) <= SCRATCH_MAX, "scratch is large enough");
	uint16_t *scratch = scratch_acquire((A_SIZE + B_SIZE) * sizeof *scratch);
	multiply_all(g, scratch);
	scratch_release(scratch);
}

#endif
