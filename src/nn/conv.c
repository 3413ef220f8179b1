#include "nn/conv.h"

#include <string.h>

#include "gemm/mat.h"

/* 1 MB of unrolled numbers: with the weight and what is read and written they fit a second-level cache. */
enum { CHUNK = 1 << 18 };

size_t conv_weights(const struct layer *l) { return (size_t)l->p * (size_t)conv_unrolled(l); }
int conv_biases(const struct layer *l) { return l->kind == LAYER_CONV2D ? l->p : l->c; }

/* Lines (of sw positions) in a chunk: whole rows where one fits, so that a row's scatter ends within. */
static int chunk_lines(const struct layer *l)
{
	size_t line = (size_t)l->sw * (size_t)conv_unrolled(l);
	int lines = line < CHUNK ? (int)(CHUNK / line) : 1;
	return lines > l->sh ? lines / l->sh * l->sh : lines;
}

size_t conv_scratch(const struct layer *l) { return (size_t)chunk_lines(l) * (size_t)l->sw * (size_t)conv_unrolled(l); }

/* --- the order of weights --- */

void conv_reorder(const struct layer *l, float *packed, const float *w, int from, int to)
{
	int area = l->kernel * l->kernel;
	to_channels_last(packed, w, to - from, l->c, area);
}

void conv_restore(const struct layer *l, float *w, const float *packed, int from, int to)
{
	int area = l->kernel * l->kernel;
	to_channels_first(w, packed, to - from, l->c, area);
}

/* --- unrolling --- */

/* Where the kernel lies at position s along a side of n: columns [lo, hi) of it are inside. */
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
static void gather_lines(const struct layer *l, float *col, const float *big, int from, int to)
{
	size_t c = (size_t)l->c, run = (size_t)l->kernel * c, row = (size_t)l->bh * (size_t)l->bw * c;
	for (int line = from; line < to; line++) {
		const float *b = big + (size_t)(line / l->sh) * row;
		struct cover y = cover(l, line % l->sh, l->bh);
		for (int x = 0; x < l->sw; x++) {
			struct cover v = cover(l, x, l->bw);
			size_t left = (size_t)v.lo * c, n = (size_t)(v.hi - v.lo) * c;
			for (int k = 0; k < l->kernel; k++, col += run) {
				if (k < y.lo || k >= y.hi || !n) {
					memset(col, 0, run * sizeof *col);
					continue;
				}
				const float *src = b + ((size_t)(y.at + k) * (size_t)l->bw + (size_t)(v.at + v.lo)) * c;
				if (n != run) {
					memset(col, 0, left * sizeof *col);
					memset(col + left + n, 0, (run - left - n) * sizeof *col);
				}
				memcpy(col + left, src, n * sizeof *col);
			}
		}
	}
}

static void scatter_lines(const struct layer *l, float *big, const float *col, int from, int to)
{
	size_t c = (size_t)l->c, run = (size_t)l->kernel * c, row = (size_t)l->bh * (size_t)l->bw * c;
	for (int line = from; line < to; line++) {
		float *b = big + (size_t)(line / l->sh) * row;
		struct cover y = cover(l, line % l->sh, l->bh);
		for (int x = 0; x < l->sw; x++, col += (size_t)l->kernel * run) {
			struct cover v = cover(l, x, l->bw);
			size_t n = (size_t)(v.hi - v.lo) * c;
			for (int k = y.lo; n && k < y.hi; k++) {
				float *to_big = b + ((size_t)(y.at + k) * (size_t)l->bw + (size_t)(v.at + v.lo)) * c;
				const float *src = col + (size_t)k * run + (size_t)v.lo * c;
				for (size_t i = 0; i < n; i++)
					to_big[i] += src[i];
			}
		}
	}
}

void conv_im2col(const struct layer *l, float *col, const float *big, int rows) { gather_lines(l, col, big, 0, rows * l->sh); }

/* --- the three products --- */

