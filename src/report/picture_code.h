/* picture_code.h - pictures of a page as files. */
#ifndef VF_PICTURE_CODE_H
#define VF_PICTURE_CODE_H

#include "base/buf.h"
#include "input/picture.h"

/* Appends a picture as a PNG, scaled down to at most `side` pixels a side; *w and *h: its size. photograph, unless NULL: a picture
 * larger than PICTURE_SMALL becomes a JPEG, and *photograph says so. */
enum { PICTURE_SMALL = 64 };
int picture_code(const struct picture *full, int side, int *w, int *h, int *photograph, struct buf *out, struct fail *f);

#endif
