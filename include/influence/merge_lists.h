/* merge_lists.h - merges the files that `vae-testinf --influence` wrote for the shards of a stream into the file of the whole stream. The
 * strongest records of the stream are among the strongest of its shards.
 */
#ifndef VF_MERGE_LISTS_H
#define VF_MERGE_LISTS_H

#include "base/fail.h"

/* Writes to fd. Of equal influences, those of the earlier file come first, as in the stream. top: entries of a list, at most as many as in the
 * files; -1: as many. Fails unless all files have the same test records, model, options and top. Memory: one line of each file. */
int influence_merge(char **paths, int n, long top, int fd, struct fail *f);

#endif