/* small = gather(big) W^T, and dw += other^T gather(big), where other is a small side too; either may be left out. */
static void to_small(const struct layer *l, float *small, float *dw, const float *big, const float *other, const float *w, int add, int rows,
                     float *col, enum mat_bits bits)
{
	int K = conv_unrolled(l), step = chunk_lines(l), lines = rows * l->sh;
	for (int from = 0; from < lines; from += step) {
		int to = from + step < lines ? from + step : lines, n = (to - from) * l->sw;
		size_t at = (size_t)from * (size_t)l->sw * (size_t)l->p;
		gather_lines(l, col, big, from, to);
		if (small)
			mat_nt(small + at, l->p, col, K, w, K, n, l->p, K, 0, bits);
		if (dw)
			mat_tn(dw, K, other + at, l->p, col, K, NULL, l->p, K, n, 1, add || from > 0, MAT_16);
	}
}

/* big += scatter(small W) */
static void to_big(const struct layer *l, float *big, const float *small, const float *w, int rows, float *col, enum mat_bits bits)
{
	int K = conv_unrolled(l), step = chunk_lines(l), lines = rows * l->sh;
	for (int from = 0; from < lines; from += step) {
		int to = from + step < lines ? from + step : lines;
		mat_nn(col, K, small + (size_t)from * (size_t)l->sw * (size_t)l->p, l->p, w, K, NULL, NULL, (to - from) * l->sw, K, l->p, bits);
		scatter_lines(l, big, col, from, to);
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

/* A few rows at a time, so that they are still in the cache when bias and relu come. */
static int rows_at_once(const struct layer *l)
{
	int n = CHUNK / (l->out > l->in ? l->out : l->in);
	return n > 1 ? n : 1;
}

void conv_forward(const struct layer *l, float *y, const float *x, const float *w, const float *b, int relu, int rows, float *scratch)
{
	int step = rows_at_once(l), channels = conv_biases(l);
	for (int from = 0; from < rows; from += step) {
		int n = from + step < rows ? step : rows - from;
		float *out = y + (size_t)from * (size_t)l->out;
		const float *in = x + (size_t)from * (size_t)l->in;
		size_t pixels = (size_t)n * (size_t)(l->out / channels), all = (size_t)n * (size_t)l->out;
		if (l->kind == LAYER_CONV2D) {
			to_small(l, out, NULL, in, NULL, w, 0, n, scratch, MAT_24);
			add_bias(out, b, relu, pixels, channels);
			continue;
		}
		fill_bias(out, b, pixels, channels);
		to_big(l, out, in, w, n, scratch, MAT_24);
		for (size_t i = 0; relu && i < all; i++)
			out[i] = out[i] < 0 ? 0 : out[i];
	}
}

void conv_backward(const struct layer *l, float *dx, float *dw, const float *dy, const float *x, const float *w, int add, int rows, float *scratch)
{
	if (l->kind == LAYER_CONV_TRANSPOSE2D) {
		to_small(l, dx, dw, dy, x, w, add, rows, scratch, MAT_16);
		return;
	}
	if (dw)
		to_small(l, NULL, dw, x, dy, w, add, rows, scratch, MAT_16);
	if (dx) {
		memset(dx, 0, (size_t)rows * (size_t)l->in * sizeof *dx);
		to_big(l, dx, dy, w, rows, scratch, MAT_16);
	}
}

void conv_bias_gradient(const struct layer *l, float *db, const float *dy, int add, int rows)
{
	enum { LANES = 16, FEW = 16 }; /* few channels: as many pixels at once as fill the lanes */
	int channels = conv_biases(l), wide = channels < FEW ? channels * LANES : channels;
	size_t n = (size_t)rows * (size_t)l->out, i = 0;
	float lane[FEW * LANES] = {0};
	if (!add)
		memset(db, 0, (size_t)channels * sizeof *db);
	if (channels < FEW)
		for (; i + (size_t)wide <= n; i += (size_t)wide)
			for (int k = 0; k < wide; k++)
				lane[k] += dy[i + (size_t)k];
	for (; i < n; i += (size_t)channels)
		for (int k = 0; k < channels; k++)
			db[k] += dy[i + (size_t)k];
	for (int k = 0; channels < FEW && k < wide; k++)
		db[k % channels] += lane[k];
}
