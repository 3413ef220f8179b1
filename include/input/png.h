/* png.h - PNG files. 16-bit samples keep their high byte, alpha is dropped, gAMA and profiles are ignored. */
#ifndef VF_PNG_H
#define VF_PNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/fail.h"
#include "input/picture.h"

/* Decodes a whole file in memory. 0, or -1 with a message that does not name the file. */
int png_decode(const void *data, size_t len, struct picture *out, struct fail *f);
/* Appends 8-bit gray or RGB samples to `out` as a PNG file. The bytes depend on the samples alone. */
int png_encode(const uint8_t *pixels, int width, int height, int channels, struct buf *out, struct fail *f);

#endif
