/* mat.h - matrix products (GEMM) of row-major float matrices.
 *
 * Letters are those of BLAS: C is m x n, k is the inner dimension, and ldc is the distance between two rows of C in memory. The two
 * letters of a name say how A and B are stored, n as they are and t transposed:
 *
 *   mat_nn   C = A B      a[m x k]  b[k x n]
 *   mat_nt   C = A B^T    a[m x k]  b[n x k]
 *   mat_tn   C = A^T B    a[k x m]  b[k x n]
 *
 * All matrices belong to the caller, and C overlaps neither A nor B. A product runs on the calling thread alone; callers split work
 * between threads. The bits of a result depend on processor, shape, strides and numbers only, not on the thread, on
 * packing, or on the alignment of the matrices. */
#ifndef VF_MAT_H
#define VF_MAT_H

#include <stddef.h>

#include "base/fail.h"

/* Prepares the calling thread, with OpenBLAS limited to one thread: call it once before any product and in every worker thread.
 * Returns how many threads may compute products at once: 256, or 1 if OpenBLAS was built without thread safety. */
int mat_thread_init(void);
/* Reserves OpenBLAS's memory for products on `threads` threads at once, 129 MiB of address space each; pages are used as products
 * need them. If less fits, fewer threads compute at once and the others wait. -1 if there is none for even one thread. */
int mat_reserve(int threads, struct fail *f);
/* Makes this thread, and those that it starts, treat denormal floats and doubles as 0. Processors take up to a hundred times as long
 * over denormals, and vanishing gradients and their running averages are full of them. */
void mat_flush_denormals(void);

/* Precision of a product: all 24 bits of a float's significand, or at least 16, which is faster on AMX. Forward
 * products need 24, except for logits: an activation near 0 decides whether its gradients count. MAT_SPARSE is 24 bits without AMX, by the
 * kernels that skip zeros of A and of a relu_mask: for factors that are mostly zeros. Without AMX all three have the same bits.
 * NAN and infinity in a factor make the sums NAN or infinite, except that a 0 in A may hide them in B. */
enum mat_bits { MAT_24, MAT_16, MAT_SPARSE };
/* An upper bound, on this processor: |c_ij - exact| <= mat_error_bound(k, bits) |a_i| |b_j|, with the Euclidean norms of row i of A and
 * column j of B, for any order of the sum (Higham 2002, "Accuracy and Stability of Numerical Algorithms", section 3.1). It holds for
 * factors above 2^-100, and before C is scaled or added to. */
double mat_error_bound(int k, enum mat_bits bits);

/* Whether in products with n columns and inner dimension k, on this processor, the bits of a row of C do not depend on the number of rows or on its
 * place among them. */
int mat_rows_independent(int n, int k);

/* Packs B once for many products of about m rows. Without the pack they give the same bits, and take longer. b is [n x k], or [k x n] when
 * k_rows; NULL packs zeros, for mat_repack() to replace. masked: the products have a relu_mask and may skip masked outputs.
 * Products read b itself as well, and ignore a pack of another shape or precision. Freed with free().
 * Returns NULL when packing gains nothing, memory is out, or it would take more than *budget bytes; else *budget is reduced. */
struct mat_packed *mat_pack(const float *b, int ldb, int k_rows, int m, int n, int k, enum mat_bits bits, int masked, size_t *budget);
/* Replaces the numbers of a pack by those of another b [k x n]. */
void mat_repack(struct mat_packed *packed, const float *b, int ldb);

/* c[m x n] = a[m x k] b[n x k]^T. packed: b, or NULL */
void mat_nt(float *c, int ldc, const float *a, int lda, const float *b, int ldb, const struct mat_packed *packed, int m, int n, int k,
	    enum mat_bits bits);
/* A linear layer, torch's order of weights: y[m x n] = x[m x k] w[n x k]^T + bias[n] (NULL: 0), then max(0, y) when relu.
 * packed: w, or NULL */
void mat_layer(float *y, int ldy, const float *x, const float *w, const struct mat_packed *packed, const float *bias, int m, int n, int k,
	       int relu, enum mat_bits bits);
/* c[m x n] = a[m x k] b[k x n], and 0 where relu_mask, which has the shape and stride of c, is not above 0 (NULL: no mask).
 * packed: b, or NULL */
void mat_nn(float *c, int ldc, const float *a, int lda, const float *b, int ldb, const struct mat_packed *packed, const float *relu_mask,
	    int m, int n, int k, enum mat_bits bits);
/* c[m x n] = scale a[k x m]^T b[k x n], added to c when add. packed: b, or NULL */
void mat_tn(float *c, int ldc, const float *a, int lda, const float *b, int ldb, const struct mat_packed *packed, int m, int n, int k,
	    float scale, int add, enum mat_bits bits);
/* Whether mat_tn() of this shape reads a pack: its products may be computed by another kernel than those of mat_nt() and mat_nn(). */
int mat_tn_packs(int m, int n, int k, enum mat_bits bits);

/* The Gram matrix of m rows: c[m x m] = a[m x k] a^T, symmetric */
void mat_gram(float *c, const float *a, int lda, int m, int k);

/* sum[i] += p_i^T (W o sum_j p_j k_j^T) k_i for all rows i of p[rows x np] and k[rows x nk], with j in [from, to) and o the elementwise product
 * with W = weight[np x nk], whose rows are ld apart. scratch: mat_weighted_scratch(np, rows) floats. Returns 1; or 0, and does nothing, if this
 * processor has no kernel or there are too many rows. */
struct weighted_factors {
	const float *p, *k;
	int ldp, ldk, np, nk, rows;
};
int mat_weighted_sums(double *sum, const struct weighted_factors *f, const float *weight, int ld, int from, int to, float *scratch);
size_t mat_weighted_scratch(int np, int rows);

/* The lower triangle of c[n x n] += a[m x n]^T a: the second moments of m rows */
void mat_add_moments(float *c, int ldc, const float *a, int lda, int m, int n);

/* a[n x n] is symmetric, and its lower triangle is read. mat_inverse_cholesky() replaces it by L^-1, with zeros above the diagonal, where
 * a = L L^T and L is lower triangular: -1 if a is not positive definite. mat_eigenvectors() replaces it by its eigenvectors, one in each
 * row, by ascending value[n]: -1 without memory or convergence. */
int mat_inverse_cholesky(double *a, int n);
int mat_eigenvectors(double *a, double *value, int n);

/* mat_nt() in double, without a pack */
void mat_nt_double(double *c, int ldc, const double *a, int lda, const double *b, int ldb, int m, int n, int k);

/* to[columns x rows] = from[rows x columns]^T; they do not overlap. */
void mat_transpose(float *to, const float *from, int rows, int columns);

/* n zeros, aligned to 64 bytes; freed with free(). NULL: out of memory. */
float *mat_floats(size_t n);

/* The inner product of a[n] and b[n]: float partial sums of at most 64 terms in a fixed order, added up in double. */
double dot(const float *a, const float *b, int n);
/* sum_i (a_i - b_i)^2 in double, with partial sums in a fixed order */
double squared_distance(const float *a, const float *b, size_t n);

#endif
