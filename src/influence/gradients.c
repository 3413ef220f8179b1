#include "influence/gradients.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "nn/linear.h"
#include "influence/influence_state.h"
#include "gemm/mat.h"

enum { SIDE = 1024, CHUNK = 8192 }; /* numbers of a gradient whose products add up in float */

/* --- room --- */

/* Whether a layer's gradients are written out: not where factors take fewer operations. Written numbers come from memory
 * and are used but a few times, which doubles their price. A gradient that influence.c writes out anyway is there. */
static int write_out(const struct layer *l, int decoder, int draws, int rows, int p, int k)
{
	if (decoder && gradient_is_explicit(l, draws))
		return 1;
	return (double)rows * (double)rows * (double)(p + k) > 2.0 * (double)p * (double)k;
}

static int plan(struct influence *s, const struct network *net, int decoder, struct fail *f)
{
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		int draws = decoder ? s->draws : 1;
		if (!layer_has_weights(l) || !(decoder ? s->use_dec[i] : s->use_enc[i]))
			continue;
		struct kept *k = &s->kept[s->nkept++];
		*k = (struct kept){.l = l, .decoder = decoder, .layer = i, .rows = draws * l->positions, .at = s->written};
		k->p = l->p;
		k->k = l->k;
		size_t biases = (size_t)l->biases;
		if (write_out(l, decoder, draws, k->rows, k->p, k->k)) {
			k->rows = 0;
			k->size = (size_t)k->p * (size_t)k->k + biases;
		} else if (l->type->unroll) {
			k->size = biases;
			k->col = mat_floats((size_t)s->batch * (size_t)k->rows * (size_t)k->k);
			if (!k->col)
				return fail_memory_for(f, "the gradients of %d records", s->batch);
		}
		s->written += k->size;
		s->side = k->rows > s->side ? k->rows : s->side;
	}
	return 0;
}

int gradients_open(struct influence *s, struct fail *f)
{
	const struct model *m = &s->models[s->n - 1];
	if (s->cfg.score.estimator != PLUGIN)
		return fail_set(f, "dot products of mean gradients want the plugin estimator");
	s->kept = calloc(2 * MAX_LAYERS, sizeof *s->kept);
	if (!s->kept)
		return fail_memory(f);
	s->side = SIDE;
	if (plan(s, &m->enc, 0, f) || plan(s, &m->dec, 1, f))
		return -1;
	if (s->written > INT_MAX)
		return fail_set(f, "a gradient of %zu numbers, more than products can be told of", s->written);
	s->out = mat_floats((size_t)s->batch * s->written);
	s->left = mat_floats((size_t)s->side * (size_t)s->side);
	s->right = mat_floats((size_t)s->side * (size_t)s->side);
	if (!s->out || !s->left || !s->right)
		return fail_memory_for(f, "the gradients of %d records", s->batch);
	return 0;
}

void gradients_close(struct influence *s)
{
	for (int i = 0; i < s->nkept; i++)
		free(s->kept[i].col);
	free(s->kept);
	free(s->out);
	free(s->left);
	free(s->right);
}

/* --- what a batch leaves --- */

static int draws_of(const struct influence *s, const struct kept *k) { return k->decoder ? s->draws : 1; }

/* What the layer read, and the gradients by what it wrote. */
static const float *reads(const struct influence *s, const struct kept *k)
{
	const struct model *m = &s->models[s->at];
	if (k->decoder)
		return network_source(&m->dec, k->layer, s->xi, &s->dec);
	return network_source(&m->enc, k->layer, in_order(s, s->x, m->enc.reads_channels_last), &s->enc);
}

static const float *deltas(const struct influence *s, const struct kept *k) { return k->decoder ? s->ddec.v[k->layer] : s->denc[0].v[k->layer]; }

