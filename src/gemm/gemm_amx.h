/* gemm_amx.h - matrix products on the tile units of newer Xeons (AMX, from Sapphire Rapids on).
 *
 * The tiles multiply bfloat16, of 8 bits of significand, and add up in float. Every float is taken as the sum of such
 * pieces, and of the products of pieces those that count are made: three for two pieces, six for three.
 * Two pieces are 16 bits: |c - exact| <= (3 2^-16 + d 2^-24) sum_k |a_ik b_kj|, on data some 2e-7 of that sum;
 * three are all 24, and the sums round as those of floats do. Factors below
 * 2^-100 lose their last pieces; infinite ones, and those that would round up to them, become NAN. (Henry, Tang & Heinecke 2019, "Leveraging the bfloat16
 * artificial intelligence datatype for higher-precision computations".) */
#ifndef VF_GEMM_AMX_H
#define VF_GEMM_AMX_H

#include "gemm/gemm_args.h"

/* p lines over d as the second side of many products; NULL without memory. b.v NULL: zeros, for gemm_amx_repack(). Freed with free(). */
struct mat_packed *gemm_amx_pack(struct gemm_operand b, int p, int d, int pieces);
/* Other numbers of the same shape in its place. */
void gemm_amx_repack(struct mat_packed *packed, struct gemm_operand b);

/* The processor has the tiles, the system lets this process use them, and the product is large enough to win. Tells by
 * the shape alone. */
int gemm_amx_takes(int n, int p, int d);

/* Keeps 5 MB a thread until it ends. */
void gemm_amx(const struct gemm_args *s);

#endif
