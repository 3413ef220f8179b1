/* kernels.h - what the dispatcher (mat.c) hands to a kernel, the kernels, and the memory that they share.
 *
 * Letters are those of BLAS and BLIS: C is m x n, A is m x k and B is k x n. i counts rows of C, j its columns, and p runs over k. */
#ifndef VF_KERNELS_H
#define VF_KERNELS_H

#include <stddef.h>

#include "gemm/mat.h"

/* B in the order of the kernel that packed it: floats in panels (microkernel.h), or each float in pieces of bfloat16 (gemm_amx.c). */
struct mat_packed {
	_Alignas(64) int n;
	int k;
	int pieces;      /* 2 or 3 of bfloat16; 0: floats */
	int has_columns; /* floats: the columns of B follow behind the panels, for masked products */
	size_t bytes;
	_Alignas(64) char v[];
};

/* A, by rows, or B, by columns: number p of line i stands at v[i ld + p], or at v[p ld + i] when k_rows. */
struct gemm_operand {
	const float *v;
	int ld, k_rows;
	const struct mat_packed *packed; /* B: the same, packed; or NULL */
};

/* C, and what becomes of a sum before it is stored: v[i ld + j] = scale sum (+ v[i ld + j] when add) (+ bias[j]), then max(0, .) when
 * relu, then 0 where relu_mask[i ld + j] is not above 0. bias and relu_mask may be NULL. */
struct gemm_output {
	float *v;
	int ld, add;
	float scale;
	const float *bias;
	int relu;
	const float *relu_mask;
};

struct gemm_args {
	const struct gemm_output *c;
	struct gemm_operand a, b;
	int m, n, k;
	int pieces; /* as in mat_packed: 0 for all kernels except AMX */
};

/* The kernel for a product. It depends on processor, shape and bits alone. */
enum gemm_kernel { GEMM_OPENBLAS, GEMM_BLOCKED, GEMM_AMX };
enum gemm_kernel gemm_select(int m, int n, int k, enum mat_bits bits);

/* --- the kernels, for shapes that gemm_select() gives to them --- */

/* mat_pack() and mat_repack() for AMX. b.v NULL: zeros. */
struct mat_packed *gemm_amx_pack(struct gemm_operand b, int n, int k, int pieces);
void gemm_amx_repack(struct mat_packed *packed, struct gemm_operand b);
void gemm_amx(const struct gemm_args *g); /* keeps 5 MB of scratch per thread */

/* The kernels that are compiled for 16 lanes (AVX-512), 8 (AVX2) and 4 (NEON): panels.h, masked_gemm.h and sparse_kernels.h. */
struct sparse_block;
struct spread_factors;
struct weighted_factors;
struct blocked_kernels {
	int lanes;
	/* as for AMX; with masked, pack() adds the columns of B for masked_gemm() */
	struct mat_packed *(*pack)(struct gemm_operand b, int n, int k, int masked);
	void (*repack)(struct mat_packed *packed, struct gemm_operand b);
	void (*gemm)(const struct gemm_args *g);
	/* For a relu_mask with few active outputs; the result has the same bits as gemm(). masked_gemm_pays(): it is faster, and B is packed for it. */
	int (*masked_gemm_pays)(const struct gemm_args *g);
	void (*masked_gemm)(const struct gemm_args *g);
	/* sparse_block.h */
	void (*sparse_pack)(struct sparse_block *b, const float *v, size_t ld, int rows, int width);
	void (*sparse_unpack)(const struct sparse_block *b, float *v, size_t ld, int rows, int width);
	void (*sparse_layer)(float *y, size_t ld, const struct sparse_block *x, int count, const struct mat_packed *w, const float *bias);
	void (*sparse_layer_relu)(struct sparse_block *y, const struct sparse_block *x, int count, const struct mat_packed *w, const float *bias);
	void (*sparse_nn_masked)(struct sparse_block *dx, const struct sparse_block *dy, const struct sparse_block *relu_mask, int count,
				 const struct mat_packed *w);
	void (*sparse_gram)(float *c, const struct sparse_block *a);
	void (*sparse_spread)(float *to, const struct sparse_block *b, int width);
	void (*spread_dots)(double *to, size_t stride, const struct spread_factors *x, const struct spread_factors *z, int np, int nk, float bias);
	/* mat_weighted_sums() */
	int (*weighted_sums)(double *sum, const struct weighted_factors *f, const float *weight, int ld, int from, int to, float *scratch);
	void (*transpose)(float *to, const float *from, int rows, int columns);
};
extern const struct blocked_kernels blocked_16, blocked_8, blocked_4;
/* Those for this processor. NULL: none */
const struct blocked_kernels *blocked_kernels(void);

/* The kernels of direct.h, compiled for 16, 8 and 4 lanes (direct_kernels.h). */
struct direct_product;
struct direct_gradient;
struct direct_kernels {
	void (*pack)(float *to, int rows, int n, int at, int some, const float *b, size_t row, size_t column);
	void (*product)(const struct direct_product *g);
	void (*gradient)(const struct direct_gradient *g);
	void (*sum)(float *to, int n, int count, const float *first, const float *const *from, int terms, size_t step);
};
extern const struct direct_kernels direct_16, direct_8, direct_4;

/* mat_gram() on AVX-512. Returns 1, or 0 with nothing done: the processor has no AVX-512, or m is above 64. */
int gram_avx512(float *c, const float *a, int lda, int m, int k);

/* --- memory --- */

/* An empty pack of so many bytes; freed with free(). NULL: out of memory. */
struct mat_packed *packed_alloc(int n, int k, int pieces, int has_columns, size_t bytes);

/* Scratch of the calling thread, SCRATCH_MAX bytes at most, aligned to 64; it is kept until the thread ends. Without memory for it
 * threads take turns with one static buffer: a result must not depend on free memory. Released with scratch_release(). */
enum { SCRATCH_MAX = 6 << 20 };
void *scratch_acquire(size_t bytes);
void scratch_release(const void *scratch);

/* mat.c: around every call of OpenBLAS, whose buffers may be fewer than the threads. */
void enter_openblas(void);
void leave_openblas(void);

#endif
