/* sparse_block.h - 16 rows that are zero in the same columns, as the 16 draws of one record are behind a ReLU.
 *
 * A block is the transpose of the rows without the columns that are zero in all of them: one vector of 16 numbers for every column that
 * is left. Layers read and write blocks directly (AVX-512, AVX2, NEON), so that zeros are searched for once, and a block takes about a quarter
 * of the memory of its rows. Results have the bits of mat_layer() and mat_nn(), except that a 0 behind a ReLU may differ in sign. */
#ifndef VF_SPARSE_BLOCK_H
#define VF_SPARSE_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "gemm/mat.h"

/* SPARSE_BATCH blocks at once are fastest: they share one pass over the weights, which the second-level cache does not hold. */
enum { SPARSE_ROWS = 16, SPARSE_BATCH = 16 };

/* Made by sparse_place() and filled by the functions below. Behind the n columns both arrays have space that products may read;
 * in column it is zeros. */
struct sparse_block {
	int n;                   /* columns kept */
	uint16_t *column;        /* [n]: their indices, ascending */
	float (*v)[SPARSE_ROWS]; /* [n]: their numbers, 0 for absent rows */
};

/* Whether products of that precision, with n outputs and inner dimension k, have sparse blocks on this processor: where there is AMX, only with
 * MAT_SPARSE. */
int sparse_supported(int n, int k, enum mat_bits bits);
/* Whether w is packed for sparse products. NULL: no */
int sparse_accepts(const struct mat_packed *w);

/* The bytes that `count` blocks for rows of up to `width` numbers take, a multiple of 64; sparse_place() makes the blocks in memory of
 * that size, aligned to 64, which the caller owns. */
size_t sparse_bytes(int count, int width);
struct sparse_block *sparse_place(void *memory, int count, int width);

/* A block of v[rows x width] with stride ld, rows <= SPARSE_ROWS; and v of a block, with its zeros. */
void sparse_pack(struct sparse_block *b, const float *v, size_t ld, int rows, int width);
void sparse_unpack(const struct sparse_block *b, float *v, size_t ld, int rows, int width);

/* `count` blocks x through the linear layer w. Dense outputs: y[16 count x n] = x w^T + bias (NULL: 0), rows ld apart. With a ReLU:
 * y = max(0, x w^T + bias) as blocks. */
void sparse_layer(float *y, size_t ld, const struct sparse_block *x, int count, const struct mat_packed *w, const float *bias);
void sparse_layer_relu(struct sparse_block *y, const struct sparse_block *x, int count, const struct mat_packed *w, const float *bias);
/* The way back: dx = dy w, and 0 where relu_mask is not above 0. dx keeps the columns of relu_mask. w was packed as masked. */
void sparse_nn_masked(struct sparse_block *dx, const struct sparse_block *dy, const struct sparse_block *relu_mask, int count,
		      const struct mat_packed *w);

/* The Gram matrix of the rows: c[16 x 16] = a a^T */
void sparse_gram(float *c, const struct sparse_block *a);

/* A spread block has each column at its own place, so that two blocks can be multiplied: column j is at 16 j, and behind all columns a mask
 * says which of them the block keeps; the others are not read. spread_floats(width) floats, aligned to 64, which the caller owns. */
size_t spread_floats(int width);
void sparse_spread(float *to, const struct sparse_block *b, int width);
/* The rows of a spread block, with their zeros: v[rows x width] with stride ld */
void sparse_unspread(float *v, size_t ld, const float *from, int rows, int width);

/* Gradients by the weights [np x nk] of a linear layer, sum_i p_i^T k_i over the rows i of `count` pairs of spread blocks p and k. */
struct spread_factors {
	const float *p, *k; /* [count][spread_floats(np)], [count][spread_floats(nk)] */
	int count;
};
/* to[r stride + c] = sum_ij (p_i . p'_j) (k_i . k'_j + bias) over the rows of pair r of x and pair c of z. With the bias 1 this is the dot product of
 * the gradients by weight and bias. */
void spread_dots(double *to, size_t stride, const struct spread_factors *x, const struct spread_factors *z, int np, int nk, float bias);

#endif
