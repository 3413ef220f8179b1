/* amx.h - matrix products on the tile units of newer Xeons (AMX, from Sapphire Rapids on).
 *
 * The tiles multiply bfloat16, of 8 bits of significand, and add up in float. Every float is taken as the sum of such
 * pieces, and of the products of pieces those that count are made: three for two pieces, six for three.
 * Two pieces are 16 bits: |c - exact| <= (3 2^-16 + d 2^-24) sum_k |a_ik b_kj|, on data some 2e-7 of that sum;
 * three are all 24, and the sums round as those of floats do. Factors below
 * 2^-100 lose their last pieces; infinite ones become NAN. (Henry, Tang & Heinecke 2019, "Leveraging the bfloat16
 * artificial intelligence datatype for higher-precision computations".) */
#ifndef VF_AMX_H
#define VF_AMX_H

/* One side of a product over k: line i's number k stands at v[i ld + k], or, when across, at v[k ld + i]. */
struct amx_side {
	const float *v;
	int ld, across;
};

/* The processor has the tiles, the system lets this process use them, and the product is large enough to win. Tells by
 * the shape alone. */
int amx_takes(int n, int p, int d);

/* c[n x p] = scale a b (+ c when add), for n lines of a and p of b. Keeps 1.1 MB a thread until it ends. */
void amx_product(float *c, int ldc, struct amx_side a, struct amx_side b, int n, int p, int d, int pieces, float scale, int add);

#endif
