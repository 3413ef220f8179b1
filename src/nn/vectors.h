/* vectors.h - matrix products in floats on AVX-512, of processors whose tiles there are none of or which keep to 24 bits.
 *
 * OpenBLAS has such kernels for the processors that it knows; others, and Zen 4 and 5 among them for the one in Debian 12, get
 * those of AVX2, at half the speed. Sums go along k in order, one fused multiply-add a term. */
#ifndef VF_VECTORS_H
#define VF_VECTORS_H

#include "product.h"

/* The processor has AVX-512, no tiles take the product (amx.h), and it is no vector. Tells by the shape alone. */
int vectors_take(int n, int p, int d);

/* p lines over d as the second side of many products; NULL without memory. b.v NULL: zeros, for vectors_repack(). few: the products have a
 * gate, and few zeros on the first side. Freed with free(). */
struct mat_packed *vectors_pack(struct mat_side b, int p, int d, int few);
/* Other numbers of the same shape in its place. */
void vectors_repack(struct mat_packed *packed, struct mat_side b);

/* Keeps 128 KB of the stack. */
void vectors_product(const struct product *s);

#endif
