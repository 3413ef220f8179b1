/* Dot products between gradients, from Gram matrices of their factors or from explicit gradients. */
#include "influence/draw_grams.h"

#include <stdlib.h>
#include <string.h>

#include "base/minmax.h"
#include "gemm/mat.h"
#include "influence/eigen_dots.h"

int gradient_is_explicit(const struct layer *l, int draws)
{
	if (l->type->dense)
		return 0;
	double rows = (double)draws * l->positions, p = l->p, k = l->k;
	return rows * (p + k) >= p * k;
}

/* Multiply-adds with triangular matrices, and n positions: the gradient is written out, whitened and back, and moves the output; or factor K is
 * whitened, and for P that of the gradient and back, with the Gram matrices. In an eigenbasis both are about twice as many. */
int white_row_is_explicit(const struct layer *l)
{
	double n = l->positions, p = l->p, k = l->k;
	return l->type->transposed || 2 * n * p * k + p * k * k + p * p * k < n * k * k / 2 + n * p * p + n * n * (k + 2 * p);
}

/* Whether factors of the layer are needed: by the draws of a record, or by one row. */
static int uses_factors(const struct layer *l, int draws) { return !gradient_is_explicit(l, draws) || (draws == 1 && !white_row_is_explicit(l)); }

/* Only of triangle_product() a row has the same bits in a product of any number of rows. */
int white_group(const struct layer *l, const struct layer_whitening *w, int draws)
{
	enum { ROWS = 64 };
	int rows = draws * l->positions;
	return l->type->dense || (w && !w->triangle_k.n) || rows >= ROWS ? 1 : ROWS / rows;
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
		int by_factors = uses_factors(l, draws);
		enlarge(&s->out, (size_t)l->out);
		if (!l->type->dense) {
			enlarge(&s->scratch, l->scratch);
			enlarge(&s->gradient, layer_weights(l) + (size_t)l->biases);
		}
		if (l->type->unroll && by_factors)
			enlarge(&s->scratch, (rows > 1 ? rows : 2) * (size_t)white_group(l, NULL, draws) * (size_t)l->k);
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

int draw_grams_open(struct draw_grams *g, const struct network *enc, const struct network *dec, int draws, int use_blocks, int halves, struct fail *f)
{
	struct sizes s = {0};
	int blocks = !use_blocks || draws < 2 ? draws : draws < DRAW_BLOCKS ? 2 : DRAW_BLOCKS;
	measure_layers(&s, enc, 1);
	measure_layers(&s, dec, draws);
	size_t n = (size_t)blocks;
	*g = (struct draw_grams){.draws = draws, .blocks = blocks, .half_block = blocks == draws ? draws / 2 : blocks / 2};
	g->split = halves ? g->half_block : blocks;
	g->block_from = calloc(n + 1, sizeof *g->block_from);
	g->weight = calloc(2 * n, sizeof *g->weight);
	g->bias = calloc(2 * n, sizeof *g->bias);
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
	free(g->white_p);
	free(g->white_k);
	free(g->white_gradients);
	free(g->eigen);
	free(g->row_sums);
	*g = (struct draw_grams){.block_from = NULL};
}

/* Floats of whitened factors and gradients that the largest layer needs. */
struct white_sizes {
	size_t p, k, gradient, eigen, rows;
};

static void measure_white(struct white_sizes *s, const struct network *net, int draws)
{
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (!layer_has_weights(l))
			continue;
		size_t rows = (size_t)draws * (size_t)l->positions, p = (size_t)l->p, k = (size_t)l->k + 1;
		if (uses_factors(l, draws)) {
			enlarge(&s->p, (size_t)int_max(3, white_group(l, NULL, draws)) * rows * p); /* a row's three gradients */
			enlarge(&s->k, (size_t)white_group(l, NULL, draws) * rows * k);
			enlarge(&s->rows, rows);
			enlarge(&s->eigen, eigen_sums_scratch(l->p, l->k + 1, (int)rows));
		}
		if (!l->type->dense)
			enlarge(&s->gradient, 4 * p * k + 2 * (size_t)l->biases);
	}
}

int draw_grams_whiten(struct draw_grams *g, const struct network *enc, const struct network *dec, struct fail *f)
{
	struct white_sizes s = {0};
	measure_white(&s, enc, 1);
	measure_white(&s, dec, g->draws);
	g->white_p = mat_floats(s.p);
	g->white_k = mat_floats(s.k);
	g->white_gradients = mat_floats(s.gradient);
	g->eigen = mat_floats(s.eigen);
	g->row_sums = calloc(s.rows + 1, sizeof *g->row_sums);
	return g->white_p && g->white_k && g->white_gradients && g->eigen && g->row_sums ? 0 : fail_memory_for(f, "the gradients of %d draws", g->draws);
}

