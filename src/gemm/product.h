/* product.h - what the kernels of matrix products share (amx.h, vectors.h), and mat.c hands them. */
#ifndef VF_PRODUCT_H
#define VF_PRODUCT_H

#include <stddef.h>

enum { PACKED_PANELS = 0, PACKED_BOTH = -1 };

/* p lines over d as second side, in the order of the kernels that made it: pieces of bfloat16 for each number (amx.h),
 * or floats in panels, alone or with the lines as they are behind them (vectors.h). */
struct mat_packed {
	_Alignas(64) int p;
	int d, pieces;
	size_t bytes;
	_Alignas(64) char v[];
};

/* One side of a product over k: line i's number k stands at v[i ld + k], or, when across, at v[k ld + i]. packed: the same
 * as kernels want it, or NULL; of the second side. */
struct mat_side {
	const float *v;
	int ld, across;
	const struct mat_packed *packed;
};

/* Where the sums go: v[i ld + j] = scale sum (+ what is there when add) (+ bias[j] unless NULL), negative numbers 0 when relu, and
 * 0 where gate[i ld + j] is not above 0, unless NULL. */
struct mat_out {
	float *v;
	int ld, add;
	float scale;
	const float *bias;
	int relu;
	const float *gate;
};

/* n lines of a by p of b over d; what is packed has that shape, and those pieces (0: floats). */
struct product {
	const struct mat_out *c;
	struct mat_side a, b;
	int n, p, d, pieces;
};

/* Room for so many bytes of v; NULL without memory. Freed with free(). */
struct mat_packed *packed_open(int p, int d, int pieces, size_t bytes);

/* Room of this thread for so many bytes, ROOM_MOST at most, for vectors; kept until the thread ends. Without memory for it threads take
 * turns in one that is always there: a result must not depend on that. Until room_leave(). */
enum { ROOM_MOST = 6 << 20 };
void *room_enter(size_t bytes);
void room_leave(const void *room);

#endif