void gradients_take(struct influence *s, int i, int r, const float *sums)
{
	int at = 0, units = s->products.units;
	while (at < s->nkept && !(s->kept[at].decoder && s->kept[at].layer == i))
		at++;
	if (at == s->nkept)
		return;
	const struct kept *k = &s->kept[at];
	size_t nw = layer_weights(k->l), nb = (size_t)k->l->biases;
	float *to = s->out + (size_t)r * s->written + k->at, share = 1 / (float)s->draws;
	memset(to, 0, k->size * sizeof *to);
	for (int u = 0; u < units; u++) {
		const float *w = sums + (size_t)u * nw, *b = sums + (size_t)units * nw + (size_t)u * nb;
		for (size_t n = 0; n < nw; n++)
			to[n] += share * w[n];
		for (size_t n = 0; n < nb; n++)
			to[nw + n] += share * b[n];
	}
}

/* A convolution's, of one record: weight, unless it is left as factors, and bias. */
static void write_convolution(struct influence *s, const struct kept *k, float *to, const float *x, const float *d)
{
	int draws = draws_of(s, k);
	size_t nw = k->rows ? 0 : layer_weights(k->l);
	float share = 1 / (float)draws;
	if (nw)
		k->l->type->backward(k->l, NULL, to, d, x, &(struct layer_pass){.rows = draws, .scratch = s->products.col});
	k->l->type->bias_gradient(k->l, to + nw, d, 0, draws);
	for (size_t i = 0; i < k->size; i++)
		to[i] *= share;
}

void gradients_fill(struct influence *s)
{
	for (int i = 0; i < s->nkept; i++) {
		const struct kept *k = &s->kept[i];
		const struct layer *l = k->l;
		int dense = l->type->dense, draws = draws_of(s, k);
		const float *x = reads(s, k), *d = deltas(s, k);
		if (k->col)
			l->type->unroll(l, k->col, layer_factor_k(l, x, d), s->batch * draws);
		if ((dense && k->rows) || (k->decoder && !k->rows && gradient_is_explicit(l, draws)))
			continue; /* factors as they lie, or gradients_take() has them */
		for (int r = 0; r < s->batch; r++, x += (size_t)draws * (size_t)l->in, d += (size_t)draws * (size_t)l->out) {
			float *to = s->out + (size_t)r * s->written + k->at;
			if (dense)
				linear_gradient(to, to + (size_t)k->p * (size_t)k->k, d, x, NULL, draws, l->in, l->out, 0, l->out, 1 / (float)draws, 0);
			else
				write_convolution(s, k, to, x, d);
		}
	}
}

/* The factors of the batch. */
static const float *factor_p(const struct influence *s, const struct kept *k)
{
	return layer_factor_p(k->l, reads(s, k), deltas(s, k));
}
static const float *factor_k(const struct influence *s, const struct kept *k) { return k->col ? k->col : layer_factor_k(k->l, reads(s, k), deltas(s, k)); }

/* --- kept for later --- */

size_t gradients_size(const struct influence *s)
{
	size_t n = s->written;
	for (int i = 0; i < s->nkept; i++)
		n += (size_t)s->kept[i].rows * (size_t)(s->kept[i].p + s->kept[i].k);
	return n;
}

static void copy(float **to, const float *from, size_t n)
{
	memcpy(*to, from, n * sizeof **to);
	*to += n;
}

/* Layer by layer both factors of all records, then what is written out. */
void gradients_copy(const struct influence *s, int n, float *to)
{
	for (int i = 0; i < s->nkept; i++) {
		const struct kept *k = &s->kept[i];
		size_t rows = (size_t)n * (size_t)k->rows;
		if (rows) {
			copy(&to, factor_p(s, k), rows * (size_t)k->p);
			copy(&to, factor_k(s, k), rows * (size_t)k->k);
		}
	}
	copy(&to, s->out, (size_t)n * s->written);
}

/* --- dot products --- */

