/* A picture is read once, row by row: colours, gray, and the detail of the gray rows. Runs of rows are then searched in the gray
 * picture, and runs of columns in its transpose. */
#include "stat/picture_stat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/transpose.h"

enum { BINS = 17, COLOURED = 8, DIFFERENT = 8, INSIDE = 8 };

struct sums {
	uint64_t channel[3], chroma, coloured; /* of R, G, B; of max - min; pixels with max - min above COLOURED */
	uint64_t laplacian2, noise;
	int64_t laplacian;
	uint8_t low[3], high[3];
	uint32_t gray[256], colour[BINS * BINS * BINS];
};

/* --- sums over a row --- */

enum { BLOCK = 2048 }; /* pixels whose sums fit 32 bits */

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* colour [n]: the bins of the pixels. */
INLINE void colour_block(const uint8_t *p, size_t n, uint8_t *gray, uint16_t *colour, struct sums *s)
{
	uint32_t r = 0, g = 0, b = 0, chroma = 0, coloured = 0;
	uint8_t low0 = s->low[0], low1 = s->low[1], low2 = s->low[2], high0 = s->high[0], high1 = s->high[1], high2 = s->high[2];
	for (size_t i = 0; i < n; i++) {
		uint8_t x = p[3 * i], y = p[3 * i + 1], z = p[3 * i + 2];
		uint8_t least = MIN(x, MIN(y, z)), most = MAX(x, MAX(y, z)), difference = (uint8_t)(most - least);
		gray[i] = (uint8_t)((19595u * x + 38470u * y + 7471u * z + 32768) >> 16);
		colour[i] = (uint16_t)(((x + 8) / 16 * BINS + (y + 8) / 16) * BINS + (z + 8) / 16);
		r += x;
		g += y;
		b += z;
		chroma += difference;
		coloured += difference > COLOURED;
		low0 = MIN(low0, x);
		low1 = MIN(low1, y);
		low2 = MIN(low2, z);
		high0 = MAX(high0, x);
		high1 = MAX(high1, y);
		high2 = MAX(high2, z);
	}
	s->channel[0] += r;
	s->channel[1] += g;
	s->channel[2] += b;
	s->chroma += chroma;
	s->coloured += coloured;
	memcpy(s->low, (uint8_t[]){low0, low1, low2}, 3);
	memcpy(s->high, (uint8_t[]){high0, high1, high2}, 3);
}

INLINE void colour_row(const uint8_t *p, size_t n, uint8_t *gray, struct sums *s)
{
	uint16_t colour[BLOCK];
	for (size_t i = 0; i < n; i += BLOCK) {
		size_t m = n - i < BLOCK ? n - i : BLOCK;
		colour_block(p + 3 * i, m, gray + i, colour, s);
		for (size_t k = 0; k < m; k++)
			s->colour[colour[k]]++;
	}
}

/* n inner pixels; a, b, c point to the pixel at the left of the first, in three rows. */
INLINE void detail_block(const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t n, struct sums *s)
{
	int32_t sum = 0, squares = 0, noise = 0;
	for (size_t i = 0; i < n; i++) {
		int16_t cross = (int16_t)(a[i + 1] + b[i] + b[i + 2] + c[i + 1]), corners = (int16_t)(a[i] + a[i + 2] + c[i] + c[i + 2]);
		int16_t l = (int16_t)(cross - 4 * b[i + 1]), m = (int16_t)(corners - 2 * cross + 4 * b[i + 1]);
		sum += l;
		squares += l * l;
		noise += m < 0 ? -m : m;
	}
	s->laplacian += sum;
	s->laplacian2 += (uint64_t)squares;
	s->noise += (uint64_t)noise;
}

INLINE void detail_row(const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t n, struct sums *s)
{
	for (size_t i = 0; i < n; i += BLOCK)
		detail_block(a + i, b + i, c + i, n - i < BLOCK ? n - i : BLOCK, s);
}

