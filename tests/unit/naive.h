/* naive.h - the reference of the unit tests: a beta-VAE with every kind of layer, in double and in plain loops. It computes the loss and the
 * full gradient by every weight, and makes small random models to compare on.
 *
 * It shares no code with src/, not even the offsets of weights: parameters are walked in torch's order, layer by layer and weight before
 * bias, and pictures are channels, height, width. */
#ifndef VF_NAIVE_H
#define VF_NAIVE_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoints.h"
#include "tap.h"

enum { NAIVE_LAYERS = 20, NAIVE_WIDTH = 700 };

/* --- random numbers: xorshift64*, and Box-Muller in double --- */

static inline double naive_uniform(uint64_t *state)
{
	uint64_t x = *state ? *state : 88172645463325252u;
	x ^= x >> 12, x ^= x << 25, x ^= x >> 27;
	*state = x;
	return ((double)((x * 2685821657736338717u) >> 11) + 0.5) * 0x1p-53;
}

static inline double naive_normal(uint64_t *state)
{
	double r = sqrt(-2 * log(naive_uniform(state)));
	return r * cos(6.283185307179586 * naive_uniform(state));
}

static inline void naive_fill(float *out, size_t n, int normal, double scale, uint64_t *state)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (float)(scale * (normal ? naive_normal(state) : naive_uniform(state)));
}

/* --- forward --- */

struct naive_shape {
	int c, h, w;
};

struct naive_pass { /* a list of layers run on one row: v[i] is the input of layer i */
	int size[NAIVE_LAYERS + 1];
	struct naive_shape shape[NAIVE_LAYERS + 1];
	size_t at[NAIVE_LAYERS]; /* offset of the layer's weight among the parameters */
	double v[NAIVE_LAYERS + 1][NAIVE_WIDTH];
};

static inline int naive_convolves(const struct layer_spec *l) { return l->type == &layer_conv2d || l->type == &layer_conv_transpose2d; }

static inline struct naive_shape naive_shape(const struct layer_spec *l, struct naive_shape s)
{
	int k = l->kernel, t = l->stride, p = l->padding;
	if (l->type == &layer_linear)
		return (struct naive_shape){l->out, 1, 1};
	if (l->type == &layer_flatten)
		return (struct naive_shape){s.c * s.h * s.w, 1, 1};
	if (l->type == &layer_unflatten)
		return (struct naive_shape){l->shape[0], l->shape[1], l->shape[2]};
	if (l->type == &layer_conv2d)
		return (struct naive_shape){l->out, (s.h + 2 * p - k) / t + 1, (s.w + 2 * p - k) / t + 1};
	if (l->type == &layer_conv_transpose2d)
		return (struct naive_shape){l->out, (s.h - 1) * t - 2 * p + k, (s.w - 1) * t - 2 * p + k};
	return s;
}

/* For every product of a weight and an input that an output adds: y += w x when d is NULL, or else, backward, g += d x and
 * by_in += d w. */
static inline void naive_convolve(const struct layer_spec *l, struct naive_shape in, struct naive_shape out, const double *w, const double *x,
                                  double *y, const double *d, double *g, double *by_in)
{
	int k = l->kernel, transposed = l->type == &layer_conv_transpose2d;
	struct naive_shape at = transposed ? in : out, over = transposed ? out : in; /* the kernel has a position at each pixel of at, and covers pixels of over */
	for (int a = 0; a < at.c; a++)
		for (int i = 0; i < at.h * at.w; i++)
			for (int o = 0; o < over.c; o++)
				for (int ku = 0; ku < k; ku++) {
					int row = i / at.w * l->stride - l->padding + ku;
					for (int kv = 0; kv < k && row >= 0 && row < over.h; kv++) {
						int col = i % at.w * l->stride - l->padding + kv;
						if (col < 0 || col >= over.w)
							continue;
						int one = a * at.h * at.w + i, other = (o * over.h + row) * over.w + col, wi = ((a * over.c + o) * k + ku) * k + kv;
						int xi = transposed ? one : other, yi = transposed ? other : one;
						if (!d) {
							y[yi] += w[wi] * x[xi];
						} else {
							g[wi] += d[yi] * x[xi];
							by_in[xi] += d[yi] * w[wi];
						}
					}
				}
}

static inline double naive_elementwise(const struct layer_spec *l, double a)
{
	if (l->type == &layer_relu)
		return a < 0 ? 0 : a;
	if (l->type == &layer_leaky_relu)
		return a < 0 ? l->coefficient * a : a;
	if (l->type == &layer_tanh)
		return tanh(a);
	if (l->type == &layer_sigmoid)
		return 1 / (1 + exp(-a));
	return a;
}

