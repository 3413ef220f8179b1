#include "nn/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gemm/sparse_block.h"
#include "nn/conv.h"
#include "gemm/mat.h"

/* --- building --- */

int layer_has_weights(const struct layer *l) { return kind_has_weights(l->kind); }

static void build_convolution(struct layer *l, const struct layer_spec *spec, const struct shape *in, const struct shape *out)
{
	const struct shape *small = l->kind == LAYER_CONV2D ? out : in, *big = l->kind == LAYER_CONV2D ? in : out;
	l->p = small->c, l->sh = small->h, l->sw = small->w;
	l->c = big->c, l->bh = big->h, l->bw = big->w;
	l->kernel = spec->kernel, l->stride = spec->stride, l->padding = spec->padding;
}

static void place_parameters(struct layer *l, size_t *at)
{
	int linear = l->kind == LAYER_LINEAR;
	l->weight = *at;
	l->bias = l->weight + (linear ? (size_t)l->out * (size_t)l->in : conv_weights(l));
	*at = l->bias + (size_t)(linear ? l->out : conv_biases(l));
}

/* Whether the first layer that is not elementwise is a convolution: it wants pixels. */
static int begins_with_convolution(const struct layer_list *spec)
{
	int i = 0;
	while (i < spec->n && kind_is_elementwise(spec->v[i].kind))
		i++;
	return i < spec->n && (spec->v[i].kind == LAYER_CONV2D || spec->v[i].kind == LAYER_CONV_TRANSPOSE2D);
}

void network_build(struct network *net, const char *name, const struct layer_list *spec, struct shape in, size_t *at)
{
	struct shape s = in;
	struct fail ignored;
	int touched = 0; /* the buffer at hand already holds an elementwise layer's output */
	*net = (struct network){.name = name, .n = spec->n, .in = shape_size(&in), .last = -1};
	net->reads_channels_last = begins_with_convolution(spec) && in.c > 1 && in.h * in.w > 1;
	for (int i = 0; i < spec->n; i++) {
		struct layer *l = &net->l[i];
		struct shape from = s;
		layer_shape(&spec->v[i], &s, &ignored);
		*l = (struct layer){.kind = spec->v[i].kind, .in = shape_size(&from), .out = shape_size(&s), .source = net->last, .slope = (float)spec->v[i].slope};
		if (layer_has_weights(l)) {
			if (l->kind != LAYER_LINEAR) {
				build_convolution(l, &spec->v[i], &from, &s);
				net->has_convolution = 1;
			}
			place_parameters(l, at);
			l->has_buffer = 1;
			touched = 0;
		} else if (kind_is_elementwise(l->kind)) {
			l->has_buffer = touched || net->last < 0;
			l->fused = l->kind == LAYER_RELU && !l->has_buffer && layer_has_weights(&net->l[net->last]);
			if (l->fused)
				net->l[net->last].relu = 1;
			touched = 1;
		} else {
			const struct shape *picture = l->kind == LAYER_FLATTEN ? &from : &s;
			l->channels = picture->c;
			l->area = picture->h * picture->w;
			l->has_buffer = picture->is == SHAPE_PICTURE && l->channels > 1 && l->area > 1;
			touched = l->has_buffer ? 0 : touched;
		}
		net->last = l->has_buffer ? i : net->last;
	}
	net->out = shape_size(&s);
	net->writes_channels_last = s.is == SHAPE_PICTURE && s.c > 1 && s.h * s.w > 1;
	net->channels = net->writes_channels_last ? s.c : in.c;
	net->area = net->writes_channels_last ? s.h * s.w : in.h * in.w;
}

int tape_open(struct tape *t, const struct network *net, int rows, struct fail *f) { return tape_open_chunked(t, net, rows, net->n, 0, f); }

