#include "report/picture_code.h"

#include "input/png.h"
#include "input/resize.h"
#include "report/thumbnail.h"

int picture_code(const struct picture *full, int side, int *w, int *h, struct buf *out, struct fail *f)
{
	struct picture small;
	*w = full->width;
	*h = full->height;
	thumbnail_fit(w, h, side);
	if (*w == full->width && *h == full->height)
		return png_encode(full->pixels, *w, *h, full->channels, out, f);
	if (picture_resize(full, *w, *h, &small, f))
		return -1;
	int r = png_encode(small.pixels, *w, *h, small.channels, out, f);
	picture_free(&small);
	return r;
}
