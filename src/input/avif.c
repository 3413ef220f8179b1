#include "input/avif.h"

#include <avif/avif.h>
#include <dav1d/dav1d.h>
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "input/format.h"

/* The functions up to the line below stand before those of the same names in libavif and libdav1d, which they call, for what the libraries
 * offer no other way: libdav1d prints to stderr what it finds damaged; libavif (0.11) ends the process where memory is out, and does
 * not tell a failure of libdav1d for lack of memory from a damaged picture. */
static _Thread_local jmp_buf out_of_memory;
static _Thread_local int decoding, dav1d_memory; /* out_of_memory is set; libdav1d was out of memory */

void *avifAlloc(size_t size)
{
	void *p = malloc(size);
	if (!p && decoding)
		longjmp(out_of_memory, 1);
	return p;
}

/* The library's own function. to: a pointer to a function. */
static void find_next(const char *name, void *to)
{
	void *next = dlsym(RTLD_NEXT, name);
	memcpy(to, &next, sizeof next);
	errno = 0;
}

/* libdav1d returns another error where realloc() fails */
static int note(int result)
{
	dav1d_memory |= result < 0 && (result == DAV1D_ERR(ENOMEM) || errno == ENOMEM);
	return result;
}

void dav1d_default_settings(Dav1dSettings *s)
{
	void (*settings)(Dav1dSettings *);
	find_next("dav1d_default_settings", &settings);
	settings(s);
	s->logger.callback = NULL;
}

int dav1d_open(Dav1dContext **out, const Dav1dSettings *s)
{
	int (*next)(Dav1dContext **, const Dav1dSettings *);
	find_next("dav1d_open", &next);
	return note(next(out, s));
}

int dav1d_data_wrap(Dav1dData *d, const uint8_t *p, size_t n, void (*release)(const uint8_t *, void *), void *cookie)
{
	int (*next)(Dav1dData *, const uint8_t *, size_t, void (*)(const uint8_t *, void *), void *);
	find_next("dav1d_data_wrap", &next);
	return note(next(d, p, n, release, cookie));
}

int dav1d_send_data(Dav1dContext *c, Dav1dData *in)
{
	int (*next)(Dav1dContext *, Dav1dData *);
	find_next("dav1d_send_data", &next);
	return note(next(c, in));
}

int dav1d_get_picture(Dav1dContext *c, Dav1dPicture *out)
{
	int (*next)(Dav1dContext *, Dav1dPicture *);
	find_next("dav1d_get_picture", &next);
	return note(next(c, out));
}

/* --- decoding --- */

static int set_error(avifResult result, struct fail *f)
{
	if (result == AVIF_RESULT_OUT_OF_MEMORY || dav1d_memory)
		return fail_memory_for(f, "an AVIF decoder");
	return fail_set(f, "cannot decode AVIF: %s", avifResultToString(result));
}

/* libyuv, which libavif converts 4:2:0 with, does not check the allocation of a row: there a lack of memory ends the process, and no output
 * appears. libavif's own conversion (avoidLibYUV) checks, but gives other pixels than avifdec.
 *
 * libavif blends with black where the format asked for has no alpha, so alpha is decoded and dropped here. */
static int to_rgb(const avifImage *image, struct picture *out, struct fail *f)
{
	size_t n = (size_t)out->width * (size_t)out->height;
	uint8_t *rgba = image->alphaPlane ? malloc(4 * n) : NULL;
	if (image->alphaPlane && !rgba)
		return fail_memory_for(f, "a picture of %zu bytes", 4 * n);
	avifRGBImage rgb;
	avifRGBImageSetDefaults(&rgb, image);
	rgb.format = rgba ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
	rgb.depth = 8;
	rgb.pixels = rgba ? rgba : out->pixels;
	rgb.rowBytes = (rgba ? 4u : 3u) * image->width;
	avifResult r = avifImageYUVToRGB(image, &rgb);
	for (size_t i = 0; rgba && i < n; i++)
		memcpy(out->pixels + 3 * i, rgba + 4 * i, 3);
	free(rgba);
	return r == AVIF_RESULT_OK ? 0 : set_error(r, f);
}

static int read_picture(avifDecoder *d, const void *data, size_t len, struct picture *out, struct fail *f)
{
	avifResult r = avifDecoderSetIOMemory(d, data, len);
	if (r == AVIF_RESULT_OK)
		r = avifDecoderParse(d);
	if (r != AVIF_RESULT_OK)
		return set_error(r, f);
	uint32_t width = d->image->width, height = d->image->height;
	if (picture_alloc(out, width, height, 3, f))
		return -1;
	r = avifDecoderNextImage(d);
	if (r != AVIF_RESULT_OK)
		return set_error(r, f);
	if (d->image->width != width || d->image->height != height)
		return fail_set(f, "cannot decode AVIF: %u x %u pixels, expected %u x %u", d->image->width, d->image->height, width, height);
	return to_rgb(d->image, out, f);
}

static int decode(const void *data, size_t len, struct picture *out, struct fail *f)
{
	avifDecoder *d = avifDecoderCreate();
	if (!d)
		return fail_memory_for(f, "an AVIF decoder");
	d->maxThreads = 1; /* each worker decodes a record of its own */
	d->ignoreExif = d->ignoreXMP = AVIF_TRUE;
	d->imageDimensionLimit = 0;
	d->imageSizeLimit = PICTURE_MAX_PIXELS;
	d->imageCountLimit = 0;
	/* As Pillow: encoders exist whose files lack these boxes and are whole otherwise. */
	d->strictFlags &= ~(avifStrictFlags)(AVIF_STRICT_PIXI_REQUIRED | AVIF_STRICT_CLAP_VALID | AVIF_STRICT_ALPHA_ISPE_REQUIRED);
	int r = read_picture(d, data, len, out, f);
	avifDecoderDestroy(d);
	return r;
}

int avif_decode(const void *data, size_t len, struct picture *out, struct fail *f)
{
	*out = (struct picture){0};
	if (input_format_of(data, len) != INPUT_AVIF)
		return fail_set(f, "not an AVIF: it does not start with a box that names avif or avis");
	int r;
	dav1d_memory = 0;
	if (setjmp(out_of_memory)) {
		r = fail_memory_for(f, "an AVIF decoder"); /* what libavif had allocated is lost: the tool ends */
	} else {
		decoding = 1;
		r = decode(data, len, out, f);
	}
	decoding = 0;
	if (r)
		picture_free(out);
	return r;
}
