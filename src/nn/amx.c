/* Both sides are cut into tiles of 16 lines by 32 of k, in two or three pieces. A tile of a has a line of a in each row; one of b
 * has in row r, for each of its 16 lines, the pair of numbers 2 r and 2 r + 1 of k, as the instruction wants them:
 * either is the transposed other in pairs of numbers. Blocks of lines of a stay in the second cache, and go past one panel of b
 * after the other, 32 by 32 of c at a time. */
#include "amx.h"

#include "simd.h"

#if !defined(SIMD_HAS_TILES)

int amx_takes(int n, int p, int d) { return 0; }
void amx_product(float *c, int ldc, struct amx_side a, struct amx_side b, int n, int p, int d, int pieces, float scale, int add) {}

#else

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "avx512.h"

#define TILES __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512bf16")))

enum {
	LINES = LANES,
	STEP = 32,
	TILE = LINES * STEP, /* numbers of a tile */
	SIDE = 2 * LINES,    /* lines that are multiplied at once, of a and of b */
	PIECE = 2 * TILE,    /* SIDE lines, a step of k; a group of all their pieces follows each other */
	MOST_K = 512,
	ROOM = 512 * MOST_K * 2,   /* of a block of a: half of the cache */
	PANEL = SIDE * MOST_K * 3, /* of b */
};

/* x and y, 16 numbers each, in pieces of 8 bits: [piece][x, y]. */
TILES INLINE void split(__m512 x, __m512 y, __m512i *piece, int pieces)
{
	UNROLL
	for (int i = 0; i < pieces; i++) {
		piece[i] = (__m512i)_mm512_cvtne2ps_pbh(y, x);
		__m512i near_x = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(piece[i])), 16);
		__m512i near_y = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(piece[i], 1)), 16);
		x = _mm512_sub_ps(x, _mm512_castsi512_ps(near_x));
		y = _mm512_sub_ps(y, _mm512_castsi512_ps(near_y));
	}
}

struct part {
	int pieces, across, pairs;
}; /* known where it is inlined; pairs: as b has its tiles */

/* The tile of lines [at, at + 16) below n and of [k, k + 32) below d, zeros beyond; its pieces PIECE apart. */
TILES INLINE void pack_tile(uint16_t *to, const struct amx_side *s, struct part is, int at, int n, int k, int d, __m512 scale)
{
	static const uint16_t mixed[2 * LANES] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
						  8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
	__m512i mix = _mm512_loadu_si512(mixed);
	__m512 row[3][LANES];
	/* what stands in a row of memory: 32 of k, or 16 lines, twice, at the next of k */
	int rows = is.across ? d - k : n - at, step = is.across ? 2 : 1;
	size_t ld = (size_t)s->ld, next = is.across ? ld : LANES;
	__mmask16 left = first_lanes(is.across ? n - at : d - k), right = is.across ? left : first_lanes(d - k - LANES);
	const float *v = s->v + (is.across ? (size_t)k * ld + (size_t)at : (size_t)at * ld + (size_t)k);
	UNROLL
	for (int r = 0; r < LINES; r++, v += (size_t)step * ld) {
		__m512i piece[3];
		__m512 x = _mm512_maskz_loadu_ps(left & (__mmask16) - (step * r < rows), v);
		__m512 y = _mm512_maskz_loadu_ps(right & (__mmask16) - (step * r + step - 1 < rows), v + next);
		split(_mm512_mul_ps(scale, x), _mm512_mul_ps(scale, y), piece, is.pieces);
		for (int i = 0; i < is.pieces; i++)
			row[i][r] = _mm512_castsi512_ps(is.across ? _mm512_permutexvar_epi16(mix, piece[i]) : piece[i]);
	}
	for (int i = 0; i < is.pieces; i++) {
		if (is.across != is.pairs)
			transpose(row[i]);
		UNROLL
		for (int r = 0; r < LINES; r++)
			_mm512_store_ps(to + i * PIECE + r * STEP, row[i][r]);
	}
}

