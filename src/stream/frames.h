/* frames.h - decoders of zstd, xz, lz4, lz4 in its old form (`lz4 -l`), and bzip2. A compressed stream consists of frames, one after the
 * other (xz and bzip2 call them streams). Only zeros, of any number, may follow the last frame. */
#ifndef VF_FRAMES_H
#define VF_FRAMES_H

#include <stddef.h>

#include "base/fail.h"

enum frame_format { FRAMES_ZSTD, FRAMES_XZ, FRAMES_LZ4, FRAMES_OLD_LZ4, FRAMES_BZIP2 };
struct frames;

/* NULL when memory is out. */
struct frames *frames_open(enum frame_format format, struct fail *f);
/* Decompresses *n bytes at *in, moves *in behind those that it needs no more, and delivers a block that is valid until the next call:
 * its length, 0 if it needs more input, -1. */
ptrdiff_t frames_read(struct frames *d, const char **in, size_t *n, const void **block, struct fail *f);
/* The input has ended: -1 if the last frame is not complete. */
int frames_end(const struct frames *d, struct fail *f);
void frames_close(struct frames *d);

#endif
