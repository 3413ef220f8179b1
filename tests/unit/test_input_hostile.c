/* src/input on hostile files: truncated, with a claimed size, damaged at random. Run it with SAN=1 too. */
#include "input_files.h"

#include <fcntl.h>
#include <unistd.h>

static void test_prefixes(void)
{
	static const char *const names[] = {"rgb8.png", "gray4-adam7.png", "small-gray.jpg", "gray-progressive.jpg",
	                                    "p5.pgm", "p6-65535.ppm", "u1-2d.npy", "f8-4d.npy",
	                                    "lossy.webp", "lossless.webp", "lossy-alpha.webp", "frames.webp", "yuv420.avif", "lossless-alpha.avif"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct buf b = load(names[i]);
		size_t bad = 0;
		for (size_t n = 0; n < b.len; n++) {
			struct picture p;
			struct fail f;
			bad += decode(format_of(names[i]), b.p, n, &p, &f) != -1 || p.pixels || !is_message(&f);
			picture_free(&p);
		}
		ok(!bad, "%s: %zu of %zu prefixes were not refused", names[i], bad, b.len);
		buf_free(&b);
	}
	struct buf b = load("small-gray.jpg");
	b.p[b.len - 1] = (char)0xc4;
	refused(INPUT_JPEG, b.p, b.len, "cannot decode JPEG", "JPEG whose end is another marker");
	buf_free(&b);
}

/* Corrects the checksums of a PNG after a change, so that the decoder gets to it. */
static void fix_checksums(uint8_t *p, size_t len)
{
	for (size_t i = 8; i + 12 <= len;) {
		size_t n = (size_t)p[i] << 24 | (size_t)p[i + 1] << 16 | (size_t)p[i + 2] << 8 | p[i + 3];
		if (n > len - i - 12)
			return;
		unsigned c = crc(p + i + 4, n + 4);
		for (int k = 0; k < 4; k++)
			p[i + 8 + n + (size_t)k] = (uint8_t)(c >> (24 - 8 * k));
		i += 12 + n;
	}
}

static void set_be(char *p, unsigned v, int bytes)
{
	while (bytes--)
		*p++ = (char)(v >> (8 * bytes));
}

