#include "input/webp.h"

#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include "input/format.h"

static int set_error(VP8StatusCode status, struct fail *f)
{
	/* USER_ABORT: its setup failed, for which only memory can be missing here */
	if (status == VP8_STATUS_OUT_OF_MEMORY || status == VP8_STATUS_USER_ABORT)
		return fail_memory_for(f, "a WebP decoder");
	return fail_set(f, "cannot decode WebP: %s", status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED ? "the file is truncated" :
	                                             status == VP8_STATUS_UNSUPPORTED_FEATURE ? "a feature that libwebp lacks" : "damaged data");
}

/* Decodes a picture or frame into its rectangle of the canvas. c has the features of its bytes. */
static int decode_at(WebPDecoderConfig *c, const uint8_t *data, size_t len, size_t left, size_t top, struct picture *out, struct fail *f)
{
	size_t stride = 3 * (size_t)out->width, width = (size_t)c->input.width, height = (size_t)c->input.height;
	/* libwebp allocates by the sizes in the frame, which may be others than those of the file. */
	if (left + width > (size_t)out->width || top + height > (size_t)out->height || !width || !height)
		return fail_set(f, "cannot decode WebP: a frame of %zu x %zu pixels in a picture of %d x %d", width, height, out->width, out->height);
	c->output.colorspace = MODE_RGB;
	c->output.is_external_memory = 1;
	c->output.u.RGBA.rgba = out->pixels + top * stride + 3 * left;
	c->output.u.RGBA.stride = (int)stride;
	c->output.u.RGBA.size = (height - 1) * stride + 3 * width;
	VP8StatusCode status = WebPDecode(data, len, c);
	WebPFreeDecBuffer(&c->output);
	return status == VP8_STATUS_OK ? 0 : set_error(status, f);
}

/* The first frame of an animation; the rest of the canvas is black. */
static int decode_animation(WebPDecoderConfig *c, const WebPData *all, struct picture *out, struct fail *f)
{
	WebPIterator frame = {0};
	int r = -1;
	WebPDemuxer *d = WebPDemux(all);
	if (!d)
		return fail_set(f, "cannot decode WebP: the file is truncated or damaged");
	if (!WebPDemuxGetFrame(d, 1, &frame) || !frame.complete) {
		fail_set(f, "cannot decode WebP: it has no whole frame");
	} else {
		VP8StatusCode status = WebPGetFeatures(frame.fragment.bytes, frame.fragment.size, &c->input);
		memset(out->pixels, 0, (size_t)out->width * (size_t)out->height * 3);
		r = status != VP8_STATUS_OK
		        ? set_error(status, f)
		        : decode_at(c, frame.fragment.bytes, frame.fragment.size, (size_t)frame.x_offset, (size_t)frame.y_offset, out, f);
	}
	WebPDemuxReleaseIterator(&frame);
	WebPDemuxDelete(d);
	return r;
}

int webp_decode(const void *data, size_t len, struct picture *out, struct fail *f)
{
	const WebPData all = {data, len};
	const uint8_t *p = data;
	WebPDecoderConfig c;
	*out = (struct picture){0};
	if (input_format_of(data, len) != INPUT_WEBP) /* libwebp takes a bare VP8 stream too */
		return fail_set(f, "not a WebP: it does not start with RIFF and WEBP");
	if (!WebPInitDecoderConfig(&c))
		return fail_set(f, "cannot decode WebP: libwebp has another version than its header");
	/* libwebp does not mind if chunks behind the picture are missing. */
	if (len < 12 || ((size_t)p[4] | (size_t)p[5] << 8 | (size_t)p[6] << 16 | (size_t)p[7] << 24) > len - 8)
		return set_error(VP8_STATUS_NOT_ENOUGH_DATA, f);
	VP8StatusCode status = WebPGetFeatures(data, len, &c.input);
	if (status != VP8_STATUS_OK)
		return set_error(status, f);
	if (picture_alloc(out, (size_t)c.input.width, (size_t)c.input.height, 3, f))
		return -1;
	int r = c.input.has_animation ? decode_animation(&c, &all, out, f) : decode_at(&c, data, len, 0, 0, out, f);
	if (r)
		picture_free(out);
	return r;
}
