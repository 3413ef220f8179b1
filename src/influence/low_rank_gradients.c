/* Gradients of many draws, as gradients_copy() writes them, reduced to gradients of few draws in the same layout. */
#include <stdlib.h>
#include <string.h>

#include "base/minmax.h"
#include "gemm/mat.h"
#include "influence/gradients.h"
#include "influence/influence_state.h"
#include "influence/low_rank.h"

struct reduction { /* of a layer at a checkpoint */
	const struct layer_gradient *many, *few;
	const struct layer_whitening *w; /* or NULL */
	int sparse;                      /* the factors of many draws are spread blocks */
	size_t p, k, few_p, few_k;       /* floats of a record's factors; 0: explicit */
};

struct buffers { /* for one record and layer */
	float *p, *k;   /* unpacked factors; or in k an explicit gradient */
	float *ones;    /* the column of the biases in factor k: all 1 */
	float *scratch; /* of low_rank() */
};

static struct reduction reduction_of(const struct influence *s, const struct influence *few, int layer, size_t checkpoint)
{
	const struct layer_gradient *a = &s->gradients.layer[layer], *b = &few->gradients.layer[layer];
	return (struct reduction){
		.many = a,
		.few = b,
		.w = layer_whitening_in(s->whitening ? &s->whitening[checkpoint] : NULL, a),
		.sparse = layer_is_sparse(s, a, checkpoint),
		.p = layer_factor_size(s, a, a->p, checkpoint),
		.k = layer_factor_size(s, a, a->k, checkpoint),
		.few_p = layer_factor_size(few, b, b->p, checkpoint),
		.few_k = layer_factor_size(few, b, b->k, checkpoint),
	};
}

static int open_buffers(struct buffers *m, const struct influence *s, const struct influence *few, struct fail *f)
{
	size_t p = 1, k = 1, rows = 1, scratch = 1;
	for (int i = 0; i < s->gradients.nlayers; i++) {
		const struct layer_gradient *a = &s->gradients.layer[i];
		int n = a->rows ? a->rows : a->p;
		p = size_max(p, (size_t)a->rows * (size_t)a->p);
		k = size_max(k, (size_t)n * (size_t)a->k);
		rows = size_max(rows, (size_t)n);
		scratch = size_max(scratch, low_rank_scratch(n, few->gradients.layer[i].rows));
	}
	*m = (struct buffers){mat_floats(p), mat_floats(k), mat_floats(rows), mat_floats(scratch)};
	for (size_t i = 0; m->ones && i < rows; i++)
		m->ones[i] = 1;
	return m->p && m->k && m->ones && m->scratch ? 0 : fail_memory_for(f, "the gradients of few draws");
}

static void close_buffers(struct buffers *m)
{
	free(m->p);
	free(m->k);
	free(m->ones);
	free(m->scratch);
}

/* With EK-FAC an explicit gradient has been divided by the roots of its eigenvalues, but factors are divided in their dot products only: returns the
 * gradient before the division. */
static const float *undivided(const struct reduction *a, const struct buffers *m, const float *gradient)
{
	const float *scale = a->w ? a->w->eigen.scale : NULL;
	if (!scale)
		return gradient;
	for (size_t i = 0; i < (size_t)a->many->p * (size_t)a->many->k; i++)
		m->k[i] = scale[i] > 0 ? gradient[i] / scale[i] : 0;
	return m->k;
}

/* p and k: the factors of a record; or k its explicit gradient. Whitened factors contain the biases. */
static struct gradient_matrix matrix_of(const struct reduction *a, const struct buffers *m, const float *p, const float *k)
{
	const struct layer_gradient *l = a->many;
	int has_bias = l->l->type->dense && !a->w;
	if (!l->rows)
		return (struct gradient_matrix){NULL, undivided(a, m, k), l->p, l->p, l->k, has_bias ? k + (size_t)l->p * (size_t)l->k : NULL};
	if (a->sparse) {
		sparse_unspread(m->p, (size_t)l->p, p, l->rows, l->p);
		sparse_unspread(m->k, (size_t)l->k, k, l->rows, l->k);
		p = m->p, k = m->k;
	}
	return (struct gradient_matrix){p, k, l->rows, l->p, l->k, has_bias ? m->ones : NULL};
}

/* Writes the factors of few draws, to_p and to_k, which are 0 before. The product of factors is a sum over their draws, an explicit gradient a mean
 * over the draws: factor p takes the difference. */
static void reduce(const struct reduction *a, const struct buffers *m, const float *p, const float *k, float *to_p, float *to_k)
{
	const struct layer_gradient *l = a->many;
	int rank = a->few->rows;
	float scale = (float)a->few->draws / (l->rows ? (float)l->draws : 1);
	if (l->rows && l->rows <= rank && !a->sparse) {
		memcpy(to_p, p, a->p * sizeof *to_p);
		memcpy(to_k, k, a->k * sizeof *to_k);
	} else {
		const struct gradient_matrix g = matrix_of(a, m, p, k);
		low_rank(&g, rank, to_p, to_k, m->scratch);
	}
	for (size_t i = 0; i < a->few_p; i++)
		to_p[i] *= scale;
}

/* Copies what is explicit also with few draws: all of the layer's gradient; or its end, the biases; or nothing. */
static void copy_explicit(const struct reduction *a, const float *from, float *to)
{
	size_t n = a->few->size;
	memcpy(to + a->few->at, from + a->many->size - n, n * sizeof *to);
}

int gradients_low_rank(const struct influence *s, const struct influence *few, size_t checkpoint, size_t n, const float *from, float *to, struct fail *f)
{
	const struct gradients *g = &s->gradients, *h = &few->gradients;
	const float *all_explicit = from + n * gradients_factors_size(s, checkpoint);
	float *to_explicit = to + n * gradients_factors_size(few, checkpoint);
	struct buffers m;
	if (open_buffers(&m, s, few, f)) {
		close_buffers(&m);
		return -1;
	}
	memset(to, 0, n * gradients_size(few) * sizeof *to);
	for (int i = 0; i < g->nlayers; i++) {
		const struct reduction a = reduction_of(s, few, i, checkpoint);
		for (size_t r = 0; r < n; r++) {
			const float *own_explicit = all_explicit + r * g->explicit_size + a.many->at;
			const float *k = a.many->rows ? from + n * a.p + r * a.k : own_explicit;
			if (a.few->rows)
				reduce(&a, &m, from + r * a.p, k, to + r * a.few_p, to + n * a.few_p + r * a.few_k);
			copy_explicit(&a, own_explicit, to_explicit + r * h->explicit_size);
		}
		from += n * (a.p + a.k);
		to += n * (a.few_p + a.few_k);
	}
	close_buffers(&m);
	return 0;
}
