/* naive_curvature.h - Kronecker factors by their definition, and influences with the explicit inverse of their product, in double and in
 * plain loops over naive.h. */
#ifndef VF_NAIVE_CURVATURE_H
#define VF_NAIVE_CURVATURE_H

#include "base/rng.h"
#include "naive.h"

enum { NAIVE_FACTORS = 20 };

struct naive_factor { /* of a layer */
	int list, layer;   /* 0: encoder, 1: decoder; the place in it */
	int na, nd, nb;    /* nb: biases of conv_transpose2d, which are a block of their own; else 0, and a has a 1 behind it */
	double *a, *d, *b; /* [na][na], [nd][nd], [nb][nb] */
	double unit;       /* naive_factors_inputs(): 1, as d and b are the identity and not damped */
	double *qa, *qd, *lambda; /* naive_factors_basis(): eigenvectors in rows [na][na], [nd][nd]; [nd][na] */
	double *m, *mb;    /* Cholesky factors of the damped product [na nd][na nd], and of the damped b */
};

struct naive_factors {
	struct naive_factor v[NAIVE_FACTORS];
	int n;
	const struct naive *model;
	struct naive_shape in[2]; /* what the networks read */
};

/* The shapes and sizes of a model's layers. */
static inline void naive_factors_open(struct naive_factors *f, const struct naive *m)
{
	const struct layer_list *lists[] = {&m->cfg->encoder, &m->cfg->decoder};
	*f = (struct naive_factors){.model = m, .in = {{m->cfg->input_shape[0], m->cfg->input_shape[1], m->cfg->input_shape[2]}, {m->cfg->latent, 1, 1}}};
	for (int l = 0; l < 2; l++) {
		struct naive_shape s = f->in[l];
		for (int i = 0; i < lists[l]->n; i++) {
			const struct layer_spec *spec = &lists[l]->v[i];
			struct naive_shape to = naive_shape(spec, s);
			int square = spec->kernel * spec->kernel;
			if (naive_weights(spec, s)) {
				struct naive_factor *v = &f->v[f->n++];
				*v = (struct naive_factor){.list = l, .layer = i, .na = s.c * s.h * s.w + 1, .nd = to.c * to.h * to.w};
				if (spec->type == &layer_conv2d)
					v->na = square * s.c + 1, v->nd = to.c;
				if (spec->type == &layer_conv_transpose2d)
					v->na = s.c, v->nd = square * to.c, v->nb = to.c;
				v->a = calloc((size_t)(v->na * v->na), sizeof *v->a);
				v->d = calloc((size_t)(v->nd * v->nd), sizeof *v->d);
				v->b = calloc((size_t)(v->nb * v->nb + 1), sizeof *v->b);
			}
			s = to;
		}
	}
}

static inline void naive_factors_free(struct naive_factors *f)
{
	for (int i = 0; i < f->n; i++) {
		double *all[] = {f->v[i].a, f->v[i].d, f->v[i].b, f->v[i].m, f->v[i].mb, f->v[i].qa, f->v[i].qd, f->v[i].lambda};
		for (int k = 0; k < 8; k++)
			free(all[k]);
	}
}

static inline void naive_outer(double *to, const double *v, int n, double scale)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			to[i * n + j] += scale * v[i] * v[j];
}

/* The pixels of `over` [c][h][w] under the kernel at position pos of `at`, in the order row, column, channel. */
static inline void naive_patch(const struct layer_spec *l, struct naive_shape at, struct naive_shape over, const double *v, int pos, double *patch)
{
	for (int u = 0; u < l->kernel * l->kernel; u++)
		for (int c = 0; c < over.c; c++) {
			int row = pos / at.w * l->stride - l->padding + u / l->kernel, col = pos % at.w * l->stride - l->padding + u % l->kernel;
			int inside = row >= 0 && row < over.h && col >= 0 && col < over.w;
			patch[u * over.c + c] = inside ? v[(c * over.h + row) * over.w + col] : 0;
		}
}

/* Adds a layer's input x and the gradient dy by its output: one draw of one record, out of so many. */
static inline void naive_add_factor(struct naive_factor *v, const struct layer_spec *l, struct naive_shape in, struct naive_shape out, const double *x,
                                    const double *dy, double draws)
{
	double a[NAIVE_WIDTH + 1], d[NAIVE_WIDTH], b[NAIVE_WIDTH] = {0};
	int transposed = l->type == &layer_conv_transpose2d;
	struct naive_shape at = transposed ? in : out;
	int positions = naive_convolves(l) ? at.h * at.w : 1;
	for (int t = 0; t < positions; t++) {
		if (l->type == &layer_conv2d)
			naive_patch(l, out, in, x, t, a);
		if (transposed)
			naive_patch(l, in, out, dy, t, d);
		for (int i = 0; l->type == &layer_linear && i < v->na - 1; i++)
			a[i] = x[i];
		for (int i = 0; transposed && i < v->na; i++)
			a[i] = x[i * positions + t];
		for (int i = 0; !transposed && i < v->nd; i++)
			d[i] = dy[i * positions + t];
		if (!transposed)
			a[v->na - 1] = 1;
		naive_outer(v->a, a, v->na, 1 / draws / positions);
		naive_outer(v->d, d, v->nd, 1 / draws);
	}
	for (int i = 0; transposed && i < out.c * out.h * out.w; i++)
		b[i / (out.h * out.w)] += dy[i];
	naive_outer(v->b, b, v->nb, 1 / draws);
}

