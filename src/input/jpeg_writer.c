#include "input/jpeg_writer.h"

#include <stdio.h> /* jpeglib.h needs FILE */

#include <jerror.h>
#include <jpeglib.h>
#include <setjmp.h>
#include <stdlib.h>

struct encoder {
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr err;
	jmp_buf env;
	struct fail *f;
	unsigned char *file; /* allocated by libjpeg */
	unsigned long size;
};

static _Noreturn void encode_error(j_common_ptr c)
{
	struct encoder *e = c->client_data;
	char msg[JMSG_LENGTH_MAX];
	c->err->format_message(c, msg);
	if (c->err->msg_code == JERR_OUT_OF_MEMORY)
		fail_memory_for(e->f, "a JPEG encoder");
	else
		fail_set(e->f, "cannot encode JPEG: %s", msg);
	longjmp(e->env, 1);
}

static void write_picture(struct encoder *e, const uint8_t *pixels, int width, int height, int channels, int quality)
{
	struct jpeg_compress_struct *j = &e->jpeg;
	j->image_width = (JDIMENSION)width;
	j->image_height = (JDIMENSION)height;
	j->input_components = channels;
	j->in_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
	jpeg_set_defaults(j);
	jpeg_set_quality(j, quality, TRUE);
	j->optimize_coding = TRUE;
	jpeg_mem_dest(j, &e->file, &e->size);
	jpeg_start_compress(j, TRUE);
	while (j->next_scanline < j->image_height) {
		JSAMPROW row = (JSAMPROW)(pixels + (size_t)j->next_scanline * (size_t)width * (size_t)channels);
		jpeg_write_scanlines(j, &row, 1);
	}
	jpeg_finish_compress(j);
}

int jpeg_encode(const uint8_t *pixels, int width, int height, int channels, int quality, struct buf *out, struct fail *f)
{
	struct encoder *e = calloc(1, sizeof *e); /* on the heap: longjmp() keeps its contents */
	if (!e)
		return fail_memory(f);
	e->f = f;
	e->jpeg.err = jpeg_std_error(&e->err);
	e->err.error_exit = encode_error;
	e->jpeg.client_data = e;
	int r = -1;
	if (setjmp(e->env) == 0) {
		jpeg_create_compress(&e->jpeg);
		write_picture(e, pixels, width, height, channels, quality);
		r = buf_add(out, e->file, e->size, f);
	}
	jpeg_destroy_compress(&e->jpeg);
	free(e->file);
	free(e);
	return r;
}
