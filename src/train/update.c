/* Gradients with respect to the parameters, and the step of the optimiser, for a few rows of a weight at a time, while their gradient
 * is in the cache. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/simd.h"
#include "gemm/mat.h"
#include "nn/linear.h"
#include "train/trainer_state.h"

/* --- the optimisers --- */

/* Adam (Kingma & Ba 2015); c1, c2: the corrections for averages that start at zero */
INLINE void adam_rows(float *w, float *m, float *v, const float *g, size_t n, float lr, float c1, float c2)
{
	const float b1 = 0.9f, b2 = 0.999f;
	for (size_t i = 0; i < n; i++) {
		m[i] = b1 * m[i] + (1 - b1) * g[i];
		v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
		w[i] -= lr * (m[i] * c1) / (sqrtf(v[i] * c2) + 1e-8f);
	}
}

SIMD_VARIANTS(void, adam, (float *restrict w, float *restrict m, float *restrict v, const float *restrict g, size_t n, float lr, float c1, float c2), {
	adam_rows(w, m, v, g, n, lr, c1, c2);
})

/* Parameters [at, at + n), whose gradient is g. */
static void step(struct trainer *t, size_t at, const float *g, size_t n)
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

/* --- layers that are not dense --- */

/* v [n] += the vectors of the other tasks, `per` apart, a block in the first-level cache at a time. */
static void add_partial(float *v, int tasks, size_t per, size_t n)
{
	enum { BLOCK = 2048 };
	for (size_t at = 0; at < n; at += BLOCK) {
		size_t end = at + BLOCK < n ? at + BLOCK : n;
		for (size_t task = 1; task < (size_t)tasks; task++)
			for (size_t i = at; i < end; i++)
				v[i] += v[task * per + i];
	}
}

/* dw: rows [from, to) of the gradient by the weight */
static void multiply_factors(const struct trainer *t, struct side *s, int layer, float *dw, int from, int to)
{
	const struct layer *l = &s->net->l[layer];
	const float *x = network_source(s->net, layer, s->input, &s->act), *dy = s->delta.v[layer];
	mat_tn(dw, l->k, layer_factor_p(l, x, dy) + from, l->p, layer_factor_k(l, x, dy), l->k, NULL, to - from, l->k, t->batch, 1, 0, MAT_16);
}

/* Rows [from, to) of the weight, and with the first of them the bias: the partial gradients are added up. */
static void update_partial(struct trainer *t, const struct update *u, const struct layer *l, int from, int to)
{
	float *partial = u->side->partial[u->layer];
	size_t k = (size_t)l->k, nw = layer_weights(l), nb = (size_t)l->biases, per = partial_size(l);
	size_t at = (size_t)from * k, n = (size_t)(to - from) * k, w = l->weight + at;
	if (gradient_is_product(l))
		multiply_factors(t, u->side, u->layer, partial + at, from, to);
	else
		add_partial(partial + at, t->row_tasks, per, n);
	if (from == 0)
		add_partial(partial + nw, t->row_tasks, per, nb);
	layer_restore(l, t->grad + w, partial + at, to - from);
	if (from == 0)
		memcpy(t->grad + l->bias, partial + nw, nb * sizeof *partial);
	if (t->gradient_only)
		return;
	step(t, w, t->grad + w, n);
	layer_reorder(l, t->reordered + w, t->m->params + w, to - from);
	if (from > 0)
		return;
	step(t, l->bias, t->grad + l->bias, nb);
	memcpy(t->reordered + l->bias, t->m->params + l->bias, nb * sizeof *partial);
}

/* --- dense layers --- */

/* A layer's input is packed once for all chunks of its gradient. */
static void pack_input(void *ctx, int task)
{
	struct trainer *t = ctx;
	int decoder = task >= t->side[ENCODER].net->n, i = task - (decoder ? t->side[ENCODER].net->n : 0);
	struct side *s = &t->side[decoder];
	if (s->packed_input[i])
		mat_repack(s->packed_input[i], network_source(s->net, i, s->input, &s->act), s->net->l[i].in);
}

/* Rows [from, to) of the weight and bias of an update's layer. */
static void update_rows(struct trainer *t, const struct update *u, const struct layer *l, int from, int to)
{
	struct side *s = u->side;
	const float *x = network_source(s->net, u->layer, s->input, &s->act), *dy = s->delta.v[u->layer];
	const struct mat_packed *packed = s->packed_input[u->layer];
	size_t w = l->weight + (size_t)from * (size_t)l->in, nw = (size_t)(to - from) * (size_t)l->in;
	size_t b = l->bias + (size_t)from, nb = (size_t)(to - from);
	/* all chunks use the same memory for their gradients, which stays in the cache, unless the whole gradient is required */
	float *g = t->gradient_only ? t->grad + w : t->grad + l->weight + (size_t)first_column(l->out, u->task) * (size_t)l->in, *gb = t->grad + b;
	float rate = -(float)t->m->cfg.train.lr;
	int is_adam = t->m->cfg.train.optimizer == ADAM;
	if (is_adam || t->gradient_only)
		linear_gradient(g, gb, dy, x, packed, t->batch, l->in, l->out, from, to, 1, 0);
	if (t->gradient_only)
		return;
	if (is_adam) {
		step(t, w, g, nw);
		step(t, b, gb, nb);
	} else { /* gradient descent: the product is added to the weights */
		linear_gradient(t->m->params + w, t->m->params + b, dy, x, packed, t->batch, l->in, l->out, from, to, rate, 1);
	}
}

