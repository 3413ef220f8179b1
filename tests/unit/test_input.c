/* src/input against results of numpy and Pillow (tests/data/input), and on files written out here. */
#include <math.h>
#include "input/jpeg_writer.h"
#include "input_files.h"

static void check_npy(const char *name, const struct buf *b, const char *rest)
{
	struct npy n;
	struct fail f;
	struct buf h = {0};
	int type, used, ndim = 0, same = 1;
	unsigned expected;
	size_t dim;
	sscanf(rest, "%d %x%n", &type, &expected, &used);
	int r = npy_parse(b->p, b->len, &n, &f);
	ok(!r && (int)n.type == type, "%s: parsed", name);
	for (; sscanf(rest += used, "%zu%n", &dim, &used) == 1; ndim++)
		same &= n.shape[ndim] == dim;
	size_t size = type == NPY_U8 ? 1 : type == NPY_F4 ? 4 : 8;
	ok(same && n.ndim == ndim && crc(n.values, n.count * size) == expected, "%s: shape and values", name);
	if (b->p[6] != 1)
		return;
	r = npy_header(&h, n.type, n.ndim, n.shape, &f);
	ok(!r && h.len == b->len - n.count * size && !memcmp(h.p, b->p, h.len), "%s: the header that numpy writes", name);
	buf_free(&h);
}

static void check_case(const char *verb, const char *name, const char *rest)
{
	struct buf b = load(name);
	struct picture p = {0}, q = {0};
	struct fail f = {0};
	int w, h, c;
	unsigned expected;
	if (!strcmp(verb, "npy")) {
		check_npy(name, &b, rest);
	} else if (!strcmp(verb, "values")) {
		double v[64];
		sscanf(rest, "%d %x", &w, &expected);
		int r = input_vector(b.p, b.len, w, v, &f);
		ok(!r && crc(v, (size_t)w * sizeof *v) == expected, "values of %s %s", name, f.msg);
	} else if (!strcmp(verb, "refuse")) {
		refused(format_of(name), b.p, b.len, rest, name);
	} else if (!strcmp(verb, "decode")) {
		sscanf(rest, "%d %d %d %x", &w, &h, &c, &expected);
		int r = decode(format_of(name), b.p, b.len, &p, &f);
		ok(!r && p.width == w && p.height == h && p.channels == c && crc(p.pixels, (size_t)(w * h * c)) == expected,
		   "decode %s %s%s", name, rest, f.msg);
	} else if (!strcmp(verb, "resize")) {
		sscanf(rest, "%d %d %x", &w, &h, &expected);
		int r = decode(format_of(name), b.p, b.len, &p, &f) || picture_resize(&p, w, h, &q, &f);
		ok(!r && q.width == w && q.height == h && crc(q.pixels, (size_t)(w * h * q.channels)) == expected,
		   "resize %s %s%s", name, rest, f.msg);
	} else {
		int reduced = !strcmp(verb, "reduced");
		sscanf(rest, "%d %d %d %x", &c, &h, &w, &expected);
		size_t n = (size_t)(c * h * w);
		uint8_t *t = malloc(n);
		int r = input_decode(b.p, b.len, &(struct input_form){c, h, w, reduced}, t, NULL, &f);
		ok(!r && (reduced || !strcmp(verb, "tensor")) && crc(t, n) == expected, "%s %s %s%s", verb, name, rest, f.msg);
		free(t);
	}
	picture_free(&p);
	picture_free(&q);
	buf_free(&b);
}

static void test_cases(void)
{
	struct buf b = load("cases.txt");
	int n = 0;
	for (char *line = strtok(b.p, "\n"); line; line = strtok(NULL, "\n"), n++) {
		char verb[16], name[64];
		int at;
		if (sscanf(line, "%15s %63s %n", verb, name, &at) == 2)
			check_case(verb, name, line + at);
	}
	ok(n > 150, "%d cases read", n);
	buf_free(&b);
}