static void test_bombs(void)
{
	static const unsigned size[][2] = {{100000, 100000}, {8192, 8193}, {65000, 1033}, {1, 67108865}, {0, 5}};
	struct buf png = load("gray8.png"), jpg = load("gray.jpg"), scan = load("scan.jpg"), many = {0};
	struct picture p;
	struct fail f;
	char text[64];
	char *sof = memmem(jpg.p, jpg.len, "\xff\xc0", 2);
	for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
		unsigned w = size[i][0], h = size[i][1];
		snprintf(text, sizeof text, "%u x %u", w, h);
		set_be(png.p + 16, w, 4);
		set_be(png.p + 20, h, 4);
		fix_checksums((uint8_t *)png.p, png.len);
		refused(INPUT_PNG, png.p, png.len, w ? text : "IHDR", "PNG bomb");
		if (w && w < 65500 && h < 65500) {
			set_be(sof + 5, h, 2);
			set_be(sof + 7, w, 2);
			refused(INPUT_JPEG, jpg.p, jpg.len, text, "JPEG bomb");
		}
		int n = snprintf(text, sizeof text, "P6 %u %u 255\n", w, h);
		refused(INPUT_NETPBM, text, (size_t)n, w ? "limit" : "empty", "netpbm bomb");
	}
	set_be(png.p + 16, 8192, 4);
	set_be(png.p + 20, 8192, 4);
	fix_checksums((uint8_t *)png.p, png.len);
	refused(INPUT_PNG, png.p, png.len, "ot enough", "PNG that holds less than it claims");

	/* The scan said 500 times in all passes, once more does not. */
	char *sos = memmem(scan.p, scan.len, "\xff\xda", 2);
	size_t n = (size_t)(scan.p + scan.len - 2 - sos);
	buf_add(&many, scan.p, scan.len - 2, &f);
	for (int i = 1; i < 500; i++)
		buf_add(&many, sos, n, &f);
	buf_add(&many, "\xff\xd9", 2, &f);
	ok(!decode(INPUT_JPEG, many.p, many.len, &p, &f), "JPEG of 500 scans %s", f.msg);
	picture_free(&p);
	many.len -= 2;
	buf_add(&many, sos, n, &f);
	buf_add(&many, "\xff\xd9", 2, &f);
	refused(INPUT_JPEG, many.p, many.len, "500 scans", "JPEG of 501 scans");
	buf_free(&png), buf_free(&jpg), buf_free(&scan), buf_free(&many);

	/* The size of a WebP stands in its header, and in that of the frame (14 bits each). */
	struct buf webp = load("lossy.webp"), frames = load("frames.webp"), avif = load("yuv420.avif");
	char *frame = memmem(webp.p, webp.len, "\x9d\x01\x2a", 3), *canvas = memmem(frames.p, frames.len, "VP8X", 4), *ispe = memmem(avif.p, avif.len, "ispe", 4);
	memcpy(frame + 3, "\xff\x3f\xff\x3f", 4);
	refused(INPUT_WEBP, webp.p, webp.len, "16383 x 16383", "WebP bomb");
	memcpy(canvas + 12, "\x1f\x4e\0\x1f\x4e\0", 6);
	refused(INPUT_WEBP, frames.p, frames.len, "20000 x 20000", "WebP animation bomb");
	memcpy(canvas + 12, "\x0a\0\0\x0a\0\0", 6);
	refused(INPUT_WEBP, frames.p, frames.len, "cannot decode WebP", "WebP whose frame is larger than its canvas");
	set_be(ispe + 8, 60000, 4);
	set_be(ispe + 12, 60000, 4);
	refused(INPUT_AVIF, avif.p, avif.len, "cannot decode AVIF", "AVIF bomb");
	buf_free(&webp), buf_free(&frames), buf_free(&avif);
}


/* Every item of an IDX file with these bytes: 0, or -1 and the reason. */
static int read_idx(const void *data, size_t n, struct fail *f)
{
	static uint8_t item[1 << 17];
	char path[] = "/tmp/test_input.XXXXXX";
	int fd = mkstemp(path), r = -1;
	*f = (struct fail){0};
	if (fd < 0 || write(fd, data, n) != (ssize_t)n) {
		printf("Bail out! cannot write %s\n", path);
		exit(1);
	}
	struct idx *x = idx_open(path, f);
	size_t size = 1;
	for (int i = 1; x && i < idx_ndim(x); i++)
		size *= idx_dim(x, i);
	if (x && size > sizeof item)
		fail_set(f, "more than this test reads");
	else if (x)
		while ((r = idx_next(x, item, f)) == 1)
			;
	idx_close(x);
	close(fd);
	unlink(path);
	return r;
}

static void test_idx(void)
{
	static const struct {
		const char *data;
		size_t len;
		const char *word; /* in the message; NULL: no error */
	} files[] = {
		{"\0\0\10\1\0\0\0\2ab", 10, NULL},
		{"\0\0\10\1\0\0\0\2abc", 11, "more bytes after its last item (2)"},
		{"\0\0\10\1\0\0\0\3ab", 10, "item 3 of 3"},
		{"\0\0\15\1\0\0\0\1abcd", 12, "0x0d (float)"},
		{"\0\0\1\1\0\0\0\1a", 9, "0x01 (unknown)"},
		{"\0\0\10\0a", 5, "0 dimensions"},
		{"\0\0\10\5\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1a", 25, "5 dimensions"},
		{"\0\0\10\2\0\0\0\1\0\0\0\0", 12, "dimension 2"},
		{"\0\0\10\1\0\0\0\0", 8, "dimension 1"},
		{"\0\0\10\4\0\0\0\1\377\377\377\377\377\377\377\377\377\377\377\377", 20, "limit"},
		{"\1\0\10\1\0\0\0\1a", 9, "not an IDX file"},
	};
	struct fail f;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		int r = read_idx(files[i].data, files[i].len, &f);
		ok(files[i].word ? r == -1 && strstr(f.msg, files[i].word) != NULL : !r, "IDX %zu: %s", i, f.msg);
	}
	ok(!idx_open(DIR "none.idx", &f) && strstr(f.msg, "none.idx: No such file"), "IDX: %s", f.msg);
	ok(!idx_open(DIR, &f) && strstr(f.msg, "directory"), "IDX: %s", f.msg);

	static const char *const names[] = {"images.idx", "images.idx.gz", "members.idx.gz", "colour.idx.gz", "large.idx.gz"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct buf b = load(names[i]);
		size_t bad = 0;
		for (size_t n = 0; n < b.len; n++)
			bad += read_idx(b.p, n, &f) != -1 || !f.msg[0];
		ok(!bad && !read_idx(b.p, b.len, &f), "%s: %zu of %zu prefixes were not refused", names[i], bad, b.len);
		buf_add(&b, "x", 1, &f);
		ok(read_idx(b.p, b.len, &f) == -1 && f.msg[0], "%s with one more byte: %s", names[i], f.msg);
		buf_free(&b);
	}
}

