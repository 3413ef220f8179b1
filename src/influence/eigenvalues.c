#include "influence/eigenvalues.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gemm/mat.h"

enum { GROUP_ROWS = 256 };

/* Multiplications to bring a record's gradient into the eigenbasis: factors row by row, or the gradient. */
static int factors_are_cheaper(const struct layer *l)
{
	double p = l->p, k = l->k;
	return l->positions * (p * p + k * k) < p * k * (p + k);
}

int layer_eigenvalues_open(struct layer_eigenvalues *v, const struct curvature_layer *c, int rows, int draws, struct fail *f)
{
	const struct layer *l = c->l;
	int dense = l->type->dense, group = GROUP_ROWS / l->positions;
	*v = (struct layer_eigenvalues){.c = c, .draws = draws, .by_factors = dense || factors_are_cheaper(l)};
	v->group = dense ? rows : !v->by_factors || group < 1 ? 1 : group;
	if (rotation_open(&v->basis, c, f))
		return -1;
	size_t np = (size_t)c->np, nk = (size_t)c->nk, n = (size_t)v->group * (size_t)l->positions;
	v->batch = mat_floats(np * nk);
	v->total = calloc(np * nk, sizeof *v->total);
	v->p = mat_floats(v->by_factors ? n * np : 0);
	v->k = mat_floats(v->by_factors ? n * nk : 0);
	v->squares = mat_floats(dense && !c->in_decoder ? n * np : 0);
	v->unrolled = mat_floats(v->by_factors && l->type->unroll ? n * (size_t)l->k : 0);
	v->gradient = mat_floats(2 * np * nk); /* before and after */
	v->bias = mat_floats((size_t)l->biases);
	v->scratch = mat_floats(l->scratch + np * nk);
	int bad = !v->batch || !v->total || !v->p || !v->k || !v->squares || !v->unrolled || !v->gradient || !v->bias || !v->scratch;
	return bad ? fail_memory_for(f, "the curvature of %s", c->name) : 0;
}

void layer_eigenvalues_close(struct layer_eigenvalues *v)
{
	void *all[] = {v->batch, v->total, v->p, v->k, v->squares, v->unrolled, v->gradient, v->bias, v->scratch};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
	layer_whitening_close(&v->basis);
	*v = (struct layer_eigenvalues){.c = NULL};
}

static void square(float *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i] *= v[i];
}

static void add_squares(struct layer_eigenvalues *v, const float *gradient)
{
	for (size_t i = 0; i < (size_t)v->c->np * (size_t)v->c->nk; i++)
		v->batch[i] += gradient[i] * gradient[i];
}

/* The input of an encoder layer is the same for all draws: the squares of the gradients by the output are summed up first. */
static void add_dense(struct layer_eigenvalues *v, const float *x, const float *dy, int n, int draw)
{
	int np = v->c->np, nk = v->c->nk, once = !v->c->in_decoder;
	size_t size = (size_t)n * (size_t)np;
	whiten_p(&v->basis, v->p, dy, n);
	square(v->p, size);
	if (once) {
		for (size_t i = 0; i < size; i++)
			v->squares[i] = (draw ? v->squares[i] : 0) + v->p[i];
		if (draw < v->draws - 1)
			return;
	}
	whiten_k(&v->basis, v->k, x, n);
	square(v->k, (size_t)n * (size_t)nk);
	mat_tn(v->batch, nk, once ? v->squares : v->p, np, v->k, nk, NULL, np, nk, n, 1, 1, MAT_24);
}

static void add_factors(struct layer_eigenvalues *v, const float *x, const float *dy, int n)
{
	const struct layer *l = v->c->l;
	int np = v->c->np, nk = v->c->nk, rows = l->positions;
	const float *k = layer_factor_k(l, x, dy);
	if (l->type->unroll) {
		l->type->unroll(l, v->unrolled, k, n);
		k = v->unrolled;
	}
	whiten_p(&v->basis, v->p, layer_factor_p(l, x, dy), n * rows);
	whiten_k(&v->basis, v->k, k, n * rows);
	for (size_t r = 0; r < (size_t)n; r++) {
		size_t row = r * (size_t)rows;
		mat_tn(v->gradient, nk, v->p + row * (size_t)np, np, v->k + row * (size_t)nk, nk, NULL, np, nk, rows, 1, 0, MAT_24);
		add_squares(v, v->gradient);
	}
}

static void add_gradient(struct layer_eigenvalues *v, const float *x, const float *dy)
{
	const struct layer *l = v->c->l;
	struct layer_pass pass = {.rows = 1, .scratch = v->scratch};
	float *turned = v->gradient + (size_t)v->c->np * (size_t)v->c->nk;
	l->type->backward(l, NULL, v->gradient, dy, x, &pass);
	l->type->bias_gradient(l, v->bias, dy, 0, 1);
	whiten_gradient(&v->basis, turned, v->gradient, v->bias, v->scratch);
	add_squares(v, turned);
}

void layer_eigenvalues_add(struct layer_eigenvalues *v, const float *x, const float *dy, int n, int draw)
{
	const struct layer *l = v->c->l;
	size_t in = (size_t)l->in, out = (size_t)l->out;
	if (l->type->dense) {
		add_dense(v, x, dy, n, draw);
		return;
	}
	for (int r = 0; r < n; r += v->group) {
		const float *from = x + (size_t)r * in, *grad = dy + (size_t)r * out;
		if (v->by_factors)
			add_factors(v, from, grad, n - r < v->group ? n - r : v->group);
		else
			add_gradient(v, from, grad);
	}
}

void layer_eigenvalues_end_batch(struct layer_eigenvalues *v)
{
	size_t n = (size_t)v->c->np * (size_t)v->c->nk;
	for (size_t i = 0; i < n; i++)
		v->total[i] += (double)v->batch[i];
	memset(v->batch, 0, n * sizeof *v->batch);
}

int layer_eigenvalues_finish(const struct layer_eigenvalues *v, float *lambda, double records, struct fail *f)
{
	for (size_t i = 0; i < (size_t)v->c->np * (size_t)v->c->nk; i++) {
		lambda[i] = (float)(v->total[i] / records / v->draws);
		if (!isfinite(lambda[i]))
			return fail_set(f, "the eigenvalues of %s are not finite: its gradients are too large; use an earlier checkpoint, or train with a smaller train.lr", v->c->name);
	}
	return 0;
}
