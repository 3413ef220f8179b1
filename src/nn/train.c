#include "train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "loss.h"
#include "mat.h"
#include "simd.h"

/* Units: a layer of 512 columns or more is cut in four, of 64 or more in two; rows go by eights. */
static int units(int columns) { return columns >= 512 ? 4 : columns >= 64 ? 2 : 1; }
static int edge(int columns, int unit) { return (int)((long)columns * unit / units(columns)); }
enum { ROWS = 8 };

struct slice { /* a unit of the update: rows of one layer's weights */
	int layer, unit, decoder;
};

struct trainer {
	struct model *m;
	struct pool *pool;
	int batch, latent, input;
	struct tape enc, dec, denc, ddec;
	float *xi, *dxi, *grad, *adam_m, *adam_v;
	double *recon, *kl; /* by row */
	double *sqnorm;     /* by slice */
	struct slice *slice;
	int nslices;
	long steps;
	/* what the units of the phase at hand work on */
	const struct network *net;
	const struct tape *act, *delta;
	const float *x, *eps, *from;
	float *dinput;
	int layer, learn, want_norm;
};

/* --- forward --- */

static void forward_unit(void *ctx, int u)
{
	struct trainer *t = ctx;
	const struct network *net = t->net;
	const struct layer *l = &net->l[t->layer];
	int from = edge(l->out, u), to = edge(l->out, u + 1);
	float *y = t->act->v[t->layer];
	linear_forward(y, network_source(net, t->layer, t->from, t->act), t->m->params + l->weight, t->m->params + l->bias, t->batch,
	               l->in, l->out, from, to, network_relu_behind(net, t->layer));
}

static void forward(struct trainer *t, const struct network *net, const struct tape *act, const float *from)
{
	t->net = net;
	t->act = act;
	t->from = from;
	for (t->layer = 0; t->layer < net->n; t->layer++)
		if (net->l[t->layer].kind == LAYER_LINEAR)
			pool_run(t->pool, units(net->l[t->layer].out), forward_unit, t);
}

/* --- what stands between the networks --- */

static void draw_unit(void *ctx, int u)
{
	struct trainer *t = ctx;
	int n = t->latent, to = (u + 1) * ROWS < t->batch ? (u + 1) * ROWS : t->batch;
	for (int r = u * ROWS; r < to; r++) {
		const float *head = t->enc.v[t->m->enc.last] + (size_t)r * 2 * (size_t)n;
		float *xi = t->xi + (size_t)r * (size_t)n;
		for (int i = 0; i < n; i++)
			xi[i] = head[i] + expf(0.5f * head[n + i]) * t->eps[(size_t)r * (size_t)n + (size_t)i];
		t->kl[r] = loss_kl(head, n);
	}
}

static void loss_unit(void *ctx, int u)
{
	struct trainer *t = ctx;
	int n = t->input, to = (u + 1) * ROWS < t->batch ? (u + 1) * ROWS : t->batch;
	float share = 1.0f / (float)t->batch; /* the batch's loss is a mean */
	for (int r = u * ROWS; r < to; r++) {
		size_t at = (size_t)r * (size_t)n;
		float *d = t->learn ? t->ddec.v[t->m->dec.last] + at : NULL;
		t->recon[r] = loss_recon((enum likelihood)t->m->cfg.train.likelihood, t->dec.v[t->m->dec.last] + at, t->x + at, n, d);
		for (int i = 0; d && i < n; i++)
			d[i] *= share;
	}
}

static void head_unit(void *ctx, int u)
{
	struct trainer *t = ctx;
	int n = t->latent, to = (u + 1) * ROWS < t->batch ? (u + 1) * ROWS : t->batch;
	float beta = (float)t->m->cfg.train.beta / (float)t->batch;
	for (int r = u * ROWS; r < to; r++) {
		const float *head = t->enc.v[t->m->enc.last] + (size_t)r * 2 * (size_t)n;
		const float *g = t->dxi + (size_t)r * (size_t)n, *eps = t->eps + (size_t)r * (size_t)n;
		float *d = t->denc.v[t->m->enc.last] + (size_t)r * 2 * (size_t)n;
		for (int i = 0; i < n; i++) {
			float var = expf(head[n + i]);
			d[i] = beta * head[i] + g[i];
			d[n + i] = beta * 0.5f * (var - 1) + g[i] * 0.5f * sqrtf(var) * eps[i];
		}
	}
}