static void test_literals(void)
{
	static const struct {
		const char *text, *word; /* word: in the message; NULL: decodes to 1 and 2 */
	} pnm[] = {
		{"P2 2 1 255 1 2", NULL},        {"P2#x\n2 1 255\n1#y\n2#z", NULL}, {"P5 2 1 255\n\1\2", NULL},
		{"P2 2 1 256 1 2", NULL}, /* 1 of 256 is 255.996 of 65535, rounded before the high byte is taken */
		{"P5 2 1 255\n\1\2\3", NULL},    {"P5 2 1#\n255#\n\1\2", NULL},     {"P4 2 1\n\1", "P5"},       {"P52 1 255\n\1\2", "white space"},
		{"P5 2 2 255\n\1\2\3", "truncated"}, {"P5 2 1 65536\n\1\2", "65535"},   {"P5 2 1 1\n\1\2", "maxval of 1"},
		{"P2 2 1 255 1 256", "255"},     {"P2 2 1 255 1 -2", "0x2d"},       {"P2 2 1 255 1", "1 bytes of samples, expected 3"},
		{"P5 99999999999999999999 1 255\n\1\2", "width"}, {"P5 2 x 255\n\1\2", "height"}, {"P5 2 1 0\n\1\2", "maxval"},
	};
	for (size_t i = 0; i < sizeof pnm / sizeof *pnm; i++) {
		struct picture p;
		struct fail f;
		if (pnm[i].word) {
			refused(INPUT_NETPBM, pnm[i].text, strlen(pnm[i].text), pnm[i].word, "netpbm");
			continue;
		}
		int r = decode(INPUT_NETPBM, pnm[i].text, strlen(pnm[i].text), &p, &f);
		ok(!r && p.width == 2 && p.height == 1 && p.pixels[0] == 1 && p.pixels[1] == 2, "netpbm %zu %s", i, f.msg);
		picture_free(&p);
	}
	static const struct {
		const char *text, *word; /* the header, which 6 bytes of values follow; word: in the message; NULL: parses */
	} npy[] = {
		{"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", NULL},
		{"{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"|u1\"}", NULL},
		{" { 'shape' : ( 6 , ) , 'descr' : '|u1' , 'fortran_order' : True } \n", NULL},
		{"{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", NULL},
		{"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", "6 bytes of values, expected 24"},
		{"{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3), }", "'<c8'"},
		{"{'descr': '|f4', 'fortran_order': False, 'shape': (2, 3), }", "'|f4'"},
		{"{'descr': '', 'fortran_order': False, 'shape': (2, 3), }", "without a type"},
		{"{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (2, 3), }", "plain type"},
		{"{'descr': '|u1', 'fortran_order': Falsy, 'shape': (2, 3), }", "byte 0x46, expected True or False"},
		{"{'descr': '|u1', 'fortran_order': False, 'shape': (6), }", "(6,)"},
		{"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 4), }", "6 bytes of values, expected 8 by its shape"},
		{"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }", "expected 4"},
		{"{'descr': '|u1', 'fortran_order': False, 'shape': (-2, 3), }", "a dimension"},
		{"{'descr': '|u1', 'fortran_order': False, 'shape': (2 3), }", "a comma"},
		{"{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296, 6), }", "more than"},
		{"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,), }", "larger than"},
		{"{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,6), }", "8 dimensions"},
		{"{'descr': '|u1', 'fortran_order': False, }", "lacks the key 'shape'"},
		{"{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (6,), }", "twice"},
		{"{'descr': '|u1', 'fortran_order': False, 'shape': (6,), 'x': 1}", "not known"},
		{"{'descr': '|u1', 'fortran_order': False, 'shape': (6,)} x", "its end"},
		{"{'descr': '|u1", "closing quote"},
	};
	for (size_t i = 0; i < sizeof npy / sizeof *npy; i++) {
		char file[256];
		struct npy n;
		struct fail f = {0};
		size_t len = strlen(npy[i].text);
		memcpy(file, "\x93NUMPY\1\0", 8);
		file[8] = (char)len, file[9] = 0;
		memcpy(file + 10, npy[i].text, len);
		memset(file + 10 + len, 7, 6);
		if (npy[i].word)
			refused(INPUT_NPY, file, len + 16, npy[i].word, "npy");
		else
			ok(!npy_parse(file, len + 16, &n, &f) && n.count == 6 && *(const char *)n.values == 7, "npy %zu %s", i, f.msg);
	}
}

