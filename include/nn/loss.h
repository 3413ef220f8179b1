/* loss.h - the loss of a beta-VAE for one record and one draw (Kong & Chaudhuri 2021, eq. 6):
 *
 *   l = beta * KL(N(mu, sigma^2) || N(0, I)) + recon,    xi = mu + sigma eps
 *   recon = |sigmoid(f(xi)) - x|^2 (gaussian), sum BCE(sigmoid(f(xi)), x) (bernoulli),
 *           or |f(xi) - x|^2 (linear), summed over the elements.
 */
#ifndef VF_LOSS_H
#define VF_LOSS_H

enum likelihood { GAUSSIAN, BERNOULLI, LINEAR };

/* recon of one row of n logits f against x; d[n], when not NULL, becomes its gradient by f (may be f). */
double loss_recon(enum likelihood likelihood, const float *f, const float *x, int n, float *d);

/* The same, and into nll the recon of another likelihood, in one pass where the two share their work. */
double loss_recon_two(enum likelihood likelihood, enum likelihood other, const float *f, const float *x, int n, float *d, double *nll);

/* Numbers of d[n] below 2^-25 / sqrt(n) of the largest become 0. All of them together move no product of d with another vector by
 * more than 2^-25 of the two lengths, half a rounding of a float; and products pass over zeros (mat.h), which behind a
 * sigmoid that knows its pixels half of d becomes. */
void loss_flush(float *d, int n);

/* head[2 latent] = mu, then logvar: the encoder's output. */
double loss_kl(const float *head, int latent);

#endif
