/* conv.h - convolutions as matrix products (Chellapilla et al. 2006): what the kernel covers at each of
 * the T = sh x sw positions of the small side unrolls to a row of K = kernel^2 c numbers of the big side.
 *
 *   gather: big -> col [T][K]      scatter, its adjoint: col -> big, added up
 *   conv2d           y = gather(x) W^T     dx = scatter(dy W)     dW = dy^T gather(x)
 *   conv_transpose2d y = scatter(x W)      dx = gather(dy) W^T    dW = x^T gather(dy)
 *
 * so both have one set of kernels. W is [p][K] with K in the order kernel row, kernel column,
 * channel; torch's conv2d weight is [p][c][k][k] and its conv_transpose2d weight [p][c][k][k] too,
 * where p are its inputs. Rows lie one behind the other, so that the positions of all of them are one
 * dimension of a product. The unrolled numbers are made a chunk at a time and never leave the cache.
 */
#ifndef VF_CONV_H
#define VF_CONV_H

#include "nn/network.h"

static inline int conv_positions(const struct layer *l) { return l->sh * l->sw; }
static inline int conv_unrolled(const struct layer *l) { return l->kernel * l->kernel * l->c; }
/* Numbers in the weight, and in the bias (one a channel that is written). */
size_t conv_weights(const struct layer *l);
int conv_biases(const struct layer *l);
/* Floats of scratch that the passes below want. */
size_t conv_scratch(const struct layer *l);

/* Rows [from, to) of the first dimension of a weight (or of its gradient) in torch's order to the
 * order here, and back. */
void conv_reorder(const struct layer *l, float *packed, const float *w, int from, int to);
void conv_restore(const struct layer *l, float *w, const float *packed, int from, int to);

/* col [rows T][K] of rows of the big side */
void conv_im2col(const struct layer *l, float *col, const float *big, int rows);

/* y [rows][out] of x [rows][in]; b may be NULL; relu is applied in the same pass. */
void conv_forward(const struct layer *l, float *y, const float *x, const float *w, const float *b, int relu, int rows, float *scratch);
/* dx, unless NULL, the gradient by the input; dw [p][K], unless NULL, the sum over the rows of the
 * gradients by the weight, added to what is there when add. */
void conv_backward(const struct layer *l, float *dx, float *dw, const float *dy, const float *x, const float *w, int add, int rows,
                   float *scratch);
/* db: the sum of dy over rows and positions, [biases], added to what is there when add */
void conv_bias_gradient(const struct layer *l, float *db, const float *dy, int add, int rows);

#endif
