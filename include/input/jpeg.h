/* jpeg.h - JPEG files, gray, colour or CMYK (made RGB), decoded as Pillow does (islow DCT, fancy upsampling). EXIF is ignored. */
#ifndef VF_JPEG_H
#define VF_JPEG_H

#include <stddef.h>

#include "base/fail.h"
#include "input/picture.h"

/* Decodes a whole file in memory. 0, or -1 with a message that does not name the file. */
int jpeg_decode(const void *data, size_t len, struct picture *out, struct fail *f);

#endif
