/* gradient_dots.h - adds the dot products of the gradients of two sets of records to a matrix: out[i stride + j] += scale <gradient i,
 * other gradient j>. There is a function for each form in which gradients.c keeps gradients; that for EK-FAC is eigen_pairs() of
 * eigen_dots.h. */
#ifndef VF_GRADIENT_DOTS_H
#define VF_GRADIENT_DOTS_H

#include "influence/eigen_dots.h"
#include "influence/influence_state.h"

enum { DOT_PAIRS = 1 << 14 }; /* numbers of g->pairs: pairs of records whose dot products are computed at once, for spread blocks */

/* A layer with factors. */
void factor_dots(const struct gradients *g, const struct layer_gradient *layer, const struct gradient_factors *x, const struct gradient_factors *z,
                 double scale, double *out, size_t stride);
/* A layer whose factors are spread blocks (sparse_block.h), one for the rows of a record. */
void sparse_dots(const struct gradients *g, const struct layer_gradient *layer, const struct gradient_factors *x, const struct gradient_factors *z,
                 double scale, double *out, size_t stride);
/* All explicit gradients: x [n][g->explicit_size], z [m][g->explicit_size]. */
void explicit_dots(const struct gradients *g, const float *x, int n, const float *z, int m, double scale, double *out, size_t stride);

#endif
