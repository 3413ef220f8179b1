/* draw_grams.h - inner products of gradients by one layer's parameters, without the gradients where the
 * shape lets us skip them.
 *
 * A layer with T positions, p numbers on one side of its weight and K on the other (linear: T = 1) has
 * of each draw the gradient sum_t d_t a_t^T. Over m draws that are m T rows, so that the products come either from
 * two Gram matrices, 2 (m T)^2 (p + K) operations, or from gradients written out, 2 m T p K: a
 * convolution takes the cheaper, and linear layers are never written out. Gradients written out are summed
 * over units of draws within one product: products are then between units.
 */
#ifndef VF_DRAW_GRAMS_H
#define VF_DRAW_GRAMS_H

#include "gemm/sparse_block.h"
#include "nn/network.h"

enum { DRAW_BLOCKS = 4 }; /* units where gradients are written out */

struct draw_grams {
	int draws, units;      /* units: of the draws, one each, or DRAW_BLOCKS blocks of them */
	int half;              /* the unit with which the second half of the draws begins */
	int *edge;             /* [units + 1]: draws of unit u are [edge[u], edge[u + 1]) */
	double *weight, *bias; /* [units][units]: sums over the draws of both of <g_j, g_k> */
	float *col, *ga, *gd, *grad, *sums; /* scratch */
};

/* Whether the gradient by this layer's weight is written out, of so many draws at once. */
int gradient_is_explicit(const struct layer *l, int draws);

/* Room for all layers of both networks; blocks: units are blocks of draws. */
int draw_grams_open(struct draw_grams *p, const struct network *enc, const struct network *dec, int draws, int blocks, struct fail *f);
void draw_grams_close(struct draw_grams *p);

/* Products of one record: x [draws][in] what the layer read, d [draws][out] gradients by its output. */
void draw_grams_dense(struct draw_grams *p, const struct layer *l, const float *x, const float *d);
/* The same for a linear layer, the draws as sparse blocks (sparse_block.h). */
void draw_grams_sparse(struct draw_grams *p, const struct sparse_block *x, const struct sparse_block *d);
/* The same for a convolution, by gradients written out, in steps: sums, draw_grams_explicit_size() floats, holds
 * the sums of every unit's gradients; draw_grams_add_gradients() fills in or adds some rows of one unit, and dx too,
 * unless NULL; draw_grams_multiply() makes the products. */
size_t draw_grams_explicit_size(const struct draw_grams *p, const struct layer *l);
void draw_grams_add_gradients(struct draw_grams *p, const struct layer *l, float *sums, int unit, int add, float *dx, const float *x, const float *d,
                    const float *w, int rows);
void draw_grams_multiply(struct draw_grams *p, const struct layer *l, const float *sums);
/* All of it, of rows [draws]. */
void draw_grams_explicit(struct draw_grams *p, const struct layer *l, float *dx, const float *x, const float *d, const float *w);

/* One row of a layer: <g0, g1> of the gradients that d0 and d1 make, by its weight and bias; and
 * along [out], the change of the output when weight and bias move by the gradient that dm makes. */
void row_gradient_dot(struct draw_grams *p, const struct layer *l, float *along, const float *x, const float *d0, const float *d1,
                  const float *dm, double *weight, double *bias);

#endif