int tape_open_chunked(struct tape *t, const struct network *net, int rows, int cut, int few, struct fail *f)
{
	size_t size[MAX_LAYERS], total = 0, at = 0;
	*t = (struct tape){.rows = rows};
	for (int i = 0; i < net->n; i++) {
		size[i] = net->l[i].has_buffer ? ((size_t)(i < cut ? rows : few) * (size_t)net->l[i].out + 15) / 16 * 16 : 0;
		total += size[i];
	}
	t->all = mat_floats(total);
	if (!t->all)
		return fail_memory_for(f, "activations of %zu bytes", total * sizeof(float));
	for (int i = 0; i < net->n; at += size[i++])
		t->v[i] = net->l[i].has_buffer ? t->all + at : NULL;
	return 0;
}

struct tape tape_view(const struct tape *t, const struct network *net, int cut, size_t row, int rows)
{
	struct tape v = *t;
	v.rows = rows;
	for (int i = 0; i < cut; i++)
		if (v.v[i])
			v.v[i] += row * (size_t)net->l[i].out;
	return v;
}

void network_reorder(const struct network *net, const float *params, float *packed)
{
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (!layer_has_weights(l))
			continue;
		if (l->kind == LAYER_LINEAR) {
			memcpy(packed + l->weight, params + l->weight, ((size_t)l->in + 1) * (size_t)l->out * sizeof *packed);
			continue;
		}
		conv_reorder(l, packed + l->weight, params + l->weight, 0, l->p);
		memcpy(packed + l->bias, params + l->bias, (size_t)conv_biases(l) * sizeof *packed);
	}
}

/* Whether a layer is linear and right behind a relu that the one before does: on the way back it turns that one off too. */
static int has_relu_mask(const struct network *net, int i) { return net->l[i].kind == LAYER_LINEAR && i > 0 && net->l[i - 1].fused; }

/* Of a layer's forward product. The last one turns nothing on or off; short sums take little time anyway. */
static enum mat_bits bits_of(const struct network *net, int i, enum mat_bits last)
{
	enum { LONG = 128 };
	return i == net->n - 1 && net->l[i].in >= LONG ? last : MAT_24;
}

void network_pack_weights(struct network *net, const float *params, int rows, int through, enum mat_bits last, size_t *room)
{
	for (int i = 0; i < net->n; i++) {
		struct layer *l = &net->l[i];
		const float *w = params + l->weight;
		if (l->kind != LAYER_LINEAR)
			continue;
		l->packed_forward = mat_pack(w, l->in, 0, rows, l->out, l->in, bits_of(net, i, last), 0, room);
		if (through || l->source >= 0)
			l->packed_backward = mat_pack(w, l->in, 1, rows, l->in, l->out, MAT_16, has_relu_mask(net, i), room);
	}
}

void network_free_packed(struct network *net)
{
	for (int i = 0; i < net->n; i++) {
		free(net->l[i].packed_forward);
		free(net->l[i].packed_backward);
		net->l[i].packed_forward = net->l[i].packed_backward = NULL;
	}
}

int network_sparse(const struct network *net, int prepared)
{
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		int linear = l->kind == LAYER_LINEAR && (l->source < 0 || has_relu_mask(net, i)) && sparse_supported(l->out, l->in) && sparse_supported(l->in, l->out);
		if (!linear && !l->fused)
			return 0;
		if (linear && prepared && (!sparse_accepts(l->packed_forward) || !sparse_accepts(l->packed_backward)))
			return 0;
	}
	return net->n == net->last + 1;
}

size_t network_scratch(const struct network *net)
{
	size_t most = 0;
	for (int i = 0; i < net->n; i++)
		if (layer_has_weights(&net->l[i]) && net->l[i].kind != LAYER_LINEAR && conv_scratch(&net->l[i]) > most)
			most = conv_scratch(&net->l[i]);
	return most;
}

/* --- layers --- */

