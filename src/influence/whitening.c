#include "influence/whitening.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/minmax.h"
#include "gemm/mat.h"
#include "influence/eigen_basis.h"
#include "influence/factor_map.h"

const char *const curvature_words[] = {"none", "kfac", "inputs", "ekfac", NULL};

static double trace(const float *factor, int n)
{
	double sum = 0;
	for (size_t i = 0; i < (size_t)n; i++)
		sum += (double)factor[i * (size_t)n + i];
	return sum;
}

/* What is added to the diagonal of a factor [n][n]. */
static int find_damping(double *damped, const float *factor, int n, double damping, const char *layer, const char *what, struct fail *f)
{
	double mean = trace(factor, n) / n;
	if (!isfinite(mean))
		return fail_set(f, "the curvature of %s (%s) is not finite: make it again with vae-ckpt curvature", layer, what);
	*damped = damping * (mean > 0 ? mean : 1); /* 1: a layer without gradient, to which every metric gives 0 */
	return 0;
}

/* at [n]: the numbers of a factor [n][n] that are not 0 in all records, then the others. Returns how many are not. Only the first `columns`, or
 * none with 0, may be. */
static int list_numbers(int *at, const float *factor, int n, int columns)
{
	int count = 0, some = 0;
	for (int zero = 0; zero < 2; zero++) {
		some = zero ? count : 0;
		for (int i = 0; i < n; i++)
			if ((i < columns && factor[(size_t)i * (size_t)n + (size_t)i] == 0) == zero)
				at[count++] = i;
	}
	return some;
}

/* m->w [n][columns]: the inverse of the Cholesky factor of the damped factor [n][n]. ones [n]: its last column, unless NULL. memory: [n][n] */
static int open_triangle(struct factor_map *m, float *ones, const float *factor, int find_zeros, double damping, double *memory, const char *layer,
                         const char *what, struct fail *f)
{
	size_t n = (size_t)m->n, columns = (size_t)m->columns;
	double added;
	if (find_damping(&added, factor, m->n, damping, layer, what, f))
		return -1;
	m->w = mat_floats(n * columns);
	m->at = malloc(n * sizeof *m->at);
	if (!m->w || !m->at)
		return fail_memory_for(f, "the curvature of %s", layer);
	size_t some = (size_t)(m->products = list_numbers(m->at, factor, m->n, find_zeros ? m->columns : 0));
	for (size_t i = 0; i < some; i++)
		for (size_t j = 0; j < some; j++)
			memory[i * some + j] = (double)factor[(size_t)m->at[i] * n + (size_t)m->at[j]] + (i == j ? added : 0);
	if (some && mat_inverse_cholesky(memory, (int)some))
		return fail_set(f, "the curvature of %s (%s) is not positive definite with --damping %g: raise it", layer, what, damping);
	m->unit = (float)(1 / sqrt(added));
	for (size_t i = 0; i < some; i++)
		for (size_t j = 0; j < some; j++)
			if ((size_t)m->at[j] < columns)
				m->w[i * columns + (size_t)m->at[j]] = (float)memory[i * some + j];
			else if (ones)
				ones[i] = (float)memory[i * some + j];
	for (size_t i = some; i < n; i++)
		m->w[i * columns + (size_t)m->at[i]] = m->unit;
	return 0;
}

static int open_bias(struct layer_whitening *w, const struct curvature_layer *c, double damping, double *memory, struct fail *f)
{
	struct factor_map bias = {.n = c->nb, .columns = c->nb};
	int r = open_triangle(&bias, NULL, c->b, 0, damping, memory, c->name, "bias", f);
	w->wb = bias.w;
	free(bias.at);
	return r;
}

/* The layer without its matrices. */
static int start_layer(struct layer_whitening *w, const struct curvature_layer *c, int square, struct fail *f)
{
	const struct layer *l = c->l;
	*w = (struct layer_whitening){.p = c->np, .k = c->nk, .b = c->nb, .dense = l->type->dense};
	w->by_p = (struct factor_map){.n = c->np, .columns = l->p, .square = square, .products = c->np};
	w->by_k = (struct factor_map){.n = c->nk, .columns = l->k, .square = square, .products = c->nk};
	w->ones = c->nb ? NULL : mat_floats((size_t)c->nk);
	return c->nb || w->ones ? 0 : fail_memory_for(f, "the curvature of %s", c->name);
}

