#include "influence/whitening.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const curvature_words[] = {"none", "kfac", "inputs", "ekfac", NULL};

/* inverse [n][n]: of the Cholesky factor of the damped factor [n][n] */
static int invert(double *inverse, const float *factor, int n, double damping, const char *layer, const char *what, struct fail *f)
{
	size_t size = (size_t)n;
	double mean = 0;
	for (size_t i = 0; i < size; i++)
		mean += (double)factor[i * size + i] / n;
	if (!isfinite(mean))
		return fail_set(f, "the curvature of %s (%s) is not finite", layer, what);
	if (!(mean > 0))
		mean = 1; /* a layer without gradient: every metric gives 0 */
	for (size_t i = 0; i < size * size; i++)
		inverse[i] = (double)factor[i];
	for (size_t i = 0; i < size; i++)
		inverse[i * size + i] += damping * mean;
	if (mat_inverse_cholesky(inverse, n))
		return fail_set(f, "the curvature of %s (%s) is not positive definite with --damping %g: raise it", layer, what, damping);
	return 0;
}

/* to [rows][columns]: the first columns of from [rows][n] */
static float *cut_columns(const double *from, int rows, int n, int columns)
{
	float *to = mat_floats((size_t)rows * (size_t)columns);
	for (size_t i = 0; to && i < (size_t)rows; i++)
		for (size_t j = 0; j < (size_t)columns; j++)
			to[i * (size_t)columns + j] = (float)from[i * (size_t)n + j];
	return to;
}

/* *to [n][columns]: of a factor [n][n] */
static int open_matrix(float **to, const float *factor, int n, int columns, double damping, double *memory, const char *layer, const char *what,
                       struct fail *f)
{
	if (invert(memory, factor, n, damping, layer, what, f))
		return -1;
	*to = cut_columns(memory, n, n, columns);
	return *to ? 0 : fail_memory_for(f, "the curvature of %s", layer);
}

/* w->ones from the last column of a matrix [n][n] */
static int open_ones(struct layer_whitening *w, const double *matrix, int n, struct fail *f)
{
	w->ones = mat_floats((size_t)n);
	for (size_t i = 0; w->ones && i < (size_t)n; i++)
		w->ones[i] = (float)matrix[(i + 1) * (size_t)n - 1];
	return w->ones ? 0 : fail_memory(f);
}

/* For convolutions, if the processor has kernels. */
static int open_triangles(struct layer_whitening *w, const struct layer *l, struct fail *f)
{
	if (w->dense || !triangle_supported(w->k, w->k))
		return 0;
	w->triangle_k = (struct triangle){w->wk, w->wk ? w->k : 0, l->k, w->square};
	if (!w->wp)
		return 0;
	w->triangle_p = (struct triangle){w->wp, w->p, l->p, w->square};
	w->turned_p = mat_floats((size_t)w->p * (size_t)l->p);
	for (int i = 0; w->turned_p && i < w->p; i++)
		for (int j = 0; j < l->p; j++)
			w->turned_p[j * w->p + i] = w->wp[i * l->p + j];
	return w->turned_p ? 0 : fail_memory(f);
}

static int open_layer(struct layer_whitening *w, const struct curvature_layer *c, enum curvature_kind kind, double damping, double *memory,
                      struct fail *f)
{
	const struct layer *l = c->l;
	int transposed = l->type->transposed, inputs = kind == CURVATURE_INPUTS, keep_p = !inputs || transposed, keep_k = !inputs || !transposed;
	*w = (struct layer_whitening){.p = c->np, .k = c->nk, .b = c->nb, .dense = l->type->dense};
	if (keep_p && open_matrix(&w->wp, c->p, c->np, l->p, damping, memory, c->name, transposed ? "input" : "output", f))
		return -1;
	if (keep_k && open_matrix(&w->wk, c->k, c->nk, l->k, damping, memory, c->name, transposed ? "output" : "input", f))
		return -1;
	if ((!c->nb && open_ones(w, memory, c->nk, f)) || open_triangles(w, l, f))
		return -1;
	return c->nb && !inputs ? open_matrix(&w->wb, c->b, c->nb, c->nb, damping, memory, c->name, "bias", f) : 0;
}

/* to [n][columns]: the first columns of q [n][n] */
static float *cut_rotation(const float *q, int n, int columns)
{
	float *to = mat_floats((size_t)n * (size_t)columns);
	for (size_t i = 0; to && i < (size_t)n; i++)
		memcpy(to + i * (size_t)columns, q + i * (size_t)n, (size_t)columns * sizeof *to);
	return to;
}

