/* Statistics of pictures and vectors against a naive version in double precision, written from the definitions in the headers, and the
 * rules for damage on pictures drawn for them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "stat/damage.h"
#include "tap.h"

static int level(const struct picture *p, int x, int y, int c) { return p->pixels[(y * p->width + x) * p->channels + (p->channels == 3 ? c : 0)]; }

static int gray(const struct picture *p, int x, int y)
{
	if (p->channels == 1)
		return level(p, x, y, 0);
	return (int)floor((19595.0 * level(p, x, y, 0) + 38470.0 * level(p, x, y, 1) + 7471.0 * level(p, x, y, 2) + 32768) / 65536);
}

static int spread(const struct picture *p, int x, int y)
{
	int r = level(p, x, y, 0), g = level(p, x, y, 1), b = level(p, x, y, 2);
	return (int)(fmax(r, fmax(g, b)) - fmin(r, fmin(g, b)));
}

/* Pixel k of line i: of a row, or of a column. */
static int on_line(const struct picture *p, int columns, int i, int k) { return columns ? gray(p, i, k) : gray(p, k, i); }

static int lines_equal(const struct picture *p, int columns, int i, int j)
{
	int n = columns ? p->height : p->width;
	double sum = 0;
	for (int k = 0; k < n; k++)
		sum += fabs((double)on_line(p, columns, i, k) - on_line(p, columns, j, k));
	return sum / n <= STAT_EQUAL;
}

static double longest(const struct picture *p, int columns)
{
	int n = columns ? p->width : p->height, best = 0;
	for (int first = 0, next; first < n; first = next) {
		for (next = first + 1; next < n && lines_equal(p, columns, first, next); next++)
			;
		best = next - first > best ? next - first : best;
	}
	return best > 1 ? (double)best / n : 0;
}

static void border(const struct picture *p, enum side side, struct picture_stat *s)
{
	int columns = side >= SIDE_LEFT, n = columns ? p->width : p->height, length = columns ? p->height : p->width, run = 1;
	int edge = side == SIDE_TOP || side == SIDE_LEFT ? 0 : n - 1, step = edge ? -1 : 1;
	while (run < n && lines_equal(p, columns, edge, edge + step * run))
		run++;
	s->border[side] = run > 1 ? (double)run / n : 0;
	s->edge[side] = s->step[side] = 0;
	for (int k = 0; k < length; k++)
		s->edge[side] += on_line(p, columns, edge, k) / 255.0 / length;
	for (int i = run; run > 1 && i < n && i < run + 8; i++) {
		double different = 0;
		for (int k = 0; k < length; k++)
			different += abs(on_line(p, columns, edge + step * i, k) - on_line(p, columns, edge, k)) > 8;
		s->step[side] = fmax(s->step[side], different / length);
	}
}

static void naive_detail(const struct picture *p, struct picture_stat *s)
{
	double n = 0, mean = 0, variance = 0, noise = 0;
	for (int pass = 0; pass < 2; pass++) {
		n = 0;
		noise = 0;
		double sum = 0;
		for (int y = 1; y < p->height - 1; y++)
			for (int x = 1; x < p->width - 1; x++, n++) {
				static const int mask[3][3] = {{1, -2, 1}, {-2, 4, -2}, {1, -2, 1}}, cross[3][3] = {{0, 1, 0}, {1, -4, 1}, {0, 1, 0}};
				double m = 0, l = 0;
				for (int i = 0; i < 3; i++)
					for (int j = 0; j < 3; j++) {
						m += mask[i][j] * gray(p, x + j - 1, y + i - 1) / 255.0;
						l += cross[i][j] * gray(p, x + j - 1, y + i - 1) / 255.0;
					}
				noise += fabs(m);
				sum += pass ? (l - mean) * (l - mean) : l;
			}
		*(pass ? &variance : &mean) = sum / n;
	}
	s->sharpness = variance;
	s->noise = sqrt(3.14159265358979323846 / 2) * noise / (6 * n);
}

