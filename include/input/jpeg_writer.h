/* jpeg_writer.h - pictures as JPEG files, for pages. */
#ifndef VF_JPEG_WRITER_H
#define VF_JPEG_WRITER_H

#include <stdint.h>

#include "base/buf.h"

/* Appends 8-bit gray (channels 1) or RGB (3) samples to `out` as a baseline JPEG file of this quality, 1 to 100 (libjpeg's scale). */
int jpeg_encode(const uint8_t *pixels, int width, int height, int channels, int quality, struct buf *out, struct fail *f);

#endif
