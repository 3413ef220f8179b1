/* name.h - the names of members: their key, their extension, and how they are printed.
 *
 * The key is the path up to the first dot of the basename, the extension is the rest, in lower case (WebDataset's rule):
 * `train.v1/0001.seg.PNG` has the key `train.v1/0001` and the extension `seg.png`.
 */
#ifndef VF_NAME_H
#define VF_NAME_H

#include <stddef.h>

#include "base/buf.h"

/* Returns the length of the path's key and sets *ext to its extension (after the dot, case as written). Returns 0 for a path
 * that belongs to no record: the basename begins with a dot or has no extension, or the first directory is `__x__`. */
size_t name_split(const char *path, const char **ext);

/* Appends bytes in a form that is safe in a terminal, in TSV and in a JSON string: UTF-8 stays, a backslash becomes `\\`, a
 * tab `\t`, a newline `\n`, and other control characters, those that change the direction of text, and bytes that are not UTF-8
 * become `\xHH`. */
int name_escape(struct buf *out, const char *p, size_t n, struct fail *f);
/* Whether any of those but a backslash is there. */
int name_has_control(const char *p, size_t n);

/* The same for messages, in a fixed buffer; a long name is cut and ends in "...". Returns out. */
const char *name_show(char *out, size_t size, const char *p);

/* Whether the bytes are UTF-8 that no program changes that normalises names (NFC); 0 also in some doubtful cases. */
int name_keeps_form(const char *p, size_t n);

/* The length of the UTF-8 sequence at p (1 to 4), or 0 if the bytes are not UTF-8. */
int utf8_length(const char *p, size_t n);

#endif