/* A value of every type, and values that are not finite as float32. */
static void test_vectors(void)
{
	static const struct {
		const char *descr, *bytes;
		size_t size;
		double value;
	} one[] = {
		{"|u1", "\xfe", 1, 254},
		{"|i1", "\xfe", 1, -2},
		{"<u2", "\xfe\xff", 2, 65534},
		{"<i2", "\xfe\xff", 2, -2},
		{"<u4", "\xfe\xff\xff\xff", 4, 4294967294.0},
		{"<i4", "\xfe\xff\xff\xff", 4, -2},
		{"<u8", "\0\0\0\0\0\0\0\x80", 8, 0x1p63},
		{"<i8", "\0\0\0\0\0\0\0\x80", 8, -0x1p63},
		{"<f4", "\0\0\x40\xc0", 4, -3},
		{"<f8", "\0\0\0\0\0\0\x08\xc0", 8, -3},
		{">f4", "\xc0\x40\0\0", 4, -3},
		{"|b1", "\2", 1, 1},
		{"<f2", "\0\xc2", 2, -3},
		{"<f2", "\0\x7c", 2, NAN},
		{"<f2", "\0\x7e", 2, NAN},
		{"<f4", "\0\0\xc0\x7f", 4, NAN},
		{"<f4", "\0\0\x80\x7f", 4, NAN},
		{"<f8", "\0\0\0\0\0\0\0\x48", 8, NAN}, /* 2^129 */
	};
	for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
		char file[256];
		double v[2] = {0, 7};
		struct fail f = {0};
		size_t len = (size_t)sprintf(file + 10, "{'descr': '%s', 'fortran_order': False, 'shape': (1, 1)}", one[i].descr);
		memcpy(file, "\x93NUMPY\1\0", 8);
		file[8] = (char)len, file[9] = 0;
		memcpy(file + 10 + len, one[i].bytes, one[i].size);
		int r = input_vector(file, 10 + len + one[i].size, 1, v, &f);
		if (one[i].value == one[i].value)
			ok(!r && v[0] == one[i].value && v[1] == 7, "npy of %s: %.17g %s", one[i].descr, v[0], f.msg);
		else
			ok(r == -1 && strstr(f.msg, "not a finite number"), "npy of %s: %s", one[i].descr, f.msg);
		ok(input_vector(file, 10 + len + one[i].size, 2, v, &f) == -1, "one value, two expected");
	}
	double v[] = {3, 5, -1}, mean[] = {1, 4, -1}, deviation[] = {4, 0, 0.5};
	float x[3];
	input_standardise(&(struct standardisation){mean, deviation}, v, 3, x);
	ok(x[0] == 0.5f && x[1] == 1 && x[2] == 0, "standardised; a deviation of 0 counts as 1: %g %g %g", (double)x[0], (double)x[1], (double)x[2]);
	input_standardise(&(struct standardisation){NULL, NULL}, v, 3, x);
	ok(x[0] == 3 && x[1] == 5 && x[2] == -1, "without a mean, values are unchanged");
}

static void test_encode(void)
{
	static const int size[][3] = {{1, 1, 1}, {28, 28, 1}, {28, 28, 3}, {300, 7, 3}, {7, 300, 1}};
	uint8_t px[300 * 7 * 3];
	struct fail f = {0};
	for (size_t i = 0; i < sizeof px; i++)
		px[i] = (uint8_t)(i * i * 31 >> 5);
	for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
		int w = size[i][0], h = size[i][1], c = size[i][2];
		struct buf b = {0};
		struct picture p;
		int r = buf_add(&b, "tar", 3, &f) || png_encode(px, w, h, c, &b, &f);
		size_t one = b.len - 3;
		ok(!r && !decode(INPUT_PNG, b.p + 3, one, &p, &f) && p.width == w && p.height == h && p.channels == c &&
		       !memcmp(p.pixels, px, (size_t)(w * h * c)), "png_encode %d x %d x %d decodes to the same samples", w, h, c);
		r = png_encode(px, w, h, c, &b, &f);
		ok(!r && !memcmp(b.p, "tar", 3) && b.len == 3 + 2 * one && !memcmp(b.p + 3, b.p + 3 + one, one),
		   "png_encode %d x %d x %d a second time: the same %zu bytes", w, h, c, one);
		picture_free(&p);
		buf_free(&b);
	}
	struct buf b = {0};
	buf_add(&b, "tar", 3, &f);
	ok(png_encode(px, 5, 5, 2, &b, &f) == -1 && strstr(f.msg, "2 channels"), "two channels: %s", f.msg);
	ok(png_encode(px, 0, 5, 1, &b, &f) == -1 && b.len == 3 && !strcmp(b.p, "tar"), "width 0: %s", f.msg);
	buf_free(&b);
}

