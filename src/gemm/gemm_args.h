/* gemm_args.h - what the kernels of matrix products share (gemm_amx.h, gemm_avx512.h), and mat.c hands them. */
#ifndef VF_GEMM_ARGS_H
#define VF_GEMM_ARGS_H

#include <stddef.h>

enum { PACKED_PANELS = 0, PACKED_BOTH = -1 };

/* p lines over d as second side, in the order of the kernels that made it: pieces of bfloat16 for each number (gemm_amx.h),
 * or floats in panels, alone or with the lines as they are behind them (gemm_avx512.h). */
struct mat_packed {
	_Alignas(64) int p;
	int d, pieces;
	size_t bytes;
	_Alignas(64) char v[];
};

/* One side of a product over k: line i's number k stands at v[i ld + k], or, when transposed, at v[k ld + i]. packed: the same
 * as kernels want it, or NULL; of the second side. */
struct gemm_operand {
	const float *v;
	int ld, transposed;
	const struct mat_packed *packed;
};

/* Where the sums go: v[i ld + j] = scale sum (+ what is there when add) (+ bias[j] unless NULL), negative numbers 0 when relu, and
 * 0 where relu_mask[i ld + j] is not above 0, unless NULL. */
struct gemm_output {
	float *v;
	int ld, add;
	float scale;
	const float *bias;
	int relu;
	const float *relu_mask;
};

/* n lines of a by p of b over d; what is packed has that shape, and those pieces (0: floats). */
struct gemm_args {
	const struct gemm_output *c;
	struct gemm_operand a, b;
	int n, p, d, pieces;
};

/* Room for so many bytes of v; NULL without memory. Freed with free(). */
struct mat_packed *packed_alloc(int p, int d, int pieces, size_t bytes);

/* Room of this thread for so many bytes, SCRATCH_MAX at most, for vectors; kept until the thread ends. Without memory for it threads take
 * turns in one that is always there: a result must not depend on that. Until scratch_release(). */
enum { SCRATCH_MAX = 6 << 20 };
void *scratch_acquire(size_t bytes);
void scratch_release(const void *room);

#endif
