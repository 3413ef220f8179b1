#include "nn/network.h"

#include <stdlib.h>
#include <string.h>

#include "gemm/sparse_block.h"

/* --- building --- */

/* Whether the first layer that is not elementwise is a convolution, which reads channels last. */
static int begins_with_convolution(const struct layer_list *spec)
{
	int i = 0;
	while (i < spec->n && spec->v[i].type->function)
		i++;
	return i < spec->n && spec->v[i].type->unroll;
}

void network_build(struct network *net, const char *name, const struct layer_list *spec, struct shape in, size_t *at)
{
	struct shape s = in;
	struct fail ignored;
	int touched = 0; /* the last buffer already holds an elementwise layer's output, from which its derivative is computed */
	*net = (struct network){.name = name, .n = spec->n, .in = shape_size(&in), .last = -1};
	net->reads_channels_last = begins_with_convolution(spec) && in.c > 1 && in.h * in.w > 1;
	for (int i = 0; i < spec->n; i++) {
		struct layer *l = &net->l[i];
		const struct layer_type *type = spec->v[i].type;
		struct shape from = s;
		layer_shape(&spec->v[i], &s, &ignored);
		*l = (struct layer){.type = type, .in = shape_size(&from), .out = shape_size(&s), .source = net->last, .coefficient = (float)spec->v[i].coefficient};
		if (type->build)
			type->build(l, &spec->v[i], &from, &s);
		if (layer_has_weights(l)) {
			l->weight = *at;
			l->bias = l->weight + layer_weights(l);
			*at = l->bias + (size_t)l->biases;
			l->has_buffer = 1;
			net->has_convolution |= !type->dense;
		} else if (type->function) {
			l->has_buffer = touched || net->last < 0;
			l->fused = type == &layer_relu && !l->has_buffer && layer_has_weights(&net->l[net->last]);
			if (l->fused)
				net->l[net->last].relu = 1;
		}
		touched = type->function || (touched && !l->has_buffer);
		net->last = l->has_buffer ? i : net->last;
	}
	net->out = shape_size(&s);
	net->writes_channels_last = s.is == SHAPE_PICTURE && s.c > 1 && s.h * s.w > 1;
	net->channels = net->writes_channels_last ? s.c : in.c;
	net->area = net->writes_channels_last ? s.h * s.w : in.h * in.w;
}

int tape_open_rows(struct tape *t, const struct network *net, const int *rows, struct fail *f)
{
	size_t size[MAX_LAYERS], total = 0, at = 0;
	*t = (struct tape){.rows = 0};
	for (int i = 0; i < net->n; i++) {
		size[i] = net->l[i].has_buffer ? ((size_t)rows[i] * (size_t)net->l[i].out + 15) / 16 * 16 : 0;
		total += size[i];
	}
	t->all = mat_floats(total);
	if (!t->all)
		return fail_memory_for(f, "activations of %zu bytes", total * sizeof(float));
	for (int i = 0; i < net->n; at += size[i++])
		t->v[i] = size[i] ? t->all + at : NULL;
	return 0;
}

int tape_open_chunked(struct tape *t, const struct network *net, int rows, int chunk_from, int chunk_rows, struct fail *f)
{
	int of[MAX_LAYERS];
	for (int i = 0; i < net->n; i++)
		of[i] = i < chunk_from ? rows : chunk_rows;
	if (tape_open_rows(t, net, of, f))
		return -1;
	t->rows = rows;
	return 0;
}

int tape_open(struct tape *t, const struct network *net, int rows, struct fail *f) { return tape_open_chunked(t, net, rows, net->n, 0, f); }

struct tape tape_view(const struct tape *t, const struct network *net, int chunk_from, size_t row, int rows)
{
	struct tape v = *t;
	v.rows = rows;
	for (int i = 0; i < chunk_from; i++)
		if (v.v[i])
			v.v[i] += row * (size_t)net->l[i].out;
	return v;
}

void network_reorder(const struct network *net, const float *params, float *reordered)
{
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (!layer_has_weights(l))
			continue;
		layer_reorder(l, reordered + l->weight, params + l->weight, l->p);
		memcpy(reordered + l->bias, params + l->bias, (size_t)l->biases * sizeof *params);
	}
}

/* Whether the backward pass of layer i, which has weights, does that of the fused ReLU before it too. */
static int has_relu_mask(const struct network *net, int i) { return layer_has_weights(&net->l[i]) && i > 0 && net->l[i - 1].fused; }

/* Of a layer's forward product. The last layer's output decides over no ReLU; short sums take little time anyway. */
static enum mat_bits forward_bits(const struct network *net, int i, enum mat_bits last)
{
	enum { LONG = 128 };
	return net->sparse ? MAT_SPARSE : i == net->n - 1 && net->l[i].in >= LONG ? last : MAT_24;
}

static enum mat_bits backward_bits(const struct network *net) { return net->sparse ? MAT_SPARSE : MAT_16; }

/* Packs the weight of a convolution, which its passes read in the layer's order. */
static void pack_reordered(struct layer *l, const float *w, int backward, size_t *budget)
{
	float *reordered = mat_floats(layer_weights(l));
	if (reordered) {
		layer_reorder(l, reordered, w, l->p);
		layer_pack(l, reordered, backward, budget);
	}
	free(reordered);
}

