/* The encoder's part of a score.
 *
 *   forward:   x -> mu, logvar -> xi_j = mu + sigma eps_j for every draw j
 *   backward:  the gradient of each draw with respect to mu and logvar; their mean, once through the encoder
 *   tangent:   how mu and logvar change if the weights move along the mean gradient; its dot product with the gradient of draw j with
 *              respect to mu and logvar is <g_j, mean g> over all encoder layers in use
 *
 * The cross estimator has one mean and one backward pass for each half of the draws. */
#include <math.h>
#include <string.h>

#include "gemm/mat.h"
#include "influence/eigen_dots.h"
#include "influence/influence_state.h"
#include "influence/row_gradient.h"

void draw_latents(struct influence *s, const uint64_t *id, const float *eps)
{
	size_t n = (size_t)s->latent;
	for (size_t r = 0; r < (size_t)s->rows; r++) {
		const float *mu = s->enc.v[s->model->enc.last] + r * 2 * n, *logvar = mu + n;
		float *sigma = s->sigma + r * n;
		for (size_t i = 0; i < n; i++)
			sigma[i] = expf(0.5f * logvar[i]);
		for (size_t j = 0; j < (size_t)s->draws; j++) {
			size_t at = (r * (size_t)s->draws + j) * n;
			if (eps)
				memcpy(s->eps + at, eps + at, n * sizeof *eps);
			else
				rng_normal(s->eps + at, s->latent, (uint64_t)s->cfg.score.seed, s->role, (uint64_t)s->model->step, id[r], (uint32_t)j);
			for (size_t i = 0; i < n; i++)
				s->xi[at + i] = mu[i] + sigma[i] * s->eps[at + i];
		}
	}
}

/* --- deltas at the encoder's output --- */

/* d [2 latent], by mu and logvar, through xi = mu + sigma eps. dxi: the gradient of recon by xi. */
static void pathwise_gradient(float *d, const float *mu, const float *sigma, const float *eps, const float *dxi, float beta, int latent)
{
	for (int i = 0; i < latent; i++) {
		d[i] = beta * mu[i] + dxi[i];
		d[latent + i] = 0.5f * (beta * (sigma[i] * sigma[i] - 1) + dxi[i] * sigma[i] * eps[i]);
	}
}

/* d [2 latent] by the score function: grad log Q(xi|x) (beta log Q(xi|x)/P(xi) + recon), xi fixed (Kong & Chaudhuri 2021, equation 9 as
 * printed). */
static void score_gradient(float *d, const float *logvar, const float *sigma, const float *eps, const float *xi, double beta, double recon,
                           int latent)
{
	double log_ratio = 0;
	for (int i = 0; i < latent; i++)
		log_ratio += 0.5 * ((double)xi[i] * (double)xi[i] - (double)eps[i] * (double)eps[i] - (double)logvar[i]);
	float scale = (float)(beta * log_ratio + recon);
	for (int i = 0; i < latent; i++) {
		d[i] = scale * eps[i] / sigma[i];
		d[latent + i] = scale * 0.5f * (eps[i] * eps[i] - 1);
	}
}

void head_gradient(const struct config *cfg, float *d, const float *head, const float *sigma, const float *eps, const float *xi, const float *dxi,
                   double recon)
{
	if (cfg->score.gradient == PATHWISE)
		pathwise_gradient(d, head, sigma, eps, dxi, (float)cfg->score.beta, cfg->latent);
	else
		score_gradient(d, head + cfg->latent, sigma, eps, xi, cfg->score.beta, recon, cfg->latent);
}

static void head_gradients(struct influence *s)
{
	size_t n = (size_t)s->latent, draws = (size_t)s->draws;
	for (size_t row = 0; row < (size_t)s->rows * draws; row++) {
		size_t r = row / draws;
		head_gradient(&s->cfg, s->dhead + row * 2 * n, s->enc.v[s->model->enc.last] + r * 2 * n, s->sigma + r * n, s->eps + row * n, s->xi + row * n,
		              s->dxi + row * n, s->recon[row]);
	}
}

