/* input_files.h - what the tests of src/input share: their vectors, and decoders that look closely. */
#ifndef VF_INPUT_FILES_H
#define VF_INPUT_FILES_H

#include "input/decode.h"
#include "input/idx.h"
#include "input/jpeg.h"
#include "input/netpbm.h"
#include "input/npy.h"
#include "input/png.h"
#include "input/resize.h"
#include "input/standardise.h"
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

static inline enum input_format kind_of(const char *name)
{
	return input_format_of(strrchr(name, '.') + 1);
}

/* One line, not begun with a capital. */
static inline int well_said(const struct fail *f)
{
	return f->msg[0] && !(f->msg[0] >= 'A' && f->msg[0] <= 'Z') && !strchr(f->msg, '\n');
}

/* Decodes a copy of just n bytes, so that the address sanitizer sees a read behind them. */
static inline int decode(enum input_format kind, const void *data, size_t n, struct picture *out, struct fail *f)
{
	void *copy = malloc(n ? n : 1);
	struct npy npy;
	memcpy(copy, data, n);
	*out = (struct picture){0};
	*f = (struct fail){0};
	int r = kind == INPUT_PNG      ? png_decode(copy, n, out, f)
	        : kind == INPUT_JPEG   ? jpeg_decode(copy, n, out, f)
	        : kind == INPUT_NETPBM ? netpbm_decode(copy, n, out, f)
	                               : npy_parse(copy, n, &npy, f);
	free(copy);
	return r;
}

static inline void refused(enum input_format kind, const void *data, size_t n, const char *word, const char *what)
{
	struct picture p;
	struct fail f;
	int r = decode(kind, data, n, &p, &f);
	ok(r == -1 && !p.pixels && well_said(&f) && strstr(f.msg, word), "%s: %s", what, r ? f.msg : "decoded");
	picture_free(&p);
}

#endif
