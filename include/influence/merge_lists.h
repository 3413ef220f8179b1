/* merge_lists.h - merges the files of `vae-testinf --influence` that were written for the shards of a stream into the file of the stream:
 * the strongest of a list are among the strongest of its shards.
 */
#ifndef VF_MERGE_LISTS_H
#define VF_MERGE_LISTS_H

#include "base/fail.h"

/* Of equal influences those of the earlier file come first, as in the stream of the shards in this order. top: entries of a list, at most as
 * many as the files have; -1: as many. All files must have the same test records, model, options and top. Memory is one line of each file. */
int influence_merge(char **paths, int n, long top, int fd, struct fail *f);

#endif