static inline double naive_slope(const struct layer_spec *l, double a)
{
	if (l->type == &layer_relu)
		return a > 0;
	if (l->type == &layer_leaky_relu)
		return a > 0 ? 1 : l->coefficient;
	if (l->type == &layer_tanh)
		return 1 / cosh(a) / cosh(a);
	if (l->type == &layer_sigmoid)
		return 1 / (2 + exp(a) + exp(-a));
	return 1;
}

/* The size of a layer's weight. It has a bias for each output of a linear layer, or each output channel of a convolution. */
static inline size_t naive_weights(const struct layer_spec *l, struct naive_shape in)
{
	if (naive_convolves(l))
		return (size_t)(in.c * l->out * l->kernel * l->kernel);
	return l->type == &layer_linear ? (size_t)(in.c * in.h * in.w * l->out) : 0;
}

/* Runs the list of layers on x, with its parameters from p[at] on. Returns the offset behind them. */
static inline size_t naive_run(const struct layer_list *l, const double *p, size_t at, const double *x, struct naive_shape in, struct naive_pass *t)
{
	t->shape[0] = in;
	t->size[0] = in.c * in.h * in.w;
	memcpy(t->v[0], x, (size_t)t->size[0] * sizeof *x);
	for (int i = 0; i < l->n; i++) {
		const struct layer_spec *s = &l->v[i];
		const double *a = t->v[i], *w = p + at;
		double *y = t->v[i + 1];
		size_t weights = naive_weights(s, t->shape[i]);
		struct naive_shape to = t->shape[i + 1] = naive_shape(s, t->shape[i]);
		int n = t->size[i], out = t->size[i + 1] = to.c * to.h * to.w;
		t->at[i] = at;
		for (int o = 0; o < out; o++) {
			if (!weights)
				y[o] = naive_elementwise(s, a[o]);
			else
				y[o] = w[weights + (size_t)(o / (to.h * to.w))];
			for (int k = 0; s->type == &layer_linear && k < n; k++)
				y[o] += w[o * n + k] * a[k];
		}
		if (naive_convolves(s))
			naive_convolve(s, t->shape[i], to, w, a, y, NULL, NULL, NULL);
		at += weights ? weights + (size_t)to.c : 0;
	}
	return at;
}

static inline double naive_recon(int likelihood, const double *f, const double *x, int n, double *d)
{
	double total = 0;
	for (int i = 0; i < n; i++) {
		double s = 1 / (1 + exp(-f[i]));
		if (likelihood == GAUSSIAN) {
			total += (s - x[i]) * (s - x[i]);
			d[i] = 2 * (s - x[i]) * s * (1 - s);
		} else if (likelihood == BERNOULLI) {
			total += (f[i] > 0 ? f[i] : 0) + log1p(exp(-fabs(f[i]))) - x[i] * f[i];
			d[i] = s - x[i];
		} else {
			total += (f[i] - x[i]) * (f[i] - x[i]);
			d[i] = 2 * (f[i] - x[i]);
		}
	}
	return total;
}

struct naive { /* a loss and its parameters */
	const struct config *cfg;
	double *p; /* owned */
	size_t n;
	int likelihood;
	double beta;
};

struct naive_draw { /* one record, one draw */
	double recon, kl, xi[NAIVE_WIDTH], by_f[NAIVE_WIDTH];
	struct naive_pass enc, dec;
};

static inline double naive_loss(const struct naive *m, const double *x, const double *eps, struct naive_draw *t)
{
	int n = m->cfg->latent, in = m->cfg->input_shape[0] * m->cfg->input_shape[1] * m->cfg->input_shape[2];
	struct naive_shape picture = {m->cfg->input_shape[0], m->cfg->input_shape[1], m->cfg->input_shape[2]};
	size_t at = naive_run(&m->cfg->encoder, m->p, 0, x, picture, &t->enc);
	const double *mu = t->enc.v[m->cfg->encoder.n], *logvar = mu + n;
	t->kl = 0;
	for (int i = 0; i < n; i++) {
		t->xi[i] = mu[i] + exp(logvar[i] / 2) * eps[i];
		t->kl += (mu[i] * mu[i] + exp(logvar[i]) - 1 - logvar[i]) / 2;
	}
	naive_run(&m->cfg->decoder, m->p, at, t->xi, (struct naive_shape){n, 1, 1}, &t->dec);
	t->recon = naive_recon(m->likelihood, t->dec.v[m->cfg->decoder.n], x, in, t->by_f);
	return t->recon + m->beta * t->kl;
}

