/* Gradients of many draws, as gradients.c keeps them, made gradients of few. */
#include <stdlib.h>
#include <string.h>

#include "gemm/mat.h"
#include "influence/gradients.h"
#include "influence/influence_state.h"
#include "influence/low_rank.h"

struct pair { /* a layer, with many draws and with few */
	const struct layer_gradient *many, *few;
	const struct layer_whitening *w;
	int sparse;
	size_t np, nk; /* floats of a record's factors, of many draws */
};

struct memory { /* of one record and layer */
	float *p, *k, *ones, *scratch;
};

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static struct pair pair_of(const struct influence *s, const struct influence *few, int i, size_t checkpoint)
{
	const struct layer_gradient *l = &s->gradients.layer[i];
	const struct whitening *w = s->whitening ? &s->whitening[checkpoint] : NULL;
	struct pair a = {.many = l, .few = &few->gradients.layer[i], .w = !w ? NULL : l->in_decoder ? &w->dec[l->index] : &w->enc[l->index],
	                 .sparse = layer_is_sparse(s, l, checkpoint)};
	a.np = a.sparse ? spread_floats(l->p) : (size_t)l->rows * (size_t)l->p;
	a.nk = a.sparse ? spread_floats(l->k) : (size_t)l->rows * (size_t)l->k;
	return a;
}

static int open_memory(struct memory *m, const struct influence *s, const struct influence *few, struct fail *f)
{
	size_t p = 1, k = 1, rows = 1, scratch = 1;
	for (int i = 0; i < s->gradients.nlayers; i++) {
		const struct layer_gradient *a = &s->gradients.layer[i], *b = &few->gradients.layer[i];
		size_t n = (size_t)(a->rows ? a->rows : a->p);
		p = larger(p, n * (size_t)a->p * (a->rows > 0));
		k = larger(k, n * (size_t)a->k);
		rows = larger(rows, n);
		scratch = larger(scratch, low_rank_scratch((int)n, b->rows));
	}
	*m = (struct memory){mat_floats(p), mat_floats(k), mat_floats(rows), mat_floats(scratch)};
	for (size_t i = 0; m->ones && i < rows; i++)
		m->ones[i] = 1;
	return m->p && m->k && m->ones && m->scratch ? 0 : fail_memory_for(f, "the gradients of few draws");
}

static void close_memory(struct memory *m)
{
	free(m->p);
	free(m->k);
	free(m->ones);
	free(m->scratch);
}

/* The gradient with EK-FAC before it is divided, as its factors have it. */
static const float *undivided(const struct pair *a, const struct memory *m, const float *gradient)
{
	const float *scale = a->w ? a->w->eigen.scale : NULL;
	if (!scale)
		return gradient;
	for (size_t i = 0; i < (size_t)a->many->p * (size_t)a->many->k; i++)
		m->k[i] = scale[i] > 0 ? gradient[i] / scale[i] : 0;
	return m->k;
}

/* p and k: the record's factors, or in k its gradient written out. */
static struct gradient_matrix matrix_of(const struct pair *a, const struct memory *m, const float *p, const float *k)
{
	const struct layer_gradient *l = a->many;
	int bias = l->l->type->dense && !a->w;
	if (!l->rows)
		return (struct gradient_matrix){NULL, undivided(a, m, k), l->p, l->p, l->k, bias ? k + (size_t)l->p * (size_t)l->k : NULL};
	if (a->sparse) {
		sparse_unspread(m->p, (size_t)l->p, p, l->rows, l->p);
		sparse_unspread(m->k, (size_t)l->k, k, l->rows, l->k);
		p = m->p, k = m->k;
	}
	return (struct gradient_matrix){p, k, l->rows, l->p, l->k, bias ? m->ones : NULL};
}

/* Factors are sums over the draws, and what is written out is a mean. to_p and to_k are 0. */
static void make_few(const struct pair *a, const struct memory *m, const float *p, const float *k, float *to_p, float *to_k)
{
	const struct layer_gradient *l = a->many;
	int rank = a->few->rows;
	float scale = (float)a->few->draws / (l->rows ? (float)l->draws : 1);
	if (l->rows && l->rows <= rank && !a->sparse) {
		memcpy(to_p, p, a->np * sizeof *to_p);
		memcpy(to_k, k, a->nk * sizeof *to_k);
	} else {
		const struct gradient_matrix g = matrix_of(a, m, p, k);
		low_rank(&g, rank, to_p, to_k, m->scratch);
	}
	for (size_t i = 0; i < (size_t)rank * (size_t)l->p; i++)
		to_p[i] *= scale;
}

/* What few draws write out too: the whole gradient of a layer, or the bias behind it. */
static void copy_explicit(const struct pair *a, const float *from, float *to)
{
	size_t n = a->few->size;
	memcpy(to + a->few->at, from + a->many->at + a->many->size - n, n * sizeof *to);
}

int gradients_low_rank(const struct influence *s, const struct influence *few, size_t checkpoint, size_t n, const float *from, float *to, struct fail *f)
{
	const struct gradients *g = &s->gradients;
	struct memory m;
	if (open_memory(&m, s, few, f)) {
		close_memory(&m);
		return -1;
	}
	const float *written = from;
	for (int i = 0; i < g->nlayers; i++) {
		const struct pair a = pair_of(s, few, i, checkpoint);
		written += n * (a.np + a.nk);
	}
	memset(to, 0, n * gradients_size(few) * sizeof *to);
	for (int i = 0; i < g->nlayers; i++) {
		const struct pair a = pair_of(s, few, i, checkpoint);
		const size_t few_p = (size_t)a.few->rows * (size_t)a.few->p, few_k = (size_t)a.few->rows * (size_t)a.few->k;
		for (size_t r = 0; r < n && a.few->rows; r++) {
			const float *explicit = written + r * g->explicit_size + a.many->at;
			const float *p = a.many->rows ? from + r * a.np : NULL, *k = a.many->rows ? from + n * a.np + r * a.nk : explicit;
			make_few(&a, &m, p, k, to + r * few_p, to + n * few_p + r * few_k);
		}
		from += n * (a.np + a.nk);
		to += n * (few_p + few_k);
	}
	for (int i = 0; i < g->nlayers; i++) {
		const struct pair a = pair_of(s, few, i, checkpoint);
		for (size_t r = 0; r < n; r++)
			copy_explicit(&a, written + r * g->explicit_size, to + r * few->gradients.explicit_size);
	}
	close_memory(&m);
	return 0;
}