void network_pack_weights(struct network *net, const float *params, int rows, int to_input, enum mat_bits last, size_t *budget)
{
	for (int i = 0; i < net->n; i++) {
		struct layer *l = &net->l[i];
		const float *w = params + l->weight;
		if (l->type->pack)
			pack_reordered(l, w, to_input || l->source >= 0, budget);
		if (!l->type->dense)
			continue;
		l->packed_forward = mat_pack(w, l->in, 0, rows, l->out, l->in, forward_bits(net, i, last), 0, budget);
		if (to_input || l->source >= 0)
			l->packed_backward = mat_pack(w, l->in, 1, rows, l->in, l->out, backward_bits(net), has_relu_mask(net, i), budget);
	}
}

void network_free_packed(struct network *net)
{
	for (int i = 0; i < net->n; i++) {
		free(net->l[i].packed_forward);
		free(net->l[i].packed_backward);
		free(net->l[i].forward_panels);
		free(net->l[i].backward_panels);
		net->l[i].packed_forward = net->l[i].packed_backward = NULL;
		net->l[i].forward_panels = net->l[i].backward_panels = NULL;
	}
}

int network_sparse(const struct network *net, int packed)
{
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		int dense = l->type->dense && (l->source < 0 || has_relu_mask(net, i)) && sparse_supported(l->out, l->in, forward_bits(net, i, MAT_16)) && sparse_supported(l->in, l->out, backward_bits(net));
		if (!dense && !l->fused)
			return 0;
		if (dense && packed && (!sparse_accepts(l->packed_forward) || !sparse_accepts(l->packed_backward)))
			return 0;
	}
	return net->n == net->last + 1;
}

int network_rows_independent(const struct network *net)
{
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (layer_has_weights(l) && !(l->type->dense && mat_rows_independent(l->out, l->in)))
			return 0;
	}
	return 1;
}

size_t network_scratch(const struct network *net)
{
	size_t most = 0;
	for (int i = 0; i < net->n; i++)
		most = net->l[i].scratch > most ? net->l[i].scratch : most;
	return most;
}

/* --- passes --- */

const float *network_source(const struct network *net, int i, const float *input, const struct tape *act)
{
	return net->l[i].source < 0 ? input : act->v[net->l[i].source];
}

const float *network_relu_mask(const struct network *net, int i, const struct tape *act)
{
	return has_relu_mask(net, i) ? act->v[net->l[i].source] : NULL;
}

/* The layer whose buffer holds the output of layer i, -1 if that is the network's input (a flatten that reorders nothing). */
static int buffer_of(const struct network *net, int i) { return net->l[i].has_buffer ? i : net->l[i].source; }

void layer_forward(const struct network *net, int i, const float *params, const float *input, const struct tape *act, int from, int to,
                   float *scratch)
{
	const struct layer *l = &net->l[i];
	int buffer = buffer_of(net, i);
	if (buffer < 0 || l->fused)
		return;
	struct layer_pass p = {to - from, params + l->weight, params + l->bias, l->forward_panels, l->relu, forward_bits(net, i, act->bits), .scratch = scratch};
	const float *x = network_source(net, i, input, act) + (size_t)from * (size_t)l->in;
	float *y = act->v[buffer] + (size_t)from * (size_t)l->out;
	if (l->type->function)
		l->type->function(l, y, x, (size_t)p.rows * (size_t)l->out);
	else if (l->has_buffer)
		l->type->forward(l, y, x, &p);
}

void layer_backward(const struct network *net, int i, const float *params, const struct tape *act, const struct tape *delta, float *dinput,
                    int from, int to, float *scratch)
{
	const struct layer *l = &net->l[i];
	int buffer = buffer_of(net, i);
	float *dx = l->source < 0 ? dinput : delta->v[l->source];
	if (!dx || buffer < 0 || (i + 1 < net->n && has_relu_mask(net, i + 1)))
		return;
	const float *dy = delta->v[buffer] + (size_t)from * (size_t)l->out, *y = act->v[buffer] + (size_t)from * (size_t)l->out;
	const float *relu_mask = network_relu_mask(net, i, act);
	struct layer_pass p = {to - from, params + l->weight, .panels = l->backward_panels, .bits = backward_bits(net), .relu_mask = relu_mask ? relu_mask + (size_t)from * (size_t)l->in : NULL, .scratch = scratch};
	dx += (size_t)from * (size_t)l->in;
	if (l->type->function)
		l->type->derivative(l, dx, dy, y, (size_t)p.rows * (size_t)l->out);
	else if (l->has_buffer)
		l->type->backward(l, dx, NULL, dy, NULL, &p);
}

void layer_tangent(const struct network *net, int i, const struct tape *act, const struct tape *tangent)
{
	const struct layer *l = &net->l[i];
	int buffer = buffer_of(net, i);
	if (buffer < 0)
		return;
	size_t n = (size_t)tangent->rows * (size_t)l->out;
	float *to = tangent->v[buffer];
	if (l->source < 0)
		memset(to, 0, n * sizeof *to); /* the input does not move */
	else if (l->type->function)
		l->type->derivative(l, to, tangent->v[l->source], act->v[buffer], n);
	else if (l->has_buffer)
		l->type->forward(l, to, tangent->v[l->source], &(struct layer_pass){.rows = tangent->rows});
}

void network_forward(const struct network *net, const float *params, const float *input, const struct tape *act, float *scratch)
{
	for (int i = 0; i < net->n; i++)
		layer_forward(net, i, params, input, act, 0, act->rows, scratch);
}

void network_backward(const struct network *net, const float *params, const struct tape *act, const struct tape *delta, float *dinput,
                      float *scratch)
{
	for (int i = net->n - 1; i >= 0; i--)
		layer_backward(net, i, params, act, delta, dinput, 0, act->rows, scratch);
}