/* For convolutions, if the processor has kernels. */
static int open_triangles(struct layer_whitening *w, struct fail *f)
{
	const struct factor_map *p = &w->by_p, *k = &w->by_k;
	if (w->dense || !triangle_supported(w->k, w->k))
		return 0;
	w->triangle_k = (struct triangle){k->w, k->w ? k->n : 0, k->columns, k->square};
	if (!p->w)
		return 0;
	w->triangle_p = (struct triangle){p->w, p->n, p->columns, p->square};
	w->turned_p = mat_floats((size_t)p->n * (size_t)p->columns);
	for (int i = 0; w->turned_p && i < p->n; i++)
		for (int j = 0; j < p->columns; j++)
			w->turned_p[j * p->n + i] = p->w[i * p->columns + j];
	return w->turned_p ? 0 : fail_memory(f);
}

static int open_layer(struct layer_whitening *w, const struct curvature_layer *c, enum curvature_kind kind, double damping, double *memory,
                      struct fail *f)
{
	int transposed = c->l->type->transposed, inputs = kind == CURVATURE_INPUTS, keep_p = !inputs || transposed, keep_k = !inputs || !transposed;
	if (start_layer(w, c, 0, f))
		return -1;
	if (keep_p && open_triangle(&w->by_p, NULL, c->p, w->dense, damping, memory, c->name, transposed ? "input" : "output", f))
		return -1;
	if (keep_k && open_triangle(&w->by_k, w->ones, c->k, w->dense, damping, memory, c->name, transposed ? "output" : "input", f))
		return -1;
	if (open_triangles(w, f))
		return -1;
	return c->nb && !inputs ? open_bias(w, c, damping, memory, f) : 0;
}

int rotation_open(struct layer_whitening *w, const struct curvature_layer *c, struct fail *f)
{
	int bad = start_layer(w, c, 1, f) || eigen_basis(&w->by_p, NULL, c->qp, NULL, w->dense, f) || eigen_basis(&w->by_k, w->ones, c->qk, NULL, w->dense, f);
	return bad ? -1 : open_triangles(w, f);
}

static int open_ekfac(struct layer_whitening *w, const struct curvature_layer *c, double damping, double *memory, struct fail *f)
{
	if (start_layer(w, c, 1, f) || eigen_open(&w->eigen, &w->by_p, &w->by_k, w->ones, c, damping, f) || open_triangles(w, f))
		return -1;
	return c->nb ? open_bias(w, c, damping, memory, f) : 0;
}

/* --- faint layers --- */

/* Of the largest layer's E|G|^2, by the factors: below it a gradient is not above the rounding of its parts, such as sigma^2 - 1. */
static const double faint = 1e-10;

static double size_of(const struct curvature_layer *c) { return trace(c->p, c->np) * trace(c->k, c->nk); }

static double faint_limit(const struct curvature *c)
{
	double most = 0;
	for (int i = 0; i < c->n; i++)
		most = fmax(most, size_of(&c->layer[i]));
	return faint * most;
}

static void zero(float *v, size_t n)
{
	if (v)
		memset(v, 0, n * sizeof *v);
}

/* After it, the gradients of the layer's weights count as 0. */
static void silence(struct layer_whitening *w)
{
	size_t n = (size_t)w->p * (size_t)w->k;
	zero(w->by_p.w, (size_t)w->by_p.n * (size_t)w->by_p.columns);
	zero(w->turned_p, (size_t)w->by_p.n * (size_t)w->by_p.columns);
	w->by_p.unit = 0;
	zero(w->eigen.inverse, n);
	zero(w->eigen.scale, n);
	w->eigen.rest = 0;
}

static int is_faint(double size, double limit) { return size > 0 && size < limit; }

static void silence_faint(struct whitening *all, struct layer_whitening *w, const struct curvature_layer *c, double limit)
{
	int weights = is_faint(size_of(c), limit), bias = is_faint(trace(c->b, c->nb), limit);
	if (weights)
		silence(w);
	if (bias)
		zero(w->wb, (size_t)w->b * (size_t)w->b);
	if (weights || bias)
		snprintf(all->faint + strlen(all->faint), sizeof all->faint - strlen(all->faint), "%s%s", all->faint[0] ? ", " : "", c->name);
}