/* Changes bits at random: the result is a picture within the limits, or an error. */
static void test_flips(void)
{
	static const char *const names[] = {"rgb8.png", "palette4-adam7.png", "graya16.png", "small-gray.jpg", "rgb420.jpg",
	                                    "gray-progressive.jpg", "rgb420-progressive.jpg", "p5-1000.pgm", "p2.pgm",
	                                    "u1-3d.npy", "f8-4d.npy", "lossy.webp", "alpha.webp", "frames.webp", "yuv420.avif", "images.idx", "images.idx.gz"};
	const int rounds = 1000;
	uint64_t seed = 1;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct buf b = load(names[i]);
		enum input_format format = format_of(names[i]);
		uint8_t *copy = malloc(b.len);
		int bad = 0, refusals = 0;
		for (int round = 0; round < rounds; round++) {
			struct picture p = {0};
			struct fail f;
			memcpy(copy, b.p, b.len);
			for (int k = 0; k <= round % 3; k++) {
				seed = seed * 6364136223846793005u + 1442695040888963407u;
				copy[(seed >> 33) % b.len] ^= (uint8_t)(1u << (seed >> 61));
			}
			if (format == INPUT_PNG && round % 4)
				fix_checksums(copy, b.len);
			int r = format == INPUT_NONE ? read_idx(copy, b.len, &f) : decode(format, copy, b.len, &p, &f);
			refusals += r == -1;
			bad += r == -1 ? p.pixels || !f.msg[0] : r || (size_t)p.width * (size_t)p.height > PICTURE_MAX_PIXELS;
			picture_free(&p);
		}
		ok(!bad && refusals > 0, "%s: %d of %d damaged files refused", names[i], refusals, rounds);
		free(copy);
		buf_free(&b);
	}
}

/* The libraries print to stderr by default. */
static void test_quiet(void)
{
	static const char *const names[] = {"bad-crc.png", "bad-size.png", "cmyk.jpg", "gray.jpg", "rgb8.png", "lossy.webp", "damaged.avif"};
	char path[] = "/tmp/test_input.XXXXXX";
	int fd = mkstemp(path), keep = dup(2);
	unlink(path);
	dup2(fd, 2);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct buf b = load(names[i]);
		struct picture p;
		struct fail f;
		decode(format_of(names[i]), b.p, b.len - 20, &p, &f);
		b.p[b.len / 2] ^= 64;
		decode(format_of(names[i]), b.p, b.len, &p, &f);
		picture_free(&p);
		buf_free(&b);
	}
	fflush(stderr);
	dup2(keep, 2);
	ok(fd >= 0 && lseek(fd, 0, SEEK_END) == 0, "nothing on stderr");
	close(fd);
	close(keep);
}

int main(void)
{
	test_prefixes();
	test_bombs();
	test_idx();
	test_flips();
	test_quiet();
	return done();
}
