/* Both sides are cut into tiles of 16 lines by 32 of k, in two or three pieces. A tile of a has a line of a in each row; one of b
 * has in row r, for each of its 16 lines, two numbers of k, as the instruction wants them: here r and 16 + r. Either is the
 * transposed other in pairs of numbers. Blocks of lines of a stay in the second cache and go past one panel of b
 * after the other, 32 by 32 of c at a time; all of b is kept in pieces where there are several blocks. */
#include "gemm/gemm_amx.h"

#include "base/simd.h"

#if !defined(SIMD_HAS_AMX)

int gemm_amx_takes(int n, int p, int d) { return 0; }
struct mat_packed *gemm_amx_pack(struct gemm_operand b, int p, int d, int pieces) { return NULL; }
void gemm_amx_repack(struct mat_packed *packed, struct gemm_operand b) {}
void gemm_amx(const struct gemm_args *s) {}

#else

#include <stdint.h>

#include "gemm/avx512.h"

#define TILES __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512bf16")))

enum {
	LINES = LANES,
	STEP = 32,
	TILE = LINES * STEP, /* numbers of a tile */
	SIDE = 2 * LINES,    /* lines that are multiplied at once, of a and of b */
	PIECE = 2 * TILE,    /* SIDE lines, a step of k; a group of all their pieces follows each other */
	BLOCK = 256,	     /* lines of a that are kept */
	MOST_P = 1024,	     /* and of b */
	MOST_K = 1024,	     /* in two pieces; in three, half of it */
	ROOM_A = BLOCK * MOST_K * 2,
	ROOM_B = MOST_P * MOST_K * 2,
};

/* --- pieces --- */

/* Pairs of x and y, 16 numbers each, in pieces of 8 bits. All but the last round by hand, which is faster but loses a NAN:
 * what is left of it is one again. */
TILES INLINE void split(__m512 x, __m512 y, __m512i *piece, int pieces)
{
	static const uint16_t mixed[2 * LANES] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
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
	piece[pieces - 1] = _mm512_permutexvar_epi16(_mm512_loadu_si512(mixed), (__m512i)_mm512_cvtne2ps_pbh(y, x));
}

struct part {
	int pieces, transposed, pairs, whole;
}; /* known where it is inlined; pairs: as b has its tiles; whole: nothing of the tile is beyond n or d */

/* The tile of lines [at, at + 16) below n and of [k, k + 32) below d, zeros beyond; its pieces PIECE apart. */
TILES INLINE void pack_tile(uint16_t *to, const struct gemm_operand *s, struct part is, int at, int n, int k, int d)
{
	__m512i row[3][LINES];
	int turned = is.transposed != is.pairs;
	/* what stands in a row of memory: 32 of k, or 16 lines, and the same 16 of k later */
	int rows = is.transposed ? d - k : n - at;
	size_t ld = (size_t)s->ld, next = is.transposed ? LANES * ld : LANES;
	__mmask16 left = first_lanes(is.transposed ? n - at : d - k), right = is.transposed ? left : first_lanes(d - k - LANES);
	const float *v = s->v + (is.transposed ? (size_t)k * ld + (size_t)at : (size_t)at * ld + (size_t)k);
	for (int r = 0; r < LINES; r++, v += ld) {
		__m512i piece[3];
		__m512 x, y;
		if (is.whole) {
			x = _mm512_loadu_ps(v);
			y = _mm512_loadu_ps(v + next);
		} else {
			x = _mm512_maskz_loadu_ps(r < rows ? left : 0, v);
			y = _mm512_maskz_loadu_ps(r + (is.transposed ? LANES : 0) < rows ? right : 0, v + next);
		}
		split(x, y, piece, is.pieces);
		for (int i = 0; i < is.pieces; i++)
			*(turned ? &row[i][r] : (__m512i *)(to + i * PIECE + r * STEP)) = piece[i];
	}
	for (int i = 0; turned && i < is.pieces; i++) {
		__m512 t[LINES];
		UNROLL
		for (int r = 0; r < LINES; r++)
			t[r] = _mm512_castsi512_ps(row[i][r]);
		transpose(t);
		UNROLL
		for (int r = 0; r < LINES; r++)
			_mm512_store_ps(to + i * PIECE + r * STEP, t[r]);
	}
}

TILES INLINE void pack_lines(uint16_t *to, const struct gemm_operand *s, struct part is, int at, int n, int k, int d)
{
	for (; k < d; k += STEP, to += is.pieces * PIECE)
		for (int h = 0; h < 2; h++) {
			is.whole = n - at >= (h + 1) * LINES && d - k >= STEP;
			if (is.whole)
				pack_tile(to + h * TILE, s, (struct part){is.pieces, is.transposed, is.pairs, 1}, at + h * LINES, n, k, d);
			else
				pack_tile(to + h * TILE, s, (struct part){is.pieces, is.transposed, is.pairs, 0}, at + h * LINES, n, k, d);
		}
}

