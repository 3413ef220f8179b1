/* The passes of training through a network, cut into tasks. */
#include <stdlib.h>

#include "nn/linear.h"
#include "train/trainer_state.h"

static float *source_delta(const struct side *s, const struct layer *l) { return l->source < 0 ? s->dinput : s->delta.v[l->source]; }

/* --- tasks of rows --- */

static int first_row(const struct trainer *t, int task) { return (int)((long)t->batch * task / t->row_tasks); }

/* Rows [from, from + rows) of a side: those of the batch, or the thread's own. */
struct part {
	int from, rows;
	struct tape act, delta;
	const float *input;
	float *dinput, *scratch;
};

static struct tape tape_part(const struct network *net, const struct tape *batch, const struct tape *own, int from, int rows)
{
	struct tape v = tape_view(batch, net, net->n, (size_t)from, rows);
	for (int i = 0; i < net->n; i++)
		v.v[i] = own->v[i] ? own->v[i] : v.v[i];
	return v;
}

static struct part part_of(const struct trainer *t, const struct side *s, int task, int thread)
{
	int from = first_row(t, task), rows = first_row(t, task + 1) - from;
	size_t at = (size_t)from * (size_t)s->net->in;
	return (struct part){
		from, rows, tape_part(s->net, &s->act, &s->own_act[thread], from, rows), tape_part(s->net, &s->delta, &s->own_delta[thread], from, rows),
		s->input + at, s->dinput ? s->dinput + at : NULL, t->scratch + (size_t)thread * t->scratch_size};
}

static void run_tasks(void *ctx, int thread)
{
	struct trainer *t = ctx;
	for (int task; (task = atomic_fetch_add(&t->next_task, 1)) < t->row_tasks;)
		t->work(t, task, thread);
}

static void run_rows(struct trainer *t, void (*work)(struct trainer *t, int task, int thread))
{
	t->work = work;
	atomic_store(&t->next_task, 0);
	pool_run(t->pool, t->threads, run_tasks, t);
}

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

static void forward_layers(const struct trainer *t, const struct side *s, const struct part *p)
{
	for (int i = t->layer; i < t->end; i++)
		layer_forward(s->net, i, t->reordered, p->input, &p->act, 0, p->rows, p->scratch);
}

static void forward_rows(struct trainer *t, int task, int thread)
{
	struct part p = part_of(t, t->at, task, thread);
	forward_layers(t, t->at, &p);
}

void forward_pass(struct trainer *t, struct side *s)
{
	const struct layer *l = s->net->l;
	t->at = s;
	for (t->layer = 0; t->layer < s->turn; t->layer = t->end) {
		int work = 0;
		t->end = t->layer;
		if (l[t->layer].type->dense) {
			t->end++;
			pool_run(t->pool, column_tasks(l[t->layer].out), forward_columns, t);
			continue;
		}
		for (; t->end < s->turn && !l[t->end].type->dense; t->end++)
			work |= !l[t->end].fused && (l[t->end].type->function || l[t->end].has_buffer);
		if (work)
			run_rows(t, forward_rows);
	}
}

/* --- backward --- */

static void backward_columns(void *ctx, int task)
{
	struct trainer *t = ctx;
	struct side *s = t->at;
	const struct layer *l = &s->net->l[t->layer];
	int from = first_column(l->in, task), to = first_column(l->in, task + 1);
	linear_backward(source_delta(s, l), s->delta.v[t->layer], t->m->params + l->weight, network_relu_mask(s->net, t->layer, &s->act), t->batch, l->in,
	                l->out, from, to, MAT_16, NULL);
}

/* A layer with weights: the delta of what it reads, and the task's partial gradient. */
static void backward_weights(const struct trainer *t, const struct side *s, const struct part *p, int i, int task)
{
	const struct layer *l = &s->net->l[i];
	float *dw = s->partial[i] + (size_t)task * partial_size(l), *dx = l->source < 0 ? p->dinput : p->delta.v[l->source];
	const float *x = network_source(s->net, i, p->input, &p->act);
	const struct layer_pass pass = {.rows = p->rows, .w = t->reordered + l->weight, .panels = l->backward_panels, .relu_mask = network_relu_mask(s->net, i, &p->act), .scratch = p->scratch};
	l->type->backward(l, dx, gradient_is_product(l) ? NULL : dw, p->delta.v[i], x, &pass);
	l->type->bias_gradient(l, dw + layer_weights(l), p->delta.v[i], 0, p->rows);
}

