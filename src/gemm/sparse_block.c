/* The memory of sparse blocks, and the kernels that compute with them (sparse_kernels.h). */
#include "gemm/sparse_block.h"

#include <limits.h>

#include "gemm/kernels.h"
#include "gemm/spread_mask.h"

enum { MAX_COLUMNS = 32768, PADDING = 32 }; /* an index has 16 bits; kernels read PADDING columns behind the last one (LIST_PADDING) */

int sparse_supported(int n, int k, enum mat_bits bits)
{
	int least = blocked_kernels() && blocked_kernels()->lanes < 16 ? 65 : 16; /* dense products are faster if a side is shorter */
	return gemm_select(INT_MAX, n, k, bits) == GEMM_BLOCKED && n >= least && k >= least && n <= MAX_COLUMNS && k <= MAX_COLUMNS;
}

int sparse_accepts(const struct mat_packed *w) { return w && !w->pieces && w->n <= MAX_COLUMNS && w->k <= MAX_COLUMNS; }

static size_t cache_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }
static size_t index_bytes(int width) { return cache_lines(((size_t)width + PADDING) * sizeof(uint16_t)); }
static size_t number_bytes(int width) { return ((size_t)width + PADDING) * sizeof(float[SPARSE_ROWS]); }

size_t sparse_bytes(int count, int width)
{
	return cache_lines((size_t)count * sizeof(struct sparse_block)) + (size_t)count * (index_bytes(width) + number_bytes(width));
}

struct sparse_block *sparse_place(void *memory, int count, int width)
{
	struct sparse_block *b = memory;
	char *at = (char *)memory + cache_lines((size_t)count * sizeof *b);
	for (int i = 0; i < count; i++, at += index_bytes(width) + number_bytes(width))
		b[i] = (struct sparse_block){0, (uint16_t *)(at + number_bytes(width)), (float(*)[SPARSE_ROWS])at};
	return b;
}

void sparse_pack(struct sparse_block *b, const float *v, size_t ld, int rows, int width) { blocked_kernels()->sparse_pack(b, v, ld, rows, width); }

void sparse_unpack(const struct sparse_block *b, float *v, size_t ld, int rows, int width) { blocked_kernels()->sparse_unpack(b, v, ld, rows, width); }

void sparse_layer(float *y, size_t ld, const struct sparse_block *x, int count, const struct mat_packed *w, const float *bias)
{
	blocked_kernels()->sparse_layer(y, ld, x, count, w, bias);
}

void sparse_layer_relu(struct sparse_block *y, const struct sparse_block *x, int count, const struct mat_packed *w, const float *bias)
{
	blocked_kernels()->sparse_layer_relu(y, x, count, w, bias);
}

void sparse_nn_masked(struct sparse_block *dx, const struct sparse_block *dy, const struct sparse_block *relu_mask, int count,
		      const struct mat_packed *w)
{
	blocked_kernels()->sparse_nn_masked(dx, dy, relu_mask, count, w);
}

void sparse_gram(float *c, const struct sparse_block *a) { blocked_kernels()->sparse_gram(c, a); }

size_t spread_floats(int width) { return (size_t)width * SPARSE_ROWS + cache_lines(mask_words(width) * sizeof(uint64_t)) / sizeof(float); }

void sparse_spread(float *to, const struct sparse_block *b, int width) { blocked_kernels()->sparse_spread(to, b, width); }

void sparse_unspread(float *v, size_t ld, const float *from, int rows, int width)
{
	const uint64_t *mask = spread_mask(from, width);
	for (size_t j = 0; j < (size_t)width; j++)
		for (size_t i = 0; i < (size_t)rows; i++)
			v[i * ld + j] = mask[j / MASK_BITS] >> j % MASK_BITS & 1 ? from[j * SPARSE_ROWS + i] : 0;
}

void spread_dots(double *to, size_t stride, const struct spread_factors *x, const struct spread_factors *z, int np, int nk, float bias)
{
	blocked_kernels()->spread_dots(to, stride, x, z, np, nk, bias);
}