/* SIDE lines, all of [k, d): a group after the other */
TILES static void pack(uint16_t *to, const struct gemm_operand *s, int pieces, int pairs, int at, int n, int k, int d)
{
#define KIND(p, a, b)                                                                                                                      \
	case (p)*4 + (a)*2 + (b):                                                                                                          \
		pack_lines(to, s, (struct part){p, a, b, 0}, at, n, k, d);                                                                 \
		break
	switch (pieces * 4 + s->transposed * 2 + pairs) {
		KIND(2, 0, 0);
		KIND(2, 0, 1);
		KIND(2, 1, 0);
		KIND(2, 1, 1);
		KIND(3, 0, 0);
		KIND(3, 0, 1);
		KIND(3, 1, 0);
		KIND(3, 1, 1);
	}
#undef KIND
}

static int steps_of(int pieces) { return pieces == 2 ? MOST_K : MOST_K / 2; }

/* Numbers of a panel over [k, end). */
static size_t panel(int pieces, int k, int end) { return (size_t)((end - k + STEP - 1) / STEP) * (size_t)pieces * PIECE; }
static size_t panels(int p) { return (size_t)((p + SIDE - 1) / SIDE); }

struct mat_packed *gemm_amx_pack(struct gemm_operand b, int p, int d, int pieces)
{
	size_t all = 0;
	for (int k = 0; k < d; k += steps_of(pieces))
		all += panels(p) * panel(pieces, k, least(k + steps_of(pieces), d));
	struct mat_packed *to = packed_alloc(p, d, pieces, all * sizeof(uint16_t));
	if (to && b.v)
		gemm_amx_repack(to, b);
	return to;
}

/* k by k, panel by panel */
void gemm_amx_repack(struct mat_packed *to, struct gemm_operand b)
{
	uint16_t *v = (uint16_t *)to->v;
	for (int k = 0, step = steps_of(to->pieces); k < to->d; k += step)
		for (int j = 0, end = least(k + step, to->d); j < to->p; j += SIDE, v += panel(to->pieces, k, end))
			pack(v, &b, to->pieces, 1, j, to->p, k, end);
}

/* --- products --- */

/* A block of c that is summed up, and not yet in its place. */
struct pending_tile {
	const float *sum;	   /* [SIDE][SIDE], NULL: there is none */
	int i, j, add, last; /* last: all of k is in it */
};

TILES INLINE void store_tile(const struct gemm_args *s, const struct pending_tile *d, int from, int end)
{
	__mmask16 left = first_lanes(s->p - d->j), right = first_lanes(s->p - d->j - LANES);
	__m512 scale = _mm512_set1_ps(s->c->scale), zero = _mm512_setzero_ps();
	const float *bias = d->last && s->c->bias ? s->c->bias + d->j : NULL;
	if (!d->sum)
		return;
	end = least(end, least(SIDE, s->n - d->i));
	for (int r = from; r < end; r++) {
		float *to = s->c->v + (size_t)(d->i + r) * (size_t)s->c->ld + d->j;
		__m512 x = _mm512_mul_ps(scale, _mm512_load_ps(d->sum + r * SIDE)), y = _mm512_mul_ps(scale, _mm512_load_ps(d->sum + r * SIDE + LANES));
		if (d->add) { /* else c, which is far away, is not waited for */
			x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(left, to));
			y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(right, to + LANES));
		}
		if (bias) {
			x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(left, bias));
			y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(right, bias + LANES));
		}
		if (d->last && s->c->relu) {
			x = _mm512_max_ps(zero, x); /* in this order, which keeps NAN */
			y = _mm512_max_ps(zero, y);
		}
		if (d->last && s->c->relu_mask) {
			const float *relu_mask = s->c->relu_mask + (to - s->c->v);
			x = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(_mm512_maskz_loadu_ps(left, relu_mask), zero, _CMP_GT_OQ), x);
			y = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(_mm512_maskz_loadu_ps(right, relu_mask + LANES), zero, _CMP_GT_OQ), y);
		}
		_mm512_mask_storeu_ps(to, left, x);
		_mm512_mask_storeu_ps(to + LANES, right, y);
	}
}

/* Tiles 0 to 3 are c, 4 and 5 a, 6 and 7 b. Macros, since an instruction names its tiles. */
#define LOAD(tile, second, from)                                                                                                           \
	do {                                                                                                                               \
		_tile_loadd(tile, from, 64);                                                                                               \
		_tile_loadd(second, (from) + TILE, 64);                                                                                    \
	} while (0)
#define MULTIPLY                                                                                                                           \
	do {                                                                                                                               \
		_tile_dpbf16ps(0, 4, 6);                                                                                                   \
		_tile_dpbf16ps(1, 4, 7);                                                                                                   \
		_tile_dpbf16ps(2, 5, 6);                                                                                                   \
		_tile_dpbf16ps(3, 5, 7);                                                                                                   \
	} while (0)

