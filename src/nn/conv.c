/* Convolutions as matrix products (Chellapilla et al. 2006). The kernel covers a part of a big side at each of the positions of a small side.
 * That part unrolls to a row of k = kernel^2 c numbers: c counts the channels of the big side, p those of the small side.
 *
 *   im2col: big -> col [positions][k]      col2im, its adjoint: col -> big, added up
 *   conv2d           y = im2col(x) W^T     dx = col2im(dy W)     dW = dy^T im2col(x)      x is big, y small
 *   conv_transpose2d y = col2im(x W)       dx = im2col(dy) W^T   dW = x^T im2col(dy)      x is small, y big
 *
 * so both share their functions. W is [p][k], k in the order kernel row, kernel column, channel; PyTorch has [p][c][kernel][kernel] for
 * both. The positions of all rows are one dimension of a product. col is made a chunk at a time and stays in the cache. */
#include <string.h>

#include "nn/layer.h"
#include "nn/layout.h"

/* 1 MB of unrolled numbers: with the weight, the input and the output they fit a second-level cache. */
enum { CHUNK = 1 << 18 };

/* Lines (of small.w positions) in a chunk: whole records where one fits, so that the col2im of a record ends within. */
static int chunk_lines(const struct layer *l)
{
	size_t line = (size_t)l->small.w * (size_t)l->k;
	int lines = line < CHUNK ? (int)(CHUNK / line) : 1;
	return lines > l->small.h ? lines / l->small.h * l->small.h : lines;
}

/* --- im2col and col2im --- */

/* The kernel at position s along a side of n: it starts at `at`, and its columns [lo, hi) are inside. */
struct cover {
	int at, lo, hi;
};

static struct cover cover(const struct layer *l, int s, int n)
{
	struct cover v = {s * l->stride - l->padding, 0, l->kernel};
	v.lo = v.at < 0 ? -v.at : 0;
	v.hi = v.at + l->kernel > n ? n - v.at : l->kernel;
	if (v.lo >= v.hi)
		v.lo = v.hi = 0;
	return v;
}

/* Lines [from, to), counted through the rows. */
static void im2col_lines(const struct layer *l, float *col, const float *big, int from, int to)
{
	size_t c = (size_t)l->big.c, run = (size_t)l->kernel * c, row = (size_t)l->big.h * (size_t)l->big.w * c;
	for (int line = from; line < to; line++) {
		const float *b = big + (size_t)(line / l->small.h) * row;
		struct cover y = cover(l, line % l->small.h, l->big.h);
		for (int x = 0; x < l->small.w; x++) {
			struct cover v = cover(l, x, l->big.w);
			size_t left = (size_t)v.lo * c, n = (size_t)(v.hi - v.lo) * c;
			for (int k = 0; k < l->kernel; k++, col += run) {
				if (k < y.lo || k >= y.hi || !n) {
					memset(col, 0, run * sizeof *col);
					continue;
				}
				const float *src = b + ((size_t)(y.at + k) * (size_t)l->big.w + (size_t)(v.at + v.lo)) * c;
				if (n != run) {
					memset(col, 0, left * sizeof *col);
					memset(col + left + n, 0, (run - left - n) * sizeof *col);
				}
				memcpy(col + left, src, n * sizeof *col);
			}
		}
	}
}

static void col2im_lines(const struct layer *l, float *big, const float *col, int from, int to)
{
	size_t c = (size_t)l->big.c, run = (size_t)l->kernel * c, row = (size_t)l->big.h * (size_t)l->big.w * c;
	for (int line = from; line < to; line++) {
		float *b = big + (size_t)(line / l->small.h) * row;
		struct cover y = cover(l, line % l->small.h, l->big.h);
		for (int x = 0; x < l->small.w; x++, col += (size_t)l->kernel * run) {
			struct cover v = cover(l, x, l->big.w);
			size_t n = (size_t)(v.hi - v.lo) * c;
			for (int k = y.lo; n && k < y.hi; k++) {
				float *dst = b + ((size_t)(y.at + k) * (size_t)l->big.w + (size_t)(v.at + v.lo)) * c;
				const float *src = col + (size_t)k * run + (size_t)v.lo * c;
				for (size_t i = 0; i < n; i++)
					dst[i] += src[i];
			}
		}
	}
}

static void im2col(const struct layer *l, float *col, const float *big, int rows) { im2col_lines(l, col, big, 0, rows * l->small.h); }

/* --- the three products --- */

/* small = im2col(big) W^T, and dw += other^T im2col(big), where other is a small side too; either may be left out. */
static void to_small(const struct layer *l, float *small, float *dw, const float *big, const float *other, const struct layer_pass *p, int rows,
                     enum mat_bits bits)
{
	int k = l->k, step = chunk_lines(l), lines = rows * l->small.h;
	float *col = p->scratch;
	for (int from = 0; from < lines; from += step) {
		int to = from + step < lines ? from + step : lines, n = (to - from) * l->small.w;
		size_t at = (size_t)from * (size_t)l->small.w * (size_t)l->p;
		im2col_lines(l, col, big, from, to);
		if (small)
			mat_nt(small + at, l->p, col, k, p->w, k, n, l->p, k, 0, bits);
		if (dw)
			mat_tn(dw, k, other + at, l->p, col, k, NULL, l->p, k, n, 1, p->add || from > 0, MAT_16);
	}
}

