/* gradients.h - dot products between the mean gradients of many records (Kong & Chaudhuri 2021, eq. 10), each over
 * the noise of its own draws.
 *
 * A layer's gradient of one record is A^T B over a few rows: of a linear layer these are the draws, with A the gradients
 * by its output and B what it read; of a convolution the draws' positions, with A its small side and B its big side
 * unrolled (conv.h). Kept as these factors, the dot product of two gradients is the sum of the elementwise product of
 * A A'^T and B B'^T, rows^2 (p + k) multiplications where the gradient has p k numbers. Where that is more than it
 * saves, the gradient is written out instead, and one matrix product over all such layers gives all dot products.
 *
 * All of it is asked from within the call of influence_each_checkpoint(), at the checkpoint at hand.
 */
#ifndef VF_GRADIENTS_H
#define VF_GRADIENTS_H

#include "influence/influence.h"

/* Floats of one record's gradient. */
size_t gradients_size(const struct influence *s);
/* The gradients of the first n records of the batch, as gradients_dots() wants them: to [n size]. */
void gradients_copy(const struct influence *s, int n, float *to);
/* out[r stride + q] += w_c <g_(from + r), g'_(first + q)> of n records of the batch and m of the `kept` records that
 * gradients_copy() left at `to`. */
void gradients_dots(struct influence *s, int from, int n, const float *to, int kept, int first, int m, double *out, size_t stride);

#endif