/* A smooth picture survives with small errors; the bytes depend on the samples alone. */
static void test_encode_jpeg(void)
{
	uint8_t px[100 * 60 * 3];
	struct fail f = {0};
	struct buf b = {0};
	for (int c = 1; c <= 3; c += 2) {
		const int n = 100 * 60 * c;
		struct picture p = {0};
		double sum = 0, worst = 0;
		for (int i = 0; i < n; i++)
			px[i] = (uint8_t)(i / c % 100 + i / c / 100 + 20 * (i % c));
		b.len = 0;
		int r = buf_add(&b, "tar", 3, &f) || jpeg_encode(px, 100, 60, c, 85, &b, &f);
		size_t one = b.len - 3;
		int same = !r && !decode(INPUT_JPEG, b.p + 3, one, &p, &f) && p.width == 100 && p.height == 60 && p.channels == c;
		for (int i = 0; i < n && same; i++) {
			double d = fabs((double)p.pixels[i] - px[i]);
			sum += d;
			worst = d > worst ? d : worst;
		}
		ok(same && sum / n < 2 && worst < 20, "jpeg_encode, %d channels: mean error %.2f, largest %.0f", c, sum / n, worst);
		r = jpeg_encode(px, 100, 60, c, 85, &b, &f);
		ok(!r && one < (size_t)n / 2 && b.len == 3 + 2 * one && !memcmp(b.p + 3, b.p + 3 + one, one), "a second time: the same %zu bytes", one);
		picture_free(&p);
	}
	b.len = 0;
	ok(jpeg_encode(px, 0, 5, 1, 85, &b, &f) == -1 && b.len == 0 && strstr(f.msg, "JPEG"), "width 0: %s", f.msg);
	ok(jpeg_encode(px, 70000, 1, 1, 85, &b, &f) == -1 && b.len == 0, "a width that no JPEG has: %s", f.msg);
	buf_free(&b);
}

/* One sample of a line of `from` samples, `step` apart, resized to `to`: Pillow's arithmetic, in whole numbers of 2^-22. */
static uint8_t naive_sample(const uint8_t *in, size_t step, int from, int to, int i)
{
	double scale = (double)from / to, half = scale < 1 ? 1 : scale, centre = (i + 0.5) * scale, total = 0;
	int first = (int)fmax(0, (int)(centre - half + 0.5)), end = (int)fmin(from, (int)(centre + half + 0.5));
	int64_t sum = 1 << 21;
	for (int k = first; k < end; k++)
		total += fmax(0, 1 - fabs((k - centre + 0.5) * (1 / half)));
	for (int k = first; k < end; k++)
		sum += in[(size_t)k * step] * (int64_t)(0.5 + fmax(0, 1 - fabs((k - centre + 0.5) * (1 / half))) / total * (1 << 22));
	return (uint8_t)fmin(255, (double)(sum >> 22));
}

/* Against one sample at a time: more rows and columns than are resized at once, and rows too wide for that. VAE_FILTERS_SIMD chooses the
 * variant (tests/simd.bats runs this with each). */
static void test_resize(void)
{
	static const int sizes[][5] = {{256, 256, 3, 32, 32}, {333, 71, 3, 31, 17}, {97, 65, 1, 28, 28}, {50000, 3, 3, 28, 2}, {5, 1000, 1, 3, 64}, {17, 9, 3, 90, 40},
	                               {700, 40, 3, 350, 40}, {40, 700, 3, 40, 350}, {64, 32, 1, 1, 1}};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		int w = sizes[i][0], h = sizes[i][1], c = sizes[i][2], width = sizes[i][3], height = sizes[i][4];
		struct picture p = {0}, q = {0}, wide = {0};
		struct fail f = {{0}};
		size_t wrong = 0;
		int r = picture_alloc(&p, (size_t)w, (size_t)h, c, &f) || picture_alloc(&wide, (size_t)width, (size_t)h, c, &f);
		uint32_t state = 1;
		for (int k = 0; !r && k < w * h * c; k++) {
			state = state * 1664525 + 1013904223;
			p.pixels[k] = (uint8_t)(k % 1000 < 100 ? 255 : state >> 24);
		}
		r = r || picture_resize(&p, width, height, &q, &f);
		for (int k = 0; !r && k < width * h * c; k++) {
			int at = k % (width * c);
			wide.pixels[k] = naive_sample(p.pixels + (k / (width * c)) * w * c + at % c, (size_t)c, w, width, at / c);
		}
		for (int k = 0; !r && k < width * height * c; k++)
			wrong += q.pixels[k] != naive_sample(wide.pixels + k % (width * c), (size_t)(width * c), h, height, k / (width * c));
		ok(!r && !wrong, "%d x %d x %d resized to %d x %d: %zu samples are wrong %s", w, h, c, width, height, wrong, f.msg);
		picture_free(&p);
		picture_free(&q);
		picture_free(&wide);
	}
}

