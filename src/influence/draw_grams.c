#include "influence/draw_grams.h"

#include <stdlib.h>
#include <string.h>

#include "gemm/mat.h"

int gradient_is_explicit(const struct layer *l, int draws)
{
	if (l->type->dense)
		return 0;
	double rows = (double)draws * l->positions, p = l->p, k = l->k;
	return rows * (p + k) >= p * k;
}

/* --- room --- */

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

struct room {
	size_t col, gram, weight, out;
};

static void measure(struct room *r, const struct network *net, int draws)
{
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (!layer_has_weights(l))
			continue;
		size_t rows = (size_t)draws;
		r->out = larger(r->out, (size_t)l->out);
		if (!l->type->dense) {
			r->col = larger(r->col, l->scratch);
			r->weight = larger(r->weight, layer_weights(l) + (size_t)l->biases);
			rows *= (size_t)l->positions;
			if (!gradient_is_explicit(l, draws)) /* both deltas of a row, or all draws, unrolled whole */
				r->col = larger(r->col, (rows > 1 ? rows : 2) * (size_t)l->k);
		}
		if (!gradient_is_explicit(l, draws))
			r->gram = larger(r->gram, rows * rows);
	}
}

int draw_grams_open(struct draw_grams *p, const struct network *enc, const struct network *dec, int draws, int blocks, struct fail *f)
{
	struct room r = {0};
	int units = !blocks || draws < 2 ? draws : draws < DRAW_BLOCKS ? 2 : DRAW_BLOCKS, half = draws / 2;
	measure(&r, enc, 1);
	measure(&r, dec, draws);
	size_t n = (size_t)units;
	*p = (struct draw_grams){.draws = draws, .units = units, .half = units == draws ? half : units / 2};
	p->edge = calloc(n + 1, sizeof *p->edge);
	p->weight = calloc(n * n, sizeof *p->weight);
	p->bias = calloc(n * n, sizeof *p->bias);
	p->col = mat_floats(r.col);
	p->ga = mat_floats(r.gram);
	p->gd = mat_floats(r.gram);
	p->grad = mat_floats((n > 2 ? n : 2) * (blocks || enc->has_convolution ? r.weight : 0));
	p->sums = mat_floats((n > 3 ? n : 3) * r.out);
	if (!p->edge || !p->weight || !p->bias || !p->col || !p->ga || !p->gd || !p->grad || !p->sums)
		return fail_memory_for(f, "the gradients of %d draws", draws);
	for (int u = 0; u <= units; u++) /* blocks do not straddle the halves */
		p->edge[u] = units == draws ? u : u <= p->half ? half * u / p->half : half + (draws - half) * (u - p->half) / (units - p->half);
	return 0;
}

void draw_grams_close(struct draw_grams *p)
{
	free(p->edge);
	free(p->weight);
	free(p->bias);
	free(p->col);
	free(p->ga);
	free(p->gd);
	free(p->grad);
	free(p->sums);
	*p = (struct draw_grams){.edge = NULL};
}

/* --- all draws of a record --- */

/* v [units][n] -> out [units][units] */
static void between_units(const struct draw_grams *p, double *out, const float *v, size_t n)
{
	for (int a = 0; a < p->units; a++)
		for (int b = a; b < p->units; b++)
			out[a * p->units + b] = out[b * p->units + a] = dot(v + (size_t)a * n, v + (size_t)b * n, (int)n);
}

static void bias_products(struct draw_grams *p, const struct layer *l, const float *d)
{
	size_t n = (size_t)l->biases;
	for (int u = 0; u < p->units; u++)
		l->type->bias_gradient(l, p->sums + (size_t)u * n, d + (size_t)p->edge[u] * (size_t)l->out, 0, p->edge[u + 1] - p->edge[u]);
	between_units(p, p->bias, p->sums, n);
}

/* ga, gd [rows][rows], rows = draws T, added up over the positions and the draws of two units. */
static void add_up(struct draw_grams *p, int positions, int linear)
{
	int n = p->draws * positions, units = p->units;
	memset(p->weight, 0, (size_t)units * (size_t)units * sizeof *p->weight);
	memset(p->bias, 0, (size_t)units * (size_t)units * sizeof *p->bias);
	for (int u = 0; u < units; u++)
		for (int j = p->edge[u] * positions; j < p->edge[u + 1] * positions; j++)
			for (int v = 0; v < units; v++) {
				double w = 0, b = 0;
				for (int k = p->edge[v] * positions; k < p->edge[v + 1] * positions; k++) {
					double g = (double)p->gd[j * n + k];
					w += g * (double)p->ga[j * n + k];
					b += g;
				}
				p->weight[u * units + v] += w;
				p->bias[u * units + v] += linear ? b : 0;
			}
}