/* --- backward --- */

/* Turns d, the gradient by the output of the list, into the gradient by its input, and adds those by the weights to g. */
static inline void naive_back(const struct layer_list *l, const double *p, const struct naive_pass *t, double *d, double *g)
{
	for (int i = l->n - 1; i >= 0; i--) {
		const struct layer_spec *s = &l->v[i];
		struct naive_shape to = t->shape[i + 1];
		int n = t->size[i], out = t->size[i + 1];
		size_t weights = naive_weights(s, t->shape[i]);
		const double *w = p + t->at[i];
		double by_in[NAIVE_WIDTH] = {0}, *gw = g + t->at[i];
		for (int o = 0; o < out; o++) {
			if (!weights)
				by_in[o] = d[o] * naive_slope(s, t->v[i][o]);
			else
				gw[weights + (size_t)(o / (to.h * to.w))] += d[o];
			for (int k = 0; s->type == &layer_linear && k < n; k++) {
				gw[o * n + k] += d[o] * t->v[i][k];
				by_in[k] += d[o] * w[o * n + k];
			}
		}
		if (naive_convolves(s))
			naive_convolve(s, t->shape[i], to, w, t->v[i], NULL, d, gw, by_in);
		memcpy(d, by_in, sizeof by_in);
	}
}

/* Adds the gradient of one record's loss at one draw to g. score: the encoder's gradient is the score function estimator, equation 9 of
 * Kong & Chaudhuri 2021, grad log Q(xi|x) (beta log Q(xi|x)/P(xi) + recon) with xi constant. */
static inline void naive_gradient(const struct naive *m, const double *x, const double *eps, int score, double *g)
{
	struct naive_draw t;
	int n = m->cfg->latent;
	naive_loss(m, x, eps, &t);
	const double *mu = t.enc.v[m->cfg->encoder.n], *logvar = mu + n;
	double d[NAIVE_WIDTH], log_ratio = 0;
	memcpy(d, t.by_f, sizeof d);
	naive_back(&m->cfg->decoder, m->p, &t.dec, d, g);
	double head[NAIVE_WIDTH];
	for (int i = 0; i < n; i++) {
		double var = exp(logvar[i]), off = t.xi[i] - mu[i];
		log_ratio += (-off * off / var - logvar[i] + t.xi[i] * t.xi[i]) / 2;
	}
	for (int i = 0; i < n; i++) {
		double var = exp(logvar[i]), sd = sqrt(var), off = t.xi[i] - mu[i];
		head[i] = score ? off / var * (m->beta * log_ratio + t.recon) : m->beta * mu[i] + d[i];
		head[n + i] = score ? (off * off / var - 1) / 2 * (m->beta * log_ratio + t.recon)
		                    : m->beta * (var - 1) / 2 + d[i] * sd * eps[i] / 2;
	}
	naive_back(&m->cfg->encoder, m->p, &t.enc, head, g);
}

/* --- models to compare on --- */

#define BAIL(f) (printf("Bail out! %s:%d: %s\n", __FILE__, __LINE__, (f)->msg), exit(1))

/* A model of the configuration in YAML, with random weights and biases. */
static inline void naive_model(struct model *m, const char *yaml, double scale, uint64_t *state)
{
	struct config c;
	struct fail f = {{0}};
	config_defaults(&c);
	if (config_parse(&c, yaml, strlen(yaml), &f) || config_check(&c, &f) || model_build(m, &c, &f))
		BAIL(&f);
	naive_fill(m->params, m->nparams, 1, scale, state);
}

static inline struct naive naive_of(const struct model *m, int likelihood, double beta)
{
	struct naive n = {&m->cfg, calloc(m->nparams, sizeof(double)), m->nparams, likelihood, beta};
	for (size_t i = 0; i < m->nparams; i++)
		n.p[i] = (double)m->params[i];
	return n;
}

static inline void to_double(double *to, const float *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (double)from[i];
}

static inline double inner(const double *a, const double *b, size_t n)
{
	double q = 0;
	for (size_t i = 0; i < n; i++)
		q += a[i] * b[i];
	return q;
}

/* The larger of two errors. NAN is larger than all numbers; fmax() would ignore it. */
static inline double max_error(double a, double b) { return isnan(a) || b <= a ? a : b; }

/* |a - b| / |b| over vectors */
static inline double relative_distance(const double *a, const double *b, size_t n)
{
	double q = 0;
	for (size_t i = 0; i < n; i++)
		q += (a[i] - b[i]) * (a[i] - b[i]);
	return sqrt(q / inner(b, b, n));
}

#endif
