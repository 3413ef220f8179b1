/* sparse_block.h - up to 16 rows that are zero in the same places, as a record's draws are behind a relu: turned over, and without the units
 * where all of them are zero. Layers read and write bundles on AVX-512 (gemm_avx512.h): a quarter of the memory that rows take, and
 * nothing is looked for twice. Sums have the bits that mat_layer() and mat_nn() give them, but for the sign of a 0 behind a relu. */
#ifndef VF_SPARSE_BLOCK_H
#define VF_SPARSE_BLOCK_H

#include <stddef.h>
#include <stdint.h>

struct mat_packed;

/* So many go through a layer best: its weights serve them all, and their numbers stay in the second cache. */
enum { SPARSE_ROWS = 16, SPARSE_BATCH = 8 };

/* Made by sparse_place(), filled by what is below: products read behind the n units, where there is room for it, and zeros in unit. */
struct sparse_block {
	int n;                   /* units that stand here */
	uint16_t *unit;          /* [n]: which ones, ascending */
	float (*v)[SPARSE_ROWS]; /* [n]: their numbers, 0 in lanes without a row */
};

/* Whether this processor's products of p lines over d can read and write bundles; and whether this side of them can. NULL: no. */
int sparse_supported(int p, int d);
int sparse_accepts(const struct mat_packed *w);

/* n bundles of rows of up to width numbers, in so many bytes, a multiple of 64; placed at room, which is aligned to 64. */
size_t sparse_bytes(int n, int width);
struct sparse_block *sparse_place(void *room, int n, int width);

/* lines <= 16 rows v, ld apart, of width numbers; and the other way, zeros where nothing stands. */
void sparse_pack(struct sparse_block *b, const float *v, size_t ld, int lines, int width);
void sparse_unpack(const struct sparse_block *b, float *v, size_t ld, int lines, int width);

/* n bundles, which have room for what a layer writes, through one: y = x w^T + bias, [n][16] rows ld apart, or bundles, negative
 * numbers 0. bias NULL: none, of rows. */
void sparse_layer(float *y, size_t ld, const struct sparse_block *x, int n, const struct mat_packed *w, const float *bias);
void sparse_layer_relu(struct sparse_block *y, const struct sparse_block *x, int n, const struct mat_packed *w, const float *bias);
/* dx = dy w, 0 where relu_mask's number is not above 0, with all units of relu_mask; w was packed as gated. */
void sparse_nn_masked(struct sparse_block *dx, const struct sparse_block *dy, const struct sparse_block *relu_mask, int n, const struct mat_packed *w);

/* c[16 x 16] = a a^T */
void sparse_gram(float *c, const struct sparse_block *a);

#endif