int whitening_open(struct whitening *w, const struct curvature *c, enum curvature_kind kind, double damping, struct fail *f)
{
	int most = 1;
	memset(w, 0, sizeof *w);
	if (kind == CURVATURE_EKFAC && !c->has_eigenvalues)
		return fail_set(f, "has no eigenvalues, which --curvature ekfac requires: make it again with vae-ckpt curvature --ekfac");
	for (int i = 0; i < c->n; i++)
		most = int_max(most, int_max(c->layer[i].np, int_max(c->layer[i].nk, c->layer[i].nb)));
	double *memory = malloc((size_t)most * (size_t)most * sizeof *memory), limit = faint_limit(c);
	int r = memory ? 0 : fail_memory_for(f, "factors of %d columns", most);
	for (int i = 0; i < c->n && !r; i++) {
		struct layer_whitening *side = c->layer[i].in_decoder ? w->dec : w->enc;
		struct layer_whitening *to = &side[c->layer[i].index];
		r = kind == CURVATURE_EKFAC ? open_ekfac(to, &c->layer[i], damping, memory, f) : open_layer(to, &c->layer[i], kind, damping, memory, f);
		if (!r && kind != CURVATURE_INPUTS)
			silence_faint(w, to, &c->layer[i], limit);
	}
	free(memory);
	if (r)
		whitening_close(w);
	return r;
}

void layer_whitening_close(struct layer_whitening *w)
{
	float *all[] = {w->wb, w->ones, w->turned_p, w->panels_p, w->panels_k, w->panels_back};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
	eigen_close(&w->eigen);
	factor_map_close(&w->by_p);
	factor_map_close(&w->by_k);
	*w = (struct layer_whitening){.p = 0};
}

void whitening_close(struct whitening *w)
{
	for (int i = 0; i < MAX_LAYERS; i++) {
		layer_whitening_close(&w->enc[i]);
		layer_whitening_close(&w->dec[i]);
	}
}

static int open_beside(struct whitening *w, const struct model *m, enum curvature_kind kind, double damping, char hash[17], struct fail *f)
{
	char path[600];
	struct curvature c;
	curvature_beside(path, sizeof path, m);
	if (access(path, F_OK))
		return fail_errno(f, "%s: made by vae-ckpt curvature, which --curvature requires", path);
	if (curvature_read(&c, m, path, hash, f))
		return -1;
	int r = whitening_open(w, &c, kind, damping, f);
	curvature_free(&c);
	return r ? fail_add(f, "%s", path) : 0;
}

struct whitening *whitenings_open(const struct model *m, int n, enum curvature_kind kind, double damping, struct buf *options, struct fail *f)
{
	struct whitening *w = calloc((size_t)n, sizeof *w);
	int r = w ? buf_addf(options, f, "curvature: %s\ndamping: %.9g\n", curvature_words[kind], damping) : fail_memory(f);
	for (int i = 0; i < n && !r; i++) {
		char hash[17];
		r = open_beside(&w[i], &m[i], kind, damping, hash, f) || buf_addf(options, f, "factors: %s\n", hash);
	}
	if (!r)
		return w;
	whitenings_close(w, n);
	return NULL;
}

void whitenings_close(struct whitening *w, int n)
{
	for (int i = 0; w && i < n; i++)
		whitening_close(&w[i]);
	free(w);
}

static void pack_triangles(struct layer_whitening *w, size_t *budget)
{
	if (w->triangle_k.n && !w->panels_k)
		w->panels_k = triangle_pack(&w->triangle_k, 0, budget);
	if (w->triangle_k.n && !w->panels_back)
		w->panels_back = triangle_pack(&w->triangle_k, 1, budget);
	if (w->triangle_p.n && !w->panels_p)
		w->panels_p = triangle_pack(&w->triangle_p, 0, budget);
}

static void pack_layer(struct layer_whitening *w, int rows, size_t *budget)
{
	if (!w->dense && w->triangle_k.n + w->triangle_p.n) {
		pack_triangles(w, budget);
		return;
	}
	if (w->dense)
		factor_map_pack(&w->by_p, 1, rows, budget);
	if (w->p)
		factor_map_pack(&w->by_k, w->dense, rows, budget); /* a convolution's gradients are whitened one by one: P is on their left */
}

void whitening_pack(struct whitening *w, int rows, size_t *budget)
{
	for (int i = MAX_LAYERS - 1; i >= 0; i--)
		pack_layer(&w->dec[i], rows, budget);
	for (int i = MAX_LAYERS - 1; i >= 0; i--)
		pack_layer(&w->enc[i], rows, budget);
}

/* --- products --- */

static void add_ones(const struct layer_whitening *w, float *out, size_t rows)
{
	for (; w->ones && rows > 0; rows--, out += w->k)
		for (int i = 0; i < w->k; i++)
			out[i] += w->ones[i];
}

void whiten_p(const struct layer_whitening *w, float *out, const float *p, int rows)
{
	if (w->triangle_p.n)
		triangle_product(out, p, &w->triangle_p, w->panels_p, NULL, rows);
	else
		factor_map_rows(&w->by_p, out, p, rows);
}