/* sum[SIDE x SIDE] = a b over so many groups. Meanwhile what was summed up two blocks ago goes to its place, row by row: a few lines
 * of memory at a time, where all at once would wait for each other. A call of its own: GCC 12 does not know that the loads
 * of tiles read memory, and could move what was stored there behind them. */
TILES __attribute__((noinline)) static void multiply(float *sum, const struct gemm_args *s, const uint16_t *a, const uint16_t *b, int groups,
						     const struct pending_tile *before)
{
	int rows = (SIDE + groups - 1) / groups;
	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
	for (int g = 0; g < groups; g++, a += s->pieces * PIECE, b += s->pieces * PIECE) {
		store_tile(s, before, g * rows, (g + 1) * rows);
		if (s->pieces == 2) { /* small products first */
			LOAD(4, 5, a + PIECE);
			LOAD(6, 7, b);
			MULTIPLY;
			LOAD(4, 5, a);
			MULTIPLY;
			LOAD(6, 7, b + PIECE);
			MULTIPLY;
		} else {
			LOAD(4, 5, a + 2 * PIECE);
			LOAD(6, 7, b);
			MULTIPLY;
			LOAD(4, 5, a + PIECE);
			MULTIPLY;
			LOAD(6, 7, b + PIECE);
			MULTIPLY;
			LOAD(4, 5, a);
			MULTIPLY;
			LOAD(6, 7, b + 2 * PIECE);
			MULTIPLY;
			LOAD(6, 7, b);
			MULTIPLY;
		}
	}
	_tile_stored(0, sum, SIDE * sizeof *sum);
	_tile_stored(1, sum + LANES, SIDE * sizeof *sum);
	_tile_stored(2, sum + LANES * SIDE, SIDE * sizeof *sum);
	_tile_stored(3, sum + LANES * SIDE + LANES, SIDE * sizeof *sum);
}

/* A block of lines of a, [i0, i1), past lines [j0, j1) of b, over [k, end). */
TILES static void block(const struct gemm_args *s, uint16_t *room, int i0, int i1, int j0, int j1, int k, int end)
{
	_Alignas(64) float sum[3][SIDE * SIDE];
	struct pending_tile before = {0}, newest = {0}; /* the tiles are still at the newest while the one before is carried */
	int groups = (end - k + STEP - 1) / STEP, turn = 0;
	size_t side = panel(s->pieces, k, end);
	const uint16_t *ready = s->b.packed ? (const uint16_t *)s->b.packed->v + panels(s->p) * panel(s->pieces, 0, k) + (size_t)j0 / SIDE * side : NULL;
	for (int i = i0; i < i1; i += SIDE)
		pack(room + (size_t)(i - i0) / SIDE * side, &s->a, s->pieces, 0, i, s->n, k, end);
	for (int j = j0; j < j1; j += SIDE) {
		size_t from = (size_t)(j - j0) / SIDE * side;
		uint16_t *kept = room + ROOM_A + (s->n > BLOCK ? from : 0);
		const uint16_t *right = ready ? ready + from : kept;
		if (!ready && i0 == 0)
			pack(kept, &s->b, s->pieces, 1, j, s->p, k, end);
		for (int i = i0; i < i1; i += SIDE) {
			multiply(sum[turn], s, room + (size_t)(i - i0) / SIDE * side, right, groups, &before);
			before = newest;
			newest = (struct pending_tile){sum[turn], i, j, s->c->add || k, end == s->d};
			turn = (turn + 1) % 3;
		}
	}
	store_tile(s, &before, 0, SIDE);
	store_tile(s, &newest, 0, SIDE);
}

TILES static void product_in(uint16_t *room, const struct gemm_args *s)
{
	static const struct {
		uint8_t palette, start, none[14];
		uint16_t bytes[16]; /* of a row */
		uint8_t rows[16];
	} shape = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
	int step = steps_of(s->pieces);
	_tile_loadconfig(&shape);
	for (int k = 0; k < s->d; k += step)
		for (int j = 0; j < s->p; j += MOST_P)
			for (int i = 0; i < s->n; i += BLOCK)
				block(s, room, i, least(i + BLOCK, s->n), j, least(j + MOST_P, s->p), k, least(k + step, s->d));
	_tile_release();
}

void gemm_amx(const struct gemm_args *s)
{
	_Static_assert((ROOM_A + ROOM_B) * sizeof(uint16_t) <= SCRATCH_MAX, "the room that is always there");
	uint16_t *room = scratch_acquire((ROOM_A + ROOM_B) * sizeof *room);
	product_in(room, s);
	scratch_release(room);
}

int gemm_amx_takes(int n, int p, int d)
{
	return simd_level() == SIMD_AMX && n >= SIDE && p >= SIDE && d >= STEP && (double)n * p * d >= 64 * 64 * 64;
}

#endif
