/* format.h - what the bytes of a payload are. The first bytes decide, as in Pillow and OpenCV, not the member's extension. */
#ifndef VF_FORMAT_H
#define VF_FORMAT_H

#include <stddef.h>

#include "base/fail.h"

enum input_format { INPUT_NONE, INPUT_PNG, INPUT_JPEG, INPUT_NETPBM, INPUT_WEBP, INPUT_AVIF, INPUT_NPY };

/* The format, or INPUT_NONE if there is no decoder for these bytes. */
enum input_format input_format_of(const void *data, size_t len);
/* -1, with a message that says what the bytes are and which formats are decoded. For payloads of INPUT_NONE. */
int input_unknown(const void *data, size_t len, struct fail *f);

#endif
