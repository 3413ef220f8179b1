#include "nn/linear.h"

#include "nn/layer.h"

void linear_forward(float *y, const float *x, const float *w, const float *b, int rows, int in, int out, int from, int to, int relu,
		    enum mat_bits bits, const struct mat_packed *packed)
{
	mat_layer(y + from, out, x, w + (size_t)from * (size_t)in, packed, b ? b + from : NULL, rows, to - from, in, relu, bits);
}

void linear_backward(float *dx, const float *dy, const float *w, const float *relu_mask, int rows, int in, int out, int from, int to,
		     enum mat_bits bits, const struct mat_packed *packed)
{
	mat_nn(dx + from, in, dy, out, w + from, in, packed, relu_mask ? relu_mask + from : NULL, rows, to - from, out, bits);
}

static void sum_rows(float *db, const float *dy, int rows, int out, int n, float scale, int add)
{
	for (int i = 0; i < n && !add; i++)
		db[i] = 0;
	for (int r = 0; r < rows; r++)
		for (int i = 0; i < n; i++)
			db[i] += scale * dy[(size_t)r * (size_t)out + (size_t)i];
}

void linear_gradient(float *dw, float *db, const float *dy, const float *x, const struct mat_packed *packed, int rows, int in, int out,
		     int from, int to, float scale, int add)
{
	mat_tn(dw, in, dy + from, out, x, in, packed, to - from, in, rows, scale, add, MAT_16);
	sum_rows(db, dy + from, rows, out, to - from, scale, add);
}

/* --- the kind --- */

static int shape(const struct layer_spec *spec, struct shape *s, struct fail *f)
{
	if (s->is == SHAPE_PICTURE)
		return fail_set(f, "linear reads a vector, and gets a picture of %dx%dx%d: put flatten before it", s->c, s->h, s->w);
	*s = (struct shape){spec->out, 1, 1, SHAPE_VECTOR};
	return 0;
}

static void build(struct layer *l, const struct layer_spec *spec, const struct shape *in, const struct shape *out)
{
	l->p = l->biases = l->dim[0] = l->out;
	l->k = l->dim[1] = l->in;
	l->ndim = 2;
	l->positions = 1;
}

static void forward(const struct layer *l, float *y, const float *x, const struct layer_pass *p)
{
	linear_forward(y, x, p->w, p->b, p->rows, l->in, l->out, 0, l->out, p->relu, p->bits, l->packed_forward);
}

static void backward(const struct layer *l, float *dx, float *dw, const float *dy, const float *x, const struct layer_pass *p)
{
	if (dw)
		mat_tn(dw, l->in, dy, l->out, x, l->in, NULL, l->out, l->in, p->rows, 1, p->add, MAT_16);
	if (dx)
		linear_backward(dx, dy, p->w, p->relu_mask, p->rows, l->in, l->out, 0, l->in, p->bits == MAT_SPARSE ? MAT_SPARSE : MAT_16, l->packed_backward);
}

static void bias_gradient(const struct layer *l, float *db, const float *dy, int add, int rows) { sum_rows(db, dy, rows, l->out, l->out, 1, add); }

const struct layer_type layer_linear = {
	.name = "linear",
	.form = FORM_NUMBER,
	.argument = {{"outputs", offsetof(struct layer_spec, out), 1, 1e6, .required = 1, .word = "input"}},
	.shape = shape,
	.build = build,
	.forward = forward,
	.backward = backward,
	.init = layer_init_he,
	.bias_gradient = bias_gradient,
	.dense = 1,
};
