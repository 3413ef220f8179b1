/* The products of a convolution over unrolled numbers. col is made a chunk at a time and stays in the cache. If the kernel covers all of the
 * big side, big and col are the same. */
#include <string.h>

#include "nn/conv.h"

/* 1 MB of unrolled numbers: with the weight, the input and the output they fit a second-level cache. */
enum { CHUNK = 1 << 18 };

/* Lines (of small.w positions) in a chunk: whole records if one fits, so that the col2im of a record ends within. */
static int chunk_lines(const struct layer *l)
{
	size_t line = (size_t)l->small.w * (size_t)l->k;
	int lines = line < CHUNK ? (int)(CHUNK / line) : 1;
	return lines > l->small.h ? lines / l->small.h * l->small.h : lines;
}

size_t unrolled_scratch(const struct layer *l) { return (size_t)chunk_lines(l) * (size_t)l->small.w * (size_t)l->k; }

/* --- im2col and col2im --- */

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

void conv_unroll(const struct layer *l, float *col, const float *big, int rows) { im2col_lines(l, col, big, 0, rows * l->small.h); }

/* --- bias, ReLU and mask --- */

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

/* y [n][channels]; mask: of the same shape, or NULL */
static void finish(float *y, const float *b, int relu, const float *mask, size_t n, int channels)
{
	for (size_t i = 0, at = 0; b && i < n; i++)
		for (int k = 0; k < channels; k++, at++)
			y[at] += b[k];
	for (size_t i = 0; relu && i < n * (size_t)channels; i++)
		y[i] = y[i] < 0 ? 0 : y[i]; /* keeps NAN */
	for (size_t i = 0; mask && i < n * (size_t)channels; i++)
		y[i] = mask[i] > 0 ? y[i] : 0;
}

/* --- the products --- */

void unrolled_to_small(const struct layer *l, float *small, float *dw, const float *big, const float *other, const struct layer_pass *p)
{
	int k = l->k, lines = p->rows * l->small.h, step = covers_all(l) ? lines : chunk_lines(l);
	for (int from = 0; from < lines; from += step) {
		int to = int_min(from + step, lines), n = (to - from) * l->small.w;
		size_t at = (size_t)from * (size_t)l->small.w * (size_t)l->p;
		const float *col = covers_all(l) ? big : p->scratch;
		if (!covers_all(l))
			im2col_lines(l, p->scratch, big, from, to);
		if (dw)
			mat_tn(dw, k, other + at, l->p, col, k, NULL, l->p, k, n, 1, p->add || from > 0, MAT_16);
		if (!small)
			continue;
		mat_nt(small + at, l->p, col, k, p->w, k, NULL, n, l->p, k, p->bits);
		finish(small + at, p->b, p->relu, p->relu_mask ? p->relu_mask + at : NULL, (size_t)n, l->p);
	}
}

/* Rows of to_big at once: few, so that they are still in the cache when bias, ReLU and mask are applied. */
static int rows_at_once(const struct layer *l)
{
	int n = CHUNK / (l->out > l->in ? l->out : l->in);
	return n > 1 ? n : 1;
}

static void big_rows(const struct layer *l, float *big, const float *small, const struct layer_pass *p, int rows)
{
	int k = l->k, step = chunk_lines(l), lines = rows * l->small.h;
	for (int from = 0; from < lines; from += step) {
		int to = int_min(from + step, lines);
		const float *chunk = small + (size_t)from * (size_t)l->small.w * (size_t)l->p;
		mat_nn(p->scratch, k, chunk, l->p, p->w, k, NULL, NULL, (to - from) * l->small.w, k, l->p, p->bits);
		col2im_lines(l, big, p->scratch, from, to);
	}
}

void unrolled_to_big(const struct layer *l, float *big, const float *small, const struct layer_pass *p)
{
	size_t pixels = (size_t)l->big.h * (size_t)l->big.w, channels = (size_t)l->big.c;
	if (covers_all(l)) {
		mat_nn(big, l->k, small, l->p, p->w, l->k, NULL, NULL, p->rows, l->k, l->p, p->bits);
		finish(big, p->b, p->relu, p->relu_mask, (size_t)p->rows * pixels, l->big.c);
		return;
	}
	for (int from = 0, step = rows_at_once(l); from < p->rows; from += step) {
		int n = int_min(step, p->rows - from);
		size_t at = (size_t)from * pixels * channels;
		fill_bias(big + at, p->b, (size_t)n * pixels, l->big.c);
		big_rows(l, big + at, small + (size_t)from * (size_t)l->positions * (size_t)l->p, p, n);
		finish(big + at, NULL, p->relu, p->relu_mask ? p->relu_mask + at : NULL, (size_t)n * pixels, l->big.c);
	}
}
