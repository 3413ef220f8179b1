/* The passes of training through a network, cut into tasks. */
#include "nn/linear.h"
#include "train/trainer_state.h"

static int first_row(const struct trainer *t, int task) { return (int)((long)t->batch * task / t->row_tasks); }

/* --- forward --- */

static void forward_columns(void *ctx, int task)
{
	struct trainer *t = ctx;
	struct side *s = t->at;
	const struct layer *l = &s->net->l[t->layer];
	int from = first_column(l->out, task), to = first_column(l->out, task + 1);
	linear_forward(s->act.v[t->layer], network_source(s->net, t->layer, s->input, &s->act), t->m->params + l->weight, t->m->params + l->bias,
	               t->batch, l->in, l->out, from, to, l->relu, MAT_24, NULL);
}

static void forward_rows(void *ctx, int task)
{
	struct trainer *t = ctx;
	struct side *s = t->at;
	for (int i = t->layer; i < t->end; i++)
		layer_forward(s->net, i, t->reordered, s->input, &s->act, first_row(t, task), first_row(t, task + 1), t->scratch + (size_t)task * t->scratch_size);
}

void forward_pass(struct trainer *t, struct side *s)
{
	const struct layer *l = s->net->l;
	t->at = s;
	for (t->layer = 0; t->layer < s->net->n; t->layer = t->end) {
		int work = 0;
		t->end = t->layer;
		if (l[t->layer].type->dense) {
			t->end++;
			pool_run(t->pool, column_tasks(l[t->layer].out), forward_columns, t);
			continue;
		}
		for (; t->end < s->net->n && !l[t->end].type->dense; t->end++)
			work |= !l[t->end].fused && (l[t->end].type->function || l[t->end].has_buffer);
		if (work)
			pool_run(t->pool, t->row_tasks, forward_rows, t);
	}
}

/* --- backward --- */

static float *source_delta(const struct side *s, const struct layer *l) { return l->source < 0 ? s->dinput : s->delta.v[l->source]; }

static void backward_columns(void *ctx, int task)
{
	struct trainer *t = ctx;
	struct side *s = t->at;
	const struct layer *l = &s->net->l[t->layer];
	int from = first_column(l->in, task), to = first_column(l->in, task + 1);
	linear_backward(source_delta(s, l), s->delta.v[t->layer], t->m->params + l->weight, network_relu_mask(s->net, t->layer, &s->act), t->batch, l->in,
	                l->out, from, to, MAT_16, NULL);
}

static void backward_rows(void *ctx, int task)
{
	struct trainer *t = ctx;
	struct side *s = t->at;
	int from = first_row(t, task), to = first_row(t, task + 1);
	float *scratch = t->scratch + (size_t)task * t->scratch_size;
	for (int i = t->end - 1; i >= t->layer; i--) {
		const struct layer *l = &s->net->l[i];
		if (!layer_has_weights(l)) {
			layer_backward(s->net, i, t->reordered, &s->act, &s->delta, s->dinput, from, to, scratch);
			continue;
		}
		size_t weights = layer_weights(l), in = (size_t)from * (size_t)l->in, out = (size_t)from * (size_t)l->out;
		float *dw = s->partial[i] + (size_t)task * (weights + (size_t)l->biases), *dx = source_delta(s, l);
		const float *dy = s->delta.v[i] + out, *x = network_source(s->net, i, s->input, &s->act) + in;
		const float *relu_mask = network_relu_mask(s->net, i, &s->act) ? x : NULL;
		const struct layer_pass pass = {.rows = to - from, .w = t->reordered + l->weight, .panels = l->backward_panels, .relu_mask = relu_mask, .scratch = scratch};
		l->type->backward(l, dx ? dx + in : NULL, gradient_is_product(l) ? NULL : dw, dy, x, &pass);
		l->type->bias_gradient(l, dw + weights, dy, 0, to - from);
	}
}

void backward_pass(struct trainer *t, struct side *s)
{
	t->at = s;
	for (t->end = s->net->n; t->end > 0; t->end = t->layer) {
		const struct layer *l = &s->net->l[t->end - 1];
		int work = 0;
		t->layer = t->end - 1;
		if (l->type->dense) {
			if (source_delta(s, l))
				pool_run(t->pool, column_tasks(l->in), backward_columns, t);
			if (network_relu_mask(s->net, t->layer, &s->act))
				t->layer--; /* that ReLU is done too */
			continue;
		}
		for (; t->layer >= 0 && !s->net->l[t->layer].type->dense; t->layer--)
			work |= s->net->l[t->layer].type->function || s->net->l[t->layer].has_buffer;
		t->layer++;
		if (work)
			pool_run(t->pool, t->row_tasks, backward_rows, t);
	}
}
