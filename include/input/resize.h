/* resize.h - bilinear resize with antialiasing, byte for byte Pillow's Image.resize((width, height), BILINEAR):
 * horizontal pass first, 22-bit fixed-point weights, rounded to 8 bits after each pass. */
#ifndef VF_RESIZE_H
#define VF_RESIZE_H

#include "base/fail.h"
#include "input/picture.h"

/* Resizes `in` into `out`, which is allocated here. */
int picture_resize(const struct picture *in, int width, int height, struct picture *out, struct fail *f);

#endif
