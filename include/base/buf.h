/* buf.h - a growing byte buffer, owned by the caller and freed with buf_free().
 *
 * A buffer that holds anything is followed by a NUL that len does not count, so text in it can be printed as it is. Functions
 * return 0, or -1 when memory is out; then the contents are unchanged. A buffer of zeros is empty. */
#ifndef VF_BUF_H
#define VF_BUF_H

#include <stddef.h>

#include "base/fail.h"

struct buf {
	char *p;
	size_t len, cap;
};

/* Allocates capacity for `extra` more bytes and the NUL. */
int buf_reserve(struct buf *b, size_t extra, struct fail *f);
int buf_add(struct buf *b, const void *p, size_t n, struct fail *f);
int buf_addf(struct buf *b, struct fail *f, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
enum { BUF_PAGES = 2 << 20 };
/* Appends the whole file at path. Fails if it cannot be read or is larger than max bytes; then part of it may be there. An empty buffer
 * gets the memory of pages_alloc() for a file of at least about BUF_PAGES bytes. */
int buf_read_file(struct buf *b, const char *path, size_t max, struct fail *f);
void buf_free(struct buf *b);
/* For a file that is always a regular one: -1 if something else is at path, such as a FIFO, whose open() would wait for a writer. */
int check_regular(const char *path, struct fail *f);

#endif
