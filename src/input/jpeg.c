#include "input/jpeg.h"

#include <stdio.h> /* jpeglib.h needs FILE */

#include <jerror.h>
#include <jpeglib.h>
#include <setjmp.h>

#include "input/format.h"

/* A progressive file can repeat its pixels without end; encoders write a few dozen scans at most. */
#define MAX_SCANS 500

struct decoder {
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr err;
	struct jpeg_progress_mgr progress;
	jmp_buf env;
	struct fail *f;
	int width, height; /* to which the picture will be resized; 0: keep its size */
	int flawed;
};

static _Noreturn void decode_error(j_common_ptr c)
{
	struct decoder *d = c->client_data;
	char msg[JMSG_LENGTH_MAX];
	c->err->format_message(c, msg);
	if (c->err->msg_code == JERR_OUT_OF_MEMORY)
		fail_memory_for(d->f, "a JPEG decoder");
	else
		fail_set(d->f, "cannot decode JPEG: %s", msg);
	longjmp(d->env, 1);
}

/* Level -1 is a warning, other levels are traces. After these warnings all pixels are whole, and Pillow and OpenCV take them;
 * after others libjpeg has invented pixels for missing or damaged data. */
static void on_message(j_common_ptr c, int level)
{
	struct decoder *d = c->client_data;
	if (level >= 0)
		return;
	switch (c->err->msg_code) {
	case JWRN_EXTRANEOUS_DATA:
	case JWRN_NOT_SEQUENTIAL: /* odd parameters of a scan */
	case JWRN_ADOBE_XFORM:
	case JWRN_JFIF_MAJOR:
	case JWRN_BOGUS_ICC:
		d->flawed = 1;
		return;
	default:
		decode_error(c);
	}
}

static void on_progress(j_common_ptr c)
{
	struct decoder *d = c->client_data;
	if (d->jpeg.input_scan_number > MAX_SCANS) {
		fail_set(d->f, "cannot decode JPEG: more than the limit of %d scans", MAX_SCANS);
		longjmp(d->env, 1);
	}
}

/* As Pillow: samples are what an ink leaves of the light, with Adobe's marker and without it. */
static void inks_to_rgb(const JSAMPLE *in, size_t width, uint8_t *out)
{
	for (size_t x = 0; x < width; x++, in += 4)
		for (int c = 0; c < 3; c++) {
			int t = (255 - in[c]) * in[3] + 128, v = in[3] - ((t >> 8) + t) / 256;
			*out++ = (uint8_t)(v < 0 ? 0 : v);
		}
}

/* Each pixel of the resized picture is then an average of at least two pixels in each direction. */
static unsigned choose_divisor(const struct decoder *d)
{
	const struct jpeg_decompress_struct *j = &d->jpeg;
	unsigned divisor = d->width ? 8 : 1, width = 2 * (unsigned)d->width, height = 2 * (unsigned)d->height;
	while (divisor > 1 && (j->image_width / divisor < width || j->image_height / divisor < height))
		divisor /= 2;
	return divisor;
}

/* Keeps libjpeg's defaults (islow DCT, fancy upsampling), with which Pillow decodes. The limits are those of the whole picture, also if it is reduced. */
static int read_picture(struct decoder *d, const void *data, size_t len, struct picture *out)
{
	struct jpeg_decompress_struct *j = &d->jpeg;
	jpeg_mem_src(j, data, len);
	jpeg_read_header(j, TRUE);

	int gray = j->jpeg_color_space == JCS_GRAYSCALE, cmyk = j->jpeg_color_space == JCS_CMYK || j->jpeg_color_space == JCS_YCCK;
	if (!gray && !cmyk && j->jpeg_color_space != JCS_YCbCr && j->jpeg_color_space != JCS_RGB)
		return fail_set(d->f, "cannot decode JPEG: %d components, expected 1 (gray), 3 (colour) or 4 (CMYK)", j->num_components);
	j->out_color_space = gray ? JCS_GRAYSCALE : cmyk ? JCS_CMYK : JCS_RGB;
	j->scale_denom = choose_divisor(d);
	jpeg_calc_output_dimensions(j);
	if (picture_check_size(j->image_width, j->image_height, d->f) ||
	    picture_alloc(out, j->output_width, j->output_height, gray ? 1 : 3, d->f))
		return -1;

	jpeg_start_decompress(j);
	size_t stride = (size_t)out->width * (size_t)out->channels;
	JSAMPARRAY inks = cmyk ? j->mem->alloc_sarray((j_common_ptr)j, JPOOL_IMAGE, 4 * j->output_width, 1) : NULL;
	while (j->output_scanline < j->output_height) {
		JSAMPROW row = out->pixels + j->output_scanline * stride;
		jpeg_read_scanlines(j, cmyk ? inks : &row, 1);
		if (cmyk)
			inks_to_rgb(inks[0], j->output_width, row);
	}
	jpeg_finish_decompress(j);
	out->notes = d->flawed ? PICTURE_FLAWED : 0;
	return 0;
}

int jpeg_decode_reduced(const void *data, size_t len, int width, int height, struct picture *out, struct fail *f)
{
	struct decoder d = {.f = f, .width = width, .height = height};
	*out = (struct picture){0};
	if (input_format_of(data, len) != INPUT_JPEG)
		return fail_set(f, "not a JPEG: it does not start with ff d8 ff");
	d.jpeg.err = jpeg_std_error(&d.err);
	d.jpeg.client_data = &d;
	d.err.error_exit = decode_error;
	d.err.emit_message = on_message;
	d.progress.progress_monitor = on_progress;
	if (!setjmp(d.env)) {
		jpeg_create_decompress(&d.jpeg);
		d.jpeg.progress = &d.progress;
		if (!read_picture(&d, data, len, out)) {
			jpeg_destroy_decompress(&d.jpeg);
			return 0;
		}
	}
	jpeg_destroy_decompress(&d.jpeg);
	picture_free(out);
	return -1;
}

int jpeg_decode(const void *data, size_t len, struct picture *out, struct fail *f) { return jpeg_decode_reduced(data, len, 0, 0, out, f); }
