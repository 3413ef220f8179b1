#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>

#include "nn/layout.h"
#include "nn/loss.h"
#include "train/trainer_state.h"

/* --- between the networks, ROWS rows a task --- */

static int last_row(const struct trainer *t, int task) { return (task + 1) * ROWS < t->batch ? (task + 1) * ROWS : t->batch; }

static void reorder_batch(void *ctx, int task)
{
	struct trainer *t = ctx;
	size_t at = (size_t)(task * ROWS) * (size_t)t->input;
	to_channels_last(t->channels_last + at, t->x + at, last_row(t, task) - task * ROWS, t->m->enc.channels, t->m->enc.area);
}

static void draw_latents(void *ctx, int task)
{
	struct trainer *t = ctx;
	int n = t->latent, to = last_row(t, task);
	for (int r = task * ROWS; r < to; r++) {
		const float *head = t->side[ENCODER].act.v[t->m->enc.last] + (size_t)r * 2 * (size_t)n;
		float *xi = t->xi + (size_t)r * (size_t)n;
		for (int i = 0; i < n; i++)
			xi[i] = head[i] + expf(0.5f * head[n + i]) * t->eps[(size_t)r * (size_t)n + (size_t)i];
		t->kl[r] = loss_kl(head, n);
	}
}

/* The deltas at the encoder's output. */
static void compute_head_gradient(void *ctx, int task)
{
	struct trainer *t = ctx;
	int n = t->latent, to = last_row(t, task);
	float beta = (float)t->m->cfg.train.beta / (float)t->batch;
	for (int r = task * ROWS; r < to; r++) {
		const float *head = t->side[ENCODER].act.v[t->m->enc.last] + (size_t)r * 2 * (size_t)n;
		const float *g = t->dxi + (size_t)r * (size_t)n, *eps = t->eps + (size_t)r * (size_t)n;
		float *d = t->side[ENCODER].delta.v[t->m->enc.last] + (size_t)r * 2 * (size_t)n;
		for (int i = 0; i < n; i++) {
			float var = expf(head[n + i]);
			d[i] = beta * head[i] + g[i];
			d[n + i] = beta * 0.5f * (var - 1) + g[i] * 0.5f * sqrtf(var) * eps[i];
		}
	}
}

/* --- the loss --- */

void compute_recon(struct trainer *t, const struct tape *act, const struct tape *delta, int from, int rows)
{
	size_t n = (size_t)t->input;
	int last = t->m->dec.last;
	float share = 1.0f / (float)t->batch; /* the batch's loss is a mean */
	const float *x = t->m->dec.writes_channels_last ? t->channels_last : t->x;
	const struct learnt_variance v = model_variance(t->m);
	for (int i = 0; i < rows; i++) {
		size_t r = (size_t)from + (size_t)i;
		float *d = t->want_gradient ? delta->v[last] + (size_t)i * n : NULL;
		double *by_variance = t->by_variance ? t->by_variance + r * t->m->nvariances : NULL;
		t->recon[r] = loss_recon_learnt((enum likelihood)t->m->cfg.train.likelihood, &v, act->v[last] + (size_t)i * n, x + r * n, t->input, d, by_variance);
		for (size_t k = 0; d && k < n; k++)
			d[k] *= share;
	}
}

/* --- steps --- */

/* Packs the weight of a layer once for all row tasks of the step. */
static void pack_weight(void *ctx, int task)
{
	struct trainer *t = ctx;
	int layers = t->side[ENCODER].net->n, i = task < layers ? task : task - layers;
	struct side *s = &t->side[task < layers ? ENCODER : DECODER];
	struct layer *l = &s->net->l[i];
	size_t budget = SIZE_MAX;
	if (l->type->pack)
		layer_pack(l, t->reordered + l->weight, t->want_gradient && (l->source >= 0 || s->dinput), &budget);
}

void trainer_loss(struct trainer *t, const float *x, const float *eps, struct train_stats *s)
{
	int tasks = (t->batch + ROWS - 1) / ROWS;
	t->x = x;
	t->eps = eps;
	t->side[ENCODER].input = t->m->enc.reads_channels_last ? t->channels_last : x;
	if (t->channels_last)
		pool_run(t->pool, tasks, reorder_batch, t);
	if (t->reordered != t->m->params)
		pool_run(t->pool, t->side[ENCODER].net->n + t->side[DECODER].net->n, pack_weight, t);
	forward_pass(t, &t->side[ENCODER]);
	pool_run(t->pool, tasks, draw_latents, t);
	forward_pass(t, &t->side[DECODER]);
	turn_pass(t);
	*s = (struct train_stats){.recon = 0};
	for (int r = 0; r < t->batch; r++) {
		s->recon += t->recon[r] / t->batch;
		s->kl += t->kl[r] / t->batch;
	}
	s->loss = s->recon + t->m->cfg.train.beta * s->kl;
}

