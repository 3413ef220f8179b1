/* idx.h - reads IDX files (LeCun's MNIST format) of unsigned bytes, plain or gzip, item by item. */
#ifndef VF_IDX_H
#define VF_IDX_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

struct idx;

/* path "-": standard input. */
struct idx *idx_open(const char *path, struct fail *f);
int idx_ndim(const struct idx *x);
/* Dimension 0 is the number of items; the others are the shape of an item: [height][width] of a picture, none of a label. */
size_t idx_dim(const struct idx *x, int i);
/* Reads the next item, as many bytes as its dimensions multiply to: 1, 0 at the end, -1 if the file is truncated or continues
 * past its last item. */
int idx_next(struct idx *x, uint8_t *item, struct fail *f);
void idx_close(struct idx *x);

#endif