void to_channels_last(float *out, const float *in, int rows, int channels, int area)
{
	for (int r = 0; r < rows; r++, in += (size_t)channels * (size_t)area)
		for (int i = 0; i < area; i++)
			for (int c = 0; c < channels; c++)
				*out++ = in[(size_t)c * (size_t)area + (size_t)i];
}

void to_channels_first(float *out, const float *in, int rows, int channels, int area)
{
	for (int r = 0; r < rows; r++, in += (size_t)channels * (size_t)area)
		for (int c = 0; c < channels; c++)
			for (int i = 0; i < area; i++)
				*out++ = in[(size_t)i * (size_t)channels + (size_t)c];
}

void linear_forward(float *y, const float *x, const float *w, const float *b, int rows, int in, int out, int from, int to, int relu,
		    enum mat_bits bits, const struct mat_packed *packed)
{
	mat_layer(y + from, out, x, w + (size_t)from * (size_t)in, packed, b ? b + from : NULL, rows, to - from, in, relu, bits);
}

void linear_backward(float *dx, const float *dy, const float *w, const float *relu_mask, int rows, int in, int out, int from, int to,
		     const struct mat_packed *packed)
{
	mat_nn(dx + from, in, dy, out, w + from, in, packed, relu_mask ? relu_mask + from : NULL, rows, to - from, out, MAT_16);
}

void linear_gradient(float *dw, float *db, const float *dy, const float *x, const struct mat_packed *packed, int rows, int in, int out,
		     int from, int to, float scale, int add)
{
	mat_tn(dw, in, dy + from, out, x, in, packed, to - from, in, rows, scale, add, MAT_16);
	for (int i = 0; i < to - from && !add; i++)
		db[i] = 0;
	for (int r = 0; r < rows; r++)
		for (int i = 0; i < to - from; i++)
			db[i] += scale * dy[(size_t)r * (size_t)out + (size_t)(from + i)];
}

void elementwise_forward(const struct layer *l, float *y, const float *x, size_t n)
{
	float slope = l->kind == LAYER_LEAKY_RELU ? l->slope : 0;
	if (l->kind == LAYER_RELU || l->kind == LAYER_LEAKY_RELU)
		for (size_t i = 0; i < n; i++)
			y[i] = x[i] > 0 ? x[i] : slope * x[i];
	else if (l->kind == LAYER_TANH)
		for (size_t i = 0; i < n; i++)
			y[i] = tanhf(x[i]);
	else if (l->kind == LAYER_SIGMOID)
		for (size_t i = 0; i < n; i++)
			y[i] = 1 / (1 + expf(-x[i]));
}

void elementwise_backward(const struct layer *l, float *dx, const float *dy, const float *y, size_t n)
{
	float slope = l->kind == LAYER_LEAKY_RELU ? l->slope : 0;
	if (l->kind == LAYER_RELU || l->kind == LAYER_LEAKY_RELU)
		for (size_t i = 0; i < n; i++)
			dx[i] = dy[i] * (y[i] > 0 ? 1 : slope);
	else if (l->kind == LAYER_TANH)
		for (size_t i = 0; i < n; i++)
			dx[i] = dy[i] * (1 - y[i] * y[i]);
	else if (l->kind == LAYER_SIGMOID)
		for (size_t i = 0; i < n; i++)
			dx[i] = dy[i] * (y[i] * (1 - y[i]));
}

const float *network_source(const struct network *net, int i, const float *input, const struct tape *act)
{
	return net->l[i].source < 0 ? input : act->v[net->l[i].source];
}

const float *network_relu_mask(const struct network *net, int i, const struct tape *act)
{
	return has_relu_mask(net, i) ? act->v[net->l[i].source] : NULL;
}

