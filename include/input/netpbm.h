/* netpbm.h - PGM and PPM files, plain and raw (P2, P3, P5, P6). Samples are scaled to 8 bits; 16-bit samples keep their
 * high byte. */
#ifndef VF_NETPBM_H
#define VF_NETPBM_H

#include <stddef.h>

#include "base/fail.h"
#include "input/picture.h"

/* Decodes a whole file in memory. 0, or -1 with a message that does not name the file. */
int netpbm_decode(const void *data, size_t len, struct picture *out, struct fail *f);

#endif