/* mean [n]: of rows [from, to) of v */
static void mean_of_rows(float *mean, const float *v, int from, int to, size_t n)
{
	float share = 1.0f / (float)(to - from);
	memset(mean, 0, n * sizeof *mean);
	for (int j = from; j < to; j++)
		for (size_t i = 0; i < n; i++)
			mean[i] += v[(size_t)j * n + i] * share;
}

/* The means over all draws into enc_grad[0], or over each half into enc_grad[0] and enc_grad[1]. */
static void head_means(struct influence *s, int halves)
{
	size_t n = 2 * (size_t)s->latent;
	int last = s->model->enc.last, split = halves == 2 ? s->half : s->draws;
	for (size_t r = 0; r < (size_t)s->rows; r++) {
		const float *dhead = s->dhead + r * (size_t)s->draws * n;
		mean_of_rows(s->enc_grad[0].v[last] + r * n, dhead, 0, split, n);
		if (halves == 2)
			mean_of_rows(s->enc_grad[1].v[last] + r * n, dhead, split, s->draws, n);
	}
}

/* --- the tangent pass --- */

/* white_dense_layer() in the eigenbasis. d0, d1 and mean: whitened gradients; s->white_k: the whitened input, which is overwritten */
static void eigen_dense_layer(struct influence *s, const struct layer *l, const struct layer_whitening *w, const float *d0, const float *d1,
                              const float *mean, float *tangent)
{
	size_t n = (size_t)s->rows * (size_t)w->p, p = (size_t)w->p;
	float *u = s->white_rows[3];
	for (size_t i = 0; i < (size_t)s->rows * (size_t)w->k; i++)
		s->white_k[i] *= s->white_k[i];
	eigen_weigh(w, u, s->white_k, s->rows);
	for (size_t r = 0; r < (size_t)s->rows; r++) {
		double sum = 0;
		for (size_t i = r * p; i < (r + 1) * p; i++)
			sum += (double)u[i] * (double)d0[i] * (double)d1[i];
		add_to_score(s, (int)r, l->tensor, sum);
	}
	for (size_t i = 0; i < n; i++)
		u[i] *= mean[i];
	whiten_p_adjoint(w, s->white_p, u, s->rows);
	for (size_t i = 0; i < n; i++)
		tangent[i] += s->white_p[i];
}

/* Dot products of a dense layer and its own part of the tangent, whitened: with the input a (and its 1) and the gradient d, both whitened,
 * <g, g'> = |a|^2 <d, d'>, and the layer moves by |a|^2 L^-T d. In the eigenbasis, |a|^2 is another number for each row i of the gradient,
 * u_i = sum_j a_j^2 / (lambda_ij + damping). */
static void white_dense_layer(struct influence *s, int i, const float *x, const float *const dy[3], float *tangent)
{
	const struct layer *l = &s->model->enc.l[i];
	const struct layer_whitening *w = encoder_whitening(s, i);
	size_t out = (size_t)l->out, k = (size_t)w->k;
	whiten_k(w, s->white_k, x, s->rows);
	for (int j = 0; j < 3; j++)
		if (j == 0 || dy[j] != dy[0])
			whiten_p(w, s->white_rows[j], dy[j], s->rows);
	const float *d0 = s->white_rows[0], *d1 = dy[1] == dy[0] ? d0 : s->white_rows[1], *mean = dy[2] == dy[0] ? d0 : s->white_rows[2];
	if (w->eigen.inverse) {
		eigen_dense_layer(s, l, w, d0, d1, mean, tangent);
		return;
	}
	whiten_p_adjoint(w, s->white_p, mean, s->rows);
	for (size_t r = 0; r < (size_t)s->rows; r++) {
		double aa = dot(s->white_k + r * k, s->white_k + r * k, w->k);
		for (size_t j = 0; j < out; j++)
			tangent[r * out + j] += (float)aa * s->white_p[r * out + j];
		add_to_score(s, (int)r, l->tensor, aa * dot(d0 + r * out, d1 + r * out, l->out));
	}
}

