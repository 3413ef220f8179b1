#include "nn/layout.h"

#include "base/simd.h"
#include "gemm/mat.h"
#include "nn/layer.h"

/* Pictures in colour: the compiler makes shuffles of this. */
INLINE void interleave(float *restrict out, const float *restrict in, size_t area)
{
	for (size_t i = 0; i < area; i++) {
		out[3 * i] = in[i];
		out[3 * i + 1] = in[area + i];
		out[3 * i + 2] = in[2 * area + i];
	}
}

SIMD_VARIANTS(void, colours_last, (float *restrict out, const float *restrict in, size_t area), { interleave(out, in, area); })

void to_channels_last(float *out, const float *in, int rows, int channels, int area)
{
	size_t n = (size_t)channels * (size_t)area;
	for (int r = 0; r < rows && channels == 3; r++)
		SIMD_DISPATCH(colours_last)(out + (size_t)r * n, in + (size_t)r * n, (size_t)area);
	for (int r = 0; r < rows && channels != 3; r++)
		mat_transpose(out + (size_t)r * n, in + (size_t)r * n, channels, area);
}

void to_channels_first(float *out, const float *in, int rows, int channels, int area)
{
	size_t n = (size_t)channels * (size_t)area;
	for (int r = 0; r < rows; r++)
		mat_transpose(out + (size_t)r * n, in + (size_t)r * n, area, channels);
}

/* --- flatten and unflatten: vectors are channels first, pictures between layers channels last --- */

static void build(struct layer *l, const struct shape *picture)
{
	l->channels = picture->c;
	l->area = picture->h * picture->w;
	l->has_buffer = picture->is == SHAPE_PICTURE && l->channels > 1 && l->area > 1; /* else both orders are the same */
}

static int flatten_shape(const struct layer_spec *spec, struct shape *s, struct fail *f)
{
	*s = (struct shape){shape_size(s), 1, 1, SHAPE_VECTOR};
	return 0;
}

static void flatten_build(struct layer *l, const struct layer_spec *spec, const struct shape *in, const struct shape *out) { build(l, in); }

static void flatten_forward(const struct layer *l, float *y, const float *x, const struct layer_pass *p)
{
	to_channels_first(y, x, p->rows, l->channels, l->area);
}

static void flatten_backward(const struct layer *l, float *dx, float *dw, const float *dy, const float *x, const struct layer_pass *p)
{
	to_channels_last(dx, dy, p->rows, l->channels, l->area);
}

const struct layer_type layer_flatten = {
	.name = "flatten",
	.shape = flatten_shape,
	.build = flatten_build,
	.forward = flatten_forward,
	.backward = flatten_backward,
};

static int unflatten_shape(const struct layer_spec *spec, struct shape *s, struct fail *f)
{
	struct shape to = {spec->shape[0], spec->shape[1], spec->shape[2], SHAPE_PICTURE};
	if (s->is == SHAPE_PICTURE)
		return fail_set(f, "unflatten reads a vector, and gets a picture of %dx%dx%d: put flatten before it", s->c, s->h, s->w);
	if ((double)to.c * to.h * to.w != shape_size(s))
		return fail_set(f, "unflatten makes %dx%dx%d of %d numbers: the product must be that number", to.c, to.h, to.w, shape_size(s));
	*s = to;
	return 0;
}

static void unflatten_build(struct layer *l, const struct layer_spec *spec, const struct shape *in, const struct shape *out) { build(l, out); }

static void unflatten_forward(const struct layer *l, float *y, const float *x, const struct layer_pass *p)
{
	to_channels_last(y, x, p->rows, l->channels, l->area);
}

static void unflatten_backward(const struct layer *l, float *dx, float *dw, const float *dy, const float *x, const struct layer_pass *p)
{
	to_channels_first(dx, dy, p->rows, l->channels, l->area);
}

#define SIDE(name, i) {name, offsetof(struct layer_spec, shape) + (i) * sizeof(int), 1, MAX_LAYER_SIZE, .required = 1}
const struct layer_type layer_unflatten = {
	.name = "unflatten",
	.form = FORM_LIST,
	.argument = {SIDE("channels", 0), SIDE("height", 1), SIDE("width", 2)},
	.shape = unflatten_shape,
	.build = unflatten_build,
	.forward = unflatten_forward,
	.backward = unflatten_backward,
};
