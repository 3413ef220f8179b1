/* Convolutions as matrix products (Chellapilla et al. 2006). The kernel covers a part of a big side at each of the positions of a small side.
 * That part unrolls to a row of k = kernel^2 c numbers: c counts the channels of the big side, p those of the small side.
 *
 *   im2col: big -> col [positions][k]      col2im, its adjoint: col -> big, added up
 *   conv2d           y = im2col(x) W^T     dx = col2im(dy W)     dW = dy^T im2col(x)      x is big, y small
 *   conv_transpose2d y = col2im(x W)       dx = im2col(dy) W^T   dW = x^T im2col(dy)      x is small, y big
 *
 * so both share their functions. W is [p][k], k in the order kernel row, kernel column, channel; PyTorch has [p][c][kernel][kernel] for
 * both. If the processor has kernels for it, the products read the pictures themselves (conv_direct.c), or col2im is computed a line at a
 * time (conv_few.c); otherwise col is written (conv_unrolled.c). */
#include <string.h>

#include "base/simd.h"
#include "nn/conv.h"
#include "nn/layout.h"

/* bits: of the product (mat.h); direct products have them all. */
static void to_small(const struct layer *l, float *small, float *dw, const float *big, const float *other, const struct layer_pass *p, enum mat_bits bits)
{
	struct layer_pass q = *p;
	q.bits = bits;
	(direct_to_small_pays(l) ? direct_to_small : unrolled_to_small)(l, small, dw, big, other, &q);
}

static void to_big(const struct layer *l, float *big, const float *small, const struct layer_pass *p, enum mat_bits bits)
{
	struct layer_pass q = *p;
	q.bits = bits;
	(direct_to_big_pays(l) ? direct_to_big : few_to_big_pays(l) ? few_to_big : unrolled_to_big)(l, big, small, &q);
}

/* db [channels] += the sum over n pixels dy [n][channels] */
INLINE void sum_pixels(float *db, const float *dy, size_t n, size_t channels)
{
	enum { LANES = 16 };
	size_t k = 0, i = 0, wide = channels * LANES;
	for (; k + LANES <= channels; k += LANES) { /* as many channels at once */
		float even[LANES] = {0}, odd[LANES] = {0};
		for (i = 0; i + 2 <= n; i += 2)
			for (size_t l = 0; l < LANES; l++) {
				even[l] += dy[i * channels + k + l];
				odd[l] += dy[(i + 1) * channels + k + l];
			}
		for (size_t l = 0; l < LANES; l++)
			db[k + l] += even[l] + odd[l] + (i < n ? dy[i * channels + k + l] : 0);
	}
	if (channels < LANES) { /* as many pixels at once */
		float lane[LANES * LANES] = {0};
		for (i = 0; i + LANES <= n; i += LANES)
			for (size_t l = 0; l < wide; l++)
				lane[l] += dy[i * channels + l];
		for (size_t l = 0; l < wide; l++)
			db[l % channels] += lane[l];
	} else {
		i = 0;
	}
	for (; k < channels && i < n; i++)
		for (size_t l = k; l < channels; l++)
			db[l] += dy[i * channels + l];
}
SIMD_VARIANTS(void, add_pixels, (float *restrict db, const float *restrict dy, size_t n, size_t channels), { sum_pixels(db, dy, n, channels); })

static void bias_gradient(const struct layer *l, float *db, const float *dy, int add, int rows)
{
	size_t channels = (size_t)l->biases;
	if (!add)
		memset(db, 0, channels * sizeof *db);
	SIMD_DISPATCH(add_pixels)(db, dy, (size_t)rows * (size_t)l->out / channels, channels);
}

/* --- what both kinds share --- */

/* h, w: of the output */
static int set_shape(const struct layer_spec *l, struct shape *s, long h, long w, int positions_wide, int big_channels, struct fail *f)
{
	const char *name = l->type->name;
	if (s->is == SHAPE_VECTOR)
		return fail_set(f, "%s reads a picture, and gets a vector of %d numbers: put unflatten before it", name, s->c);
	if (h < 1 || w < 1)
		return fail_set(f, "%s with kernel %d and padding %d leaves nothing of %dx%d", name, l->kernel, l->padding, s->h, s->w);
	/* what one line of positions unrolls to must be of bounded size too */
	double numbers = (double)l->out * (double)h * (double)w, unrolled = (double)positions_wide * l->kernel * l->kernel * big_channels;
	if (numbers > MAX_LAYER_SIZE || unrolled > MAX_LAYER_SIZE)
		return fail_set(f, "%s of %d channels on %dx%d is too large", name, l->out, s->h, s->w);
	*s = (struct shape){l->out, (int)h, (int)w, SHAPE_PICTURE};
	return 0;
}

