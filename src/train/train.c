#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/layout.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "gemm/mat.h"
#include "base/simd.h"

/* Units: a linear layer of 512 columns or more is cut in four, of 64 or more in two; rows go by eights.
 * Runs of other layers are cut by rows, and a unit goes through the whole run while its rows are in
 * the cache; each leaves a gradient of its own, and these are added up in the order of the units. */
static int units(int columns) { return columns >= 512 ? 4 : columns >= 64 ? 2 : 1; }
enum { ROWS = 8, MOST_SHARES = 16, TILES = 32 };
/* Units begin where tiles do (gemm_amx.h), which would be filled up with zeros. */
static int edge(int columns, int unit)
{
	int at = (int)((long)columns * unit / units(columns));
	return unit == units(columns) ? columns : at / TILES * TILES;
}

struct slice { /* a unit of the update: rows of one layer's weights */
	int layer, unit, decoder;
};

struct trainer {
	struct model *m;
	struct pool *pool;
	int batch, latent, input;
	struct tape enc, dec, denc, ddec;
	float *xi, *dxi, *grad, *adam_m, *adam_v;
	float *pixels;      /* the batch, pixel by pixel, where a network wants that */
	struct mat_packed *source[2][MAX_LAYERS]; /* of encoder, decoder: what a linear layer reads, for the gradients; or NULL */
	float *packed;      /* the parameters of convolutions (conv.h), where there are any */
	float *share[2][MAX_LAYERS]; /* of encoder, decoder: [shares][weights + biases] of a convolution */
	float *scratch;     /* [shares][room] */
	size_t room;
	int shares;         /* units that a run of layers is cut into */
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
	int layer, end, learn, want_norm; /* a run of layers: [layer, end) */
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
	               l->in, l->out, from, to, l->relu, MAT_24, NULL);
}

static int first_row(const struct trainer *t, int share) { return (int)((long)t->batch * share / t->shares); }

static void forward_share(void *ctx, int u)
{
	struct trainer *t = ctx;
	for (int i = t->layer; i < t->end; i++)
		layer_forward(t->net, i, t->packed, t->from, t->act, first_row(t, u), first_row(t, u + 1), t->scratch + (size_t)u * t->room);
}

/* Whether there is anything to do for layer i, which is no linear one. */
static int idle(const struct network *net, int i) { return net->l[i].fused || (!net->l[i].type->function && !net->l[i].has_buffer); }

