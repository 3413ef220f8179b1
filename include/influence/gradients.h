/* gradients.h - dot products between the mean gradients of many records (Kong & Chaudhuri 2021, equation 10), each a mean over the
 * record's own noise draws.
 *
 * A layer's gradient of one record is P^T K with factors P [r][p] and K [r][k] (layer.h). r counts the draws and their positions; an
 * encoder layer has one row of mean gradients instead of the draws. Kept as factors, the dot product of two records is the sum of
 * (P P'^T)(K K'^T), elementwise: r^2 (p + k) multiplications, while the explicit gradient has p k numbers. If factors would cost more,
 * the gradient is written out, and one matrix product over all such layers gives all dot products.
 *
 * These functions, except gradients_low_rank(), are called from the callback of influence_each_checkpoint(), for the batch and the checkpoint
 * at hand.
 */
#ifndef VF_GRADIENTS_H
#define VF_GRADIENTS_H

#include "influence/influence.h"

/* Chooses the form of each layer at this checkpoint, unless it is chosen: sparse if few columns of its factors are nonzero in two records one after
 * the other. May be called for every batch: the first n records of the first one decide. */
void gradients_choose(struct influence *s, int n);
/* Floats of one record's gradient, as factors and explicit. */
size_t gradients_size(const struct influence *s);
/* to [n][gradients_size()]: the gradients of the first n records of the batch, in the order that gradients_dots() reads. */
void gradients_copy(const struct influence *s, int n, float *to);
/* out[r stride + q] += w_c <g_(from + r), g'_(first + q)>, for n records of the batch and m of the `kept` records whose gradients
 * gradients_copy() wrote to `other`. */
void gradients_dots(struct influence *s, int from, int n, const float *other, int kept, int first, int m, double *out, size_t stride);
/* Reduces gradients of n records, which gradients_copy(s) wrote to `from` at a checkpoint, to the layout of `few`, in to [n][gradients_size(few)].
 * They are near those of `from`: for each layer, the nearest of as low a rank as factors of `few` have rows (low_rank.h). s and few have the same
 * models, except for the number of draws, which is at most that of s in few, and the same whitening; few has no forms. -1: out of memory */
int gradients_low_rank(const struct influence *s, const struct influence *few, size_t checkpoint, size_t n, const float *from, float *to, struct fail *f);

#endif
