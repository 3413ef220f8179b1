/* input_files.h - the test files of src/input, and checks that its tests share. */
#ifndef VF_INPUT_FILES_H
#define VF_INPUT_FILES_H

#include "input/avif.h"
#include "input/decode.h"
#include "input/idx.h"
#include "input/jpeg.h"
#include "input/netpbm.h"
#include "input/npy.h"
#include "input/png.h"
#include "input/resize.h"
#include "input/standardise.h"
#include "input/webp.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define DIR "tests/data/input/"

static inline struct buf load(const char *name)
{
	struct buf b = {0};
	struct fail f;
	char path[256];
	snprintf(path, sizeof path, DIR "%s", name);
	if (buf_read_file(&b, path, 1 << 20, &f)) {
		printf("Bail out! %s\n", f.msg);
		exit(1);
	}
	return b;
}

static inline unsigned crc(const void *p, size_t n)
{
	return (unsigned)crc32(0, p, (uInt)n);
}

/* By name: the decoder that a test calls, also for damaged bytes. */
static inline enum input_format format_of(const char *name)
{
	static const struct {
		const char *ext;
		enum input_format format;
	} known[] = {{"png", INPUT_PNG},    {"jpg", INPUT_JPEG},  {"pgm", INPUT_NETPBM}, {"ppm", INPUT_NETPBM},
	             {"webp", INPUT_WEBP}, {"avif", INPUT_AVIF}, {"npy", INPUT_NPY}};
	const char *ext = strrchr(name, '.') + 1;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(ext, known[i].ext))
			return known[i].format;
	return INPUT_NONE;
}

/* Whether the message is one line and does not begin with a capital letter. */
static inline int is_message(const struct fail *f)
{
	return f->msg[0] && !(f->msg[0] >= 'A' && f->msg[0] <= 'Z') && !strchr(f->msg, '\n');
}

/* Decodes a copy of exactly n bytes, so that the address sanitizer detects a read past them. */
static inline int decode(enum input_format format, const void *data, size_t n, struct picture *out, struct fail *f)
{
	void *copy = malloc(n ? n : 1);
	struct npy npy;
	memcpy(copy, data, n);
	*out = (struct picture){0};
	*f = (struct fail){0};
	int r = format == INPUT_PNG      ? png_decode(copy, n, out, f)
	        : format == INPUT_JPEG   ? jpeg_decode(copy, n, out, f)
	        : format == INPUT_NETPBM ? netpbm_decode(copy, n, out, f)
	        : format == INPUT_WEBP   ? webp_decode(copy, n, out, f)
	        : format == INPUT_AVIF   ? avif_decode(copy, n, out, f)
	                               : npy_parse(copy, n, &npy, f);
	free(copy);
	return r;
}

static inline void refused(enum input_format format, const void *data, size_t n, const char *word, const char *what)
{
	struct picture p;
	struct fail f;
	int r = decode(format, data, n, &p, &f);
	ok(r == -1 && !p.pixels && is_message(&f) && strstr(f.msg, word), "%s: %s", what, r ? f.msg : "decoded");
	picture_free(&p);
}

#endif