/* --- all draws of a record --- */

static void clear_sums(const struct draw_grams *g, double *sums) { memset(sums, 0, 2 * (size_t)g->blocks * sizeof *sums); }

/* Where the dot products of block a with block b are summed up. */
static double *sum_of(const struct draw_grams *g, double *sums, int a, int b) { return &sums[(b < g->split ? 0 : g->blocks) + a]; }

/* sums [2][blocks] of v [blocks][n] */
static void multiply_blocks(const struct draw_grams *g, double *sums, const float *v, size_t n)
{
	clear_sums(g, sums);
	for (int a = 0; a < g->blocks; a++)
		for (int b = a; b < g->blocks; b++) {
			double product = dot(v + (size_t)a * n, v + (size_t)b * n, (int)n);
			*sum_of(g, sums, a, b) += product;
			if (b > a)
				*sum_of(g, sums, b, a) += product;
		}
}

/* weight and bias from the Gram matrices of both factors, [draws positions][draws positions]. The bias of a dense layer has the
 * gradient dy, the factor P. */
static void sum_positions(struct draw_grams *g, int positions, int dense)
{
	int n = g->draws * positions, blocks = g->blocks;
	clear_sums(g, g->weight);
	clear_sums(g, g->bias);
	for (int a = 0; a < blocks; a++)
		for (int i = g->block_from[a] * positions; i < g->block_from[a + 1] * positions; i++)
			for (int b = 0; b < blocks; b++) {
				double weight = 0, bias = 0;
				for (int j = g->block_from[b] * positions; j < g->block_from[b + 1] * positions; j++) {
					double gram_p = (double)g->gram_p[i * n + j];
					weight += gram_p * (double)g->gram_k[i * n + j];
					bias += gram_p;
				}
				*sum_of(g, g->weight, a, b) += weight;
				*sum_of(g, g->bias, a, b) += dense ? bias : 0;
			}
}

/* The same for whitened factors p [draws positions][w->p] and k [draws positions][w->k]. */
static void sum_white(struct draw_grams *g, const struct layer_whitening *w, int positions, const float *p, const float *k)
{
	int rows = g->draws * positions;
	if (!w->eigen.inverse) {
		mat_gram(g->gram_k, k, w->k, rows, w->k);
		mat_gram(g->gram_p, p, w->p, rows, w->p);
		sum_positions(g, positions, 0);
		return;
	}
	clear_sums(g, g->weight);
	clear_sums(g, g->bias);
	for (int part = 0; part < 2; part++) {
		int from = part ? g->block_from[g->split] : 0, to = part ? g->draws : g->block_from[g->split];
		if (from == to)
			continue;
		eigen_sums(w, p, k, rows, from * positions, to * positions, g->row_sums, g->eigen);
		for (int b = 0; b < g->blocks; b++)
			for (int i = g->block_from[b] * positions; i < g->block_from[b + 1] * positions; i++)
				g->weight[part * g->blocks + b] += g->row_sums[i];
	}
}

const float *unrolled_k(struct draw_grams *g, const struct layer *l, const float *k, int rows)
{
	if (!l->type->unroll)
		return k;
	l->type->unroll(l, g->scratch, k, rows);
	return g->scratch;
}

void draw_grams_whiten_factors(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *x, const float *dy, int n)
{
	int rows = n * g->draws;
	whiten_p(w, g->white_p, layer_factor_p(l, x, dy), rows * l->positions);
	whiten_k(w, g->white_k, unrolled_k(g, l, layer_factor_k(l, x, dy), rows), rows * l->positions);
}

/* The bias of a layer that is not dense; w: a whitening that has the bias as a block of its own, or NULL */
static void sum_biases(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *dy)
{
	size_t n = (size_t)l->biases, out = (size_t)l->out;
	for (int b = 0; b < g->blocks; b++) {
		int from = g->block_from[b];
		l->type->bias_gradient(l, g->bias_sums + (size_t)b * n, dy + (size_t)from * out, 0, g->block_from[b + 1] - from);
	}
	if (w)
		whiten_b(w, g->white_gradients, g->bias_sums, g->blocks);
	multiply_blocks(g, g->bias, w ? g->white_gradients : g->bias_sums, n);
}