static void naive_light(const struct picture *p, struct picture_stat *s)
{
	double n = (double)p->width * p->height, coloured = 0;
	int low[3] = {255, 255, 255}, high[3] = {0};
	double histogram[256] = {0};
	static double colours[18 * 18 * 18];
	memset(colours, 0, sizeof colours);
	for (int y = 0; y < p->height; y++)
		for (int x = 0; x < p->width; x++) {
			int v[3] = {level(p, x, y, 0), level(p, x, y, 1), level(p, x, y, 2)}, at = 0;
			s->brightness += gray(p, x, y) / 255.0 / n;
			s->saturation += spread(p, x, y) / 255.0 / n;
			s->warmth += (v[0] - v[2]) / 255.0 / n;
			s->tint += (v[1] - (v[0] + v[2]) / 2.0) / 255.0 / n;
			coloured += spread(p, x, y) > 8;
			histogram[gray(p, x, y)]++;
			for (int c = 0; c < 3; c++) {
				at = at * 18 + (int)floor((v[c] + 8) / 16.0);
				low[c] = v[c] < low[c] ? v[c] : low[c];
				high[c] = v[c] > high[c] ? v[c] : high[c];
			}
			colours[at]++;
		}
	for (int i = 0; i < 256; i++) {
		s->contrast += histogram[i] / n * (i / 255.0 - s->brightness) * (i / 255.0 - s->brightness);
		s->entropy -= histogram[i] > 0 ? histogram[i] / n * log(histogram[i] / n) / log(2) : 0;
	}
	s->contrast = sqrt(s->contrast);
	for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
		s->common = fmax(s->common, colours[i] / n);
	s->gray = coloured <= 1 || coloured / n <= 0.001;
	for (int c = 0; c < 3; c++)
		s->range = high[c] - low[c] > s->range ? high[c] - low[c] : s->range;
}

static void naive(const struct picture *p, size_t bytes, struct picture_stat *s)
{
	*s = (struct picture_stat){.width = p->width, .height = p->height, .channels = p->channels, .bytes_per_pixel = (double)bytes / p->width / p->height};
	naive_light(p, s);
	naive_detail(p, s);
	s->equal_rows = longest(p, 0);
	s->equal_columns = longest(p, 1);
	for (int i = 0; i < SIDES; i++)
		border(p, (enum side)i, s);
}

static double worst; /* relative error, or absolute below 1 */

static void compare(double got, double expected)
{
	double e = isnan(expected) ? (isnan(got) ? 0 : INFINITY) : fabs(got - expected) / fmax(1, fabs(expected));
	worst = e > worst || isnan(e) ? (isnan(e) ? INFINITY : e) : worst;
}

static int agrees(const struct picture *p)
{
	static struct stat_scratch scratch; /* kept, as a tool keeps it */
	struct picture_stat a, b;
	struct fail f = {{0}};
	if (picture_stat(p, 1234, &scratch, &a, &f))
		return 0;
	naive(p, 1234, &b);
	const double got[] = {a.bytes_per_pixel, a.brightness, a.contrast, a.saturation, a.warmth, a.tint, a.sharpness, a.noise, a.entropy, a.common,
	                      a.equal_rows, a.equal_columns, a.gray, a.range, a.width, a.height, a.channels};
	const double expected[] = {b.bytes_per_pixel, b.brightness, b.contrast, b.saturation, b.warmth, b.tint, b.sharpness, b.noise, b.entropy, b.common,
	                           b.equal_rows, b.equal_columns, b.gray, b.range, b.width, b.height, b.channels};
	worst = 0;
	for (size_t i = 0; i < sizeof got / sizeof *got; i++)
		compare(got[i], expected[i]);
	for (int i = 0; i < SIDES; i++) {
		compare(a.border[i], b.border[i]);
		compare(a.step[i], b.step[i]);
		compare(a.edge[i], b.edge[i]);
	}
	return worst < 1e-9;
}

static struct picture blank(int width, int height, int channels, int value)
{
	struct picture p;
	struct fail f = {{0}};
	if (picture_alloc(&p, (size_t)width, (size_t)height, channels, &f))
		abort();
	memset(p.pixels, value, (size_t)width * (size_t)height * (size_t)channels);
	return p;
}

static void fill(struct picture *p, int x0, int x1, int y0, int y1, int value, int noise)
{
	for (int y = y0; y < y1; y++)
		for (int x = x0; x < x1; x++)
			for (int c = 0; c < p->channels; c++)
				p->pixels[(y * p->width + x) * p->channels + c] = (uint8_t)fmin(255, fmax(0, value + noise * (2 * uniform() - 1)));
}

