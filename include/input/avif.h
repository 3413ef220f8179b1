/* avif.h - AVIF files, decoded by libavif to 8 bits. Alpha is dropped, rotation and cropping are ignored; of a sequence the
 * first picture is taken. */
#ifndef VF_AVIF_H
#define VF_AVIF_H

#include <stddef.h>

#include "base/fail.h"
#include "input/picture.h"

/* Decodes a whole file in memory to RGB. 0, or -1 with a message that does not name the file. */
int avif_decode(const void *data, size_t len, struct picture *out, struct fail *f);

#endif
