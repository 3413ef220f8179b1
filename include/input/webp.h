/* webp.h - WebP files, lossy and lossless, decoded by libwebp as Pillow does. Alpha is dropped; of an animation the first
 * frame is taken. */
#ifndef VF_WEBP_H
#define VF_WEBP_H

#include <stddef.h>

#include "base/fail.h"
#include "input/picture.h"

/* Decodes a whole file in memory to RGB. 0, or -1 with a message that does not name the file. */
int webp_decode(const void *data, size_t len, struct picture *out, struct fail *f);

#endif
