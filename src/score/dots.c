/* Dot products between the mean gradients of records (influence.h): linear layers by Gram matrices,
 * convolutions by gradients written out. */
#include <stdlib.h>
#include <string.h>

#include "conv.h"
#include "influence_state.h"
#include "mat.h"

struct side { /* what one layer read and the gradients by what it wrote, `draws` rows a record */
	const float *x, *d;
	int batch, draws;
};

/* out[r][q] += sum over the draws of r and q of (a.a' + 1)(d.d') / (draws of r x draws of q) */
static int add_linear(double *out, const struct layer *l, const struct side *a, const struct side *b, struct fail *f)
{
	int rows = b->batch * b->draws;
	float *ga = mat_floats((size_t)a->draws * (size_t)rows), *gd = mat_floats((size_t)a->draws * (size_t)rows);
	for (int r = 0; ga && gd && r < a->batch; r++) {
		size_t row = (size_t)r * (size_t)a->draws;
		mat_nt(ga, rows, a->x + row * (size_t)l->in, l->in, b->x, l->in, a->draws, rows, l->in, 0);
		mat_nt(gd, rows, a->d + row * (size_t)l->out, l->out, b->d, l->out, a->draws, rows, l->out, 0);
		for (int j = 0; j < a->draws; j++)
			for (int k = 0; k < rows; k++)
				out[r * b->batch + k / b->draws] += ((double)ga[j * rows + k] + 1) * (double)gd[j * rows + k] / a->draws / b->draws;
	}
	int bad = !ga || !gd;
	free(ga);
	free(gd);
	return bad ? fail_set(f, "out of memory") : 0;
}

/* The mean gradients of a convolution, weight and bias, written out: [batch][n]. */
static float *written_out(const struct layer *l, const struct side *a, size_t n, float *scratch)
{
	float *g = mat_floats((size_t)a->batch * n), share = 1 / (float)a->draws;
	for (int r = 0; g && r < a->batch; r++) {
		size_t row = (size_t)r * (size_t)a->draws;
		const float *d = a->d + row * (size_t)l->out;
		conv_backward(l, NULL, g + (size_t)r * n, d, a->x + row * (size_t)l->in, NULL, 0, a->draws, scratch);
		conv_bias(l, g + (size_t)r * n + conv_weights(l), d, 0, a->draws);
	}
	for (size_t i = 0; g && i < (size_t)a->batch * n; i++)
		g[i] *= share;
	return g;
}

static int add_convolution(double *out, const struct layer *l, const struct side *a, const struct side *b, float *scratch, struct fail *f)
{
	size_t n = conv_weights(l) + (size_t)conv_biases(l);
	float *ga = written_out(l, a, n, scratch), *gb = written_out(l, b, n, scratch);
	for (int r = 0; ga && gb && r < a->batch; r++)
		for (int q = 0; q < b->batch; q++)
			out[r * b->batch + q] += dot(ga + (size_t)r * n, gb + (size_t)q * n, (int)n);
	int bad = !ga || !gb;
	free(ga);
	free(gb);
	return bad ? fail_set(f, "out of memory") : 0;
}

static struct side side(const struct influence *s, const float *x, int decoder, int i)
{
	const struct model *m = &s->models[s->n - 1];
	if (decoder)
		return (struct side){network_source(&m->dec, i, s->xi, &s->dec), s->ddec.v[i], s->batch, s->draws};
	return (struct side){network_source(&m->enc, i, in_order(s, x, m->enc.reads_pixels), &s->enc), s->denc[0].v[i], s->batch, 1};
}

int influence_dots(const struct influence *a, const float *xa, const struct influence *b, const float *xb, double *out, struct fail *f)
{
	const struct model *m = &a->models[a->n - 1];
	if (!a->keep || !b->keep)
		return fail_set(f, "dot products want the gradients kept");
	if (a->cfg.score.estimator != PLUGIN || b->cfg.score.estimator != PLUGIN)
		return fail_set(f, "dot products of mean gradients want the plugin estimator");
	memset(out, 0, (size_t)a->batch * (size_t)b->batch * sizeof *out);
	for (int decoder = 0; decoder < 2; decoder++) {
		const struct network *net = decoder ? &m->dec : &m->enc;
		const char *use = decoder ? a->use_dec : a->use_enc;
		for (int i = 0; i < net->n; i++) {
			struct side p = side(a, xa, decoder, i), q = side(b, xb, decoder, i);
			const struct layer *l = &net->l[i];
			if (use[i] && (l->kind == LAYER_LINEAR ? add_linear(out, l, &p, &q, f) : add_convolution(out, l, &p, &q, a->products.col, f)))
				return -1;
		}
	}
	for (int i = 0; i < a->batch * b->batch; i++)
		out[i] *= checkpoint_weight(m);
	return 0;
}

int influence_gram(const struct influence *s, const float *x, double *out, struct fail *f) { return influence_dots(s, x, s, x, out, f); }
