/* amx.h - matrix products on the tile units of newer Xeons (AMX, from Sapphire Rapids on).
 *
 * The tiles multiply bfloat16, of 8 bits of significand, and add up in float. Every float is taken as the sum of such
 * pieces, and of the products of pieces those that count are made: three for two pieces, six for three.
 * Two pieces are 16 bits: |c - exact| <= (3 2^-16 + d 2^-24) sum_k |a_ik b_kj|, on data some 2e-7 of that sum;
 * three are all 24, and the sums round as those of floats do. Factors below
 * 2^-100 lose their last pieces; infinite ones, and those that would round up to them, become NAN. (Henry, Tang & Heinecke 2019, "Leveraging the bfloat16
 * artificial intelligence datatype for higher-precision computations".) */
#ifndef VF_AMX_H
#define VF_AMX_H

#include <stddef.h>

struct amx_packed;

/* One side of a product over k: line i's number k stands at v[i ld + k], or, when across, at v[k ld + i]. packed: the same in
 * pieces, by amx_pack(), or NULL; of the second side, and taken where it has the shape and the pieces that are asked for. */
struct amx_side {
	const float *v;
	int ld, across;
	const struct amx_packed *packed;
};

/* p lines over d as the second side of many products; NULL without memory. b.v NULL: zeros, for amx_repack(). Freed with free(). */
struct amx_packed *amx_pack(struct amx_side b, int p, int d, int pieces);
/* Other numbers of the same shape in its place. */
void amx_repack(struct amx_packed *packed, struct amx_side b);
size_t amx_bytes(const struct amx_packed *packed);

/* The processor has the tiles, the system lets this process use them, and the product is large enough to win. Tells by
 * the shape alone. */
int amx_takes(int n, int p, int d);

/* Where the sums go: v[i ld + j] = scale sum (+ what is there when add) (+ bias[j] unless NULL), negative numbers 0 when relu. */
struct amx_out {
	float *v;
	int ld, add;
	float scale;
	const float *bias;
	int relu;
};

/* Of n lines of a and p of b over d. Keeps 5 MB a thread until it ends. */
void amx_product(const struct amx_out *c, struct amx_side a, struct amx_side b, int n, int p, int d, int pieces);

#endif
