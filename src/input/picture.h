/* picture.h - what the decoders of this directory share. */
#ifndef VF_PICTURE_H
#define VF_PICTURE_H

#include "input/input.h"

/* Refuses a size that is empty or over the limits, else allocates *p: 0 or -1, then *p owns
 * nothing. The sizes are wide so that a claimed one can be passed as the file has it. */
int picture_alloc(struct picture *p, size_t width, size_t height, int channels, struct fail *f);

#endif