void draw_grams_from_factors(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *x, const float *dy, int at)
{
	int rows = g->draws * l->positions;
	if (w) {
		size_t row = (size_t)at * (size_t)rows;
		sum_white(g, w, l->positions, g->white_p + row * (size_t)w->p, g->white_k + row * (size_t)w->k);
	} else {
		mat_gram(g->gram_k, unrolled_k(g, l, layer_factor_k(l, x, dy), g->draws), l->k, rows, l->k);
		mat_gram(g->gram_p, layer_factor_p(l, x, dy), l->p, rows, l->p);
		sum_positions(g, l->positions, l->type->dense);
	}
	if (!l->type->dense && (!w || w->b))
		sum_biases(g, l, w, dy);
}

void draw_grams_from_white(struct draw_grams *g, const struct layer_whitening *w, const float *p, const float *k)
{
	sum_white(g, w, 1, p, k);
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
                         const float *dy, const float *w, int relu, int rows)
{
	const struct layer_pass pass = {.rows = rows, .w = w, .panels = l->backward_panels, .relu_mask = relu ? x : NULL, .add = add, .scratch = g->scratch};
	float *by_weight = gradients + (size_t)block * layer_weights(l);
	float *by_bias = gradients + (size_t)g->blocks * layer_weights(l) + (size_t)block * (size_t)l->biases;
	l->type->backward(l, dx, by_weight, dy, x, &pass);
	l->type->bias_gradient(l, by_bias, dy, add, rows);
}

/* to [n]: the sum of the vectors v [.][n] of a part's blocks */
static void sum_blocks(const struct draw_grams *g, float *to, const float *v, int part, size_t n)
{
	enum { SOME = 1024 }; /* that stay in the cache */
	int from = part ? g->split : 0, end = part ? g->blocks : g->split;
	for (size_t at = 0; at < n; at += SOME) {
		size_t some = n - at < SOME ? n - at : SOME;
		memcpy(to + at, v + (size_t)from * n + at, some * sizeof *to);
		for (int b = from + 1; b < end; b++)
			for (size_t i = at; i < at + some; i++)
				to[i] += v[(size_t)b * n + i];
	}
}

/* The sum over each part is multiplied with the inverse of the curvature, so that the blocks need not be whitened. */
static void sum_white_gradients(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *gradients)
{
	size_t weights = layer_weights(l), biases = (size_t)l->biases, n = (size_t)w->p * (size_t)w->k;
	const float *bias = gradients + (size_t)g->blocks * weights;
	float *white = g->white_gradients, *scratch = white + n, *total = scratch + n, *total_bias = total + weights, *back = total_bias + biases, *back_bias = back + weights;
	clear_sums(g, g->weight);
	for (int part = 0; part < (g->split < g->blocks ? 2 : 1); part++) {
		sum_blocks(g, total, gradients, part, weights);
		sum_blocks(g, total_bias, bias, part, biases);
		whiten_gradient(w, white, total, total_bias, scratch);
		whiten_gradient_adjoint(w, back, back_bias, white, scratch);
		for (size_t b = 0; b < (size_t)g->blocks; b++)
			g->weight[(size_t)part * (size_t)g->blocks + b] = dot(gradients + b * weights, back, (int)weights) +
			                                               (w->ones ? dot(bias + b * biases, back_bias, (int)biases) : 0);
	}
}

void draw_grams_from_gradients(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, const float *gradients)
{
	const float *bias = gradients + (size_t)g->blocks * layer_weights(l);
	if (!w) {
		multiply_blocks(g, g->weight, gradients, layer_weights(l));
		multiply_blocks(g, g->bias, bias, (size_t)l->biases);
		return;
	}
	sum_white_gradients(g, l, w, gradients);
	clear_sums(g, g->bias);
	if (w->b) {
		whiten_b(w, g->white_gradients, bias, g->blocks);
		multiply_blocks(g, g->bias, g->white_gradients, (size_t)l->biases);
	}
}

void draw_grams_explicit(struct draw_grams *g, const struct layer *l, const struct layer_whitening *w, float *dx, const float *x, const float *dy,
                         const float *weight, int relu)
{
	for (int b = 0; b < g->blocks; b++) {
		size_t from = (size_t)g->block_from[b], in = from * (size_t)l->in, out = from * (size_t)l->out;
		block_gradients_add(g, l, g->gradients, b, 0, dx ? dx + in : NULL, x + in, dy + out, weight, relu, g->block_from[b + 1] - g->block_from[b]);
	}
	draw_grams_from_gradients(g, l, w, g->gradients);
}