void whiten_k(const struct layer_whitening *w, float *out, const float *k, int rows)
{
	if (w->triangle_k.n) {
		triangle_product(out, k, &w->triangle_k, w->panels_k, w->ones, rows);
		return;
	}
	factor_map_rows(&w->by_k, out, k, rows);
	add_ones(w, out, (size_t)rows);
}

int whiten_sparse_p(const struct layer_whitening *w, float *out, const struct sparse_block *p, int count) { return factor_map_sparse(&w->by_p, out, p, count); }

int whiten_sparse_k(const struct layer_whitening *w, float *out, const struct sparse_block *k, int count)
{
	if (!factor_map_sparse(&w->by_k, out, k, count))
		return 0;
	add_ones(w, out, (size_t)count * SPARSE_ROWS);
	return 1;
}

void whiten_b(const struct layer_whitening *w, float *out, const float *b, int rows)
{
	if (w->wb)
		mat_layer(out, w->b, b, w->wb, NULL, NULL, rows, w->b, w->b, 0, MAT_24);
	else
		memcpy(out, b, (size_t)rows * (size_t)w->b * sizeof *out);
}

void whiten_gradient(const struct layer_whitening *w, float *out, const float *weight, const float *bias, float *scratch)
{
	const struct factor_map *m = &w->by_p;
	size_t k = (size_t)w->k, p = (size_t)w->p;
	float *by_k = m->w ? scratch : out;
	if (w->triangle_k.n)
		triangle_product(by_k, weight, &w->triangle_k, w->panels_k, NULL, m->columns);
	else
		factor_map_rows(&w->by_k, by_k, weight, m->columns);
	for (size_t i = 0; w->ones && i < p; i++)
		for (size_t j = 0; j < k; j++)
			by_k[i * k + j] += bias[i] * w->ones[j];
	if (w->triangle_p.n)
		triangle_left(out, w->turned_p, &w->triangle_p, scratch, w->k);
	for (int i = 0, from = 0; m->w && !w->triangle_p.n && i < FACTOR_PARTS && from < w->p; from = factor_map_end(w->p, i++)) {
		int to = factor_map_end(w->p, i);
		mat_nn(out + (size_t)from * k, w->k, m->w + (size_t)from * p, m->columns, scratch, w->k, NULL, NULL, to - from, w->k, factor_map_reach(m, to),
		       MAT_24);
	}
	for (size_t i = 0; m->w && w->eigen.scale && i < p * k; i++)
		out[i] *= w->eigen.scale[i];
}

void whiten_p_adjoint(const struct layer_whitening *w, float *out, const float *in, int rows) { factor_map_back(&w->by_p, out, in, rows); }

void whiten_gradient_adjoint(const struct layer_whitening *w, float *weight, float *bias, float *in, float *scratch)
{
	const struct factor_map *m = &w->by_p;
	for (size_t i = 0; w->eigen.scale && i < (size_t)w->p * (size_t)w->k; i++)
		in[i] *= w->eigen.scale[i];
	const float *by_p = m->w ? scratch : in;
	size_t p = (size_t)w->p, k = (size_t)w->k;
	if (w->triangle_p.n)
		triangle_left_back(scratch, &w->triangle_p, in, w->k);
	for (int i = 0, from = 0; m->w && !w->triangle_p.n && i < FACTOR_PARTS && from < w->p; from = factor_map_end(w->p, i++)) {
		int to = factor_map_end(w->p, i), row = factor_map_first(m, from);
		mat_tn(scratch + (size_t)from * k, w->k, m->w + (size_t)row * p + from, m->columns, in + (size_t)row * k, w->k, NULL, to - from, w->k, w->p - row, 1,
		       0, MAT_24);
	}
	if (w->triangle_k.n)
		triangle_product_back(weight, by_p, &w->triangle_k, w->panels_back, m->columns);
	else
		factor_map_back(&w->by_k, weight, by_p, m->columns);
	for (size_t i = 0; w->ones && i < (size_t)m->columns; i++)
		bias[i] = (float)dot(by_p + i * (size_t)w->k, w->ones, w->k);
}

void whiten_b_adjoint(const struct layer_whitening *w, float *out, const float *b)
{
	if (w->wb)
		mat_nn(out, w->b, b, w->b, w->wb, w->b, NULL, NULL, 1, w->b, w->b, MAT_24);
	else
		memcpy(out, b, (size_t)w->b * sizeof *out);
}