/* A picture of smooth ground and noise, with borders of random width. */
static struct picture draw(int width, int height, int channels)
{
	struct picture p = blank(width, height, channels, 0);
	fill(&p, 0, width, 0, height, 128, (int)(uniform() * 200));
	if (uniform() < 0.5)
		fill(&p, 0, width, height - (int)(uniform() * height), height, (int)(uniform() * 256), (int)(uniform() * 5));
	if (uniform() < 0.3)
		fill(&p, 0, (int)(uniform() * width), 0, height, (int)(uniform() * 256), (int)(uniform() * 5));
	if (uniform() < 0.3)
		fill(&p, 0, width, 0, (int)(uniform() * height), (int)(uniform() * 256), 1);
	return p;
}

static void test_pictures(void)
{
	int bad = 0, n = 0;
	double most = 0;
	for (int i = 0; i < 600; i++, n++) {
		int w = 1 + (int)(uniform() * (i % 50 ? 70 : 5000)), h = 1 + (int)(uniform() * (i % 50 ? 70 : 9));
		struct picture p = draw(w, h, uniform() < 0.5 ? 1 : 3);
		if (w < 3 || h < 3) {
			struct stat_scratch s = {0};
			struct picture_stat a;
			struct fail f = {{0}};
			bad += picture_stat(&p, 1, &s, &a, &f) || !isnan(a.sharpness) || !isnan(a.noise);
			stat_scratch_free(&s);
		} else {
			bad += !agrees(&p);
			most = fmax(most, worst);
		}
		picture_free(&p);
	}
	ok(!bad, "%d pictures agree with the naive version (%d do not; largest error %.2g)", n, bad, most);
	struct picture p = blank(4100, 5, 3, 0); /* sums of the largest Laplacians in more than one block */
	for (int i = 0; i < 4100 * 5 * 3; i++)
		p.pixels[i] = i / 3 % 2 ? 255 : 0;
	ok(agrees(&p), "a board of black and white columns (error %.2g)", worst);
	picture_free(&p);
}

/* --- vectors --- */

static void vector(const double *v, size_t n, struct vector_stat *out)
{
	const struct npy a = {.type = NPY_F8, .ndim = 1, .shape = {n}, .count = n, .values = v};
	vector_stat(&a, out);
}

static void test_vectors(void)
{
	struct vector_stat s;
	const double v[] = {3, -4, 0, 0, NAN, 12, -INFINITY, 0};
	vector(v, 8, &s);
	double mean = 11.0 / 6, deviation = sqrt((9 + 16 + 144) / 6.0 - mean * mean);
	ok(s.values == 8 && s.missing == 0.25 && s.zeros == 0.375, "values, missing, zeros");
	near(s.norm, 13, 1e-15, "norm");
	near(s.mean, mean, 1e-15, "mean");
	near(s.deviation, deviation, 1e-14, "deviation");
	near(s.largest, 12, 1e-15, "largest");
	near(s.largest_z, (12 - mean) / deviation, 1e-14, "largest z");
	const double huge[] = {1e300, -1e300, 3e-300};
	vector(huge, 3, &s);
	near(s.norm, sqrt(2) * 1e300, 1e-15, "norm of huge numbers");
	near(s.deviation, sqrt(2 / 3.0) * 1e300, 1e-15, "deviation of huge numbers");
	const double equal[] = {0.1, 0.1, 0.1};
	vector(equal, 3, &s);
	ok(s.deviation == 0 && s.largest_z == 0 && s.mean == 0.1, "equal values");
	ok(damage_of_vector(&s).set == 1u << DAMAGE_BLANK, "equal values are blank");
	const double none[] = {NAN, INFINITY};
	vector(none, 2, &s);
	ok(s.missing == 1 && isnan(s.norm) && isnan(s.largest_z), "nothing but missing values");
	ok(damage_of_vector(&s).set == 1u << DAMAGE_MISSING, "missing values");
	vector(none, 0, &s);
	ok(s.values == 0 && s.missing == 0, "no values");
	struct vector_stat large;
	static double many[5000];
	double sum = 0, squares = 0, most = 0;
	for (int i = 0; i < 5000; i++)
		sum += many[i] = 100 + normal();
	for (int i = 0; i < 5000; i++)
		squares += (many[i] - sum / 5000) * (many[i] - sum / 5000);
	for (int i = 0; i < 5000; i++)
		most = fmax(most, fabs(many[i] - sum / 5000) / sqrt(squares / 5000));
	vector(many, 5000, &large);
	near(large.largest_z, most, 1e-10, "largest z of 5000 values");
}