INLINE uint32_t difference_block(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (uint32_t)abs(a[i] - b[i]);
	return sum;
}

SIMD_VARIANTS(void, colours, (const uint8_t *p, size_t n, uint8_t *gray, struct sums *s), { colour_row(p, n, gray, s); })
SIMD_VARIANTS(void, details, (const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t n, struct sums *s), { detail_row(a, b, c, n, s); })
SIMD_VARIANTS(uint32_t, difference, (const uint8_t *a, const uint8_t *b, size_t n), { return difference_block(a, b, n); })

/* Rows of one gray level have sums over the histogram alone. */
static void count_row(const uint8_t *gray, size_t n, struct sums *s)
{
	for (size_t i = 0; i < n; i++)
		s->gray[gray[i]]++;
}

static void sum_pixels(const struct picture *p, uint8_t *gray, struct sums *s)
{
	size_t w = (size_t)p->width, h = (size_t)p->height, row = w * (size_t)p->channels;
	*s = (struct sums){.low = {255, 255, 255}};
	for (size_t y = 0; y < h; y++) {
		const uint8_t *from = p->pixels + y * row;
		uint8_t *to = gray + y * w;
		if (p->channels == 3)
			SIMD_DISPATCH(colours)(from, w, to, s);
		else
			memcpy(to, from, w);
		count_row(to, w, s);
		if (y > 1 && w > 2)
			SIMD_DISPATCH(details)(to - 2 * w, to - w, to, w - 2, s);
	}
}

/* --- runs of equal rows --- */

struct lines { /* rows, or columns, of a picture */
	const uint8_t *y; /* [n][length] */
	size_t n, length;
};

static int rows_equal(const struct lines *r, size_t i, size_t j)
{
	return SIMD_DISPATCH(difference)(r->y + i * r->length, r->y + j * r->length, r->length) <= STAT_EQUAL * r->length;
}

static double run_share(const struct lines *r, size_t run) { return run > 1 ? (double)run / (double)r->n : 0; }

static double longest_run(const struct lines *r)
{
	size_t longest = 1;
	for (size_t first = 0, i = 1; i < r->n; i++) {
		if (!rows_equal(r, first, i))
			first = i;
		longest = MAX(longest, i - first + 1);
	}
	return run_share(r, longest);
}

/* The share of the pixels in which row i differs from the edge. */
static double different_share(const struct lines *r, size_t edge, size_t i)
{
	const uint8_t *a = r->y + edge * r->length, *b = r->y + i * r->length;
	size_t n = 0;
	for (size_t k = 0; k < r->length; k++)
		n += abs(a[k] - b[k]) > DIFFERENT;
	return (double)n / (double)r->length;
}

static double edge_level(const struct lines *r, size_t edge)
{
	uint64_t sum = 0;
	for (size_t k = 0; k < r->length; k++)
		sum += r->y[edge * r->length + k];
	return (double)sum / (double)r->length / 255;
}

/* The border at the first row, or at the last one. */
static void find_border(const struct lines *r, int last, double *border, double *step, double *level)
{
	size_t edge = last ? r->n - 1 : 0, run = 1;
	while (run < r->n && rows_equal(r, edge, last ? edge - run : run))
		run++;
	*border = run_share(r, run);
	*level = edge_level(r, edge);
	*step = 0;
	for (size_t i = run; run > 1 && i < r->n && i < run + INSIDE; i++)
		*step = fmax(*step, different_share(r, edge, last ? edge - i : i));
}

static void find_runs(const struct picture *p, const struct stat_scratch *s, struct picture_stat *out)
{
	size_t w = (size_t)p->width, h = (size_t)p->height;
	const struct lines rows = {s->gray, h, w}, columns = {s->turned, w, h};
	transpose(s->gray, w, h, w, s->turned, h);
	out->equal_rows = longest_run(&rows);
	out->equal_columns = longest_run(&columns);
	for (int i = 0; i < SIDES; i++)
		find_border(i < SIDE_LEFT ? &rows : &columns, i == SIDE_BOTTOM || i == SIDE_RIGHT, &out->border[i], &out->step[i], &out->edge[i]);
}