static void build(struct layer *l, const struct layer_spec *spec, const struct shape *small, const struct shape *big, const struct shape *out)
{
	l->small = *small, l->big = *big;
	l->kernel = spec->kernel, l->stride = spec->stride, l->padding = spec->padding;
	l->p = small->c, l->k = l->kernel * l->kernel * big->c;
	l->positions = small->h * small->w;
	l->biases = out->c;
	if (covers_all(l))
		l->stride = l->kernel; /* any stride is the same; with this one each pixel of the big side is reached once (conv_direct.c) */
	l->ndim = 4;
	l->dim[0] = l->p, l->dim[1] = big->c, l->dim[2] = l->dim[3] = l->kernel;
	size_t few = few_to_big_pays(l) ? few_scratch(l) : 0, unrolled = direct_to_small_pays(l) && (direct_to_big_pays(l) || few) ? 0 : unrolled_scratch(l);
	l->scratch = direct_scratch(l);
	l->scratch = l->scratch > few ? l->scratch : few;
	l->scratch = l->scratch > unrolled ? l->scratch : unrolled;
}

static void reorder(const struct layer *l, float *reordered, const float *w, int rows)
{
	to_channels_last(reordered, w, rows, l->big.c, l->kernel * l->kernel);
}

static void restore(const struct layer *l, float *w, const float *reordered, int rows)
{
	to_channels_first(w, reordered, rows, l->big.c, l->kernel * l->kernel);
}

static void pack(const struct layer *l, float **panels, const float *w, int backward, size_t *budget)
{
	if (backward == l->type->transposed)
		direct_pack_to_small(l, panels, w, budget);
	else
		(few_to_big_pays(l) ? few_pack_to_big : direct_pack_to_big)(l, panels, w, budget);
}

#define ARGUMENTS                                                                     \
	{                                                                             \
		{"out", offsetof(struct layer_spec, out), 1, 1e6, .required = 1},     \
		{"kernel", offsetof(struct layer_spec, kernel), 1, 255, .required = 1}, \
		{"stride", offsetof(struct layer_spec, stride), 1, 255, .otherwise = 1}, \
		{"padding", offsetof(struct layer_spec, padding), 0, 255}             \
	}

/* --- conv2d --- */

static long conv2d_side(const struct layer_spec *l, int in)
{
	long padded = in + 2L * l->padding;
	return padded < l->kernel ? 0 : (padded - l->kernel) / l->stride + 1;
}

static int conv2d_shape(const struct layer_spec *l, struct shape *s, struct fail *f)
{
	long w = conv2d_side(l, s->w);
	return set_shape(l, s, conv2d_side(l, s->h), w, (int)w, s->c, f);
}

static void conv2d_build(struct layer *l, const struct layer_spec *spec, const struct shape *in, const struct shape *out) { build(l, spec, out, in, out); }

static void conv2d_forward(const struct layer *l, float *y, const float *x, const struct layer_pass *p) { to_small(l, y, NULL, x, NULL, p, MAT_24); }

static void conv2d_backward(const struct layer *l, float *dx, float *dw, const float *dy, const float *x, const struct layer_pass *p)
{
	if (dw)
		to_small(l, NULL, dw, x, dy, p, MAT_16);
	if (dx)
		to_big(l, dx, dy, p, MAT_16);
}

const struct layer_type layer_conv2d = {
	.name = "conv2d",
	.form = FORM_MAPPING,
	.argument = ARGUMENTS,
	.shape = conv2d_shape,
	.build = conv2d_build,
	.forward = conv2d_forward,
	.backward = conv2d_backward,
	.init = layer_init_he,
	.bias_gradient = bias_gradient,
	.unroll = conv_unroll,
	.pack = pack,
	.reorder = reorder,
	.restore = restore,
};

/* --- conv_transpose2d --- */

static long transposed_side(const struct layer_spec *l, int in) { return (in - 1L) * l->stride - 2L * l->padding + l->kernel; }

static int transposed_shape(const struct layer_spec *l, struct shape *s, struct fail *f)
{
	return set_shape(l, s, transposed_side(l, s->h), transposed_side(l, s->w), s->w, l->out, f);
}

static void transposed_build(struct layer *l, const struct layer_spec *spec, const struct shape *in, const struct shape *out) { build(l, spec, in, out, out); }

static void transposed_forward(const struct layer *l, float *y, const float *x, const struct layer_pass *p) { to_big(l, y, x, p, MAT_24); }

static void transposed_backward(const struct layer *l, float *dx, float *dw, const float *dy, const float *x, const struct layer_pass *p)
{
	to_small(l, dx, dw, dy, x, p, MAT_16);
}

const struct layer_type layer_conv_transpose2d = {
	.name = "conv_transpose2d",
	.form = FORM_MAPPING,
	.argument = ARGUMENTS,
	.shape = transposed_shape,
	.build = transposed_build,
	.forward = transposed_forward,
	.backward = transposed_backward,
	.init = layer_init_uniform, /* of PyTorch and of the published models */
	.bias_gradient = bias_gradient,
	.transposed = 1,
	.unroll = conv_unroll,
	.pack = pack,
	.reorder = reorder,
	.restore = restore,
};