/* Back through a list; d: the gradient by its output. */
static inline void naive_factors_back(struct naive_factors *f, int list, const struct naive_pass *t, double *d, double draws)
{
	const struct layer_list *l = list ? &f->model->cfg->decoder : &f->model->cfg->encoder;
	double *g = calloc(f->model->n, sizeof *g);
	for (int i = l->n - 1; i >= 0; i--) {
		struct layer_list one = {.v = {l->v[i]}, .n = 1};
		struct naive_pass part = {.size = {t->size[i], t->size[i + 1]}, .shape = {t->shape[i], t->shape[i + 1]}, .at = {t->at[i]}};
		memcpy(part.v[0], t->v[i], sizeof part.v[0]);
		for (int k = 0; k < f->n; k++)
			if (f->v[k].list == list && f->v[k].layer == i)
				naive_add_factor(&f->v[k], &l->v[i], t->shape[i], t->shape[i + 1], t->v[i], d, draws);
		naive_back(&one, f->model->p, &part, d, g);
	}
	free(g);
}

/* Adds a draw of a record, of so many draws of all records. */
static inline void naive_factors_add(struct naive_factors *f, const double *x, const double *eps, double draws)
{
	static struct naive_draw t;
	int n = f->model->cfg->latent;
	naive_loss(f->model, x, eps, &t);
	const double *mu = t.enc.v[f->model->cfg->encoder.n], *logvar = mu + n;
	double d[NAIVE_WIDTH], head[NAIVE_WIDTH];
	memcpy(d, t.by_f, sizeof d);
	naive_factors_back(f, 1, &t.dec, d, draws);
	for (int i = 0; i < n; i++) {
		double var = exp(logvar[i]);
		head[i] = f->model->beta * mu[i] + d[i];
		head[n + i] = f->model->beta * (var - 1) / 2 + d[i] * sqrt(var) * eps[i] / 2;
	}
	naive_factors_back(f, 0, &t.enc, head, draws);
}

/* --- the explicit inverse --- */

/* Only the curvature of the layers' inputs. */
static inline void naive_factors_inputs(struct naive_factors *f)
{
	for (int k = 0; k < f->n; k++) {
		struct naive_factor *v = &f->v[k];
		v->unit = 1;
		for (int i = 0; i < v->nd * v->nd; i++)
			v->d[i] = i % (v->nd + 1) == 0;
		for (int i = 0; i < v->nb * v->nb; i++)
			v->b[i] = i % (v->nb + 1) == 0;
	}
}

static inline void naive_cholesky(double *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j <= i; j++) {
			double q = a[i * n + j] - inner(a + i * n, a + j * n, j);
			a[i * n + j] = i == j ? sqrt(q) : q / a[j * n + j];
		}
}

/* v becomes L^-1 v. */
static inline void naive_solve(const double *l, size_t n, double *v)
{
	for (size_t i = 0; i < n; i++)
		v[i] = (v[i] - inner(l + i * n, v, i)) / l[i * n + i];
}

static inline double naive_damping(const double *a, int n, double damping)
{
	double trace = 0;
	for (int i = 0; i < n; i++)
		trace += a[i * n + i];
	return damping * trace / n;
}

/* m = the sum of (lambda + damping) times the outer products of the basis, index d * na + a */
static inline void naive_eigen_product(struct naive_factor *v, double damping)
{
	int na = v->na, nd = v->nd;
	size_t n = (size_t)na * (size_t)nd;
	double mean = 0, *q = calloc(n * n, sizeof *q);
	for (size_t i = 0; i < n; i++)
		mean += v->lambda[i] / (double)n;
	for (int d = 0; d < nd; d++) /* q: the basis in columns, times the roots */
		for (int a = 0; a < na; a++)
			for (int i = 0; i < nd; i++)
				for (int j = 0; j < na; j++)
					q[(size_t)(i * na + j) * n + (size_t)(d * na + a)] = v->qd[d * nd + i] * v->qa[a * na + j] * sqrt(v->lambda[d * na + a] + damping * mean);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j <= i; j++)
			v->m[i * n + j] = v->m[j * n + i] = inner(q + i * n, q + j * n, n);
	free(q);
}

