/* tiles.h - the tile instructions that gemm_amx.c uses, in plain C, so that machines without AMX test it. Include this file before gemm_amx.c; the
 * rest of that file needs AVX-512.
 *
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, LDTILECFG, TILELOADD, TILESTORED and TDPBF16PS. What raises an
 * exception there, such as a tile that is not configured, ends the program here. Numbers that are not a NAN get the bits of the processor. */
#ifndef VF_TILES_H
#define VF_TILES_H

#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TILES = 8, TILE_ROWS = 16, ROW_BYTES = 64 };

static _Thread_local struct {
	int rows[TILES], row_bytes[TILES]; /* 0: not configured */
	_Alignas(64) uint8_t v[TILES][TILE_ROWS][ROW_BYTES];
} tiles;

static inline void tiles_require(int met, const char *what)
{
	if (!met) {
		fprintf(stderr, "emulated tiles: %s\n", what);
		abort();
	}
}

static inline void tiles_release(void) { memset(&tiles, 0, sizeof tiles); }

static inline void tiles_configure(const void *from)
{
	struct {
		uint8_t palette, start_row, reserved[14];
		uint16_t row_bytes[16];
		uint8_t rows[16];
	} c;
	memcpy(&c, from, sizeof c);
	int bad = c.palette != 1 || c.start_row != 0;
	for (int i = 0; i < 14; i++)
		bad |= c.reserved[i] != 0;
	tiles_release();
	for (int i = 0; i < 16; i++) {
		bad |= c.row_bytes[i] % 4 != 0; /* the processor finds that in a product */
		bad |= c.rows[i] > TILE_ROWS || c.row_bytes[i] > ROW_BYTES || !c.rows[i] != !c.row_bytes[i] || (i >= TILES && c.rows[i]);
		if (i < TILES)
			tiles.rows[i] = c.rows[i], tiles.row_bytes[i] = c.row_bytes[i];
	}
	tiles_require(!bad, "the configuration is not one of palette 1");
}

static inline void tile_zero(int t)
{
	tiles_require(t >= 0 && t < TILES && tiles.rows[t], "a tile is not configured");
	memset(tiles.v[t], 0, sizeof tiles.v[t]);
}

static inline void tile_load(int t, const void *from, size_t stride)
{
	tile_zero(t);
	for (int r = 0; r < tiles.rows[t]; r++)
		memcpy(tiles.v[t][r], (const char *)from + (size_t)r * stride, (size_t)tiles.row_bytes[t]);
}

static inline void tile_store(int t, void *to, size_t stride)
{
	tiles_require(tiles.rows[t], "a tile is not configured");
	for (int r = 0; r < tiles.rows[t]; r++)
		memcpy((char *)to + (size_t)r * stride, tiles.v[t][r], (size_t)tiles.row_bytes[t]);
}

/* Not inlined, so that all its arithmetic stands between the changes of the mode. Without sanitizers, because it touches only `tiles`. */
__attribute__((noinline, target("avx512f,fma"), no_sanitize("address", "undefined"))) static void multiply_tiles(int d, int a, int b)
{
	for (int m = 0; m < tiles.rows[a]; m++) {
		float low[TILE_ROWS] = {0}, high[TILE_ROWS] = {0}, sum[TILE_ROWS];
		for (int k = 0; k < tiles.row_bytes[a] / 4; k++) {
			uint32_t pair[TILE_ROWS], x, x_low, x_high, y_low[TILE_ROWS], y_high[TILE_ROWS]; /* a bfloat16 is the upper half of a float */
			float u, v, p[TILE_ROWS], q[TILE_ROWS];
			memcpy(&x, tiles.v[a][m] + 4 * k, sizeof x);
			memcpy(pair, tiles.v[b][k], sizeof pair);
			x_low = x << 16, x_high = x & 0xffff0000u;
			for (int n = 0; n < TILE_ROWS; n++)
				y_low[n] = pair[n] << 16, y_high[n] = pair[n] & 0xffff0000u;
			memcpy(&u, &x_low, sizeof u);
			memcpy(&v, &x_high, sizeof v);
			memcpy(p, y_low, sizeof p);
			memcpy(q, y_high, sizeof q);
			for (int n = 0; n < TILE_ROWS; n++) {
				low[n] = __builtin_fmaf(u, p[n], low[n]);
				high[n] = __builtin_fmaf(v, q[n], high[n]);
			}
		}
		memcpy(sum, tiles.v[d][m], sizeof sum);
		for (int n = 0; n < TILE_ROWS; n++)
			sum[n] += low[n] + high[n];
		memcpy(tiles.v[d][m], sum, sizeof sum);
	}
}

static inline void tile_multiply(int d, int a, int b)
{
	enum { FLUSH_RESULTS = 1 << 15, FLUSH_OPERANDS = 1 << 6, NO_EXCEPTIONS = 0x1f80 };
	unsigned mode = _mm_getcsr();
	tiles_require(d != a && d != b && a != b, "the sum and the factors are not three tiles");
	tiles_require(tiles.rows[d] && tiles.rows[a] == tiles.rows[d] && tiles.row_bytes[b] == tiles.row_bytes[d] && tiles.row_bytes[a] == 4 * tiles.rows[b],
	              "the shapes of the factors do not fit");
	_mm_setcsr(NO_EXCEPTIONS | FLUSH_RESULTS | FLUSH_OPERANDS);
	multiply_tiles(d, a, b);
	_mm_setcsr(mode);
}

/* VCVTNE2PS2BF16, which AVX-512 alone lacks too: the bfloat16 nearest to each number of low, then of high. */
static inline uint16_t nearest_bf16(uint32_t x)
{
	uint32_t magnitude = x & 0x7fffffffu, sign = x >> 16 & 0x8000;
	if (magnitude > 0x7f800000u)
		return (uint16_t)(x >> 16 | 0x40);
	return (uint16_t)(magnitude < 0x00800000u ? sign : (x + 0x7fff + (x >> 16 & 1)) >> 16);
}

__attribute__((target("avx512f"))) static inline __m512i nearest_pairs(__m512 high, __m512 low)
{
	uint32_t x[32];
	uint16_t to[32];
	_mm512_storeu_ps(x, low);
	_mm512_storeu_ps(x + 16, high);
	for (int i = 0; i < 32; i++)
		to[i] = nearest_bf16(x[i]);
	return _mm512_loadu_si512(to);
}

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#undef _mm512_cvtne2ps_pbh
#define _tile_loadconfig(from) tiles_configure(from)
#define _tile_release() tiles_release()
#define _tile_zero(t) tile_zero(t)
#define _tile_loadd(t, from, stride) tile_load(t, from, stride)
#define _tile_stored(t, to, stride) tile_store(t, to, stride)
#define _tile_dpbf16ps(d, a, b) tile_multiply(d, a, b)
#define _mm512_cvtne2ps_pbh(high, low) nearest_pairs(high, low)
#define AMX __attribute__((target("avx512f,avx512bw,avx512vl")))

#endif
