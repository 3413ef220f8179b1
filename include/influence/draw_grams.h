/* draw_grams.h - dot products between the gradients of a record's noise draws, by one layer's weight and bias.
 *
 * A layer's weight is [p][k]. The gradient of one draw is P^T K, with factors P [positions][p] and K [positions][k] (layer.h). For m
 * draws there are r = m positions rows of each. The dot products come in one of two ways:
 *
 *   factors    <g_i, g_j> = sum over the positions of draws i and j of (P P^T)(K K^T), elementwise      2 r^2 (p + k) operations
 *   explicit   the gradients are written out, then multiplied                                           2 r p k operations
 *
 * whichever is cheaper; dense layers, which have one position, always use factors. If a layer of the decoder is explicit, its
 * gradients are summed over blocks of draws to save memory, and all dot products are then between blocks.
 *
 * What is kept are the dot products between each block and the sum over a part of the draws: all draws, or each half of them.
 *
 * With a whitening (whitening.h; NULL: none) the dot products are those of whitened gradients. The bias then counts with the weight, but
 * for transposed layers.
 */
#ifndef VF_DRAW_GRAMS_H
#define VF_DRAW_GRAMS_H

#include "gemm/sparse_block.h"
#include "influence/whitening.h"
#include "nn/network.h"

enum { DRAW_BLOCKS = 4 }; /* if a layer is explicit */

struct draw_grams {
	int draws, blocks;     /* a block for each draw; or DRAW_BLOCKS, 2 for fewer draws than that */
	int half_block;        /* the block with which the second half of the draws begins */
	int split;             /* the block with which part 1 begins: half_block, or with one part `blocks` */
	int *block_from;       /* [blocks + 1]: block b holds the draws [block_from[b], block_from[b + 1]) */
	double *weight, *bias; /* [2][blocks]: sums over the draws i of a block and j of a part of <g_i, g_j>, by weight and by bias */
	float *scratch;        /* of the layer's passes, and for unrolled factors */
	float *gram_p, *gram_k, *gradients, *bias_sums; /* more scratch */
	float *white_p, *white_k, *white_gradients, *eigen; /* scratch with a whitening, as is */
	double *row_sums;
};

/* Whether the gradients of so many draws by the layer's weight are explicit. */
int gradient_is_explicit(const struct layer *l, int draws);
/* The same for one row of a layer that is not dense, with a whitening (row_gradient.h). */
int white_row_is_explicit(const struct layer *l);

/* For all layers of both networks. use_blocks: draws are summed in DRAW_BLOCKS blocks; halves: in two parts. Call draw_grams_close() also
 * after a failure. */
int draw_grams_open(struct draw_grams *g, const struct network *enc, const struct network *dec, int draws, int use_blocks, int halves, struct fail *f);
void draw_grams_close(struct draw_grams *g);
/* Prepares for a whitening. */
int draw_grams_whiten(struct draw_grams *g, const struct network *enc, const struct network *dec, struct fail *f);

/* Records, or rows, whose factors are whitened at once, so that a matrix is read once for all of them; 1 for dense layers. draws: 1 for rows.
 * w: NULL for the most of any whitening */
int white_group(const struct layer *l, const struct layer_whitening *w, int draws);
/* Whitens the factors of n <= white_group() records, x [n][draws][in] and dy [n][draws][out]. */
void draw_grams_whiten_factors(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *x, const float *dy, int n);

/* All of these fill weight and bias for one record: x [draws][in], the layer's input; dy [draws][out], the deltas at its
 * output (network.h). */
/* at: with a whitening, which of the records of draw_grams_whiten_factors() it is */
void draw_grams_from_factors(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *x, const float *dy, int at);
/* The same for a dense layer, with the draws as sparse blocks (sparse_block.h). */
void draw_grams_from_sparse(struct draw_grams *g, const struct sparse_block *x, const struct sparse_block *dy);
/* The same for a dense layer's whitened factors, p [draws][w->p] and k [draws][w->k]. */
void draw_grams_from_white(struct draw_grams *g, const struct layer_whitening *w, const float *p, const float *k);
/* The same with explicit gradients. dx [draws][in], unless NULL, becomes the deltas at the layer's input, behind the ReLU that makes x when
 * relu; weight: its own. */
void draw_grams_explicit(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, float *dx, const float *x,
                         const float *dy, const float *weight, int relu);

/* The same in steps, a few draws at a time. gradients, block_gradients_size() floats: sums over the draws of each block, by weight
 * [blocks][p][k] and by bias [blocks][biases]. block_gradients_add() sets the sum of a block, or adds to it, for rows of the block. */
size_t block_gradients_size(const struct draw_grams *g, const struct layer *l);
void block_gradients_add(struct draw_grams *g, const struct layer *l, float *gradients, int block, int add, float *dx, const float *x,
                         const float *dy, const float *w, int relu, int rows);
void draw_grams_from_gradients(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *gradients);

/* Factor k of rows [rows][in], in g->scratch if the layer unrolls. */
const float *unrolled_k(struct draw_grams *g, const struct layer *l, const float *k, int rows);

#endif
