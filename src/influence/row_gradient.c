#include "influence/row_gradient.h"

#include <string.h>

#include "gemm/mat.h"

static void dense_row(const struct layer *l, const float *x, const float *dy0, const float *dy1, const float *dy_mean, double *weight,
                      double *bias, float *tangent_out)
{
	double xx = dot(x, x, l->in);
	*bias = dot(dy0, dy1, l->out);
	*weight = xx * *bias;
	for (int i = 0; i < l->out; i++)
		tangent_out[i] = (float)(xx + 1) * dy_mean[i];
}

/* To every pixel of a layer's output. */
static void add_biases(const struct layer *l, float *out, const float *bias)
{
	for (int i = 0; i < l->out; i += l->biases)
		for (int k = 0; k < l->biases; k++)
			out[i + k] += bias[k];
}

/* Whether a row's gradient by the weight is computed from factors. */
static int row_by_factors(const struct layer *l, const struct layer_whitening *w)
{
	return !l->type->dense && !l->type->transposed && !(w ? white_row_is_explicit(l) : gradient_is_explicit(l, 1));
}

void white_rows(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *x, int n)
{
	if (w && row_by_factors(l, w))
		whiten_k(w, g->white_k, unrolled_k(g, l, x, n), n * l->positions);
}

static const float *white_row_k(const struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, int at)
{
	return g->white_k + (size_t)at * (size_t)l->positions * (size_t)w->k;
}

/* By factors: both gradients share K, the unrolled input, and with S = K K^T, <g0, g1> = sum of S (dy0 dy1^T), tangent = S dy_mean.
 * w: b is K, whitened */
static double factor_row(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *b, const float *dy0,
                         const float *dy1, const float *dy_mean, float *tangent_out)
{
	int n = l->positions, k = w ? w->k : l->k, p = l->p;
	if (w) {
		float *to = g->white_p;
		const float **dy[] = {&dy0, &dy1, &dy_mean};
		for (int i = 0; i < 3; i++, to += n * p) {
			whiten_p(w, to, *dy[i], n);
			*dy[i] = to;
		}
	}
	mat_nt(g->gram_k, n, b, k, b, k, NULL, n, n, k, MAT_16);
	mat_nt(g->gram_p, n, dy0, p, dy1, p, NULL, n, n, p, MAT_16);
	double product = dot(g->gram_k, g->gram_p, n * n);
	if (!w) {
		mat_nn(tangent_out, p, g->gram_k, n, dy_mean, p, NULL, NULL, n, p, n, MAT_16);
		return product;
	}
	mat_nn(g->white_p, p, g->gram_k, n, dy_mean, p, NULL, NULL, n, p, n, MAT_24);
	whiten_p_adjoint(w, tangent_out, g->white_p, n);
	return product;
}

static double explicit_row(struct draw_grams *g, const struct layer *l, const float *x, const float *dy0, const float *dy1,
                           const float *dy_mean, float *tangent_out)
{
	size_t n = layer_weights(l);
	float *g0 = g->gradients, *g1 = dy1 == dy0 ? g0 : g->gradients + n;
	struct layer_pass pass = {.rows = 1, .scratch = g->scratch};
	l->type->backward(l, NULL, g0, dy0, x, &pass);
	if (dy1 != dy0)
		l->type->backward(l, NULL, g1, dy1, x, &pass);
	double product = dot(g0, g1, (int)n);
	if (dy_mean != dy0)
		l->type->backward(l, NULL, g0, dy_mean, x, &pass);
	pass.w = g0;
	l->type->forward(l, tangent_out, x, &pass);
	return product;
}

/* By factors in the eigenbasis, if the gradient is written out: with the numbers of it divided, T, the tangent is (T k^T)^T for all
 * positions k. */
static double eigen_row(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *white_k, const float *dy0,
                        const float *dy1, const float *dy_mean, float *tangent_out)
{
	int n = l->positions, p = w->p, k = w->k;
	size_t size = (size_t)p * (size_t)k;
	const float *dy[] = {dy0, dy1, dy_mean};
	float *gradient[] = {g->white_gradients, g->white_gradients + size, g->white_gradients + 2 * size};
	for (int i = 0; i < 3; i++) {
		if (i == 2 && dy[2] == dy[1]) {
			gradient[2] = gradient[1];
			continue;
		}
		if (i == 0 || dy[i] != dy[0]) {
			whiten_p(w, g->white_p, dy[i], n);
			mat_tn(gradient[i], k, g->white_p, p, white_k, k, NULL, p, k, n, 1, 0, MAT_24);
		} else
			memcpy(gradient[i], gradient[0], size * sizeof *gradient[i]);
		for (size_t j = 0; i > 0 && j < size; j++)
			gradient[i][j] *= w->eigen.inverse[j];
	}
	mat_nt(g->white_p, p, white_k, k, gradient[2], k, NULL, n, p, k, MAT_24);
	whiten_p_adjoint(w, tangent_out, g->white_p, n);
	return dot(gradient[0], gradient[1], (int)size);
}

