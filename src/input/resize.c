#include "input/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Fixed-point weights: 32 bits less 8 for a sample and 2 for sign and overshoot. */
#define WEIGHT_BITS (32 - 8 - 2)
#define HALF (1 << (WEIGHT_BITS - 1))

/* Weights that are kept at a time: a wide picture would have gigabytes of them. */
enum { MAX_WEIGHTS = 1 << 20 };

/* For each of some output samples of a line: the input samples it is made of, and their weights. */
struct taps {
	int from, to;       /* the length of the line, before and after */
	int start, n;       /* the output samples that this is for */
	int *first, *count; /* [n] */
	int32_t *weight;    /* [n][max] */
	double *w;          /* [max] */
	int max, capacity;
};

static void taps_free(struct taps *t)
{
	free(t->first);
	free(t->count);
	free(t->weight);
	free(t->w);
}

/* The triangle filter around each output sample's centre, as wide as the reduction (antialiasing) and at least as wide as the
 * distance of two samples. The operations on doubles keep Pillow's order, since another order would round some weights
 * differently. */
static int taps_open(struct taps *t, int from, int to, struct fail *f)
{
	double scale = (double)from / to;
	*t = (struct taps){.from = from, .to = to, .max = 2 * (int)ceil(scale < 1 ? 1 : scale) + 1};
	t->capacity = MAX_WEIGHTS / t->max < 1 ? 1 : MAX_WEIGHTS / t->max < to ? MAX_WEIGHTS / t->max : to;
	size_t n = (size_t)t->capacity, max = (size_t)t->max;
	t->first = malloc(n * sizeof *t->first);
	t->count = malloc(n * sizeof *t->count);
	t->weight = malloc(n * max * sizeof *t->weight);
	t->w = malloc(max * sizeof *t->w);
	if (t->first && t->count && t->weight && t->w)
		return 0;
	taps_free(t);
	return fail_memory_for(f, "resizing %d samples to %d", from, to);
}

/* Goes to the next output samples: 0 at the end of the line. */
static int taps_next(struct taps *t)
{
	double scale = (double)t->from / t->to, stretch = scale < 1 ? 1 : scale, inverse = 1 / stretch, *w = t->w;
	size_t max = (size_t)t->max;
	t->start += t->n;
	t->n = t->to - t->start < t->capacity ? t->to - t->start : t->capacity;
	for (int j = 0; j < t->n; j++) {
		int i = t->start + j;
		double centre = (i + 0.5) * scale, sum = 0;
		int lo = (int)(centre - stretch + 0.5), hi = (int)(centre + stretch + 0.5);
		lo = lo < 0 ? 0 : lo;
		hi = hi > t->from ? t->from : hi;
		for (int k = 0; k < hi - lo; k++) {
			double x = fabs((k + lo - centre + 0.5) * inverse);
			w[k] = x < 1 ? 1 - x : 0;
			sum += w[k];
		}
		for (int k = 0; k < hi - lo; k++)
			t->weight[(size_t)j * max + (size_t)k] = (int32_t)(0.5 + (sum != 0 ? w[k] / sum : w[k]) * (1 << WEIGHT_BITS));
		t->first[j] = lo;
		t->count[j] = hi - lo;
	}
	return t->n > 0;
}

static inline uint8_t to_sample(int32_t sum)
{
	sum >>= WEIGHT_BITS;
	return (uint8_t)(sum > 255 ? 255 : sum); /* no weight is negative */
}

/* Makes the output samples of t, the first of them at out. */
static void resize_row(const struct taps *t, const uint8_t *in, int channels, uint8_t *out)
{
	for (int x = 0; x < t->n; x++) {
		const int32_t *w = t->weight + (size_t)x * (size_t)t->max;
		const uint8_t *p = in + (size_t)t->first[x] * (size_t)channels;
		int n = t->count[x];
		if (channels == 1) {
			int32_t sum = HALF;
			for (int k = 0; k < n; k++)
				sum += p[k] * w[k];
			*out++ = to_sample(sum);
			continue;
		}
		int32_t r = HALF, g = HALF, b = HALF;
		for (int k = 0; k < n; k++, p += 3) {
			r += p[0] * w[k];
			g += p[1] * w[k];
			b += p[2] * w[k];
		}
		*out++ = to_sample(r);
		*out++ = to_sample(g);
		*out++ = to_sample(b);
	}
}

static int resize_width(const struct picture *in, int width, struct picture *out, struct fail *f)
{
	struct taps t;
	if (picture_alloc(out, (size_t)width, (size_t)in->height, in->channels, f))
		return -1;
	if (taps_open(&t, in->width, width, f)) {
		picture_free(out);
		return -1;
	}
	size_t from = (size_t)in->width * (size_t)in->channels, to = (size_t)width * (size_t)in->channels;
	while (taps_next(&t))
		for (int y = 0; y < in->height; y++)
			resize_row(&t, in->pixels + (size_t)y * from, in->channels, out->pixels + (size_t)y * to + (size_t)t.start * (size_t)in->channels);
	taps_free(&t);
	return 0;
}

static int resize_height(const struct picture *in, int height, struct picture *out, struct fail *f)
{
	struct taps t;
	if (picture_alloc(out, (size_t)in->width, (size_t)height, in->channels, f))
		return -1;
	size_t stride = (size_t)in->width * (size_t)in->channels;
	int32_t *sum = malloc(stride * sizeof *sum); /* of a row: the inner loops run along it */
	if (!sum)
		fail_memory_for(f, "a row of %zu bytes", stride * sizeof *sum);
	if (!sum || taps_open(&t, in->height, height, f)) {
		free(sum);
		picture_free(out);
		return -1;
	}
	while (taps_next(&t))
		for (int y = 0; y < t.n; y++) {
			const int32_t *w = t.weight + (size_t)y * (size_t)t.max;
			const uint8_t *p = in->pixels + (size_t)t.first[y] * stride;
			for (size_t i = 0; i < stride; i++)
				sum[i] = HALF;
			for (int k = 0; k < t.count[y]; k++, p += stride)
				for (size_t i = 0; i < stride; i++)
					sum[i] += p[i] * w[k];
			for (size_t i = 0; i < stride; i++)
				out->pixels[(size_t)(t.start + y) * stride + i] = to_sample(sum[i]);
		}
	free(sum);
	taps_free(&t);
	return 0;
}

int picture_resize(const struct picture *in, int width, int height, struct picture *out, struct fail *f)
{
	*out = (struct picture){0};
	if (width < 1 || height < 1)
		return fail_set(f, "picture cannot be resized to %d x %d pixels", width, height);
	if (width != in->width && height != in->height) {
		struct picture wide;
		if (resize_width(in, width, &wide, f))
			return -1;
		int r = resize_height(&wide, height, out, f);
		picture_free(&wide);
		return r;
	}
	if (width != in->width)
		return resize_width(in, width, out, f);
	if (height != in->height)
		return resize_height(in, height, out, f);
	if (picture_alloc(out, (size_t)width, (size_t)height, in->channels, f))
		return -1;
	memcpy(out->pixels, in->pixels, (size_t)width * (size_t)height * (size_t)in->channels);
	return 0;
}
