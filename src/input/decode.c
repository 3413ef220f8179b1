#include "input/decode.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "input/avif.h"
#include "input/jpeg.h"
#include "input/netpbm.h"
#include "input/png.h"
#include "input/resize.h"
#include "input/webp.h"

static int copy_npy(const void *data, size_t len, int channels, int height, int width, uint8_t *out, struct fail *f)
{
	size_t expected[] = {(size_t)channels, (size_t)height, (size_t)width}, picture[3];
	int interleaved;
	struct npy n;
	if (npy_parse(data, len, &n, f))
		return -1;
	if (n.type != NPY_U8)
		return fail_set(f, "npy of type '%s', expected '|u1' (the model reads pictures)", npy_descr(n.type));
	if (npy_is_picture(&n, picture, &interleaved) && !memcmp(picture, expected, sizeof picture)) {
		size_t pixels = picture[1] * picture[2];
		if (!interleaved)
			npy_copy(&n, 0, n.count, out);
		for (size_t i = 0; interleaved && i < n.count; i++)
			npy_copy(&n, i, 1, out + i % 3 * pixels + i / 3);
		return 0;
	}
	char shape[200] = "";
	for (int i = 0, used = 0; i < n.ndim; i++)
		used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%zu", i ? ", " : "", n.shape[i]);
	return fail_set(f, "npy of shape (%s), expected (%d, %d, %d)", shape, channels, height, width);
}

/* Works in place: sample i is made of samples 3i to 3i + 2. */
static void to_gray(struct picture *p)
{
	size_t n = (size_t)p->width * (size_t)p->height;
	const uint8_t *c = p->pixels;
	for (size_t i = 0; i < n; i++, c += 3)
		p->pixels[i] = (uint8_t)((19595u * c[0] + 38470u * c[1] + 7471u * c[2] + 32768) >> 16);
	p->channels = 1;
}

/* Interleaved to planar; gray is copied to every channel. */
static void to_planar(const struct picture *p, int channels, uint8_t *out)
{
	size_t n = (size_t)p->width * (size_t)p->height;
	for (int c = 0; c < channels; c++, out += n) {
		if (p->channels == 1) {
			memcpy(out, p->pixels, n);
			continue;
		}
		for (size_t i = 0; i < n; i++)
			out[i] = p->pixels[3 * i + (size_t)c];
	}
}

/* form: of the picture that will be made of *p; NULL: none, *p stays as it is in the file */
static int decode_picture(const void *data, size_t len, const struct input_form *form, struct picture *p, struct fail *f)
{
	switch (input_format_of(data, len)) {
	case INPUT_PNG:
		return png_decode(data, len, p, f);
	case INPUT_JPEG:
		return form && form->reduced_jpeg ? jpeg_decode_reduced(data, len, form->width, form->height, p, f) : jpeg_decode(data, len, p, f);
	case INPUT_NETPBM:
		return netpbm_decode(data, len, p, f);
	case INPUT_WEBP:
		return webp_decode(data, len, p, f);
	case INPUT_AVIF:
		return avif_decode(data, len, p, f);
	case INPUT_NPY:
	case INPUT_NONE:
		break;
	}
	return input_unknown(data, len, f);
}

static int npy_to_picture(const struct npy *n, const size_t shape[3], int interleaved, struct picture *p, struct fail *f)
{
	size_t channels = shape[0], pixels = shape[1] * shape[2];
	if (picture_alloc(p, shape[2], shape[1], (int)channels, f))
		return -1;
	for (size_t i = 0; i < n->count; i++)
		npy_copy(n, i, 1, p->pixels + (interleaved ? i : i % pixels * channels + i / pixels));
	return 1;
}

int input_read(const void *data, size_t len, struct picture *picture, struct npy *vector, struct fail *f)
{
	size_t shape[3];
	int interleaved;
	*picture = (struct picture){.pixels = NULL};
	if (input_format_of(data, len) != INPUT_NPY)
		return decode_picture(data, len, NULL, picture, f) ? -1 : 1;
	if (npy_parse(data, len, vector, f))
		return -1;
	if (!npy_is_picture(vector, shape, &interleaved) || (shape[0] != 1 && shape[0] != 3))
		return 0;
	return npy_to_picture(vector, shape, interleaved, picture, f);
}

int input_decode(const void *data, size_t len, const struct input_form *form, uint8_t *out, unsigned *notes, struct fail *f)
{
	struct picture p = {0}, fit;
	int r, channels = form->channels, height = form->height, width = form->width;
	if (input_format_of(data, len) == INPUT_NPY)
		return copy_npy(data, len, channels, height, width, out, f);
	if (channels != 1 && channels != 3)
		return fail_set(f, "a picture has 1 or 3 channels, expected %d", channels);
	r = decode_picture(data, len, form, &p, f);
	if (r)
		return -1;
	if (notes)
		*notes = p.notes;
	if (p.channels == 3 && channels == 1)
		to_gray(&p);
	if (p.width != width || p.height != height) {
		r = picture_resize(&p, width, height, &fit, f);
		picture_free(&p);
		if (r)
			return -1;
		p = fit;
	}
	to_planar(&p, channels, out);
	picture_free(&p);
	return 0;
}

int input_shape(const void *data, size_t len, int shape[3], int *vector, struct fail *f)
{
	struct picture p = {0};
	struct npy n;
	enum input_format format = input_format_of(data, len);
	if (*vector && format != INPUT_NPY && format != INPUT_NONE)
		return fail_set(f, "a picture, expected an .npy of numbers");
	if (format != INPUT_NPY) {
		if (decode_picture(data, len, NULL, &p, f))
			return -1;
		shape[0] = p.channels;
		shape[1] = p.height;
		shape[2] = p.width;
		picture_free(&p);
		return 0;
	}
	if (npy_parse(data, len, &n, f))
		return -1;
	size_t picture[3];
	int interleaved;
	*vector |= !npy_is_picture(&n, picture, &interleaved);
	if (n.count < 1 || n.count > PICTURE_MAX_PIXELS)
		return fail_set(f, "npy of %zu values, expected 1 to %u", n.count, PICTURE_MAX_PIXELS);
	for (int i = 0; i < 3; i++)
		shape[i] = (int)(!*vector ? picture[i] : i < 2 ? 1 : n.count);
	return 0;
}

int input_vector(const void *data, size_t len, int count, double *out, struct fail *f)
{
	struct npy n;
	enum input_format format = input_format_of(data, len);
	if (format == INPUT_NONE)
		return input_unknown(data, len, f);
	if (format != INPUT_NPY)
		return fail_set(f, "a picture, expected an .npy of %d numbers", count);
	if (npy_parse(data, len, &n, f))
		return -1;
	if (n.count != (size_t)count)
		return fail_set(f, "npy of %zu values, expected %d", n.count, count);
	for (size_t i = 0; i < n.count; i++) {
		out[i] = npy_value(&n, i);
		if (!(fabs(out[i]) <= (double)FLT_MAX))
			return fail_set(f, "npy has a value that is not a finite number in float32, at index %zu", i);
	}
	return 0;
}
