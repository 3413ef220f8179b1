/* row_gradient.h - dot products between the gradients that several deltas make for one row of a layer, and the step of the layer's output along
 * one of them. The scratch is that of the dot products of draws (draw_grams.h). */
#ifndef VF_ROW_GRADIENT_H
#define VF_ROW_GRADIENT_H

#include "influence/draw_grams.h"

/* With a whitening, before row_gradient_dot() for n <= white_group() rows x [n][in]. */
void white_rows(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *x, int n);
/* For one row x [in] of a layer, which is not dense if there is a whitening: the dot products, by weight and by bias, of the gradients
 * that dy0 and dy1 [out] make; and tangent_out [out], the change of the layer's output if weight and bias move along the gradient that
 * dy_mean [out] makes, or with a whitening along that gradient times the inverse of the curvature. at: with a whitening,
 * which of the rows of white_rows() it is */
void row_gradient_dot(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, int at, const float *x, const float *dy0,
                      const float *dy1, const float *dy_mean, double *weight, double *bias, float *tangent_out);

#endif
