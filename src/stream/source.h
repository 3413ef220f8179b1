/* source.h - where a reader's bytes come from: files, standard input, spools, ranges of a file. */
#ifndef VF_SOURCE_H
#define VF_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

struct source;

struct source *source_open(char *const *paths, int n, int twice, struct fail *f);
struct source *source_open_ranges(int fd, const uint64_t *from, const uint64_t *len, size_t n, struct fail *f);
/* Moves to the next input: 1, 0 when there is none, -1. */
int source_next(struct source *s, struct fail *f);
/* The name of the input at hand, for messages. */
const char *source_name(const struct source *s);
/* The next block of the input at hand: its length, 0 at the end, -1 with the reason. What is gzip comes uncompressed:
 * libarchive would not look at its checksums. */
ptrdiff_t source_read(struct source *s, const void **block, struct fail *f);
int source_rewind(struct source *s, struct fail *f);
uint64_t source_bytes(const struct source *s); /* taken so far, over all inputs, as they came */
uint64_t source_total(const struct source *s); /* of all inputs, 0 when not known */
/* From another thread: no more waiting for input, now or later; source_read() fails instead. */
void source_stop(const struct source *s);
void source_close(struct source *s);

#endif