/* --- backward --- */

static void backward_unit(void *ctx, int u)
{
	struct trainer *t = ctx;
	const struct network *net = t->net;
	const struct layer *l = &net->l[t->layer];
	int from = edge(l->in, u), to = edge(l->in, u + 1);
	float *dx = l->source < 0 ? t->dinput : t->delta->v[l->source];
	linear_backward(dx, t->delta->v[t->layer], t->m->params + l->weight, t->batch, l->in, l->out, from, to);
	for (int i = t->layer - 1; i > l->source; i--)
		if (net->l[i].kind == LAYER_RELU)
			relu_backward(dx, t->act->v[l->source], t->batch, l->in, from, to);
}

static void backward(struct trainer *t, const struct network *net, const struct tape *act, const struct tape *delta, float *dinput)
{
	t->net = net;
	t->act = act;
	t->delta = delta;
	t->dinput = dinput;
	for (t->layer = net->n - 1; t->layer >= 0; t->layer--) {
		const struct layer *l = &net->l[t->layer];
		if (l->kind == LAYER_LINEAR && (l->source >= 0 || dinput))
			pool_run(t->pool, units(l->in), backward_unit, t);
	}
}

/* --- gradient and update, slice by slice while the gradient is in cache --- */

/* c1, c2: what undoes the start of the averages at zero (Kingma & Ba 2015) */
INLINE void adam_slice(float *w, float *m, float *v, const float *g, size_t n, float lr, float c1, float c2)
{
	const float b1 = 0.9f, b2 = 0.999f;
	for (size_t i = 0; i < n; i++) {
		m[i] = b1 * m[i] + (1 - b1) * g[i];
		v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
		w[i] -= lr * (m[i] * c1) / (sqrtf(v[i] * c2) + 1e-8f);
	}
}

AVX2_VARIANT(void, adam, (float *restrict w, float *restrict m, float *restrict v, const float *restrict g, size_t n, float lr, float c1, float c2), {
	adam_slice(w, m, v, g, n, lr, c1, c2);
})

static void update_unit(void *ctx, int u)
{
	struct trainer *t = ctx;
	const struct slice *s = &t->slice[u];
	const struct network *net = s->decoder ? &t->m->dec : &t->m->enc;
	const struct layer *l = &net->l[s->layer];
	const struct tape *act = s->decoder ? &t->dec : &t->enc, *delta = s->decoder ? &t->ddec : &t->denc;
	const float *x = network_source(net, s->layer, s->decoder ? t->xi : t->x, act), *dy = delta->v[s->layer];
	int from = edge(l->out, s->unit), to = edge(l->out, s->unit + 1), is_adam = t->m->cfg.train.optimizer == ADAM;
	size_t w = l->weight + (size_t)from * (size_t)l->in, nw = (size_t)(to - from) * (size_t)l->in;
	size_t b = l->bias + (size_t)from, nb = (size_t)(to - from);
	float *params = t->m->params, lr = (float)t->m->cfg.train.lr;
	if (is_adam || t->want_norm)
		linear_gradient(t->grad + w, t->grad + b, dy, x, t->batch, l->in, l->out, from, to, 1, 0);
	if (t->want_norm) {
		double q = dot(t->grad + b, t->grad + b, (int)nb);
		for (size_t k = 0; k < nw; k += (size_t)l->in)
			q += dot(t->grad + w + k, t->grad + w + k, l->in);
		t->sqnorm[u] = q;
	}
	if (!is_adam) { /* plain descent: the product goes straight into the weights */
		linear_gradient(params + w, params + b, dy, x, t->batch, l->in, l->out, from, to, -lr, 1);
		return;
	}
	float c1 = 1 / (1 - powf(0.9f, (float)t->steps)), c2 = 1 / (1 - powf(0.999f, (float)t->steps));
	PICK(adam)(params + w, t->adam_m + w, t->adam_v + w, t->grad + w, nw, lr, c1, c2);
	PICK(adam)(params + b, t->adam_m + b, t->adam_v + b, t->grad + b, nb, lr, c1, c2);
}

static int slices(struct trainer *t, const struct network *net, int decoder, int write)
{
	int n = 0;
	for (int i = 0; i < net->n; i++)
		for (int u = 0; net->l[i].kind == LAYER_LINEAR && u < units(net->l[i].out); u++, n++)
			if (write)
				t->slice[t->nslices + n] = (struct slice){i, u, decoder};
	return n;
}

