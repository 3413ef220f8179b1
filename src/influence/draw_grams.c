/* Dot products between gradients, from Gram matrices of their factors or from explicit gradients. */
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

/* --- memory --- */

struct sizes { /* floats of scratch that the largest layer needs */
	size_t scratch, gram, gradient, out;
};

static void enlarge(size_t *size, size_t n) { *size = n > *size ? n : *size; }

static void measure_layers(struct sizes *s, const struct network *net, int draws)
{
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (!layer_has_weights(l))
			continue;
		size_t rows = (size_t)draws * (size_t)l->positions;
		int by_factors = !gradient_is_explicit(l, draws);
		enlarge(&s->out, (size_t)l->out);
		if (!l->type->dense) {
			enlarge(&s->scratch, l->scratch);
			enlarge(&s->gradient, layer_weights(l) + (size_t)l->biases);
		}
		if (l->type->unroll && by_factors)
			enlarge(&s->scratch, (rows > 1 ? rows : 2) * (size_t)l->k);
		if (by_factors)
			enlarge(&s->gram, rows * rows);
	}
}

/* No block holds draws of both halves. */
static void place_blocks(struct draw_grams *g)
{
	int half = g->draws / 2, rest = g->draws - half, rest_blocks = g->blocks - g->half_block;
	for (int b = 0; b <= g->blocks; b++)
		g->block_from[b] = g->blocks == g->draws ? b : b <= g->half_block ? half * b / g->half_block : half + rest * (b - g->half_block) / rest_blocks;
}

int draw_grams_open(struct draw_grams *g, const struct network *enc, const struct network *dec, int draws, int use_blocks, struct fail *f)
{
	struct sizes s = {0};
	int blocks = !use_blocks || draws < 2 ? draws : draws < DRAW_BLOCKS ? 2 : DRAW_BLOCKS;
	measure_layers(&s, enc, 1);
	measure_layers(&s, dec, draws);
	size_t n = (size_t)blocks;
	*g = (struct draw_grams){.draws = draws, .blocks = blocks, .half_block = blocks == draws ? draws / 2 : blocks / 2};
	g->block_from = calloc(n + 1, sizeof *g->block_from);
	g->weight = calloc(n * n, sizeof *g->weight);
	g->bias = calloc(n * n, sizeof *g->bias);
	g->scratch = mat_floats(s.scratch);
	g->gram_p = mat_floats(s.gram);
	g->gram_k = mat_floats(s.gram);
	g->gradients = mat_floats((n > 2 ? n : 2) * (use_blocks || enc->has_convolution ? s.gradient : 0));
	g->bias_sums = mat_floats((n > 3 ? n : 3) * s.out);
	if (!g->block_from || !g->weight || !g->bias || !g->scratch || !g->gram_p || !g->gram_k || !g->gradients || !g->bias_sums)
		return fail_memory_for(f, "the gradients of %d draws", draws);
	place_blocks(g);
	return 0;
}

void draw_grams_close(struct draw_grams *g)
{
	free(g->block_from);
	free(g->weight);
	free(g->bias);
	free(g->scratch);
	free(g->gram_p);
	free(g->gram_k);
	free(g->gradients);
	free(g->bias_sums);
	*g = (struct draw_grams){.block_from = NULL};
}

/* --- all draws of a record --- */

/* gram [blocks][blocks] = v v^T, v [blocks][n] */
static void multiply_blocks(double *gram, const float *v, int blocks, size_t n)
{
	for (int a = 0; a < blocks; a++)
		for (int b = a; b < blocks; b++)
			gram[a * blocks + b] = gram[b * blocks + a] = dot(v + (size_t)a * n, v + (size_t)b * n, (int)n);
}

/* weight and bias from the Gram matrices of both factors, [draws positions][draws positions]. The bias of a dense layer has the
 * gradient dy, the factor a. */
static void sum_positions(struct draw_grams *g, int positions, int dense)
{
	int n = g->draws * positions, blocks = g->blocks;
	memset(g->weight, 0, (size_t)blocks * (size_t)blocks * sizeof *g->weight);
	memset(g->bias, 0, (size_t)blocks * (size_t)blocks * sizeof *g->bias);
	for (int a = 0; a < blocks; a++)
		for (int i = g->block_from[a] * positions; i < g->block_from[a + 1] * positions; i++)
			for (int b = 0; b < blocks; b++) {
				double weight = 0, bias = 0;
				for (int j = g->block_from[b] * positions; j < g->block_from[b + 1] * positions; j++) {
					double gram_p = (double)g->gram_p[i * n + j];
					weight += gram_p * (double)g->gram_k[i * n + j];
					bias += gram_p;
				}
				g->weight[a * blocks + b] += weight;
				g->bias[a * blocks + b] += dense ? bias : 0;
			}
}