/* sum of (a + more) b over a block of rows x rows in two matrices with lines of n */
static double block(const float *a, const float *b, int n, int rows, float more)
{
	enum { LANES = 16, LINES = 16 }; /* lines whose products add up in float */
	double total = 0;
	for (int from = 0; from < rows; from += LINES) {
		float lane[LANES] = {0}, rest = 0;
		for (int j = from; j < rows && j < from + LINES; j++) {
			const float *p = a + (size_t)j * (size_t)n, *q = b + (size_t)j * (size_t)n;
			int i = 0;
			for (; i + LANES <= rows; i += LANES)
				for (int l = 0; l < LANES; l++)
					lane[l] += (p[i + l] + more) * q[i + l];
			for (; i < rows; i++)
				rest += (p[i] + more) * q[i];
		}
		for (int l = 0; l < LANES; l++)
			total += (double)lane[l];
		total += (double)rest;
	}
	return total;
}

struct task { /* records of the batch, and of those kept */
	int from, n, first, m;
	double w;
	double *out;
	size_t stride;
};

/* p, q: the kept records' factors */
static void add_factors(struct influence *s, const struct kept *k, const float *p, const float *q, const struct task *t)
{
	int rows = k->rows, most = s->side / rows;
	float more = k->l->type->dense ? 1 : 0; /* the bias: an input that is always 1 */
	double w = t->w / draws_of(s, k) / draws_of(s, k);
	for (int r = 0; r < t->n; r += most)
		for (int c = 0; c < t->m; c += most) {
			int nr = t->n - r < most ? t->n - r : most, nc = t->m - c < most ? t->m - c : most, lines = nr * rows, n = nc * rows;
			size_t a = (size_t)(t->from + r) * (size_t)rows, b = (size_t)(t->first + c) * (size_t)rows;
			mat_nt(s->left, n, factor_p(s, k) + a * (size_t)k->p, k->p, p + b * (size_t)k->p, k->p, lines, n, k->p, 0, MAT_16);
			mat_nt(s->right, n, factor_k(s, k) + a * (size_t)k->k, k->k, q + b * (size_t)k->k, k->k, lines, n, k->k, 0, MAT_16);
			for (int i = 0; i < nr; i++)
				for (int j = 0; j < nc; j++) {
					size_t at = (size_t)i * (size_t)rows * (size_t)n + (size_t)j * (size_t)rows;
					t->out[(size_t)(r + i) * t->stride + (size_t)(c + j)] += w * block(s->right + at, s->left + at, n, rows, more);
				}
		}
}

static void add_written(struct influence *s, const float *kept, const struct task *t)
{
	size_t lead = s->written;
	int side = s->side, ld = (int)lead;
	for (size_t at = 0; at < lead; at += CHUNK)
		for (int r = 0; r < t->n; r += side)
			for (int c = 0; c < t->m; c += side) {
				int len = lead - at < CHUNK ? (int)(lead - at) : CHUNK, nr = t->n - r < side ? t->n - r : side, nc = t->m - c < side ? t->m - c : side;
				const float *a = s->out + (size_t)(t->from + r) * lead + at, *b = kept + (size_t)(t->first + c) * lead + at;
				mat_nt(s->left, nc, a, ld, b, ld, nr, nc, len, 0, MAT_16);
				for (int i = 0; i < nr; i++)
					for (int j = 0; j < nc; j++)
						t->out[(size_t)(r + i) * t->stride + (size_t)(c + j)] += t->w * (double)s->left[i * nc + j];
			}
}

void gradients_dots(struct influence *s, int from, int n, const float *to, int kept, int first, int m, double *out, size_t stride)
{
	struct task t = {from, n, first, m, checkpoint_weight(&s->models[s->at]), out, stride};
	for (int i = 0; i < s->nkept; i++) {
		const struct kept *k = &s->kept[i];
		size_t rows = (size_t)kept * (size_t)k->rows;
		if (rows)
			add_factors(s, k, to, to + rows * (size_t)k->p, &t);
		to += rows * (size_t)(k->p + k->k);
	}
	add_written(s, to, &t);
}