/* big += col2im(small W) */
static void to_big(const struct layer *l, float *big, const float *small, const struct layer_pass *p, int rows, enum mat_bits bits)
{
	int k = l->k, step = chunk_lines(l), lines = rows * l->small.h;
	float *col = p->scratch;
	for (int from = 0; from < lines; from += step) {
		int to = from + step < lines ? from + step : lines;
		mat_nn(col, k, small + (size_t)from * (size_t)l->small.w * (size_t)l->p, l->p, p->w, k, NULL, NULL, (to - from) * l->small.w, k, l->p, bits);
		col2im_lines(l, big, col, from, to);
	}
}

/* y [n][channels] becomes b, or 0 without one */
static void fill_bias(float *y, const float *b, size_t n, int channels)
{
	size_t total = n * (size_t)channels, have = (size_t)channels;
	if (!b) {
		memset(y, 0, total * sizeof *y);
		return;
	}
	memcpy(y, b, have * sizeof *y);
	for (; 2 * have <= total && have < 1024; have *= 2)
		memcpy(y + have, y, have * sizeof *y);
	for (size_t at = have; at < total; at += have)
		memcpy(y + at, y, (total - at < have ? total - at : have) * sizeof *y);
}

static void add_bias(float *y, const float *b, int relu, size_t n, int channels)
{
	for (size_t i = 0; b && i < n; i++, y += channels) {
		if (relu)
			for (int k = 0; k < channels; k++)
				y[k] = y[k] + b[k] < 0 ? 0 : y[k] + b[k];
		else
			for (int k = 0; k < channels; k++)
				y[k] += b[k];
	}
}

static void bias_gradient(const struct layer *l, float *db, const float *dy, int add, int rows)
{
	enum { LANES = 16, NARROW = 16 }; /* with fewer channels, LANES pixels are summed at once */
	int channels = l->biases, wide = channels < NARROW ? channels * LANES : channels;
	size_t n = (size_t)rows * (size_t)l->out, i = 0;
	float lane[NARROW * LANES] = {0};
	if (!add)
		memset(db, 0, (size_t)channels * sizeof *db);
	if (channels < NARROW)
		for (; i + (size_t)wide <= n; i += (size_t)wide)
			for (int k = 0; k < wide; k++)
				lane[k] += dy[i + (size_t)k];
	for (; i < n; i += (size_t)channels)
		for (int k = 0; k < channels; k++)
			db[k] += dy[i + (size_t)k];
	for (int k = 0; channels < NARROW && k < wide; k++)
		db[k % channels] += lane[k];
}

/* Rows of a forward pass at once: few, so that they are still in the cache when bias and ReLU are applied. */
static int rows_at_once(const struct layer *l)
{
	int n = CHUNK / (l->out > l->in ? l->out : l->in);
	return n > 1 ? n : 1;
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
	l->ndim = 4;
	l->dim[0] = l->p, l->dim[1] = big->c, l->dim[2] = l->dim[3] = l->kernel;
	l->scratch = (size_t)chunk_lines(l) * (size_t)small->w * (size_t)l->k;
}

static void reorder(const struct layer *l, float *reordered, const float *w, int rows)
{
	to_channels_last(reordered, w, rows, l->big.c, l->kernel * l->kernel);
}

static void restore(const struct layer *l, float *w, const float *reordered, int rows)
{
	to_channels_first(w, reordered, rows, l->big.c, l->kernel * l->kernel);
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

static void conv2d_forward(const struct layer *l, float *y, const float *x, const struct layer_pass *p)
{
	int step = rows_at_once(l);
	for (int from = 0; from < p->rows; from += step) {
		int n = from + step < p->rows ? step : p->rows - from;
		float *out = y + (size_t)from * (size_t)l->out;
		to_small(l, out, NULL, x + (size_t)from * (size_t)l->in, NULL, p, n, MAT_24);
		add_bias(out, p->b, p->relu, (size_t)n * (size_t)l->positions, l->biases);
	}
}

static void conv2d_backward(const struct layer *l, float *dx, float *dw, const float *dy, const float *x, const struct layer_pass *p)
{
	if (dw)
		to_small(l, NULL, dw, x, dy, p, p->rows, MAT_16);
	if (dx) {
		memset(dx, 0, (size_t)p->rows * (size_t)l->in * sizeof *dx);
		to_big(l, dx, dy, p, p->rows, MAT_16);
	}
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
	.unroll = im2col,
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

static void transposed_forward(const struct layer *l, float *y, const float *x, const struct layer_pass *p)
{
	int step = rows_at_once(l);
	for (int from = 0; from < p->rows; from += step) {
		int n = from + step < p->rows ? step : p->rows - from;
		float *out = y + (size_t)from * (size_t)l->out;
		size_t all = (size_t)n * (size_t)l->out;
		fill_bias(out, p->b, all / (size_t)l->biases, l->biases);
		to_big(l, out, x + (size_t)from * (size_t)l->in, p, n, MAT_24);
		for (size_t i = 0; p->relu && i < all; i++)
			out[i] = out[i] < 0 ? 0 : out[i];
	}
}

static void transposed_backward(const struct layer *l, float *dx, float *dw, const float *dy, const float *x, const struct layer_pass *p)
{
	to_small(l, dx, dw, dy, x, p, p->rows, MAT_16);
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
	.unroll = im2col,
	.reorder = reorder,
	.restore = restore,
};
