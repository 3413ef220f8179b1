#include "influence/whitening.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static int open_layer(struct layer_whitening *w, const struct curvature_layer *c, double damping, double *memory, struct fail *f)
{
	const struct layer *l = c->l;
	*w = (struct layer_whitening){.p = c->np, .k = c->nk, .b = c->nb};
	if (invert(memory, c->p, c->np, damping, c->name, l->type->transposed ? "input" : "output", f))
		return -1;
	w->wp = cut_columns(memory, c->np, c->np, l->p);
	if (invert(memory, c->k, c->nk, damping, c->name, l->type->transposed ? "output" : "input", f))
		return -1;
	w->wk = cut_columns(memory, c->nk, c->nk, l->k);
	int bad = !w->wp || !w->wk;
	if (!c->nb) {
		w->k1 = mat_floats((size_t)c->nk);
		bad |= !w->k1;
		for (int i = 0; w->k1 && i < c->nk; i++)
			w->k1[i] = (float)memory[(size_t)i * (size_t)c->nk + (size_t)l->k];
	} else {
		if (invert(memory, c->b, c->nb, damping, c->name, "bias", f))
			return -1;
		w->wb = cut_columns(memory, c->nb, c->nb, c->nb);
		bad |= !w->wb;
	}
	return bad ? fail_memory_for(f, "the curvature of %s", c->name) : 0;
}

static int larger(int a, int b) { return a > b ? a : b; }

int whitening_open(struct whitening *w, const struct curvature *c, double damping, struct fail *f)
{
	int most = 1;
	memset(w, 0, sizeof *w);
	for (int i = 0; i < c->n; i++)
		most = larger(most, larger(c->layer[i].np, larger(c->layer[i].nk, c->layer[i].nb)));
	double *memory = malloc((size_t)most * (size_t)most * sizeof *memory);
	int r = memory ? 0 : fail_memory_for(f, "factors of %d columns", most);
	for (int i = 0; i < c->n && !r; i++) {
		struct layer_whitening *side = c->layer[i].in_decoder ? w->dec : w->enc;
		r = open_layer(&side[c->layer[i].index], &c->layer[i], damping, memory, f);
	}
	free(memory);
	if (r)
		whitening_close(w);
	return r;
}

static void close_layer(struct layer_whitening *w)
{
	void *memory[] = {w->wp, w->wk, w->wb, w->k1, w->packed_p, w->packed_k};
	for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
		free(memory[i]);
	*w = (struct layer_whitening){.p = 0};
}

void whitening_close(struct whitening *w)
{
	for (int i = 0; i < MAX_LAYERS; i++) {
		close_layer(&w->enc[i]);
		close_layer(&w->dec[i]);
	}
}

static int open_beside(struct whitening *w, const struct model *m, double damping, char hash[17], struct fail *f)
{
	char path[600];
	struct curvature c;
	curvature_beside(path, sizeof path, m);
	if (access(path, F_OK))
		return fail_errno(f, "%s: made by vae-ckpt curvature, which --curvature requires", path);
	if (curvature_read(&c, m, path, hash, f))
		return -1;
	int r = whitening_open(w, &c, damping, f);
	curvature_free(&c);
	return r ? fail_add(f, "%s", path) : 0;
}

struct whitening *whitenings_open(const struct model *m, int n, double damping, struct buf *options, struct fail *f)
{
	struct whitening *w = calloc((size_t)n, sizeof *w);
	int r = w ? buf_addf(options, f, "curvature: kfac\ndamping: %.9g\n", damping) : fail_memory(f);
	for (int i = 0; i < n && !r; i++) {
		char hash[17];
		r = open_beside(&w[i], &m[i], damping, hash, f) || buf_addf(options, f, "factors: %s\n", hash);
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

static void pack_layer(struct layer_whitening *w, int rows, size_t *budget)
{
	if (!w->p)
		return;
	int k = w->k1 ? w->k - 1 : w->k;
	w->packed_p = mat_pack(w->wp, w->p, 0, rows, w->p, w->p, MAT_24, 0, budget);
	w->packed_k = mat_pack(w->wk, k, 0, rows, w->k, k, MAT_24, 0, budget);
}

void whitening_pack(struct whitening *w, int rows, size_t *budget)
{
	for (int i = MAX_LAYERS - 1; i >= 0; i--)
		pack_layer(&w->dec[i], rows, budget);
	for (int i = MAX_LAYERS - 1; i >= 0; i--)
		pack_layer(&w->enc[i], rows, budget);
}

/* --- products --- */

void whiten_p(const struct layer_whitening *w, const struct layer *l, float *out, const float *p, int rows)
{
	mat_layer(out, w->p, p, w->wp, w->packed_p, NULL, rows, w->p, l->p, 0, MAT_24);
}

void whiten_k(const struct layer_whitening *w, const struct layer *l, float *out, const float *k, int rows)
{
	mat_layer(out, w->k, k, w->wk, w->packed_k, w->k1, rows, w->k, l->k, 0, MAT_24);
}

void whiten_b(const struct layer_whitening *w, float *out, const float *b, int rows)
{
	mat_layer(out, w->b, b, w->wb, NULL, NULL, rows, w->b, w->b, 0, MAT_24);
}

void whiten_gradient(const struct layer_whitening *w, const struct layer *l, float *out, const float *weight, const float *bias, float *scratch)
{
	mat_layer(scratch, w->k, weight, w->wk, w->packed_k, NULL, l->p, w->k, l->k, 0, MAT_24);
	for (int i = 0; w->k1 && i < l->p; i++)
		for (int j = 0; j < w->k; j++)
			scratch[(size_t)i * (size_t)w->k + (size_t)j] += bias[i] * w->k1[j];
	mat_nn(out, w->k, w->wp, l->p, scratch, w->k, NULL, NULL, w->p, w->k, l->p, MAT_24);
}

void whiten_gradient_adjoint(const struct layer_whitening *w, const struct layer *l, float *weight, float *bias, const float *in, float *scratch)
{
	mat_tn(scratch, w->k, w->wp, l->p, in, w->k, NULL, l->p, w->k, w->p, 1, 0, MAT_24);
	mat_nn(weight, l->k, scratch, w->k, w->wk, l->k, NULL, NULL, l->p, l->k, w->k, MAT_24);
	for (int i = 0; w->k1 && i < l->p; i++)
		bias[i] = (float)dot(scratch + (size_t)i * (size_t)w->k, w->k1, w->k);
}

void whiten_b_adjoint(const struct layer_whitening *w, float *out, const float *b)
{
	mat_nn(out, w->b, b, w->b, w->wb, w->b, NULL, NULL, 1, w->b, w->b, MAT_24);
}
