#include "input/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define TARGET_AVX2 __attribute__((target("avx2")))
#define TARGET_AVX512 __attribute__((target("avx512f,avx512vl")))
#endif

#include "base/transpose.h"

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

/* --- sums of many samples at a time --- */

/* Above 16, so that the compiler vectorises loops over them instead of unrolling them. */
enum { LANES = 32, TURN = 16 };

/* Bytes of turned rows; wider pictures are resized sample by sample. */
enum { MAX_TURNED = 4 << 20 };

/* out[i] = the sum over k < taps of w[k] in[k * stride + i], rounded, for i < n <= LANES. */
INLINE void weigh(const uint8_t *in, size_t stride, const int32_t *w, int taps, size_t n, uint8_t *out)
{
	int32_t sum[LANES];
	for (size_t i = 0; i < n; i++)
		sum[i] = HALF;
	for (int k = 0; k < taps; k++, in += stride)
		for (size_t i = 0; i < n; i++)
			sum[i] += in[i] * w[k];
	for (size_t i = 0; i < n; i++) {
		int32_t v = sum[i] >> WEIGHT_BITS;
		out[i] = (uint8_t)(v > 255 ? 255 : v); /* no weight is negative */
	}
}

typedef void weigh_lanes(const uint8_t *in, size_t stride, const int32_t *w, int taps, uint8_t *out);
typedef void turn_block(const uint8_t *in, size_t stride, uint8_t *out);

static void weigh_plain(const uint8_t *in, size_t stride, const int32_t *w, int taps, uint8_t *out) { weigh(in, stride, w, taps, LANES, out); }

static void turn_plain(const uint8_t *in, size_t stride, uint8_t *out) { transpose(in, stride, LANES, TURN, out, LANES); }

#if defined(__x86_64__)
TARGET_AVX2 static inline __m128i load_16(const uint8_t *in) { return _mm_loadu_si128((const __m128i *)(const void *)in); }

/* As weigh(), of whose bytes GCC 12 makes 32-bit numbers in many steps. */
TARGET_AVX512 static inline void weigh_avx512(const uint8_t *in, size_t stride, const int32_t *w, int taps, uint8_t *out)
{
	__m512i a = _mm512_set1_epi32(HALF), b = a;
	for (int k = 0; k < taps; k++, in += stride) {
		__m512i v = _mm512_set1_epi32(w[k]);
		a = _mm512_add_epi32(a, _mm512_mullo_epi32(_mm512_cvtepu8_epi32(load_16(in)), v));
		b = _mm512_add_epi32(b, _mm512_mullo_epi32(_mm512_cvtepu8_epi32(load_16(in + 16)), v));
	}
	_mm_storeu_si128((__m128i *)(void *)out, _mm512_cvtusepi32_epi8(_mm512_srli_epi32(a, WEIGHT_BITS)));
	_mm_storeu_si128((__m128i *)(void *)(out + 16), _mm512_cvtusepi32_epi8(_mm512_srli_epi32(b, WEIGHT_BITS)));
}

TARGET_AVX2 static inline void weigh_avx2(const uint8_t *in, size_t stride, const int32_t *w, int taps, uint8_t *out)
{
	__m256i s[4];
	for (int h = 0; h < 4; h++)
		s[h] = _mm256_set1_epi32(HALF);
	for (int k = 0; k < taps; k++, in += stride) {
		__m256i v = _mm256_set1_epi32(w[k]);
		for (int h = 0; h < 4; h++)
			s[h] = _mm256_add_epi32(s[h], _mm256_mullo_epi32(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(in + 8 * h))), v));
	}
	for (int h = 0; h < 4; h++)
		s[h] = _mm256_srli_epi32(s[h], WEIGHT_BITS);
	__m256i packed = _mm256_packus_epi16(_mm256_packus_epi32(s[0], s[1]), _mm256_packus_epi32(s[2], s[3]));
	_mm256_storeu_si256((__m256i *)(void *)out, _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
}

/* Each round interleaves the first half of the lines with the second, in both halves of the vectors. */
TARGET_AVX2 static inline void turn_avx2(const uint8_t *in, size_t stride, uint8_t *out)
{
	__m256i v[TURN], t[TURN];
	for (size_t i = 0; i < TURN; i++)
		v[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(load_16(in + i * stride)), load_16(in + (i + TURN) * stride), 1);
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < TURN / 2; i++) {
			t[2 * i] = _mm256_unpacklo_epi8(v[i], v[TURN / 2 + i]);
			t[2 * i + 1] = _mm256_unpackhi_epi8(v[i], v[TURN / 2 + i]);
		}
		memcpy(v, t, sizeof v);
	}
	for (size_t i = 0; i < TURN; i++)
		_mm256_storeu_si256((__m256i *)(void *)(out + i * LANES), v[i]);
}
#endif

/* --- along rows: LANES rows at a time, turned, so that a sample has those below it beside it --- */

struct turned {
	uint8_t *in, *out; /* [samples][LANES] */
};

static void turned_free(struct turned *u)
{
	free(u->in);
	free(u->out);
}

