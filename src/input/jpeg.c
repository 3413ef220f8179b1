#include "input/jpeg.h"

#include <stdio.h> /* jpeglib.h needs FILE */

#include <jerror.h>
#include <jpeglib.h>
#include <setjmp.h>

/* A progressive file can repeat its pixels without end; encoders write a few dozen scans at most. */
#define MAX_SCANS 500

struct decoder {
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr err;
	struct jpeg_progress_mgr progress;
	jmp_buf env;
	struct fail *f;
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

/* Level -1 is a warning: libjpeg has invented pixels for missing or damaged data. Other levels are traces. */
static void on_message(j_common_ptr c, int level)
{
	if (level < 0)
		decode_error(c);
}

static void on_progress(j_common_ptr c)
{
	struct decoder *d = c->client_data;
	if (d->jpeg.input_scan_number > MAX_SCANS) {
		fail_set(d->f, "cannot decode JPEG: more than the limit of %d scans", MAX_SCANS);
		longjmp(d->env, 1);
	}
}

/* Keeps libjpeg's defaults (islow DCT, fancy upsampling), with which Pillow decodes. */
static int read_picture(struct decoder *d, const void *data, size_t len, struct picture *out)
{
	struct jpeg_decompress_struct *j = &d->jpeg;
	jpeg_mem_src(j, data, len);
	jpeg_read_header(j, TRUE);

	int gray = j->jpeg_color_space == JCS_GRAYSCALE;
	if (!gray && j->jpeg_color_space != JCS_YCbCr && j->jpeg_color_space != JCS_RGB)
		return fail_set(d->f, "cannot decode JPEG: %d components%s, expected 1 (gray) or 3 (colour)",
		                j->num_components, j->num_components == 4 ? " (CMYK or YCCK)" : "");
	j->out_color_space = gray ? JCS_GRAYSCALE : JCS_RGB;
	if (picture_alloc(out, j->image_width, j->image_height, gray ? 1 : 3, d->f))
		return -1;

	jpeg_start_decompress(j);
	size_t stride = (size_t)out->width * (size_t)out->channels;
	while (j->output_scanline < j->output_height) {
		JSAMPROW row = out->pixels + j->output_scanline * stride;
		jpeg_read_scanlines(j, &row, 1);
	}
	jpeg_finish_decompress(j);
	return 0;
}

int jpeg_decode(const void *data, size_t len, struct picture *out, struct fail *f)
{
	struct decoder d = {.f = f};
	*out = (struct picture){0};
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
