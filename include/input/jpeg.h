/* jpeg.h - JPEG files, gray, colour or CMYK (made RGB), decoded as Pillow does (islow DCT, fancy upsampling). EXIF is ignored. */
#ifndef VF_JPEG_H
#define VF_JPEG_H

#include <stddef.h>

#include "base/fail.h"
#include "input/picture.h"

/* Decodes a whole file in memory. 0, or -1 with a message that does not name the file. */
int jpeg_decode(const void *data, size_t len, struct picture *out, struct fail *f);
/* The same for a picture that is resized to width x height afterwards: its sides are divided by 8, 4 or 2 and rounded up, by the largest
 * that leaves at least twice the width and height, and by 1 if none does, as Pillow's Image.draft(None, (2 width, 2 height)) does. The
 * inverse transform makes one pixel where it would make 8x8, 4x4 or 2x2. */
int jpeg_decode_reduced(const void *data, size_t len, int width, int height, struct picture *out, struct fail *f);

#endif