void draw_grams_dense(struct draw_grams *p, const struct layer *l, const float *x, const float *d)
{
	int dense = l->type->dense, n = p->draws * l->positions;
	const float *k = layer_factor_k(l, x, d);
	if (l->type->unroll) {
		l->type->unroll(l, p->col, k, p->draws);
		k = p->col;
	}
	mat_gram(p->ga, k, n, l->k);
	mat_gram(p->gd, layer_factor_p(l, x, d), n, l->p);
	add_up(p, l->positions, dense);
	if (!dense)
		bias_products(p, l, d);
}

void draw_grams_sparse(struct draw_grams *p, const struct sparse_block *x, const struct sparse_block *d)
{
	sparse_gram(p->ga, x);
	sparse_gram(p->gd, d);
	add_up(p, 1, 1);
}

size_t draw_grams_explicit_size(const struct draw_grams *p, const struct layer *l) { return (size_t)p->units * (layer_weights(l) + (size_t)l->biases); }

void draw_grams_add_gradients(struct draw_grams *p, const struct layer *l, float *sums, int unit, int add, float *dx, const float *x, const float *d,
                    const float *w, int rows)
{
	size_t nw = layer_weights(l), nb = (size_t)l->biases;
	l->type->backward(l, dx, sums + (size_t)unit * nw, d, x, &(struct layer_pass){.rows = rows, .w = w, .add = add, .scratch = p->col});
	l->type->bias_gradient(l, sums + (size_t)p->units * nw + (size_t)unit * nb, d, add, rows);
}

void draw_grams_multiply(struct draw_grams *p, const struct layer *l, const float *sums)
{
	size_t nw = layer_weights(l), nb = (size_t)l->biases;
	between_units(p, p->weight, sums, nw);
	between_units(p, p->bias, sums + (size_t)p->units * nw, nb);
}

void draw_grams_explicit(struct draw_grams *p, const struct layer *l, float *dx, const float *x, const float *d, const float *w)
{
	for (int u = 0; u < p->units; u++) {
		size_t from = (size_t)p->edge[u];
		draw_grams_add_gradients(p, l, p->grad, u, 0, dx ? dx + from * (size_t)l->in : NULL, x + from * (size_t)l->in, d + from * (size_t)l->out, w,
		               p->edge[u + 1] - p->edge[u]);
	}
	draw_grams_multiply(p, l, p->grad);
}

/* --- one row --- */

static void linear_row(const struct layer *l, float *along, const float *x, const float *d0, const float *d1, const float *dm, double *weight,
                       double *bias)
{
	double aa = dot(x, x, l->in);
	*bias = dot(d0, d1, l->out);
	*weight = aa * *bias;
	for (int k = 0; k < l->out; k++)
		along[k] = (float)(aa + 1) * dm[k];
}

/* conv2d: sum_t a_t a_t' of the unrolled input is what the two gradients share. */
static void gram_row(struct draw_grams *p, const struct layer *l, float *along, const float *x, const float *d0, const float *d1, const float *dm,
                     double *weight)
{
	int positions = l->positions, k = l->k;
	l->type->unroll(l, p->col, x, 1);
	mat_nt(p->ga, positions, p->col, k, p->col, k, positions, positions, k, 0, MAT_16);
	mat_nt(p->gd, positions, d0, l->p, d1, l->p, positions, positions, l->p, 0, MAT_16);
	*weight = dot(p->ga, p->gd, positions * positions);
	mat_nn(along, l->p, p->ga, positions, dm, l->p, NULL, NULL, positions, l->p, positions, MAT_16);
}

static void explicit_row(struct draw_grams *p, const struct layer *l, float *along, const float *x, const float *d0, const float *d1,
                         const float *dm, double *weight)
{
	size_t n = layer_weights(l);
	float *g0 = p->grad, *g1 = d1 == d0 ? g0 : p->grad + n;
	struct layer_pass pass = {.rows = 1, .scratch = p->col};
	l->type->backward(l, NULL, g0, d0, x, &pass);
	if (d1 != d0)
		l->type->backward(l, NULL, g1, d1, x, &pass);
	*weight = dot(g0, g1, (int)n);
	if (dm != d0)
		l->type->backward(l, NULL, g0, dm, x, &pass);
	pass.w = g0;
	l->type->forward(l, along, x, &pass);
}

void row_gradient_dot(struct draw_grams *p, const struct layer *l, float *along, const float *x, const float *d0, const float *d1, const float *dm,
                  double *weight, double *bias)
{
	if (l->type->dense) {
		linear_row(l, along, x, d0, d1, dm, weight, bias);
		return;
	}
	if (!l->type->transposed && !gradient_is_explicit(l, 1))
		gram_row(p, l, along, x, d0, d1, dm, weight);
	else
		explicit_row(p, l, along, x, d0, d1, dm, weight);
	int n = l->biases;
	float *b0 = p->sums, *b1 = b0 + n, *bm = b1 + n;
	l->type->bias_gradient(l, b0, d0, 0, 1);
	l->type->bias_gradient(l, b1, d1, 0, 1);
	l->type->bias_gradient(l, bm, dm, 0, 1);
	*bias = dot(b0, b1, n);
	for (int i = 0; i < l->out; i++)
		along[i] += bm[i % n];
}
