/* buf.h - a growing byte buffer; the caller owns it and frees it with buf_free().
 * p stays NUL-terminated beyond len, so that text in it can be printed as it is. */
#ifndef VF_BUF_H
#define VF_BUF_H

#include <stddef.h>

#include "base/fail.h"

struct buf {
	char *p;
	size_t len, cap;
};

/* Makes room for extra more bytes and the NUL: 0, or -1 when memory is out. */
int buf_reserve(struct buf *b, size_t extra, struct fail *f);
int buf_add(struct buf *b, const void *p, size_t n, struct fail *f);
int buf_addf(struct buf *b, struct fail *f, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Reads the whole of path, at most max bytes. */
int buf_read_file(struct buf *b, const char *path, size_t max, struct fail *f);
void buf_free(struct buf *b);

#endif