/* The same for any layer, row by row. */
static void layer_rows(struct influence *s, int i, const float *x, const float *const dy[3], float *tangent)
{
	const struct layer *l = &s->model->enc.l[i];
	const struct layer_whitening *w = encoder_whitening(s, i);
	size_t in = (size_t)l->in, out = (size_t)l->out, n = (size_t)s->rows, group = (size_t)white_group(l, w, 1);
	for (size_t r = 0; r < n; r++) {
		if (r % group == 0)
			white_rows(&s->grams, l, w, x + r * in, (int)(n - r < group ? n - r : group));
		const float *d0 = dy[0] + r * out, *d1 = dy[1] + r * out, *mean = dy[2] + r * out;
		double weight, bias;
		row_gradient_dot(&s->grams, l, w, (int)(r % group), x + r * in, d0, d1, mean, &weight, &bias, s->tangent_out);
		for (size_t k = 0; k < out; k++)
			tangent[r * out + k] += s->tangent_out[k];
		add_to_score(s, (int)r, l->tensor, weight);
		add_to_score(s, (int)r, l->tensor + 1, bias);
	}
}

/* The tangent of layer i: what comes from its input, plus what its own weight and bias add by moving along the mean gradient. Adds the
 * layer to the scores. */
static void weighted_layer(struct influence *s, int i, int halves)
{
	const struct network *net = &s->model->enc;
	const struct layer *l = &net->l[i];
	size_t n = (size_t)s->rows * (size_t)l->out;
	const float *x = network_source(net, i, s->input, &s->enc), *d0 = s->enc_grad[0].v[i], *d1 = s->enc_grad[halves - 1].v[i];
	float *tangent = s->enc_tangent.v[i], share = halves == 2 ? (float)s->half / (float)s->draws : 1;
	const struct layer_pass pass = {.rows = s->rows, .w = s->params + l->weight, .panels = l->forward_panels, .scratch = s->grams.scratch};
	if (l->source < 0)
		memset(tangent, 0, n * sizeof *tangent);
	else
		l->type->forward(l, tangent, s->enc_tangent.v[l->source], &pass);
	if (!s->use_enc[i])
		return;
	for (size_t k = 0; halves == 2 && k < n; k++)
		s->mean_grad[k] = share * d0[k] + (1 - share) * d1[k];
	const float *const dy[] = {d0, d1, halves == 2 ? s->mean_grad : d0};
	(s->white && l->type->dense ? white_dense_layer : layer_rows)(s, i, x, dy, tangent);
}

/* Adds <g_b, mean g> of the encoder for every block of draws b. */
static void add_draw_dots(struct influence *s)
{
	const struct draw_grams *g = &s->grams;
	int n = s->model->enc.out;
	const float *tangent = s->enc_tangent.v[s->model->enc.last];
	for (int r = 0; r < s->rows; r++)
		for (int b = 0; b < g->blocks; b++)
			for (int j = g->block_from[b]; j < g->block_from[b + 1]; j++) {
				const float *d = s->dhead + ((size_t)r * (size_t)s->draws + (size_t)j) * (size_t)n;
				s->draw_dots[r * g->blocks + b] += s->weight * dot(d, tangent + (size_t)r * (size_t)n, n) / (g->block_from[b + 1] - g->block_from[b]);
			}
}

void encoder_backward(struct influence *s)
{
	const struct network *net = &s->model->enc;
	int halves = s->cfg.score.estimator == CROSS ? 2 : 1;
	head_gradients(s);
	head_means(s, halves);
	for (int k = 0; k < halves; k++)
		network_backward(net, s->params, &s->enc, &s->enc_grad[k], NULL, s->grams.scratch);
	for (int i = 0; i < net->n; i++)
		if (layer_has_weights(&net->l[i]))
			weighted_layer(s, i, halves);
		else
			layer_tangent(net, i, &s->enc, &s->enc_tangent);
	add_draw_dots(s);
}
