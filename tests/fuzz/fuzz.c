#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input/decode.h"
#include "input/picture.h"
#include "input/png.h"

_Noreturn void fuzz_check_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
	abort();
}

char *fuzz_text(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);
	CHECK(s);
	if (size)
		memcpy(s, data, size);
	s[size] = 0;
	return s;
}

int fuzz_file(const uint8_t *data, size_t size, char path[64])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

const char *fuzz_scratch(void)
{
	static char path[64] = "/dev/shm/vae-fuzz-XXXXXX";
	static int made;
	if (!made++) {
		struct stat st;
		if (stat("/dev/shm", &st))
			memcpy(path, "/tmp/vae-fuzz-XXXXXX", 21);
		CHECK(mkdtemp(path));
		strcat(path, "/x");
	}
	return path;
}

static void check_picture(struct picture *p, const uint8_t *data, size_t size)
{
	size_t n = (size_t)p->width * (size_t)p->height;
	CHECK(p->width >= 1 && p->height >= 1 && n <= PICTURE_MAX_PIXELS);
	CHECK(p->channels == 1 || p->channels == 3);
	if (n <= 1 << 16) {
		/* It survives PNG, is resized to the same samples twice, and has the shape that input_shape() says. */
		struct fail f;
		struct buf png = {0};
		struct picture q;
		const struct input_form rgb = {3, 5, 7, 0}, gray = {1, 5, 7, 1};
		uint8_t a[3 * 5 * 7], b[3 * 5 * 7];
		int shape[3], vector = 0;
		CHECK(png_encode(p->pixels, p->width, p->height, p->channels, &png, &f) == 0);
		CHECK(png_decode(png.p, png.len, &q, &f) == 0);
		CHECK(q.width == p->width && q.height == p->height && q.channels == p->channels);
		CHECK(memcmp(q.pixels, p->pixels, n * (size_t)p->channels) == 0);
		CHECK(input_decode(data, size, &rgb, a, NULL, &f) == 0 && input_decode(data, size, &rgb, b, NULL, &f) == 0);
		CHECK(memcmp(a, b, sizeof a) == 0);
		CHECK(input_decode(data, size, &gray, a, NULL, &f) == 0);
		CHECK(input_shape(data, size, shape, &vector, &f) == 0);
		CHECK(!vector && shape[0] == p->channels && shape[1] == p->height && shape[2] == p->width);
		picture_free(&q);
		buf_free(&png);
	}
	picture_free(p);
}

int fuzz_decoder(int (*decode)(const void *data, size_t len, struct picture *out, struct fail *f), const uint8_t *data, size_t size)
{
	struct picture p;
	struct fail f = {{0}};
	if (decode(data, size, &p, &f) == 0)
		check_picture(&p, data, size);
	else
		CHECK(f.msg[0] && !p.pixels);
	return 0;
}
