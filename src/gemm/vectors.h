/* vectors.h - matrix products in floats on AVX-512, where no tiles take them (amx.h).
 *
 * What they have before OpenBLAS's: weights are prepared once, bias, relu and gate cost no pass of their own, and zeros are passed over.
 * A sum goes along k in order, one fused multiply-add a term, in runs of 1024 terms: its bits depend on its own two
 * lines alone. A zero on the first side may take nothing from the second, not even NAN or infinity. */
#ifndef VF_VECTORS_H
#define VF_VECTORS_H

#include "gemm/product.h"

/* The processor has AVX-512, no tiles take the product, and no side is narrower than the kernels are. Tells by the shape alone. */
int vectors_take(int n, int p, int d);

/* p lines over d as the second side of many products; NULL without memory. b.v NULL: zeros, for vectors_repack(). gated: the products have a
 * gate, and take the lines one by one where it opens few sums. Freed with free(). */
struct mat_packed *vectors_pack(struct mat_side b, int p, int d, int gated);
/* Other numbers of the same shape in its place. */
void vectors_repack(struct mat_packed *packed, struct mat_side b);

void vectors_product(const struct product *s);

#endif