/* --- all layers --- */

static void run_update(void *ctx, int i)
{
	struct trainer *t = ctx;
	const struct update *u = &t->update[i];
	const struct layer *l = &u->side->net->l[u->layer];
	int from = first_column(l->p, u->task), to = first_column(l->p, u->task + 1);
	if (!l->type->dense) {
		update_partial(t, u, l, from, to);
		return;
	}
	/* rows of one tile; twice as many when each chunk has to pack the input again */
	int chunk = u->side->packed_input[u->layer] ? TILE : 2 * TILE;
	for (int r = from, n; r < to; r += n) {
		n = to - r < chunk + TILE ? to - r : chunk;
		update_rows(t, u, l, r, r + n);
	}
}

/* Sums the gradients of the log variances over the records, in their order. */
static void update_variances(struct trainer *t)
{
	size_t n = t->m->nvariances, at = t->m->nparams - n;
	for (size_t c = 0; c < n; c++) {
		double sum = 0;
		for (size_t r = 0; r < (size_t)t->batch; r++)
			sum += t->by_variance[r * n + c] / t->batch;
		t->grad[at + c] = (float)sum;
	}
	if (n && !t->gradient_only)
		step(t, at, t->grad + at, n);
}

void update_run(struct trainer *t)
{
	pool_run(t->pool, t->side[ENCODER].net->n + t->side[DECODER].net->n, pack_input, t);
	pool_run(t->pool, t->updates, run_update, t);
	update_variances(t);
}

static void scale(float *g, size_t n, float share)
{
	for (size_t i = 0; i < n; i++)
		g[i] *= share;
}

static void apply_update(void *ctx, int i)
{
	struct trainer *t = ctx;
	const struct update *u = &t->update[i];
	const struct layer *l = &u->side->net->l[u->layer];
	int from = first_column(l->p, u->task), to = first_column(l->p, u->task + 1), dense = l->type->dense;
	size_t k = (size_t)(dense ? l->in : l->k), w = l->weight + (size_t)from * k, n = (size_t)(to - from) * k;
	size_t b = l->bias + (dense ? (size_t)from : 0), nb = dense ? (size_t)(to - from) : from == 0 ? (size_t)l->biases : 0;
	scale(t->grad + w, n, t->share);
	scale(t->grad + b, nb, t->share);
	step(t, w, t->grad + w, n);
	step(t, b, t->grad + b, nb);
	if (dense)
		return;
	layer_reorder(l, t->reordered + w, t->m->params + w, to - from);
	memcpy(t->reordered + b, t->m->params + b, nb * sizeof(float));
}

void update_apply(struct trainer *t, float *gradient, float share)
{
	float *own = t->grad;
	size_t n = t->m->nvariances, at = t->m->nparams - n;
	t->grad = gradient;
	t->share = share;
	pool_run(t->pool, t->updates, apply_update, t);
	scale(t->grad + at, n, share);
	step(t, at, t->grad + at, n);
	t->grad = own;
}

/* Counts the tasks of a side; write: also lists them. */
static int list_updates(struct trainer *t, struct side *s, int write)
{
	int n = 0;
	for (int i = 0; i < s->net->n; i++) {
		const struct layer *l = &s->net->l[i];
		for (int task = 0; layer_has_weights(l) && task < column_tasks(l->p); task++, n++)
			if (write)
				t->update[t->updates + n] = (struct update){s, i, task};
	}
	return n;
}

int update_open(struct trainer *t, struct fail *f)
{
	size_t n = t->m->nparams, budget = SIZE_MAX;
	int updates = list_updates(t, &t->side[ENCODER], 0) + list_updates(t, &t->side[DECODER], 0);
	int is_adam = t->m->cfg.train.optimizer == ADAM;
	t->update = calloc((size_t)updates + 1, sizeof *t->update);
	t->grad = mat_floats(n);
	t->adam_m = is_adam ? mat_floats(n) : NULL;
	t->adam_v = is_adam ? mat_floats(n) : NULL;
	if (!t->update || !t->grad || (is_adam && (!t->adam_m || !t->adam_v)))
		return fail_memory_for(f, "the optimiser of %zu parameters", n);
	/* the decoder's large layers first: long tasks before short ones balance better */
	t->updates = list_updates(t, &t->side[DECODER], 1);
	t->updates += list_updates(t, &t->side[ENCODER], 1);
	for (int i = 0; i < t->updates; i++) {
		const struct update *u = &t->update[i];
		const struct layer *l = &u->side->net->l[u->layer];
		if (l->type->dense && u->task == 0 && mat_tn_packs(TILE, l->in, t->batch, MAT_16)) /* without memory nothing is packed, and the weights come out the same */
			u->side->packed_input[u->layer] = mat_pack(NULL, l->in, 1, TILE, l->in, t->batch, MAT_16, 0, &budget);
	}
	return 0;
}

void update_close(struct trainer *t)
{
	for (int s = 0; s < SIDES; s++)
		for (int i = 0; i < MAX_LAYERS; i++)
			free(t->side[s].packed_input[i]);
	free(t->grad);
	free(t->adam_m);
	free(t->adam_v);
	free(t->update);
}
