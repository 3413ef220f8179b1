/* loss.h - the loss of a beta-VAE for one record and one draw (Kong & Chaudhuri 2021, eq. 6):
 *
 *   l = beta * KL(N(mu, sigma^2) || N(0, I)) + recon,    xi = mu + sigma eps
 *   recon = |sigmoid(f(xi)) - x|^2 (gaussian), sum BCE(sigmoid(f(xi)), x) (bernoulli),
 *           or |f(xi) - x|^2 (linear), summed over the elements.
 */
#ifndef VF_LOSS_H
#define VF_LOSS_H

enum likelihood { GAUSSIAN, BERNOULLI, LINEAR };

/* recon of one row of n logits f and values x. d[n], unless NULL, becomes its gradient with respect to f; d may be f. */
double loss_recon(enum likelihood likelihood, const float *f, const float *x, int n, float *d);

/* The same, and in *nll the recon of another likelihood, in one pass if the two share their work. */
double loss_recon_two(enum likelihood likelihood, enum likelihood other, const float *f, const float *x, int n, float *d, double *nll);

/* With a learnt variance v_c for each channel c of the input, gaussian and linear are -log N(x; f', v_c I), f' = sigmoid(f) or f:
 *
 *   recon = sum_c sum_{i in c} (f'_i - x_i)^2 / (2 v_c) + log(2 pi v_c) / 2 */
struct learnt_variance {
	const float *log_variance; /* [channels]; NULL: the variance is not learnt, and recon is as above */
	int channels, channels_last; /* channels of a row, and whether f and x are channels last (nn/layout.h) */
};
/* loss_recon() with a learnt variance. Sets by_log_variance [channels], unless NULL, to the gradient with respect to log v_c. */
double loss_recon_learnt(enum likelihood likelihood, const struct learnt_variance *v, const float *f, const float *x, int n, float *d, double *by_log_variance);
/* The channel of element i of a row of n. */
static inline int variance_channel(const struct learnt_variance *v, int i, int n) { return v->channels_last ? i % v->channels : i / (n / v->channels); }

/* Adds to d [n] `share` times the gradient of recon with respect to x, at fixed f. */
void loss_recon_by_input(enum likelihood likelihood, const struct learnt_variance *v, const float *f, const float *x, int n, float share, float *d);

/* Sets numbers of a gradient d[n] below 2^-25 / sqrt(n) of the largest to 0. Together they change no product of d with another vector
 * by more than 2^-25 of the product of their norms, half a rounding error of a float. Products skip zeros (mat.h); for a sigmoid that
 * is sure of its pixels they are half of d. */
void loss_flush(float *d, int n);

/* The KL term. head [2 latent]: the encoder's output, mu and then log sigma^2. */
double loss_kl(const float *head, int latent);

#endif
