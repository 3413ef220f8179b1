/* jpeg.h - JPEG files, gray, colour or CMYK (made RGB), decoded as Pillow does (islow DCT, fancy upsampling). EXIF is ignored. */
#ifndef VF_JPEG_H
#define VF_JPEG_H

#include <stddef.h>

#include "base/fail.h"
#include "input/picture.h"

/* Decodes a whole file in memory. 0, or -1 with a message that does not name the file. */
int jpeg_decode(const void *data, size_t len, struct picture *out, struct fail *f);
/* The same for a picture that will be resized to width x height. Divides the sides of the file by 8, 4 or 2, the largest that leaves at least 2 width
 * and 2 height, and rounds them up; or keeps them, if none does. Pillow's Image.draft(None, (2 width, 2 height)) does the same. The inverse DCT makes
 * one pixel of 8x8, 4x4 or 2x2, which takes less time. Fails for the same files as jpeg_decode(). */
int jpeg_decode_reduced(const void *data, size_t len, int width, int height, struct picture *out, struct fail *f);

#endif
