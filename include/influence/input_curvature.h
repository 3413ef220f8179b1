/* input_curvature.h - the curvature of the loss in the input, a cheap proxy of memorization (Garg, Ravikumar & Roy 2024, "Memorization
 * through the lens of curvature of loss function around samples"):
 *
 *   mean over checkpoints and directions v of |grad_x l(x + h v) - grad_x l(x)|^2 / h^2,   v uniform in {-1, 1}^n, h = 1e-3
 *
 * l is the loss of losses.h: beta KL + mean over the draws of recon. The gradient goes through the encoder, and through the target of recon. For
 * a small h this is the squared Frobenius norm of the loss's Hessian by x, estimated as Hutchinson's trace of its square.
 */
#ifndef VF_INPUT_CURVATURE_H
#define VF_INPUT_CURVATURE_H

#include <stdint.h>

#include "model/checkpoints.h"

#define INPUT_CURVATURE_STEP 1e-3f /* h, of samples in 0..1 or standardised numbers */

struct input_curvature; /* buffers for one batch, one per worker */

/* models [n] are borrowed. Likelihood, beta and draws are those of models[n-1].cfg.score. directions: at least 1. */
struct input_curvature *input_curvature_open(const struct model *models, int n, int batch, int directions, struct fail *f);
/* out [batch] of x [batch][input]; id [batch]: a hash of each payload, on which noise and directions depend. */
void input_curvature_score(struct input_curvature *s, const float *x, const uint64_t *id, double *out);
void input_curvature_close(struct input_curvature *s);

#endif
