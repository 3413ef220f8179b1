/* spread_mask.h - where the mask of a spread block (sparse_block.h) lies: bit j % MASK_BITS of word j / MASK_BITS says whether it keeps column j. */
#ifndef VF_SPREAD_MASK_H
#define VF_SPREAD_MASK_H

#include "gemm/sparse_block.h"

enum { MASK_BITS = 64 };

static inline const uint64_t *spread_mask(const float *v, int width) { return (const uint64_t *)(const void *)(v + (size_t)width * SPARSE_ROWS); }
static inline size_t mask_words(int width) { return ((size_t)width + MASK_BITS - 1) / MASK_BITS; }

#endif