/* For pictures of the width of t; of a very wide one, which would take much memory, both stay NULL. turned_free() also after -1. */
static int turned_open(struct turned *u, const struct taps *t, size_t channels, struct fail *f)
{
	size_t in = (size_t)t->from * channels, out = (size_t)t->capacity * channels;
	*u = (struct turned){.in = NULL};
	if (in + out > MAX_TURNED / LANES)
		return 0;
	u->in = calloc(in, LANES);
	u->out = calloc(out, LANES);
	return u->in && u->out ? 0 : fail_memory_for(f, "%zu bytes of rows", (in + out) * LANES);
}

/* Makes the output samples of t for at most LANES rows, c samples a pixel. */
INLINE void resize_rows(const struct taps *t, const struct turned *u, const uint8_t *in, size_t stride, size_t c, size_t rows, uint8_t *out, size_t to,
                        turn_block *turn, weigh_lanes *lanes)
{
	size_t first = (size_t)t->first[0] * c, end = (size_t)(t->first[t->n - 1] + t->count[t->n - 1]) * c;
	for (; rows == LANES && end - first >= TURN; first += TURN)
		turn(in + first, stride, u->in + first * LANES);
	transpose(in + first, stride, rows, end - first, u->in + first * LANES, LANES);
	for (size_t x = 0; x < (size_t)t->n; x++)
		for (size_t k = 0; k < c; k++)
			lanes(u->in + ((size_t)t->first[x] * c + k) * LANES, c * LANES, t->weight + x * (size_t)t->max, t->count[x], u->out + (x * c + k) * LANES);
	transpose(u->out, LANES, (size_t)t->n * c, rows, out, to);
}

#define ROWS(level)                                                                                                                       \
	static void rows_##level(const struct taps *t, const struct turned *u, const uint8_t *in, size_t stride, size_t c, size_t n, uint8_t *out, size_t to) \
	{                                                                                                                                  \
		resize_rows(t, u, in, stride, c, n, out, to, turn_##level, weigh_##level);                                                 \
	}
ROWS(plain)
#if defined(__x86_64__)
TARGET_AVX2 ROWS(avx2)
#define turn_avx512 turn_avx2
TARGET_AVX512 ROWS(avx512)
#endif

static void resize_row(const struct taps *t, const uint8_t *in, size_t c, uint8_t *out)
{
	for (size_t x = 0; x < (size_t)t->n; x++)
		for (size_t k = 0; k < c; k++)
			weigh(in + (size_t)t->first[x] * c + k, c, t->weight + x * (size_t)t->max, t->count[x], 1, out + x * c + k);
}

static int resize_width(const struct picture *in, int width, struct picture *out, struct fail *f)
{
	struct taps t;
	struct turned u;
	if (picture_alloc(out, (size_t)width, (size_t)in->height, in->channels, f))
		return -1;
	if (taps_open(&t, in->width, width, f)) {
		picture_free(out);
		return -1;
	}
	size_t c = (size_t)in->channels, stride = (size_t)in->width * c, to = (size_t)width * c, h = (size_t)in->height;
	int bad = turned_open(&u, &t, c, f);
	while (!bad && taps_next(&t)) {
		const uint8_t *from = in->pixels;
		uint8_t *p = out->pixels + (size_t)t.start * c;
		size_t step = u.in ? LANES : 1;
		for (size_t y = 0; y < h; y += step, from += step * stride, p += step * to)
			if (u.in)
				SIMD_DISPATCH(rows)(&t, &u, from, stride, c, h - y < LANES ? h - y : LANES, p, to);
			else
				resize_row(&t, from, c, p);
	}
	turned_free(&u);
	taps_free(&t);
	if (bad)
		picture_free(out);
	return bad;
}

/* --- along columns --- */

INLINE void resize_columns(const uint8_t *in, size_t n, const int32_t *w, int taps, uint8_t *out, weigh_lanes *lanes)
{
	for (size_t i = 0; i < n; i += LANES)
		if (n - i < LANES)
			weigh(in + i, n, w, taps, n - i, out + i);
		else
			lanes(in + i, n, w, taps, out + i);
}

#define COLUMNS(level) \
	static void columns_##level(const uint8_t *in, size_t n, const int32_t *w, int taps, uint8_t *out) { resize_columns(in, n, w, taps, out, weigh_##level); }
COLUMNS(plain)
#if defined(__x86_64__)
TARGET_AVX2 COLUMNS(avx2)
TARGET_AVX512 COLUMNS(avx512)
#endif

static int resize_height(const struct picture *in, int height, struct picture *out, struct fail *f)
{
	struct taps t;
	if (picture_alloc(out, (size_t)in->width, (size_t)height, in->channels, f))
		return -1;
	if (taps_open(&t, in->height, height, f)) {
		picture_free(out);
		return -1;
	}
	size_t n = (size_t)in->width * (size_t)in->channels;
	while (taps_next(&t))
		for (int y = 0; y < t.n; y++)
			SIMD_DISPATCH(columns)(in->pixels + (size_t)t.first[y] * n, n, t.weight + (size_t)y * (size_t)t.max, t.count[y], out->pixels + (size_t)(t.start + y) * n);
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
