/* picture_code.h - pictures of a page as files. */
#ifndef VF_PICTURE_CODE_H
#define VF_PICTURE_CODE_H

#include "base/buf.h"
#include "input/picture.h"

/* Appends a picture as a PNG, scaled down to at most `side` pixels a side; *w and *h: its size. */
int picture_code(const struct picture *full, int side, int *w, int *h, struct buf *out, struct fail *f);

#endif
