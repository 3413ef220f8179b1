#include "report/picture_code.h"

#include "input/jpeg_writer.h"
#include "input/png.h"
#include "input/resize.h"
#include "report/thumbnail.h"

enum { QUALITY = 85 };

static int encode(const struct picture *p, int *photograph, struct buf *out, struct fail *f)
{
	if (photograph) {
		*photograph = p->width > PICTURE_SMALL || p->height > PICTURE_SMALL;
		if (*photograph)
			return jpeg_encode(p->pixels, p->width, p->height, p->channels, QUALITY, out, f);
	}
	return png_encode(p->pixels, p->width, p->height, p->channels, out, f);
}

int picture_code(const struct picture *full, int side, int *w, int *h, int *photograph, struct buf *out, struct fail *f)
{
	struct picture small;
	*w = full->width;
	*h = full->height;
	thumbnail_fit(w, h, side);
	if (*w == full->width && *h == full->height)
		return encode(full, photograph, out, f);
	if (picture_resize(full, *w, *h, &small, f))
		return -1;
	int r = encode(&small, photograph, out, f);
	picture_free(&small);
	return r;
}