/* --- from sums to statistics --- */

static void from_histogram(const uint32_t *count, double n, struct picture_stat *out)
{
	uint64_t sum = 0, squares = 0;
	double entropy = 0;
	for (uint64_t v = 0; v < 256; v++) {
		sum += v * count[v];
		squares += v * v * count[v];
		if (count[v])
			entropy -= count[v] / n * log2(count[v] / n);
	}
	double mean = (double)sum / n;
	out->brightness = mean / 255;
	out->contrast = sqrt(fmax(0, (double)squares / n - mean * mean)) / 255;
	out->entropy = fmax(0, entropy);
}

static void from_colours(const struct sums *s, int channels, double n, struct picture_stat *out)
{
	uint32_t most = 0, gray[BINS] = {0};
	for (size_t v = 0; v < 256; v++)
		gray[(v + 8) / 16] += s->gray[v];
	for (size_t i = 0; i < (channels == 3 ? BINS * BINS * BINS : BINS); i++)
		most = MAX(most, (channels == 3 ? s->colour : gray)[i]);
	out->common = most / n;
	out->saturation = (double)s->chroma / n / 255;
	out->warmth = ((double)s->channel[0] - (double)s->channel[2]) / n / 255;
	out->tint = ((double)s->channel[1] - ((double)s->channel[0] + (double)s->channel[2]) / 2) / n / 255;
	out->gray = (double)s->coloured <= fmax(1, n / 1000);
	int low = 0, high = 255;
	for (; channels == 1 && !s->gray[low]; low++)
		;
	for (; channels == 1 && !s->gray[high]; high--)
		;
	out->range = channels == 1 ? high - low : 0;
	for (int c = 0; c < 3 && channels == 3; c++)
		out->range = MAX(out->range, s->high[c] - s->low[c]);
}

static void from_details(const struct sums *s, double n, struct picture_stat *out)
{
	double mean = (double)s->laplacian / n;
	out->sharpness = n > 0 ? fmax(0, (double)s->laplacian2 / n - mean * mean) / (255 * 255) : NAN;
	out->noise = n > 0 ? sqrt(acos(-1) / 2) / 6 * (double)s->noise / n / 255 : NAN;
}

static int reserve(struct stat_scratch *s, size_t n, struct fail *f)
{
	if (n <= s->cap)
		return 0;
	stat_scratch_free(s);
	s->gray = calloc(n, 1);
	s->turned = calloc(n, 1);
	if (!s->gray || !s->turned) {
		stat_scratch_free(s);
		return fail_memory_for(f, "a picture of %zu pixels", n);
	}
	s->cap = n;
	return 0;
}

int picture_stat(const struct picture *p, size_t bytes, struct stat_scratch *s, struct picture_stat *out, struct fail *f)
{
	size_t w = (size_t)p->width, h = (size_t)p->height;
	struct sums sums;
	if (reserve(s, w * h, f))
		return -1;
	*out = (struct picture_stat){.width = p->width, .height = p->height, .channels = p->channels};
	double n = (double)w * (double)h;
	out->bytes_per_pixel = (double)bytes / n;
	sum_pixels(p, s->gray, &sums);
	from_histogram(sums.gray, n, out);
	from_colours(&sums, p->channels, n, out);
	from_details(&sums, w > 2 && h > 2 ? (double)(w - 2) * (double)(h - 2) : 0, out);
	find_runs(p, s, out);
	return 0;
}

void stat_scratch_free(struct stat_scratch *s)
{
	free(s->gray);
	free(s->turned);
	*s = (struct stat_scratch){0};
}