/* What a tool warns of. */
static void test_notes(void)
{
	static const struct {
		const char *name;
		unsigned notes;
	} files[] = {{"low16.png", PICTURE_LOW_BITS}, {"low16-rgba.png", PICTURE_LOW_BITS}, {"gray16.png", 0},      {"gray8.png", 0},
	             {"p5-65535.pgm", 0},             {"p5-1000.pgm", 0},                   {"extraneous.jpg", PICTURE_FLAWED},
	             {"odd-scan.jpg", PICTURE_FLAWED}, {"odd-adobe.jpg", 0},    {"cmyk.jpg", 0},      {"rgb444.jpg", 0}};
	static const char low[] = "P5 1 1 65535\n\x0f\xff", over[] = "P5 1 1 65535\n\x10\0", black[] = "P5 1 1 65535\n\0\0";
	struct picture p;
	struct fail f;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct buf b = load(files[i].name);
		int r = decode(format_of(files[i].name), b.p, b.len, &p, &f);
		ok(!r && p.notes == files[i].notes, "%s: notes %u", files[i].name, p.notes);
		picture_free(&p);
		buf_free(&b);
	}
	const char *text[] = {low, over, black};
	for (int i = 0; i < 3; i++) {
		int r = decode(INPUT_NETPBM, text[i], 15, &p, &f);
		ok(!r && p.notes == (i == 0 ? PICTURE_LOW_BITS : 0), "a sample of 16 bits: notes %u %s", p.notes, f.msg);
		picture_free(&p);
	}
}