/* --- steps --- */

void trainer_loss(struct trainer *t, const float *x, const float *eps, struct train_stats *s)
{
	int row_units = (t->batch + ROWS - 1) / ROWS;
	t->x = x;
	t->eps = eps;
	forward(t, &t->m->enc, &t->enc, x);
	pool_run(t->pool, row_units, draw_unit, t);
	forward(t, &t->m->dec, &t->dec, t->xi);
	pool_run(t->pool, row_units, loss_unit, t);
	*s = (struct train_stats){.recon = 0};
	for (int r = 0; r < t->batch; r++) {
		s->recon += t->recon[r] / t->batch;
		s->kl += t->kl[r] / t->batch;
	}
	s->loss = s->recon + t->m->cfg.train.beta * s->kl;
}

int trainer_step(struct trainer *t, const float *x, const float *eps, int want_norm, struct train_stats *s, struct fail *f)
{
	t->learn = 1;
	trainer_loss(t, x, eps, s);
	t->learn = 0;
	if (!isfinite(s->loss))
		return fail_set(f, "the loss is not finite (recon %g, kl %g)", s->recon, s->kl);
	backward(t, &t->m->dec, &t->dec, &t->ddec, t->dxi);
	pool_run(t->pool, (t->batch + ROWS - 1) / ROWS, head_unit, t);
	backward(t, &t->m->enc, &t->enc, &t->denc, NULL);
	t->steps++;
	t->want_norm = want_norm;
	pool_run(t->pool, t->nslices, update_unit, t);
	for (int i = 0; want_norm && i < t->nslices; i++)
		s->grad_sqnorm += t->sqnorm[i];
	return 0;
}

static float *floats(size_t n)
{
	size_t bytes = (n * sizeof(float) + 63) / 64 * 64;
	float *p = aligned_alloc(64, bytes);
	if (p)
		memset(p, 0, bytes);
	return p;
}

struct trainer *trainer_open(struct model *m, struct pool *pool, struct fail *f)
{
	struct trainer *t = calloc(1, sizeof *t);
	if (!t) {
		fail_set(f, "out of memory");
		return NULL;
	}
	size_t batch = (size_t)m->cfg.train.batch;
	int is_adam = m->cfg.train.optimizer == ADAM;
	*t = (struct trainer){.m = m, .pool = pool, .batch = (int)batch, .latent = m->cfg.latent, .input = m->enc.in};
	if (tape_open(&t->enc, &m->enc, t->batch, f) || tape_open(&t->denc, &m->enc, t->batch, f) ||
	    tape_open(&t->dec, &m->dec, t->batch, f) || tape_open(&t->ddec, &m->dec, t->batch, f)) {
		trainer_close(t);
		return NULL;
	}
	int n = slices(t, &m->enc, 0, 0) + slices(t, &m->dec, 1, 0);
	t->slice = calloc((size_t)n + 1, sizeof *t->slice);
	t->sqnorm = calloc((size_t)n + 1, sizeof *t->sqnorm);
	t->recon = calloc(batch, sizeof *t->recon);
	t->kl = calloc(batch, sizeof *t->kl);
	t->xi = floats(batch * (size_t)t->latent);
	t->dxi = floats(batch * (size_t)t->latent);
	t->grad = floats(m->nparams);
	t->adam_m = is_adam ? floats(m->nparams) : NULL;
	t->adam_v = is_adam ? floats(m->nparams) : NULL;
	if (!t->slice || !t->sqnorm || !t->recon || !t->kl || !t->xi || !t->dxi || !t->grad || (is_adam && (!t->adam_m || !t->adam_v))) {
		fail_set(f, "out of memory for the optimiser of %zu parameters", m->nparams);
		trainer_close(t);
		return NULL;
	}
	/* the decoder's large layers first: long units before short ones balance better */
	t->nslices = slices(t, &m->dec, 1, 1);
	t->nslices += slices(t, &m->enc, 0, 1);
	return t;
}

void trainer_close(struct trainer *t)
{
	if (!t)
		return;
	free(t->enc.all);
	free(t->denc.all);
	free(t->dec.all);
	free(t->ddec.all);
	free(t->xi);
	free(t->dxi);
	free(t->grad);
	free(t->adam_m);
	free(t->adam_v);
	free(t->recon);
	free(t->kl);
	free(t->sqnorm);
	free(t->slice);
	free(t);
}