TILES INLINE void pack_lines(uint16_t *to, const struct amx_side *s, struct part is, int at, int n, int k, int d, float scale)
{
	for (; k < d; k += STEP, to += is.pieces * PIECE)
		for (int h = 0; h < 2; h++)
			pack_tile(to + h * TILE, s, is, at + h * LINES, n, k, d, _mm512_set1_ps(scale));
}

/* SIDE lines, all of [k, d): a group after the other */
TILES static void pack(uint16_t *to, const struct amx_side *s, int pieces, int pairs, int at, int n, int k, int d, float scale)
{
#define KIND(p, a, b)                                                                                                                      \
	case (p)*4 + (a)*2 + (b):                                                                                                          \
		pack_lines(to, s, (struct part){p, a, b}, at, n, k, d, scale);                                                             \
		break
	switch (pieces * 4 + s->across * 2 + pairs) {
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

/* Tiles 0 to 3 are c, 4 and 5 a, 6 and 7 b. Macros, since an instruction names its tiles. */
#define LOAD(tile, second, from, step, next)                                                                                               \
	do {                                                                                                                               \
		_tile_loadd(tile, from, step);                                                                                             \
		_tile_loadd(second, (from) + (next), step);                                                                                \
	} while (0)
#define MULTIPLY                                                                                                                           \
	do {                                                                                                                               \
		_tile_dpbf16ps(0, 4, 6);                                                                                                   \
		_tile_dpbf16ps(1, 4, 7);                                                                                                   \
		_tile_dpbf16ps(2, 5, 6);                                                                                                   \
		_tile_dpbf16ps(3, 5, 7);                                                                                                   \
	} while (0)

/* c[SIDE x SIDE] = a b over so many groups (+ c when add). A call of its own: GCC 12 does not know that the loads of tiles read
 * memory, and could move what was stored there behind them. */
TILES __attribute__((noinline)) static void multiply(float *c, int ldc, const uint16_t *a, const uint16_t *b, int groups, int pieces,
						     int add)
{
	size_t ld = (size_t)ldc * sizeof *c;
	float *low = c + LINES * (size_t)ldc;
	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
	if (add) {
		LOAD(0, 1, c, ld, LINES);
		LOAD(2, 3, low, ld, LINES);
	}
	for (int g = 0; g < groups && pieces == 2; g++, a += 2 * PIECE, b += 2 * PIECE) { /* small products first */
		LOAD(4, 5, a + PIECE, 64, TILE);
		LOAD(6, 7, b, 64, TILE);
		MULTIPLY;
		LOAD(4, 5, a, 64, TILE);
		MULTIPLY;
		LOAD(6, 7, b + PIECE, 64, TILE);
		MULTIPLY;
	}
	for (int g = 0; g < groups && pieces == 3; g++, a += 3 * PIECE, b += 3 * PIECE) {
		LOAD(4, 5, a + 2 * PIECE, 64, TILE);
		LOAD(6, 7, b, 64, TILE);
		MULTIPLY;
		LOAD(4, 5, a + PIECE, 64, TILE);
		MULTIPLY;
		LOAD(6, 7, b + PIECE, 64, TILE);
		MULTIPLY;
		LOAD(4, 5, a, 64, TILE);
		MULTIPLY;
		LOAD(6, 7, b + 2 * PIECE, 64, TILE);
		MULTIPLY;
		LOAD(6, 7, b, 64, TILE);
		MULTIPLY;
	}
	_tile_stored(0, c, ld);
	_tile_stored(1, c + LINES, ld);
	_tile_stored(2, low, ld);
	_tile_stored(3, low + LINES, ld);
}

/* The same where c has only so many rows and columns. */
TILES static void multiply_edge(float *c, int ldc, int rows, int columns, const uint16_t *a, const uint16_t *b, int groups, int pieces,
				int add)
{
	_Alignas(64) float whole[SIDE * SIDE];
	__mmask16 left = first_lanes(columns), right = first_lanes(columns - LANES);
	float *p = whole, *from = c;
	for (int r = 0; add && r < SIDE; r++, p += SIDE, from += ldc) {
		_mm512_store_ps(p, _mm512_maskz_loadu_ps(r < rows ? left : 0, from));
		_mm512_store_ps(p + LANES, _mm512_maskz_loadu_ps(r < rows ? right : 0, from + LANES));
	}
	multiply(whole, SIDE, a, b, groups, pieces, add);
	p = whole;
	for (int r = 0; r < rows && r < SIDE; r++, p += SIDE, c += ldc) {
		_mm512_mask_storeu_ps(c, left, _mm512_load_ps(p));
		_mm512_mask_storeu_ps(c + LANES, right, _mm512_load_ps(p + LANES));
	}
}

static pthread_key_t room_key;
static int no_key;
static void make_key(void) { no_key = pthread_key_create(&room_key, free) != 0; }

/* The pieces of this thread's blocks, which its end frees; NULL without memory. */
static uint16_t *own_room(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_key);
	uint16_t *room = no_key ? NULL : pthread_getspecific(room_key);
	if (room || no_key)
		return room;
	room = aligned_alloc(64, (ROOM + PANEL) * sizeof *room);
	if (room && pthread_setspecific(room_key, room)) {
		free(room);
		return NULL;
	}
	return room;
}

TILES static void product_in(uint16_t *left, float *c, int ldc, struct amx_side a, struct amx_side b, int n, int p, int d, int pieces,
			     float scale, int add)
{
	static const struct {
		uint8_t palette, start, none[14];
		uint16_t bytes[16]; /* of a row */
		uint8_t rows[16];
	} shape = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
	uint16_t *right = left + ROOM;
	int lines = pieces == 2 ? 512 : 256;
	_tile_loadconfig(&shape);
	for (int k = 0; k < d; k += MOST_K) {
		int end = least(k + MOST_K, d), groups = (end - k + STEP - 1) / STEP;
		size_t side = (size_t)groups * (size_t)pieces * PIECE;
		for (int i0 = 0; i0 < n; i0 += lines) {
			int i1 = least(i0 + lines, n);
			for (int i = i0; i < i1; i += SIDE)
				pack(left + (size_t)(i - i0) / SIDE * side, &a, pieces, 0, i, n, k, end, scale);
			for (int j = 0; j < p; j += SIDE) {
				pack(right, &b, pieces, 1, j, p, k, end, 1);
				for (int i = i0; i < i1; i += SIDE) {
					float *to = c + (size_t)i * (size_t)ldc + j;
					const uint16_t *rows = left + (size_t)(i - i0) / SIDE * side;
					if (i1 - i >= SIDE && p - j >= SIDE)
						multiply(to, ldc, rows, right, groups, pieces, add || k);
					else
						multiply_edge(to, ldc, i1 - i, p - j, rows, right, groups, pieces, add || k);
				}
			}
		}
	}
	_tile_release();
}

/* Without memory of their own, threads take turns in what is always there: a result must not depend on that. */
void amx_product(float *c, int ldc, struct amx_side a, struct amx_side b, int n, int p, int d, int pieces, float scale, int add)
{
	static _Alignas(64) uint16_t spare[ROOM + PANEL];
	static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
	uint16_t *own = own_room();
	if (!own)
		pthread_mutex_lock(&turn);
	product_in(own ? own : spare, c, ldc, a, b, n, p, d, pieces, scale, add);
	if (!own)
		pthread_mutex_unlock(&turn);
}

int amx_takes(int n, int p, int d)
{
	return simd_level() == SIMD_AMX && n >= SIDE && p >= SIDE && d >= STEP && (double)n * p * d >= 64 * 64 * 64;
}

#endif