int rotation_open(struct layer_whitening *w, const struct curvature_layer *c, struct fail *f)
{
	const struct layer *l = c->l;
	*w = (struct layer_whitening){.p = c->np, .k = c->nk, .b = c->nb, .square = 1, .dense = l->type->dense};
	w->wp = cut_rotation(c->qp, c->np, l->p);
	w->wk = cut_rotation(c->qk, c->nk, l->k);
	w->ones = c->nb ? NULL : mat_floats((size_t)c->nk);
	for (size_t i = 0; w->ones && i < (size_t)c->nk; i++)
		w->ones[i] = c->qk[(i + 1) * (size_t)c->nk - 1];
	if (!w->wp || !w->wk || (!c->nb && !w->ones))
		return fail_memory_for(f, "the curvature of %s", c->name);
	return open_triangles(w, l, f);
}

static int open_eigenvalues(struct layer_whitening *w, const struct curvature_layer *c, double damping, struct fail *f)
{
	size_t n = (size_t)c->np * (size_t)c->nk;
	double mean = 0;
	for (size_t i = 0; i < n; i++)
		mean += (double)c->lambda[i] / (double)n;
	if (!isfinite(mean))
		return fail_set(f, "the eigenvalues of %s are not finite", c->name);
	if (!(mean > 0))
		mean = 1; /* a layer without gradient */
	w->inverse = mat_floats(n);
	w->scale = mat_floats(n);
	if (!w->inverse || !w->scale)
		return fail_memory_for(f, "the curvature of %s", c->name);
	for (size_t i = 0; i < n; i++) {
		double damped = (double)c->lambda[i] + damping * mean;
		if (!(damped > 0))
			return fail_set(f, "the curvature of %s has an eigenvalue that is not positive with --damping %g: raise it", c->name, damping);
		w->inverse[i] = (float)(1 / damped);
		w->scale[i] = (float)sqrt(1 / damped);
	}
	return 0;
}

static int open_ekfac(struct layer_whitening *w, const struct curvature_layer *c, double damping, double *memory, struct fail *f)
{
	if (rotation_open(w, c, f) || open_eigenvalues(w, c, damping, f))
		return -1;
	return c->nb ? open_matrix(&w->wb, c->b, c->nb, c->nb, damping, memory, c->name, "bias", f) : 0;
}

static int larger(int a, int b) { return a > b ? a : b; }

int whitening_open(struct whitening *w, const struct curvature *c, enum curvature_kind kind, double damping, struct fail *f)
{
	int most = 1;
	memset(w, 0, sizeof *w);
	if (kind == CURVATURE_EKFAC && !c->has_eigenvalues)
		return fail_set(f, "has no eigenvalues, which --curvature ekfac requires: make it again with vae-ckpt curvature --ekfac");
	for (int i = 0; i < c->n; i++)
		most = larger(most, larger(c->layer[i].np, larger(c->layer[i].nk, c->layer[i].nb)));
	double *memory = malloc((size_t)most * (size_t)most * sizeof *memory);
	int r = memory ? 0 : fail_memory_for(f, "factors of %d columns", most);
	for (int i = 0; i < c->n && !r; i++) {
		struct layer_whitening *side = c->layer[i].in_decoder ? w->dec : w->enc;
		struct layer_whitening *to = &side[c->layer[i].index];
		r = kind == CURVATURE_EKFAC ? open_ekfac(to, &c->layer[i], damping, memory, f) : open_layer(to, &c->layer[i], kind, damping, memory, f);
	}
	free(memory);
	if (r)
		whitening_close(w);
	return r;
}