int trainer_step(struct trainer *t, const float *x, const float *eps, struct train_stats *s, struct fail *f)
{
	t->want_gradient = 1;
	trainer_loss(t, x, eps, s);
	t->want_gradient = 0;
	if (!isfinite(s->loss))
		return fail_set(f, "the loss is not finite (recon %g, kl %g): use a smaller train.lr", s->recon, s->kl);
	backward_pass(t, &t->side[DECODER]);
	pool_run(t->pool, (t->batch + ROWS - 1) / ROWS, compute_head_gradient, t);
	backward_pass(t, &t->side[ENCODER]);
	t->steps++;
	update_run(t);
	return 0;
}

void trainer_gradient(struct trainer *t, const float *x, const float *eps, float *gradient, struct train_stats *s)
{
	float *own = t->grad;
	t->want_gradient = t->gradient_only = 1;
	trainer_loss(t, x, eps, s);
	t->want_gradient = 0;
	backward_pass(t, &t->side[DECODER]);
	pool_run(t->pool, (t->batch + ROWS - 1) / ROWS, compute_head_gradient, t);
	backward_pass(t, &t->side[ENCODER]);
	t->grad = gradient;
	update_run(t);
	t->grad = own;
	t->gradient_only = 0;
}

void trainer_apply(struct trainer *t, float *gradient, float share)
{
	t->steps++;
	update_apply(t, gradient, share);
}

/* --- opening --- */

static int open_side(struct trainer *t, struct side *s, const struct network *net, struct fail *f)
{
	size_t scratch = network_scratch(net);
	s->own = *net;
	s->net = &s->own;
	t->scratch_size = scratch > t->scratch_size ? scratch : t->scratch_size;
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (layer_has_weights(l) && !l->type->dense && !(s->partial[i] = mat_floats(layer_weights(l) + (size_t)t->row_tasks * partial_size(l))))
			return fail_memory_for(f, "the gradients of %zu weights", layer_weights(l));
	}
	return passes_open(t, s, f);
}

static int open(struct trainer *t, struct fail *f)
{
	struct model *m = t->m;
	size_t batch = (size_t)t->batch, latents = batch * (size_t)t->latent;
	int reorders = m->enc.has_convolution || m->dec.has_convolution, channels_last = m->enc.reads_channels_last || m->dec.writes_channels_last;
	if (open_side(t, &t->side[ENCODER], &m->enc, f) || open_side(t, &t->side[DECODER], &m->dec, f) || update_open(t, f))
		return -1;
	t->reordered = reorders ? mat_floats(m->nparams) : m->params;
	t->scratch = mat_floats((size_t)t->threads * t->scratch_size);
	t->channels_last = channels_last ? mat_floats(batch * (size_t)t->input) : NULL;
	t->recon = calloc(batch, sizeof *t->recon);
	t->kl = calloc(batch, sizeof *t->kl);
	t->by_variance = m->nvariances ? calloc(batch * m->nvariances, sizeof *t->by_variance) : NULL;
	t->xi = mat_floats(latents);
	t->dxi = mat_floats(latents);
	if (!t->reordered || !t->scratch || (channels_last && !t->channels_last) || !t->recon || !t->kl || (m->nvariances && !t->by_variance) || !t->xi || !t->dxi)
		return fail_memory_for(f, "a batch of %d records", t->batch);
	t->side[DECODER].input = t->xi;
	t->side[DECODER].dinput = t->dxi;
	trainer_resume(t, 0);
	return 0;
}

struct trainer *trainer_open(struct model *m, struct pool *pool, struct fail *f)
{
	struct trainer *t = calloc(1, sizeof *t);
	if (!t) {
		fail_memory(f);
		return NULL;
	}
	*t = (struct trainer){.m = m, .pool = pool, .batch = m->cfg.train.batch / (m->cfg.train.shards > 1 ? m->cfg.train.shards : 1), .latent = m->cfg.latent, .input = m->enc.in};
	int tasks = (t->batch + ROWS - 1) / ROWS;
	t->row_tasks = tasks < MAX_ROW_TASKS ? tasks : MAX_ROW_TASKS;
	t->threads = pool_threads(pool) < t->row_tasks ? pool_threads(pool) : t->row_tasks;
	if (open(t, f)) {
		trainer_close(t);
		return NULL;
	}
	return t;
}

struct optimizer_state trainer_state(const struct trainer *t) { return (struct optimizer_state){t->adam_m, t->adam_v}; }

void trainer_resume(struct trainer *t, long steps)
{
	t->steps = steps;
	if (t->reordered != t->m->params) {
		network_reorder(&t->m->enc, t->m->params, t->reordered);
		network_reorder(&t->m->dec, t->m->params, t->reordered);
	}
}

void trainer_close(struct trainer *t)
{
	if (!t)
		return;
	for (int s = 0; s < SIDES; s++) {
		network_free_packed(&t->side[s].own);
		passes_close(t, &t->side[s]);
		for (int i = 0; i < MAX_LAYERS; i++)
			free(t->side[s].partial[i]);
	}
	update_close(t);
	if (t->reordered != t->m->params)
		free(t->reordered);
	free(t->scratch);
	free(t->channels_last);
	free(t->xi);
	free(t->dxi);
	free(t->recon);
	free(t->kl);
	free(t->by_variance);
	free(t);
}
