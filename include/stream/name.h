/* name.h - member names: which record they belong to, and how they are shown.
 *
 * Key: the path up to the first dot of the basename; extension: the rest, compared in lower
 * case (WebDataset's rule). `train.v1/0001.seg.PNG` is key `train.v1/0001`, extension `seg.png`.
 */
#ifndef VF_NAME_H
#define VF_NAME_H

#include <stddef.h>

#include "base/buf.h"

/* Splits a path: returns the length of its key and sets *ext to the extension (behind the dot,
 * case as written), or returns 0 when it belongs to no record: a basename that begins with a
 * dot or has no extension, or a path whose first part is `__x__`. */
size_t name_split(const char *path, const char **ext);

/* Appends bytes so that any terminal, TSV or JSON string can carry them: UTF-8 stays, a backslash
 * becomes `\\`, tab `\t`, newline `\n`, other control bytes and what is not UTF-8 `\xHH`. */
int name_escape(struct buf *out, const char *p, size_t n, struct fail *f);

/* The same into a fixed buffer for messages, cut with "..." when it is too long; returns out. */
const char *name_show(char *out, size_t size, const char *p);

/* The length of the UTF-8 sequence at p (1 to 4), or 0 when it is none. */
int utf8_length(const char *p, size_t n);

#endif