void layer_whitening_close(struct layer_whitening *w)
{
	float *all[] = {w->wp, w->wk, w->wb, w->ones, w->inverse, w->scale, w->turned_p, w->panels_p, w->panels_k, w->panels_back};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
	for (int i = 0; i < WHITENING_PARTS; i++) {
		free(w->packed_p[i]);
		free(w->packed_k[i]);
		free(w->packed_back[i]);
	}
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

/* The rows of part i of n: [part_end(n, i - 1), part_end(n, i)), a multiple of 64 but for the last. Few rows are one part. */
static int part_end(int n, int i)
{
	int step = (n + WHITENING_PARTS * 64 - 1) / (WHITENING_PARTS * 64) * 64;
	return (i + 1) * step < n ? (i + 1) * step : n;
}

static void pack_parts(struct mat_packed *packed[WHITENING_PARTS], const float *w, int n, int columns, int rows, size_t *budget)
{
	for (int i = 0, from = 0; w && i < WHITENING_PARTS && from < n; from = part_end(n, i++))
		packed[i] = packed[i] ? packed[i] : mat_pack(w + (size_t)from * (size_t)columns, columns, 0, rows, part_end(n, i) - from, columns, MAT_24, 0, budget);
}

/* The numbers of x that rows up to `to` of a matrix meet. */
static int inner_size(int square, int columns, int to) { return square || columns < to ? columns : to; }

/* The first row of a matrix that has a number in the columns from `from` on. */
static int first_row(int square, int from) { return square ? 0 : from; }

/* wk [k][columns] of a convolution, whose gradients are whitened one by one, and whose parts have their own inner dimensions. */
static void pack_convolution(struct layer_whitening *w, int rows, size_t *budget)
{
	int columns = w->b ? w->k : w->k - 1;
	for (int i = 0, from = 0; w->wk && i < WHITENING_PARTS && from < w->k; from = part_end(w->k, i++)) {
		int to = part_end(w->k, i), last = to < columns ? to : columns, row = first_row(w->square, from);
		const float *part = w->wk + (size_t)from * (size_t)columns;
		if (!w->packed_k[i])
			w->packed_k[i] = mat_pack(part, columns, 0, rows, to - from, inner_size(w->square, columns, to), MAT_24, 0, budget);
		if (!w->packed_back[i] && last > from)
			w->packed_back[i] = mat_pack(w->wk + (size_t)row * (size_t)columns + from, columns, 1, rows, last - from, w->k - row, MAT_24, 0, budget);
	}
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
	if (!w->p)
		return;
	if (!w->dense && w->triangle_k.n + w->triangle_p.n) {
		pack_triangles(w, budget);
		return;
	}
	if (!w->dense) {
		pack_convolution(w, rows, budget);
		return;
	}
	pack_parts(w->packed_p, w->wp, w->p, w->p, rows, budget);
	pack_parts(w->packed_k, w->wk, w->k, w->b ? w->k : w->k - 1, rows, budget);
}

void whitening_pack(struct whitening *w, int rows, size_t *budget)
{
	for (int i = MAX_LAYERS - 1; i >= 0; i--)
		pack_layer(&w->dec[i], rows, budget);
	for (int i = MAX_LAYERS - 1; i >= 0; i--)
		pack_layer(&w->enc[i], rows, budget);
}

/* --- products --- */

static void add_ones(float *out, const float *ones, int n, size_t rows)
{
	for (; ones && rows > 0; rows--, out += n)
		for (int i = 0; i < n; i++)
			out[i] += ones[i];
}

/* out [rows][n] = x [rows][columns] w^T, w [n][columns] square or lower triangular, or NULL; plus ones [n], or NULL. packed: its
 * parts, which are not used if they have another inner dimension. */
static void multiply_rows(float *out, const float *x, const float *w, struct mat_packed *const packed[WHITENING_PARTS], int square, int n, int columns,
                          int rows, const float *ones)
{
	if (!w)
		memcpy(out, x, (size_t)rows * (size_t)n * sizeof *out);
	for (int i = 0, from = 0; w && i < WHITENING_PARTS && from < n; from = part_end(n, i++)) {
		int to = part_end(n, i);
		mat_nt(out + from, n, x, columns, w + (size_t)from * (size_t)columns, columns, packed[i], rows, to - from,
		              inner_size(square, columns, to), MAT_24);
	}
	add_ones(out, ones, n, (size_t)rows);
}

/* The same of sparse blocks. What is read behind the columns of a cut block meets zeros of w. */
static int multiply_sparse(float *out, const struct sparse_block *x, struct mat_packed *const packed[WHITENING_PARTS], int square, int n, int count,
                           const float *ones)
{
	struct sparse_block cut[SPARSE_BATCH];
	for (int i = 0, from = 0; i < WHITENING_PARTS && from < n; from = part_end(n, i++))
		if (!sparse_accepts(packed[i]))
			return 0;
	for (int i = 0, from = 0; i < WHITENING_PARTS && from < n; from = part_end(n, i++)) {
		for (int b = 0; b < count; b++) {
			cut[b] = x[b];
			while (!square && cut[b].n && cut[b].column[cut[b].n - 1] >= part_end(n, i))
				cut[b].n--;
		}
		sparse_layer(out + from, (size_t)n, cut, count, packed[i], NULL);
	}
	add_ones(out, ones, n, (size_t)count * SPARSE_ROWS);
	return 1;
}

void whiten_p(const struct layer_whitening *w, const struct layer *l, float *out, const float *p, int rows)
{
	if (w->triangle_p.n)
		triangle_product(out, p, &w->triangle_p, w->panels_p, NULL, rows);
	else
		multiply_rows(out, p, w->wp, w->packed_p, w->square, w->p, l->p, rows, NULL);
}

/* ones: to add, or NULL */
static void multiply_k(const struct layer_whitening *w, const struct layer *l, float *out, const float *k, int rows, const float *ones)
{
	if (w->triangle_k.n)
		triangle_product(out, k, &w->triangle_k, w->panels_k, ones, rows);
	else
		multiply_rows(out, k, w->wk, w->packed_k, w->square, w->k, l->k, rows, ones);
}

void whiten_k(const struct layer_whitening *w, const struct layer *l, float *out, const float *k, int rows)
{
	multiply_k(w, l, out, k, rows, w->ones);
}

int whiten_sparse_p(const struct layer_whitening *w, float *out, const struct sparse_block *p, int count)
{
	return multiply_sparse(out, p, w->packed_p, w->square, w->p, count, NULL);
}

int whiten_sparse_k(const struct layer_whitening *w, float *out, const struct sparse_block *k, int count)
{
	return multiply_sparse(out, k, w->packed_k, w->square, w->k, count, w->ones);
}

void whiten_b(const struct layer_whitening *w, float *out, const float *b, int rows)
{
	if (w->wb)
		mat_layer(out, w->b, b, w->wb, NULL, NULL, rows, w->b, w->b, 0, MAT_24);
	else
		memcpy(out, b, (size_t)rows * (size_t)w->b * sizeof *out);
}

void whiten_gradient(const struct layer_whitening *w, const struct layer *l, float *out, const float *weight, const float *bias, float *scratch)
{
	size_t k = (size_t)w->k, p = (size_t)w->p;
	float *by_k = w->wp ? scratch : out;
	multiply_k(w, l, by_k, weight, l->p, NULL);
	for (size_t i = 0; w->ones && i < p; i++)
		for (size_t j = 0; j < k; j++)
			by_k[i * k + j] += bias[i] * w->ones[j];
	if (w->triangle_p.n)
		triangle_left(out, w->turned_p, &w->triangle_p, scratch, w->k);
	for (int i = 0, from = 0; w->wp && !w->triangle_p.n && i < WHITENING_PARTS && from < w->p; from = part_end(w->p, i++)) {
		int to = part_end(w->p, i);
		mat_nn(out + (size_t)from * k, w->k, w->wp + (size_t)from * p, l->p, scratch, w->k, NULL, NULL, to - from, w->k,
		       inner_size(w->square, l->p, to), MAT_24);
	}
	for (size_t i = 0; w->wp && w->scale && i < p * k; i++)
		out[i] *= w->scale[i];
}

/* out [rows][columns] = in [rows][n] w, w [n][columns] square or lower triangular, or NULL; packed: its parts, or NULL */
static void multiply_back(float *out, const float *in, const float *w, struct mat_packed *const *packed, int square, int n, int columns, int rows)
{
	if (!w)
		memcpy(out, in, (size_t)rows * (size_t)n * sizeof *out);
	for (int i = 0, from = 0; w && i < WHITENING_PARTS && from < columns; from = part_end(n, i++)) {
		int to = part_end(n, i) < columns ? part_end(n, i) : columns, row = first_row(square, from);
		mat_nn(out + from, columns, in + row, n, w + (size_t)row * (size_t)columns + from, columns, packed ? packed[i] : NULL, NULL, rows, to - from, n - row, MAT_24);
	}
}

void whiten_p_adjoint(const struct layer_whitening *w, const struct layer *l, float *out, const float *in, int rows)
{
	multiply_back(out, in, w->wp, NULL, w->square, w->p, l->p, rows);
}

void whiten_gradient_adjoint(const struct layer_whitening *w, const struct layer *l, float *weight, float *bias, float *in, float *scratch)
{
	for (size_t i = 0; w->scale && i < (size_t)w->p * (size_t)w->k; i++)
		in[i] *= w->scale[i];
	const float *by_p = w->wp ? scratch : in;
	size_t p = (size_t)w->p, k = (size_t)w->k;
	if (w->triangle_p.n)
		triangle_left_back(scratch, &w->triangle_p, in, w->k);
	for (int i = 0, from = 0; w->wp && !w->triangle_p.n && i < WHITENING_PARTS && from < w->p; from = part_end(w->p, i++)) {
		int to = part_end(w->p, i), row = first_row(w->square, from);
		mat_tn(scratch + (size_t)from * k, w->k, w->wp + (size_t)row * p + from, l->p, in + (size_t)row * k, w->k, NULL, to - from, w->k, w->p - row, 1, 0,
		       MAT_24);
	}
	if (w->triangle_k.n)
		triangle_product_back(weight, by_p, &w->triangle_k, w->panels_back, l->p);
	else
		multiply_back(weight, by_p, w->wk, w->packed_back, w->square, w->k, l->k, l->p);
	for (size_t i = 0; w->ones && i < (size_t)l->p; i++)
		bias[i] = (float)dot(by_p + i * (size_t)w->k, w->ones, w->k);
}

void whiten_b_adjoint(const struct layer_whitening *w, float *out, const float *b)
{
	if (w->wb)
		mat_nn(out, w->b, b, w->b, w->wb, w->b, NULL, NULL, 1, w->b, w->b, MAT_24);
	else
		memcpy(out, b, (size_t)w->b * sizeof *out);
}