/* out: the whitened gradient of one row, with its bias. */
static void white_row(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, float *out, float *scratch, const float *x,
                      const float *dy)
{
	struct layer_pass pass = {.rows = 1, .scratch = g->scratch};
	float *bias = g->bias_sums;
	l->type->backward(l, NULL, g->gradients, dy, x, &pass);
	l->type->bias_gradient(l, bias, dy, 0, 1);
	whiten_gradient(w, out, g->gradients, bias, scratch);
}

static double explicit_white_row(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *x, const float *dy0,
                                 const float *dy1, const float *dy_mean, float *tangent_out)
{
	size_t n = (size_t)w->p * (size_t)w->k;
	float *g0 = g->white_gradients, *g1 = dy1 == dy0 ? g0 : g0 + n, *mean = dy_mean == dy0 ? g0 : g0 + 2 * n, *scratch = g0 + 3 * n, *bias = g->bias_sums;
	struct layer_pass pass = {.rows = 1, .w = g->gradients, .scratch = g->scratch};
	white_row(g, l, w, g0, scratch, x, dy0);
	if (g1 != g0)
		white_row(g, l, w, g1, scratch, x, dy1);
	double product = dot(g0, g1, (int)n); /* the adjoint overwrites what it reads */
	if (mean != g0)
		white_row(g, l, w, mean, scratch, x, dy_mean);
	whiten_gradient_adjoint(w, g->gradients, bias, mean, scratch);
	l->type->forward(l, tangent_out, x, &pass);
	if (!w->b)
		add_biases(l, tangent_out, bias);
	return product;
}

/* The bias of a transposed layer, which has a block of its own. */
static double white_bias_row(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *dy0, const float *dy1,
                             const float *dy_mean, float *tangent_out)
{
	int n = l->biases;
	float *b = g->bias_sums, *white = g->white_gradients;
	const float *dy[] = {dy0, dy1, dy_mean};
	for (int i = 0; i < 3; i++)
		l->type->bias_gradient(l, b + i * n, dy[i], 0, 1);
	whiten_b(w, white, b, 3);
	whiten_b_adjoint(w, b, white + 2 * n);
	add_biases(l, tangent_out, b);
	return dot(white, white + n, n);
}

static void white_gradient_row(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, int at, const float *x, const float *dy0,
                               const float *dy1, const float *dy_mean, double *weight, double *bias, float *tangent_out)
{
	if (row_by_factors(l, w))
		*weight = (w->eigen.inverse ? eigen_row : factor_row)(g, l, w, white_row_k(g, l, w, at), dy0, dy1, dy_mean, tangent_out);
	else
		*weight = explicit_white_row(g, l, w, x, dy0, dy1, dy_mean, tangent_out);
	*bias = w->b ? white_bias_row(g, l, w, dy0, dy1, dy_mean, tangent_out) : 0;
}

void row_gradient_dot(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, int at, const float *x, const float *dy0,
                      const float *dy1, const float *dy_mean, double *weight, double *bias, float *tangent_out)
{
	if (l->type->dense) {
		dense_row(l, x, dy0, dy1, dy_mean, weight, bias, tangent_out);
		return;
	}
	if (w) {
		white_gradient_row(g, l, w, at, x, dy0, dy1, dy_mean, weight, bias, tangent_out);
		return;
	}
	int n = l->biases;
	*weight = row_by_factors(l, NULL) ? factor_row(g, l, NULL, unrolled_k(g, l, x, 1), dy0, dy1, dy_mean, tangent_out)
	                            : explicit_row(g, l, x, dy0, dy1, dy_mean, tangent_out);
	float *b0 = g->bias_sums, *b1 = b0 + n, *b_mean = b1 + n;
	l->type->bias_gradient(l, b0, dy0, 0, 1);
	l->type->bias_gradient(l, b1, dy1, 0, 1);
	l->type->bias_gradient(l, b_mean, dy_mean, 0, 1);
	*bias = dot(b0, b1, n);
	add_biases(l, tangent_out, b_mean);
}