void layer_forward(const struct network *net, int i, const float *packed, const float *input, const struct tape *act, int from, int to,
                   float *scratch)
{
	const struct layer *l = &net->l[i];
	int rows = to - from, buffer = l->has_buffer ? i : l->source;
	if (buffer < 0)
		return; /* flatten of what lies flat */
	const float *x = network_source(net, i, input, act) + (size_t)from * (size_t)l->in;
	float *y = act->v[buffer] + (size_t)from * (size_t)l->out;
	if (l->kind == LAYER_LINEAR)
		linear_forward(y, x, packed + l->weight, packed + l->bias, rows, l->in, l->out, 0, l->out, l->relu,
			       bits_of(net, i, act->bits), l->packed_forward);
	else if (layer_has_weights(l))
		conv_forward(l, y, x, packed + l->weight, packed + l->bias, l->relu, rows, scratch);
	else if (l->kind == LAYER_FLATTEN && l->has_buffer)
		to_channels_first(y, x, rows, l->channels, l->area);
	else if (l->kind == LAYER_UNFLATTEN && l->has_buffer)
		to_channels_last(y, x, rows, l->channels, l->area);
	else if (!l->fused)
		elementwise_forward(l, y, x, (size_t)rows * (size_t)l->out);
}

void layer_backward(const struct network *net, int i, const float *packed, const struct tape *act, const struct tape *delta, float *dinput,
                    int from, int to, float *scratch)
{
	const struct layer *l = &net->l[i];
	int rows = to - from, buffer = l->has_buffer ? i : l->source;
	float *dx = l->source < 0 ? dinput : delta->v[l->source];
	if (!dx || buffer < 0 || (i + 1 < net->n && has_relu_mask(net, i + 1)))
		return;
	const float *dy = delta->v[buffer] + (size_t)from * (size_t)l->out, *y = act->v[buffer] + (size_t)from * (size_t)l->out;
	const float *relu_mask = network_relu_mask(net, i, act);
	dx += (size_t)from * (size_t)l->in;
	if (l->kind == LAYER_LINEAR)
		linear_backward(dx, dy, packed + l->weight, relu_mask ? relu_mask + (size_t)from * (size_t)l->in : NULL, rows, l->in, l->out, 0, l->in, l->packed_backward);
	else if (layer_has_weights(l))
		conv_backward(l, dx, NULL, dy, NULL, packed + l->weight, 0, rows, scratch);
	else if (l->kind == LAYER_FLATTEN && l->has_buffer)
		to_channels_last(dx, dy, rows, l->channels, l->area);
	else if (l->kind == LAYER_UNFLATTEN && l->has_buffer)
		to_channels_first(dx, dy, rows, l->channels, l->area);
	else
		elementwise_backward(l, dx, dy, y, (size_t)rows * (size_t)l->out);
}

void layer_tangent(const struct network *net, int i, const struct tape *act, const struct tape *tangent)
{
	const struct layer *l = &net->l[i];
	int buffer = l->has_buffer ? i : l->source;
	if (buffer < 0)
		return;
	size_t n = (size_t)tangent->rows * (size_t)l->out;
	float *to = tangent->v[buffer];
	if (l->source < 0)
		memset(to, 0, n * sizeof *to); /* the input does not move */
	else if (l->kind == LAYER_FLATTEN && l->has_buffer)
		to_channels_first(to, tangent->v[l->source], tangent->rows, l->channels, l->area);
	else if (l->kind == LAYER_UNFLATTEN && l->has_buffer)
		to_channels_last(to, tangent->v[l->source], tangent->rows, l->channels, l->area);
	else
		elementwise_backward(l, to, tangent->v[l->source], act->v[buffer], n);
}

void network_forward(const struct network *net, const float *packed, const float *input, const struct tape *act, float *scratch)
{
	for (int i = 0; i < net->n; i++)
		layer_forward(net, i, packed, input, act, 0, act->rows, scratch);
}

void network_backward(const struct network *net, const float *packed, const struct tape *act, const struct tape *delta, float *dinput,
                      float *scratch)
{
	for (int i = net->n - 1; i >= 0; i--)
		layer_backward(net, i, packed, act, delta, dinput, 0, act->rows, scratch);
}