static void backward_layers(const struct trainer *t, const struct side *s, const struct part *p, int task)
{
	for (int i = t->end - 1; i >= t->layer; i--)
		if (layer_has_weights(&s->net->l[i]))
			backward_weights(t, s, p, i, task);
		else
			layer_backward(s->net, i, t->reordered, &p->act, &p->delta, p->dinput, 0, p->rows, p->scratch);
}

static void backward_rows(struct trainer *t, int task, int thread)
{
	struct part p = part_of(t, t->at, task, thread);
	backward_layers(t, t->at, &p, task);
}

void backward_pass(struct trainer *t, struct side *s)
{
	t->at = s;
	for (t->end = s->turn; t->end > 0; t->end = t->layer) {
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
			run_rows(t, backward_rows);
	}
}

/* --- the turn --- */

static void turn_rows(struct trainer *t, int task, int thread)
{
	struct part p = part_of(t, t->at, task, thread);
	forward_layers(t, t->at, &p);
	compute_recon(t, &p.act, &p.delta, p.from, p.rows);
	if (t->want_gradient)
		backward_layers(t, t->at, &p, task);
}

void turn_pass(struct trainer *t)
{
	t->at = &t->side[DECODER];
	t->layer = t->at->turn;
	t->end = t->at->net->n;
	run_rows(t, turn_rows);
}

/* --- opening --- */

/* The layer that reads the buffer of layer i into its own; n without one. */
static int reader_of(const struct network *net, int i)
{
	for (i++; i < net->n && !net->l[i].has_buffer;)
		i++;
	return i;
}

/* Whether the gradient of a layer is computed for the whole batch. */
static int needs_batch(const struct layer *l) { return l->type->dense || gradient_is_product(l); }

/* Whether the activations of layer i are read only within a task: by layers of the turn, and by the loss. */
static int act_is_own(const struct side *s, int i)
{
	int reader = reader_of(s->net, i);
	return i >= s->turn && (reader == s->net->n || !needs_batch(&s->net->l[reader]));
}

/* Whether the deltas of layer i are: by the layer, after a layer or the loss in the same task has written them. */
static int delta_is_own(const struct side *s, int i)
{
	int reader = reader_of(s->net, i), written = reader < s->net->n ? !s->net->l[reader].type->dense : i >= s->turn;
	return written && !needs_batch(&s->net->l[i]);
}

/* Opens the tape of the batch, and those of the threads. */
static int open_tapes(struct trainer *t, const struct side *s, struct tape *batch, struct tape *own, int (*is_own)(const struct side *s, int i), struct fail *f)
{
	int of_batch[MAX_LAYERS], of_task[MAX_LAYERS], most = (t->batch + t->row_tasks - 1) / t->row_tasks;
	for (int i = 0; i < s->net->n; i++) {
		of_task[i] = is_own(s, i) ? most : 0;
		of_batch[i] = of_task[i] ? 0 : t->batch;
	}
	for (int i = 0; i < t->threads; i++)
		if (tape_open_rows(&own[i], s->net, of_task, f))
			return -1;
	return tape_open_rows(batch, s->net, of_batch, f);
}

int passes_open(struct trainer *t, struct side *s, struct fail *f)
{
	s->own_act = calloc((size_t)t->threads, sizeof *s->own_act);
	s->own_delta = calloc((size_t)t->threads, sizeof *s->own_delta);
	if (!s->own_act || !s->own_delta)
		return fail_memory(f);
	s->turn = s->net->n;
	while (s == &t->side[DECODER] && s->turn > 0 && !s->net->l[s->turn - 1].type->dense)
		s->turn--;
	return open_tapes(t, s, &s->act, s->own_act, act_is_own, f) || open_tapes(t, s, &s->delta, s->own_delta, delta_is_own, f) ? -1 : 0;
}

void passes_close(struct trainer *t, struct side *s)
{
	for (int i = 0; i < t->threads; i++) {
		if (s->own_act)
			free(s->own_act[i].all);
		if (s->own_delta)
			free(s->own_delta[i].all);
	}
	free(s->own_act);
	free(s->own_delta);
	free(s->act.all);
	free(s->delta.all);
}