static void forward(struct trainer *t, const struct network *net, const struct tape *act, const float *from)
{
	t->net = net;
	t->act = act;
	t->from = from;
	for (t->layer = 0; t->layer < net->n; t->layer = t->end) {
		int busy = 0;
		t->end = t->layer;
		if (net->l[t->layer].type->dense) {
			t->end++;
			pool_run(t->pool, units(net->l[t->layer].out), forward_unit, t);
			continue;
		}
		for (; t->end < net->n && !net->l[t->end].type->dense; t->end++)
			busy |= !idle(net, t->end);
		if (busy)
			pool_run(t->pool, t->shares, forward_share, t);
	}
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

static void pixels_unit(void *ctx, int u)
{
	struct trainer *t = ctx;
	int n = (u + 1) * ROWS < t->batch ? ROWS : t->batch - u * ROWS;
	size_t at = (size_t)(u * ROWS) * (size_t)t->input;
	to_channels_last(t->pixels + at, t->x + at, n, t->m->enc.channels, t->m->enc.area);
}

static void loss_unit(void *ctx, int u)
{
	struct trainer *t = ctx;
	int n = t->input, to = (u + 1) * ROWS < t->batch ? (u + 1) * ROWS : t->batch;
	float share = 1.0f / (float)t->batch; /* the batch's loss is a mean */
	const float *x = t->m->dec.writes_channels_last ? t->pixels : t->x;
	for (int r = u * ROWS; r < to; r++) {
		size_t at = (size_t)r * (size_t)n;
		float *d = t->learn ? t->ddec.v[t->m->dec.last] + at : NULL;
		t->recon[r] = loss_recon((enum likelihood)t->m->cfg.train.likelihood, t->dec.v[t->m->dec.last] + at, x + at, n, d);
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
	linear_backward(dx, t->delta->v[t->layer], t->m->params + l->weight, network_relu_mask(net, t->layer, t->act), t->batch, l->in, l->out, from, to, NULL);
}

static void backward_share(void *ctx, int u)
{
	struct trainer *t = ctx;
	const struct network *net = t->net;
	int from = first_row(t, u), to = first_row(t, u + 1);
	float *scratch = t->scratch + (size_t)u * t->room;
	for (int i = t->end - 1; i >= t->layer; i--) {
		const struct layer *l = &net->l[i];
		if (!layer_has_weights(l)) {
			layer_backward(net, i, t->packed, t->act, t->delta, t->dinput, from, to, scratch);
			continue;
		}
		size_t nw = layer_weights(l), in = (size_t)from * (size_t)l->in, out = (size_t)from * (size_t)l->out;
		float *g = t->share[net == &t->m->dec][i] + (size_t)u * (nw + (size_t)l->biases);
		float *dx = l->source < 0 ? t->dinput : t->delta->v[l->source];
		const float *d = t->delta->v[i] + out;
		l->type->backward(l, dx ? dx + in : NULL, g, d, network_source(net, i, t->from, t->act) + in,
		                  &(struct layer_pass){.rows = to - from, .w = t->packed + l->weight, .scratch = scratch});
		l->type->bias_gradient(l, g + nw, d, 0, to - from);
	}
}

static void backward(struct trainer *t, const struct network *net, const struct tape *act, const struct tape *delta, const float *from, float *dinput)
{
	t->net = net;
	t->act = act;
	t->delta = delta;
	t->from = from;
	t->dinput = dinput;
	for (t->end = net->n; t->end > 0; t->end = t->layer) {
		const struct layer *l = &net->l[t->end - 1];
		int busy = 0;
		t->layer = t->end - 1;
		if (l->type->dense) {
			if (l->source >= 0 || dinput)
				pool_run(t->pool, units(l->in), backward_unit, t);
			if (network_relu_mask(net, t->layer, act))
				t->layer--; /* done with that relu */
			continue;
		}
		while (t->layer >= 0 && !net->l[t->layer].type->dense)
			busy |= net->l[t->layer].fused || !idle(net, t->layer), t->layer--;
		t->layer++;
		if (busy)
			pool_run(t->pool, t->shares, backward_share, t);
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

SIMD_VARIANTS(void, adam, (float *restrict w, float *restrict m, float *restrict v, const float *restrict g, size_t n, float lr, float c1, float c2), {
	adam_slice(w, m, v, g, n, lr, c1, c2);
})

static void update(struct trainer *t, size_t at, const float *g, size_t n)
{
	float *w = t->m->params + at, lr = (float)t->m->cfg.train.lr;
	if (t->m->cfg.train.optimizer == ADAM) {
		float c1 = 1 / (1 - powf(0.9f, (float)t->steps)), c2 = 1 / (1 - powf(0.999f, (float)t->steps));
		SIMD_DISPATCH(adam)(w, t->adam_m + at, t->adam_v + at, g, n, lr, c1, c2);
		return;
	}
	for (size_t i = 0; i < n; i++)
		w[i] -= lr * g[i];
}

static double sqnorm(const float *g, size_t n)
{
	double q = 0;
	for (size_t k = 0; k < n; k += 4096)
		q += dot(g + k, g + k, (int)(n - k < 4096 ? n - k : 4096));
	return q;
}

/* Rows [from, to) of a convolution's weight, and with the first of them its bias: the shares added up. */
static void update_convolution(struct trainer *t, const struct layer *l, float *share, int u, int from, int to)
{
	size_t k = (size_t)l->k, nw = layer_weights(l), nb = (size_t)l->biases, per = nw + nb;
	size_t at = (size_t)from * k, n = (size_t)(to - from) * k, w = l->weight + at;
	for (int s = 1; s < t->shares; s++) {
		const float *more = share + (size_t)s * per;
		for (size_t i = at; i < at + n; i++)
			share[i] += more[i];
		for (size_t i = nw; from == 0 && i < per; i++)
			share[i] += more[i];
	}
	layer_restore(l, t->grad + w, share + at, to - from);
	t->sqnorm[u] = t->want_norm ? sqnorm(t->grad + w, n) : 0;
	update(t, w, t->grad + w, n);
	layer_reorder(l, t->packed + w, t->m->params + w, to - from);
	if (from > 0)
		return;
	memcpy(t->grad + l->bias, share + nw, nb * sizeof *share);
	t->sqnorm[u] += t->want_norm ? sqnorm(t->grad + l->bias, nb) : 0;
	update(t, l->bias, t->grad + l->bias, nb);
	memcpy(t->packed + l->bias, t->m->params + l->bias, nb * sizeof *share);
}

static const float *encoder_input(const struct trainer *t) { return t->m->enc.reads_channels_last ? t->pixels : t->x; }

static const struct network *side(const struct trainer *t, int decoder) { return decoder ? &t->m->dec : &t->m->enc; }

/* What layer i of a side reads. */
static const float *source(const struct trainer *t, int decoder, int i)
{
	return network_source(side(t, decoder), i, decoder ? t->xi : encoder_input(t), decoder ? &t->dec : &t->enc);
}

/* A linear layer's input is packed once for all chunks of its gradient. */
static void source_unit(void *ctx, int u)
{
	struct trainer *t = ctx;
	int decoder = u >= t->m->enc.n, i = u - (decoder ? t->m->enc.n : 0);
	if (t->source[decoder][i])
		mat_repack(t->source[decoder][i], source(t, decoder, i), side(t, decoder)->l[i].in, 1);
}

/* Rows [from, to) of the weight and bias of a slice's linear layer. */
static void update_rows(struct trainer *t, const struct slice *s, const struct layer *l, int u, int from, int to)
{
	const float *x = source(t, s->decoder, s->layer), *dy = (s->decoder ? &t->ddec : &t->denc)->v[s->layer];
	const struct mat_packed *packed = t->source[s->decoder][s->layer];
	size_t w = l->weight + (size_t)from * (size_t)l->in, nw = (size_t)(to - from) * (size_t)l->in;
	size_t b = l->bias + (size_t)from, nb = (size_t)(to - from);
	/* one chunk's gradient after the other in the same place, which stays in the cache */
	float *g = t->grad + l->weight + (size_t)edge(l->out, s->unit) * (size_t)l->in, *gb = t->grad + b;
	float step = -(float)t->m->cfg.train.lr;
	int is_adam = t->m->cfg.train.optimizer == ADAM;
	if (is_adam || t->want_norm)
		linear_gradient(g, gb, dy, x, packed, t->batch, l->in, l->out, from, to, 1, 0);
	if (t->want_norm)
		t->sqnorm[u] += sqnorm(gb, nb) + sqnorm(g, nw);
	if (is_adam) {
		update(t, w, g, nw);
		update(t, b, gb, nb);
	} else { /* plain descent: the product goes straight into the weights */
		linear_gradient(t->m->params + w, t->m->params + b, dy, x, packed, t->batch, l->in, l->out, from, to, step, 1);
	}
}

static void update_unit(void *ctx, int u)
{
	struct trainer *t = ctx;
	const struct slice *s = &t->slice[u];
	const struct layer *l = &side(t, s->decoder)->l[s->layer];
	int rows = l->p, from = edge(rows, s->unit), to = edge(rows, s->unit + 1);
	if (!l->type->dense) {
		update_convolution(t, l, t->share[s->decoder][s->layer], u, from, to);
		return;
	}
	/* as few rows as tiles take; where each chunk packs the input anew, twice as many */
	int chunk = t->source[s->decoder][s->layer] ? TILES : 2 * TILES;
	t->sqnorm[u] = 0;
	for (int r = from, n; r < to; r += n) {
		n = to - r < chunk + TILES ? to - r : chunk;
		update_rows(t, s, l, u, r, r + n);
	}
}

static int slices(struct trainer *t, const struct network *net, int decoder, int write)
{
	int n = 0;
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		for (int u = 0; layer_has_weights(l) && u < units(l->p); u++, n++)
			if (write)
				t->slice[t->nslices + n] = (struct slice){i, u, decoder};
	}
	return n;
}

/* --- steps --- */

void trainer_loss(struct trainer *t, const float *x, const float *eps, struct train_stats *s)
{
	int row_units = (t->batch + ROWS - 1) / ROWS;
	t->x = x;
	t->eps = eps;
	if (t->pixels)
		pool_run(t->pool, row_units, pixels_unit, t);
	forward(t, &t->m->enc, &t->enc, encoder_input(t));
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
	backward(t, &t->m->dec, &t->dec, &t->ddec, t->xi, t->dxi);
	pool_run(t->pool, (t->batch + ROWS - 1) / ROWS, head_unit, t);
	backward(t, &t->m->enc, &t->enc, &t->denc, encoder_input(t), NULL);
	t->steps++;
	t->want_norm = want_norm;
	pool_run(t->pool, t->m->enc.n + t->m->dec.n, source_unit, t);
	pool_run(t->pool, t->nslices, update_unit, t);
	for (int i = 0; want_norm && i < t->nslices; i++)
		s->grad_sqnorm += t->sqnorm[i];
	return 0;
}

/* Without memory nothing is packed, and the weights come out the same. */
static void open_sources(struct trainer *t)
{
	size_t room = (size_t)-1;
	for (int i = 0; i < t->nslices; i++) {
		const struct slice *s = &t->slice[i];
		const struct layer *l = &side(t, s->decoder)->l[s->layer];
		if (l->type->dense && s->unit == 0)
			t->source[s->decoder][s->layer] = mat_pack(NULL, l->in, 1, TILES, l->in, t->batch, MAT_16, 0, &room);
	}
}

/* What convolutions want; room that nothing needs is left out. */
static int open_convolutions(struct trainer *t, const struct network *net, int decoder)
{
	size_t room = network_scratch(net);
	int bad = 0;
	t->room = room > t->room ? room : t->room;
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (layer_has_weights(l) && !l->type->dense)
			bad |= !(t->share[decoder][i] = mat_floats((size_t)t->shares * (layer_weights(l) + (size_t)l->biases)));
	}
	return bad;
}

struct trainer *trainer_open(struct model *m, struct pool *pool, struct fail *f)
{
	struct trainer *t = calloc(1, sizeof *t);
	if (!t) {
		fail_memory(f);
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
	t->shares = (t->batch + ROWS - 1) / ROWS < MOST_SHARES ? (t->batch + ROWS - 1) / ROWS : MOST_SHARES;
	int bad = open_convolutions(t, &m->enc, 0) | open_convolutions(t, &m->dec, 1);
	if (m->enc.has_convolution || m->dec.has_convolution) {
		t->packed = mat_floats(m->nparams);
		t->scratch = mat_floats((size_t)t->shares * t->room);
		bad |= !t->packed || !t->scratch;
	}
	trainer_resume(t, 0);
	if (m->enc.reads_channels_last || m->dec.writes_channels_last)
		bad |= !(t->pixels = mat_floats(batch * (size_t)t->input));
	int n = slices(t, &m->enc, 0, 0) + slices(t, &m->dec, 1, 0);
	t->slice = calloc((size_t)n + 1, sizeof *t->slice);
	t->sqnorm = calloc((size_t)n + 1, sizeof *t->sqnorm);
	t->recon = calloc(batch, sizeof *t->recon);
	t->kl = calloc(batch, sizeof *t->kl);
	t->xi = mat_floats(batch * (size_t)t->latent);
	t->dxi = mat_floats(batch * (size_t)t->latent);
	t->grad = mat_floats(m->nparams);
	t->adam_m = is_adam ? mat_floats(m->nparams) : NULL;
	t->adam_v = is_adam ? mat_floats(m->nparams) : NULL;
	if (bad || !t->slice || !t->sqnorm || !t->recon || !t->kl || !t->xi || !t->dxi || !t->grad || (is_adam && (!t->adam_m || !t->adam_v))) {
		fail_memory_for(f, "the optimiser of %zu parameters", m->nparams);
		trainer_close(t);
		return NULL;
	}
	/* the decoder's large layers first: long units before short ones balance better */
	t->nslices = slices(t, &m->dec, 1, 1);
	t->nslices += slices(t, &m->enc, 0, 1);
	open_sources(t);
	return t;
}

struct optimizer_state trainer_state(const struct trainer *t) { return (struct optimizer_state){t->adam_m, t->adam_v}; }

void trainer_resume(struct trainer *t, long steps)
{
	t->steps = steps;
	if (t->packed) {
		network_reorder(&t->m->enc, t->m->params, t->packed);
		network_reorder(&t->m->dec, t->m->params, t->packed);
	}
}

void trainer_close(struct trainer *t)
{
	if (!t)
		return;
	free(t->enc.all);
	free(t->denc.all);
	free(t->dec.all);
	free(t->ddec.all);
	for (int i = 0; i < MAX_LAYERS; i++) {
		free(t->share[0][i]);
		free(t->share[1][i]);
		free(t->source[0][i]);
		free(t->source[1][i]);
	}
	free(t->packed);
	free(t->scratch);
	free(t->pixels);
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
