/* linear.h - linear layers cut by columns [from, to) of their output, input or weight, so that training can split a layer into fixed
 * tasks; scoring computes them whole.
 *
 *   x [rows][in], y and dy [rows][out], w [out][in], b [out], or NULL for 0.
 */
#ifndef VF_LINEAR_H
#define VF_LINEAR_H

#include "gemm/mat.h"

/* relu: the ReLU after the layer is applied in the same pass. packed: w of the whole layer (mat_pack()), or NULL. */
void linear_forward(float *y, const float *x, const float *w, const float *b, int rows, int in, int out, int from, int to, int relu,
		    enum mat_bits bits, const struct mat_packed *packed);
/* relu_mask: network_relu_mask() */
void linear_backward(float *dx, const float *dy, const float *w, const float *relu_mask, int rows, int in, int out, int from, int to,
		     enum mat_bits bits, const struct mat_packed *packed);
/* dw [to-from][in], db [to-from]: scale times the gradient, added to what is there when add. packed: x, transposed; or NULL */
void linear_gradient(float *dw, float *db, const float *dy, const float *x, const struct mat_packed *packed, int rows, int in, int out,
		     int from, int to, float scale, int add);

#endif
