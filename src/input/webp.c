#include "input/webp.h"

#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

static int set_error(VP8StatusCode status, struct fail *f)
{
	if (status == VP8_STATUS_OUT_OF_MEMORY)
		return fail_memory_for(f, "a WebP decoder");
	return fail_set(f, "cannot decode WebP: %s", status == VP8_STATUS_NOT_ENOUGH_DATA ? "the file is truncated" :
	                                             status == VP8_STATUS_UNSUPPORTED_FEATURE ? "a feature that libwebp lacks" : "damaged data");
}

/* Decodes a frame into its rectangle of the canvas. */
static int decode_frame(const WebPIterator *frame, struct picture *out, struct fail *f)
{
	WebPDecoderConfig c;
	if (!WebPInitDecoderConfig(&c))
		return fail_set(f, "cannot decode WebP: libwebp has another version than its header");
	VP8StatusCode status = WebPGetFeatures(frame->fragment.bytes, frame->fragment.size, &c.input);
	if (status != VP8_STATUS_OK)
		return set_error(status, f);
	size_t stride = 3 * (size_t)out->width, left = (size_t)frame->x_offset, top = (size_t)frame->y_offset;
	size_t width = (size_t)c.input.width, height = (size_t)c.input.height;
	/* libwebp allocates by the sizes in the frame, which may be others than those of the file. */
	if (left + width > (size_t)out->width || top + height > (size_t)out->height || !width || !height)
		return fail_set(f, "cannot decode WebP: a frame of %zu x %zu pixels in a picture of %d x %d", width, height, out->width, out->height);
	c.output.colorspace = MODE_RGB;
	c.output.is_external_memory = 1;
	c.output.u.RGBA.rgba = out->pixels + top * stride + 3 * left;
	c.output.u.RGBA.stride = (int)stride;
	c.output.u.RGBA.size = (height - 1) * stride + 3 * width;
	status = WebPDecode(frame->fragment.bytes, frame->fragment.size, &c);
	WebPFreeDecBuffer(&c.output);
	return status == VP8_STATUS_OK ? 0 : set_error(status, f);
}

int webp_decode(const void *data, size_t len, struct picture *out, struct fail *f)
{
	WebPData all = {data, len};
	WebPIterator frame = {0};
	*out = (struct picture){0};
	WebPDemuxer *d = WebPDemux(&all);
	if (!d)
		return fail_set(f, "cannot decode WebP: the file is truncated or damaged");
	int r = picture_alloc(out, WebPDemuxGetI(d, WEBP_FF_CANVAS_WIDTH), WebPDemuxGetI(d, WEBP_FF_CANVAS_HEIGHT), 3, f);
	if (!r) {
		memset(out->pixels, 0, (size_t)out->width * (size_t)out->height * 3);
		r = WebPDemuxGetFrame(d, 1, &frame) && frame.complete ? decode_frame(&frame, out, f) : fail_set(f, "cannot decode WebP: it has no whole frame");
		WebPDemuxReleaseIterator(&frame);
	}
	WebPDemuxDelete(d);
	if (r)
		picture_free(out);
	return r;
}
