/* decompress.h - the bytes of an input, decompressed: zstd, xz, lz4 or bzip2, as its first bytes say, or plain. */
#ifndef VF_DECOMPRESS_H
#define VF_DECOMPRESS_H

#include "stream/source.h"

struct decompressor;

/* Reads the current input of the source, which is borrowed. NULL when memory is out. */
struct decompressor *decompress_open(struct source *src, struct fail *f);
/* The next block: its length, 0 at the end, -1. Valid until the next call. */
ptrdiff_t decompress_read(struct decompressor *d, const void **block, struct fail *f);
void decompress_close(struct decompressor *d);

#endif