/* The first bytes decide; what has no decoder is named. */
static void test_format_of(void)
{
	static const struct {
		const char *bytes;
		size_t n;
		enum input_format format;
		const char *word;
	} formats[] = {
#define F(text) text, sizeof text - 1
		{F("\x89PNG\r\n\x1a\n"), INPUT_PNG, ""}, {F("\xff\xd8\xff\xe0"), INPUT_JPEG, ""}, {F("P5 1 1 255\n."), INPUT_NETPBM, ""},
		{F("P3#c\n1 1 255 1 1 1"), INPUT_NETPBM, ""}, {F("RIFF\4\0\0\0WEBPVP8 "), INPUT_WEBP, ""}, {F("\x93NUMPY\1\0"), INPUT_NPY, ""},
		{F("\0\0\0\x1c" "ftypavif\0\0\0\0mif1avif"), INPUT_AVIF, ""}, {F("\0\0\0\x1c" "ftypmif1\0\0\0\0mif1avifmiaf"), INPUT_AVIF, ""},
		{F("\0\0\0\x14" "ftypmif1\0\0\0\0mif1avif"), INPUT_NONE, "HEIC"}, /* the box ends before avif */
		{F("\0\0\0\x18" "ftypheic\0\0\0\0mif1heic"), INPUT_NONE, "HEIC"}, {F("\0\0\0\x18" "ftypisom\0\0\0\0isomiso2"), INPUT_NONE, "MP4"},
		{F("GIF89a"), INPUT_NONE, "GIF"}, {F("GIF87a"), INPUT_NONE, "GIF"}, {F("BM\1\2\3\4"), INPUT_NONE, "BMP"},
		{F("II*\0\10\0\0\0"), INPUT_NONE, "TIFF"}, {F("MM\0*\0\0\0\10"), INPUT_NONE, "TIFF"}, {F("P4 1 1\n"), INPUT_NONE, "PBM"},
		{F("\n <!DOCTYPE HTML><html>"), INPUT_NONE, "HTML"}, {F("<html lang=en>"), INPUT_NONE, "HTML"},
		{F("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"), INPUT_NONE, "XML (AccessDenied)"},
		{F("<Error><Code>No\x7fSuch"), INPUT_NONE, "XML (No)"}, {F("<?xml version='1.0'?><a/>"), INPUT_NONE, "is XML;"},
		{F("<?xml version='1.0'?><svg/>"), INPUT_NONE, "SVG"}, {F("\xef\xbb\xbf<svg/>"), INPUT_NONE, "SVG"},
		{F("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), INPUT_NONE, "Git LFS pointer"},
		{F("PK\3\4......"), INPUT_NONE, "unpack it (unzip FILE.npz"}, {F("{\"a\":1}"), INPUT_NONE, "JSON"}, {F("hello"), INPUT_NONE, "is text;"},
		{F(""), INPUT_NONE, "empty"}, {F("\0\0\0\0\0\0"), INPUT_NONE, "nothing but zeros"}, {F("\1\2\3"), INPUT_NONE, "of an unknown format"},
		{F("RIFF\4\0\0\0WAVE"), INPUT_NONE, "RIFF"}, {F("\x1f\x8b\10"), INPUT_NONE, "gzip"}, {F("P5x"), INPUT_NONE, "text"},
#undef F
	};
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		struct fail f = {0};
		size_t n = formats[i].n;
		char *exact = malloc(n ? n : 1);
		memcpy(exact, formats[i].bytes, n);
		ok(input_format_of(exact, n) == formats[i].format, "format of '%.6s'", formats[i].bytes);
		if (formats[i].format == INPUT_NONE)
			ok(input_unknown(exact, n, &f) == -1 && is_message(&f) && strstr(f.msg, formats[i].word), "%zu: %s", i, f.msg);
		for (size_t k = 0; k < n; k++) /* a cut payload is read no further than its end */
			input_unknown(memmove(exact, formats[i].bytes, k), k, &f);
		free(exact);
	}
}

static void test_tensor_errors(void)
{
	static const struct {
		const char *name;
		int c, h, w;
		const char *word;
	} bad[] = {{"s-rgb.png", 2, 11, 13, "expected 2"},      {"s-rgb.png", 1, 0, 13, "13 x 0"},
	           {"u1-2d.npy", 1, 13, 11, "(11, 13), expected (1, 13, 11)"}, {"u1-2d.npy", 3, 11, 13, "(3, 11, 13)"},
	           {"u1-3d.npy", 3, 5, 4, "(3, 4, 5), expected"},      {"f4-1d.npy", 1, 1, 7, "'<f4', expected '|u1'"},
	           {"cases.txt", 1, 1, 1, "the payload is text"},           {"bad-crc.png", 3, 11, 13, "CRC"}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf b = load(bad[i].name);
		struct fail f = {0};
		uint8_t out[3 * 13 * 13];
		int r = input_decode(b.p, b.len, &(struct input_form){bad[i].c, bad[i].h, bad[i].w, 0}, out, NULL, &f);
		ok(r == -1 && is_message(&f) && strstr(f.msg, bad[i].word), "%s: %s", bad[i].name, f.msg);
		buf_free(&b);
	}
}

static void test_idx(void)
{
	static const struct {
		const char *name;
		int ndim;
		size_t dim[4];
	} files[] = {{"images.idx", 3, {4, 5, 3}},     {"images.idx.gz", 3, {4, 5, 3}}, {"members.idx.gz", 3, {4, 5, 3}},
	             {"labels.idx", 1, {10}},          {"colour.idx.gz", 4, {2, 3, 4, 5}}};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char path[256];
		struct fail f = {0};
		uint8_t item[60];
		size_t n = 0, size = 1, wrong = 0;
		snprintf(path, sizeof path, DIR "%s", files[i].name);
		struct idx *x = idx_open(path, &f);
		if (!ok(x && idx_ndim(x) == files[i].ndim, "%s: opened %s", path, f.msg))
			continue;
		for (int d = 0; d < files[i].ndim; d++) {
			wrong += idx_dim(x, d) != files[i].dim[d];
			size *= d ? files[i].dim[d] : 1;
		}
		int r;
		for (; (r = idx_next(x, item, &f)) == 1; n++)
			for (size_t k = 0; k < size; k++)
				wrong += item[k] != (n * size + k) * 7 % 251;
		ok(!r && n == files[i].dim[0] && !wrong, "%s: %zu items, %zu wrong %s", path, n, wrong, f.msg);
		ok(idx_next(x, item, &f) == 0, "%s: the end stays the end", path);
		idx_close(x);
	}
}

int main(void)
{
	test_cases();
	test_literals();
	test_vectors();
	test_encode();
	test_encode_jpeg();
	test_resize();
	test_notes();
	test_format_of();
	test_tensor_errors();
	test_idx();
	return done();
}
