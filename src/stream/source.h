/* source.h - the bytes that a reader reads: of files, of standard input, or of ranges of a file. */
#ifndef VF_SOURCE_H
#define VF_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

struct source;

/* n paths in order; no path, or "-", is standard input. rewindable: source_rewind() will be called. */
struct source *source_open(char *const *paths, int n, int rewindable, struct fail *f);
/* The ranges [from[i], from[i] + len[i]) of fd as one input, with an end-of-archive after them. All are borrowed. */
struct source *source_open_ranges(int fd, const uint64_t *from, const uint64_t *len, size_t n, struct fail *f);
/* Goes on to the next input: 1, 0 when there is none, -1. */
int source_next(struct source *s, struct fail *f);
/* The name of the current input, for messages. */
const char *source_name(const struct source *s);
/* The next block of the current input, gzip decompressed: its length, 0 at the end, -1. Valid until the next call. */
ptrdiff_t source_read(struct source *s, const void **block, struct fail *f);
/* Back to the first input, for a second pass. */
int source_rewind(struct source *s, struct fail *f);
uint64_t source_bytes(const struct source *s); /* read so far, over all inputs, before decompression; any thread */
uint64_t source_total(const struct source *s); /* the size of all inputs, 0 if it is unknown */
/* Ends waiting for input: source_read() fails if it waits, or would wait. Any thread. */
void source_stop(const struct source *s);
void source_close(struct source *s);

#endif