/* The damped product of both factors, or with a basis EK-FAC's, index d * na + a, and its Cholesky factor. */
static inline void naive_factors_invert(struct naive_factors *f, double damping)
{
	for (int k = 0; k < f->n; k++) {
		struct naive_factor *v = &f->v[k];
		int na = v->na, nd = v->nd, n = na * nd;
		double da = naive_damping(v->a, na, damping), dd = v->unit > 0 ? 0 : naive_damping(v->d, nd, damping);
		double db = v->unit > 0 ? 0 : naive_damping(v->b, v->nb, damping);
		v->m = calloc((size_t)n * (size_t)n, sizeof *v->m);
		v->mb = calloc((size_t)(v->nb * v->nb + 1), sizeof *v->mb);
		if (v->lambda)
			naive_eigen_product(v, damping);
		for (int i = 0; i < n && !v->lambda; i++)
			for (int j = 0; j < n; j++) {
				int ai = i % na, aj = j % na, di = i / na, dj = j / na;
				v->m[(size_t)i * (size_t)n + (size_t)j] = (v->a[ai * na + aj] + (ai == aj) * da) * (v->d[di * nd + dj] + (di == dj) * dd);
			}
		for (int i = 0; i < v->nb * v->nb; i++)
			v->mb[i] = v->b[i] + (i % (v->nb + 1) == 0) * db;
		naive_cholesky(v->m, (size_t)n);
		naive_cholesky(v->mb, (size_t)v->nb);
	}
}

/* out [nd][na], then [nb]: the gradient of a layer, from its part g of the parameters in torch's order. Returns the end of g. */
static inline const double *naive_layer_gradient(const struct naive_factors *f, const struct naive_factor *v, const double *g, double *out)
{
	const struct layer_spec *l = v->list ? &f->model->cfg->decoder.v[v->layer] : &f->model->cfg->encoder.v[v->layer];
	int transposed = v->nb > 0, inputs = transposed ? v->na : v->na - 1, square = naive_convolves(l) ? l->kernel * l->kernel : 1;
	for (int d = 0; d < v->nd; d++)
		for (int a = 0; a < inputs; a++) {
			int k_side = transposed ? d : a, p_side = transposed ? a : d, ks = transposed ? v->nd : inputs, channels = ks / square;
			int u = k_side / channels, c = k_side % channels;
			out[d * v->na + a] = g[(p_side * channels + c) * square + u];
		}
	size_t weights = (size_t)(inputs * v->nd), biases = (size_t)(transposed ? v->nb : v->nd), product = (size_t)(v->na * v->nd);
	g += weights;
	for (size_t d = 0; d < biases && !transposed; d++)
		out[d * (size_t)v->na + (size_t)inputs] = g[d];
	memcpy(out + product, g, (size_t)v->nb * sizeof *g);
	return g + biases;
}

/* Turns a gradient g, in torch's order of parameters, into one whose dot products are influences with the inverse; to [at[n]]: layer by
 * layer, from at[k] on. */
static inline void naive_whiten(const struct naive_factors *f, const double *g, double *to, size_t *at)
{
	at[0] = 0;
	for (int k = 0; k < f->n; k++) {
		const struct naive_factor *v = &f->v[k];
		size_t product = (size_t)(v->na * v->nd);
		g = naive_layer_gradient(f, v, g, to + at[k]);
		naive_solve(v->m, product, to + at[k]);
		naive_solve(v->mb, (size_t)v->nb, to + at[k] + product);
		at[k + 1] = at[k] + product + (size_t)v->nb;
	}
}

/* --- EK-FAC --- */

static inline double *naive_doubles(const float *v, int n)
{
	double *out = calloc((size_t)n, sizeof *out);
	for (int i = 0; i < n; i++)
		out[i] = (double)v[i];
	return out;
}

/* The basis of layer k; q's rows are eigenvectors. */
static inline void naive_factors_basis(struct naive_factors *f, int k, const float *qa, const float *qd)
{
	struct naive_factor *v = &f->v[k];
	v->qa = naive_doubles(qa, v->na * v->na);
	v->qd = naive_doubles(qd, v->nd * v->nd);
	v->lambda = calloc((size_t)(v->na * v->nd), sizeof *v->lambda);
}

/* Adds the squares of a draw's gradient g, in torch's order, in the bases, out of so many draws. */
static inline void naive_factors_add_squares(struct naive_factors *f, const double *g, double draws)
{
	for (int k = 0; k < f->n; k++) {
		struct naive_factor *v = &f->v[k];
		int na = v->na, nd = v->nd;
		double *layer = calloc((size_t)(na * nd + v->nb), sizeof *layer), *half = calloc((size_t)(na * nd), sizeof *half);
		g = naive_layer_gradient(f, v, g, layer);
		for (int d = 0; d < nd; d++)
			for (int a = 0; a < na; a++)
				half[d * na + a] = inner(layer + d * na, v->qa + a * na, (size_t)na);
		for (int d = 0; d < nd; d++)
			for (int a = 0; a < na; a++) {
				double sum = 0;
				for (int i = 0; i < nd; i++)
					sum += v->qd[d * nd + i] * half[i * na + a];
				v->lambda[d * na + a] += sum * sum / draws;
			}
		free(layer);
		free(half);
	}
}

#endif
