#include "network.h"

#include <stdlib.h>
#include <string.h>

#include "mat.h"

void network_build(struct network *net, const char *name, const struct layer_list *spec, int in, size_t *at)
{
	*net = (struct network){.name = name, .n = spec->n, .in = in, .last = -1};
	for (int i = 0; i < spec->n; i++) {
		struct layer *l = &net->l[i];
		*l = (struct layer){.kind = spec->v[i].kind, .in = in, .out = in, .source = net->last};
		if (l->kind == LAYER_LINEAR) {
			l->out = spec->v[i].out;
			l->weight = *at;
			l->bias = l->weight + (size_t)l->out * (size_t)l->in;
			*at = l->bias + (size_t)l->out;
			net->last = i;
		}
		in = l->out;
	}
	net->out = in;
}

int tape_open(struct tape *t, const struct network *net, int rows, struct fail *f)
{
	size_t total = 0, at = 0;
	*t = (struct tape){.rows = rows};
	for (int i = 0; i < net->n; i++)
		if (net->l[i].kind == LAYER_LINEAR)
			total += ((size_t)rows * (size_t)net->l[i].out + 15) / 16 * 16;
	t->all = aligned_alloc(64, total * sizeof(float));
	if (!t->all)
		return fail_set(f, "out of memory: %zu bytes for activations", total * sizeof(float));
	memset(t->all, 0, total * sizeof(float));
	for (int i = 0; i < net->n; i++)
		if (net->l[i].kind == LAYER_LINEAR) {
			t->v[i] = t->all + at;
			at += ((size_t)rows * (size_t)net->l[i].out + 15) / 16 * 16;
		}
	return 0;
}

void linear_forward(float *y, const float *x, const float *w, const float *b, int rows, int in, int out, int from, int to, int relu)
{
	mat_nt(y + from, out, x, in, w + (size_t)from * (size_t)in, in, rows, to - from, in, 0);
	for (int r = 0; r < rows; r++) {
		float *v = y + (size_t)r * (size_t)out;
		if (relu)
			for (int i = from; i < to; i++)
				v[i] = v[i] + b[i] > 0 ? v[i] + b[i] : 0;
		else
			for (int i = from; i < to; i++)
				v[i] += b[i];
	}
}

void linear_backward(float *dx, const float *dy, const float *w, int rows, int in, int out, int from, int to)
{
	mat_nn(dx + from, in, dy, out, w + from, in, rows, to - from, out);
}

void linear_gradient(float *dw, float *db, const float *dy, const float *x, int rows, int in, int out, int from, int to, float scale,
                     int add)
{
	mat_tn(dw, in, dy + from, out, x, in, to - from, in, rows, scale, add);
	for (int i = 0; i < to - from && !add; i++)
		db[i] = 0;
	for (int r = 0; r < rows; r++)
		for (int i = 0; i < to - from; i++)
			db[i] += scale * dy[(size_t)r * (size_t)out + (size_t)(from + i)];
}

void relu_backward(float *dy, const float *y, int rows, int out, int from, int to)
{
	for (int r = 0; r < rows; r++) {
		float *d = dy + (size_t)r * (size_t)out;
		const float *v = y + (size_t)r * (size_t)out;
		for (int i = from; i < to; i++)
			d[i] = v[i] > 0 ? d[i] : 0;
	}
}

const float *network_source(const struct network *net, int i, const float *input, const struct tape *act)
{
	return net->l[i].source < 0 ? input : act->v[net->l[i].source];
}

int network_relu_behind(const struct network *net, int i)
{
	while (++i < net->n && net->l[i].kind != LAYER_LINEAR)
		if (net->l[i].kind == LAYER_RELU)
			return 1;
	return 0;
}

void network_forward(const struct network *net, const float *params, const float *input, const struct tape *act)
{
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (l->kind == LAYER_LINEAR)
			linear_forward(act->v[i], network_source(net, i, input, act), params + l->weight, params + l->bias, act->rows, l->in,
			               l->out, 0, l->out, network_relu_behind(net, i));
	}
}

void network_backward(const struct network *net, const float *params, const struct tape *act, const struct tape *delta,
                      float *dinput)
{
	for (int i = net->n - 1; i >= 0; i--) {
		const struct layer *l = &net->l[i];
		if (l->kind == LAYER_RELU) {
			relu_backward(delta->v[l->source], act->v[l->source], act->rows, l->out, 0, l->out);
		} else if (l->kind == LAYER_LINEAR) {
			float *to = l->source < 0 ? dinput : delta->v[l->source];
			if (to)
				linear_backward(to, delta->v[i], params + l->weight, act->rows, l->in, l->out, 0, l->in);
		}
	}
}