/* --- damage --- */

static unsigned damage(const struct picture *p)
{
	struct stat_scratch s = {0};
	struct picture_stat a;
	struct fail f = {{0}};
	unsigned got = picture_stat(p, 1, &s, &a, &f) ? ~0u : damage_of_picture(&a).set;
	stat_scratch_free(&s);
	return got;
}

static void check(struct picture p, unsigned expected, const char *what)
{
	unsigned got = damage(&p);
	ok(got == expected, "%s (%x, expected %x)", what, got, expected);
	picture_free(&p);
}

/* A photograph: noise in colour. */
static struct picture photo(void)
{
	struct picture p = blank(40, 60, 3, 0);
	fill(&p, 0, 40, 0, 60, 120, 100);
	return p;
}

static void test_damage(void)
{
	enum { BLANK = 1u << DAMAGE_BLANK, UNIFORM = 1u << DAMAGE_UNIFORM, CUT = 1u << DAMAGE_CUT, BARRED = 1u << DAMAGE_BARRED, GRAY = 1u << DAMAGE_GRAY };
	struct picture p = photo();
	check(p, 0, "a photograph");
	p = photo();
	fill(&p, 0, 40, 50, 60, 128, 1);
	check(p, CUT, "cut");
	p = photo();
	fill(&p, 0, 40, 58, 60, 128, 1);
	check(p, 0, "a border of two rows in 60 is no cut");
	p = photo();
	fill(&p, 0, 40, 0, 10, 128, 1);
	check(p, 0, "a border at the top alone is no damage");
	p = photo();
	fill(&p, 0, 40, 0, 10, 0, 0);
	fill(&p, 0, 40, 50, 60, 2, 1);
	check(p, BARRED, "bars at top and bottom");
	p = photo();
	fill(&p, 0, 5, 0, 60, 255, 2);
	fill(&p, 30, 40, 0, 60, 255, 2);
	check(p, BARRED, "bars at left and right");
	p = photo();
	fill(&p, 0, 40, 0, 10, 0, 0);
	fill(&p, 0, 40, 50, 60, 128, 0);
	check(p, CUT, "borders of different gray are no bars");
	p = photo();
	for (int y = 40; y < 60; y++)
		fill(&p, 0, 40, y, y + 1, 40 + 5 * (y - 40), 1);
	check(p, 0, "a gradient is no border");
	check(blank(9, 9, 1, 7), BLANK, "blank");
	p = blank(50, 50, 1, 0);
	fill(&p, 0, 50, 0, 50, 100, 4);
	check(p, BLANK, "blank with noise of 4 levels");
	p = blank(100, 100, 3, 255);
	fill(&p, 40, 45, 40, 50, 10, 3);
	check(p, GRAY | UNIFORM, "a dot on white is nearly uniform, and gray");
	p = blank(28, 28, 1, 0);
	fill(&p, 10, 18, 5, 23, 255, 0);
	check(p, GRAY, "a thick digit has no bars");
	struct damage_counts c = {0};
	const struct damage_signs barred = {BARRED, 16}, black = {CUT, 0}, ends_gray = {CUT | GRAY, 8}, empty = {BLANK, 0}, sound = {0, 0};
	for (int i = 0; i < 100; i++)
		damage_count(&c, i < 5 ? &barred : i < 11 ? &black : i < 14 ? &ends_gray : i < 60 ? &empty : &sound);
	ok(damage_named(&c, &barred) == BARRED, "5 in 100 are damage");
	ok(damage_named(&c, &black) == 0, "6 in 100 are how the pictures look");
	ok(damage_named(&c, &ends_gray) == (CUT | GRAY), "a border of another gray is counted by itself");
	ok(damage_named(&c, &empty) == BLANK, "blank is always damage");
}

int main(void)
{
	test_pictures();
	test_vectors();
	test_damage();
	return done();
}
