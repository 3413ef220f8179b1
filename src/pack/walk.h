/* walk.h - visits every file below a directory, in byte order of names.
 *
 * fts(3) does the same, but does not report a directory that it cannot read to its end, or cannot sort for lack of memory.
 */
#ifndef VF_WALK_H
#define VF_WALK_H

#include <sys/stat.h>

#include "base/fail.h"

/* WALK_FOLLOW: symbolic links stand for what they point to, except those that point nowhere; a directory that contains itself is an
 * error. WALK_FILES_FIRST: in each directory the entries that are no directories come first. */
enum { WALK_FOLLOW = 1, WALK_FILES_FIRST = 2 };

/* Called for each entry but the root, for a directory before its entries. `below` is the part of path below the root, st comes
 * from lstat(), or with WALK_FOLLOW from stat(). Returns 1 to go on (and into a directory), 0 to skip a directory, WALK_STOP to end
 * without an error, or -1. */
enum { WALK_STOP = 2 };
typedef int walk_visit(void *ctx, const char *path, const char *below, const struct stat *st, struct fail *f);

/* The root may be a symbolic link. 0 or -1. */
int walk(const char *root, int flags, walk_visit *visit, void *ctx, struct fail *f);

#endif