void draw_grams_from_factors(struct draw_grams *g, const struct layer *l, const float *x, const float *dy)
{
	int rows = g->draws * l->positions;
	const float *k = layer_factor_k(l, x, dy);
	if (l->type->unroll) {
		l->type->unroll(l, g->scratch, k, g->draws);
		k = g->scratch;
	}
	mat_gram(g->gram_k, k, rows, l->k);
	mat_gram(g->gram_p, layer_factor_p(l, x, dy), rows, l->p);
	sum_positions(g, l->positions, l->type->dense);
	if (l->type->dense)
		return;
	size_t n = (size_t)l->biases, out = (size_t)l->out;
	for (int b = 0; b < g->blocks; b++) {
		int from = g->block_from[b];
		l->type->bias_gradient(l, g->bias_sums + (size_t)b * n, dy + (size_t)from * out, 0, g->block_from[b + 1] - from);
	}
	multiply_blocks(g->bias, g->bias_sums, g->blocks, n);
}

void draw_grams_from_sparse(struct draw_grams *g, const struct sparse_block *x, const struct sparse_block *dy)
{
	sparse_gram(g->gram_k, x);
	sparse_gram(g->gram_p, dy);
	sum_positions(g, 1, 1);
}

size_t block_gradients_size(const struct draw_grams *g, const struct layer *l)
{
	return (size_t)g->blocks * (layer_weights(l) + (size_t)l->biases);
}

void block_gradients_add(struct draw_grams *g, const struct layer *l, float *gradients, int block, int add, float *dx, const float *x,
                         const float *dy, const float *w, int rows)
{
	const struct layer_pass pass = {.rows = rows, .w = w, .add = add, .scratch = g->scratch};
	float *by_weight = gradients + (size_t)block * layer_weights(l);
	float *by_bias = gradients + (size_t)g->blocks * layer_weights(l) + (size_t)block * (size_t)l->biases;
	l->type->backward(l, dx, by_weight, dy, x, &pass);
	l->type->bias_gradient(l, by_bias, dy, add, rows);
}

void draw_grams_from_gradients(struct draw_grams *g, const struct layer *l, const float *gradients)
{
	multiply_blocks(g->weight, gradients, g->blocks, layer_weights(l));
	multiply_blocks(g->bias, gradients + (size_t)g->blocks * layer_weights(l), g->blocks, (size_t)l->biases);
}

void draw_grams_explicit(struct draw_grams *g, const struct layer *l, float *dx, const float *x, const float *dy, const float *w)
{
	for (int b = 0; b < g->blocks; b++) {
		size_t from = (size_t)g->block_from[b], in = from * (size_t)l->in, out = from * (size_t)l->out;
		block_gradients_add(g, l, g->gradients, b, 0, dx ? dx + in : NULL, x + in, dy + out, w, g->block_from[b + 1] - g->block_from[b]);
	}
	draw_grams_from_gradients(g, l, g->gradients);
}

/* --- one row --- */

static void dense_row(const struct layer *l, const float *x, const float *dy0, const float *dy1, const float *dy_mean, double *weight,
                      double *bias, float *tangent_out)
{
	double xx = dot(x, x, l->in);
	*bias = dot(dy0, dy1, l->out);
	*weight = xx * *bias;
	for (int i = 0; i < l->out; i++)
		tangent_out[i] = (float)(xx + 1) * dy_mean[i];
}

/* By factors: both gradients share the unrolled input b, and with S = b b^T, <g0, g1> = sum of S (dy0 dy1^T), tangent = S dy_mean. */
static double factor_row(struct draw_grams *g, const struct layer *l, const float *x, const float *dy0, const float *dy1,
                         const float *dy_mean, float *tangent_out)
{
	int n = l->positions, k = l->k, p = l->p;
	l->type->unroll(l, g->scratch, x, 1);
	mat_nt(g->gram_k, n, g->scratch, k, g->scratch, k, n, n, k, 0, MAT_16);
	mat_nt(g->gram_p, n, dy0, p, dy1, p, n, n, p, 0, MAT_16);
	mat_nn(tangent_out, p, g->gram_k, n, dy_mean, p, NULL, NULL, n, p, n, MAT_16);
	return dot(g->gram_k, g->gram_p, n * n);
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

void row_gradient_dot(struct draw_grams *g, const struct layer *l, const float *x, const float *dy0, const float *dy1, const float *dy_mean,
                      double *weight, double *bias, float *tangent_out)
{
	if (l->type->dense) {
		dense_row(l, x, dy0, dy1, dy_mean, weight, bias, tangent_out);
		return;
	}
	int by_factors = !l->type->transposed && !gradient_is_explicit(l, 1), n = l->biases;
	*weight = (by_factors ? factor_row : explicit_row)(g, l, x, dy0, dy1, dy_mean, tangent_out);
	float *b0 = g->bias_sums, *b1 = b0 + n, *b_mean = b1 + n;
	l->type->bias_gradient(l, b0, dy0, 0, 1);
	l->type->bias_gradient(l, b1, dy1, 0, 1);
	l->type->bias_gradient(l, b_mean, dy_mean, 0, 1);
	*bias = dot(b0, b1, n);
	for (int i = 0; i < l->out; i++)
		tangent_out[i] += b_mean[i % n];
}
