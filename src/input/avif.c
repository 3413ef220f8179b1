#include "input/avif.h"

#include <avif/avif.h>
#include <dav1d/dav1d.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "input/format.h"

/* libavif decodes with libdav1d, which prints to stderr what it finds damaged, and offers no way to turn that off. This function stands
 * before libdav1d's own of the same name, which it calls. */
void dav1d_default_settings(Dav1dSettings *s)
{
	void *next = dlsym(RTLD_NEXT, "dav1d_default_settings");
	void (*settings)(Dav1dSettings *);
	memcpy(&settings, &next, sizeof settings);
	settings(s);
	s->logger.callback = NULL;
}

static int set_error(avifResult result, struct fail *f)
{
	if (result == AVIF_RESULT_OUT_OF_MEMORY)
		return fail_memory_for(f, "an AVIF decoder");
	return fail_set(f, "cannot decode AVIF: %s", avifResultToString(result));
}

/* libavif blends with black where the format asked for has no alpha, so alpha is decoded and dropped here. */
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

int avif_decode(const void *data, size_t len, struct picture *out, struct fail *f)
{
	*out = (struct picture){0};
	if (input_format_of(data, len) != INPUT_AVIF)
		return fail_set(f, "not an AVIF: it does not start with a box that names avif or avis");
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
	if (r)
		picture_free(out);
	return r;
}
