/* input_curvature.h - the curvature of the loss in the input, a cheap proxy of memorization (Garg, Ravikumar & Roy 2024, "Memorization
 * through the lens of curvature of loss function around samples"):
 *
 *   mean over checkpoints and directions v of |grad_x l(x + h v) - grad_x l(x)|^2 / h^2,   v uniform in {-1, 1}^n, h = 1e-3
 *
 * l is the loss of losses.h: beta KL + the mean of recon over the draws. x enters l through the encoder and as the target of recon. For a small
 * h this is Hutchinson's estimate of the trace of H^2, the squared Frobenius norm of the Hessian H of l with respect to x.
 */
#ifndef VF_INPUT_CURVATURE_H
#define VF_INPUT_CURVATURE_H

#include <stdint.h>

#include "model/checkpoints.h"

#define INPUT_CURVATURE_STEP 1e-3f /* h; inputs are samples in 0..1 or standardised numbers */

struct input_curvature; /* buffers for one batch, one per worker */

/* models [n] are borrowed. Likelihood, beta and draws come from models[n-1].cfg.score. directions: at least 1. NULL with a message. */
struct input_curvature *input_curvature_open(const struct model *models, int n, int batch, int directions, struct fail *f);
/* Sets out [batch] from x [batch][input]. id [batch]: hashes of the payloads, which determine noise and directions. */
void input_curvature_score(struct input_curvature *s, const float *x, const uint64_t *id, double *out);
void input_curvature_close(struct input_curvature *s);

#endif
