/* walk.h - every file below a directory, in byte order of names, as fts(3) would give them; but fts
 * takes a directory that cannot be read to its end, or not be sorted for want of memory, for a whole one. */
#ifndef VF_WALK_H
#define VF_WALK_H

#include <sys/stat.h>

#include "base/fail.h"

/* Called for each entry that is no directory (links are not followed): its path, where in it the part
 * below the root begins, and what lstat() says. Called for a directory before what is in it. 1 to go
 * on (and into a directory), 0 to leave a directory out, -1 to stop; WALK_ENOUGH stops without a failure. */
enum { WALK_ENOUGH = 2 };
typedef int walk_visit(void *ctx, const char *path, const char *below, const struct stat *st, struct fail *f);

/* The root itself may be a symbolic link, and is not visited. 0 or -1. */
int walk(const char *root, walk_visit *visit, void *ctx, struct fail *f);

#endif
