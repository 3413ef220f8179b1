/* mat.h - the matrix products of the networks, row-major float. Only mat.c sees BLAS.
 *
 * Every product runs on the calling thread alone; parallelism is the caller's. The result of a
 * call depends on its shape and on nothing else, so that fixed units of work give the same bits
 * on any thread.
 */
#ifndef VF_MAT_H
#define VF_MAT_H

#include <stddef.h>

/* Once before any product, and in every worker thread: one BLAS thread. Returns how many threads
 * may call at once (256, or 1 where the library is not safe for it). */
int mat_thread_init(void);
/* Numbers too small to be normal are 0 in this thread and in those it starts, floats and doubles. For networks: averages of
 * gradients that have died away stay just above 0 for ever, gradients behind a saturated sigmoid get there, and processors
 * take a hundred times as long over them. */
void mat_flush_denormals(void);

/* How many bits of its factors a product wants: a float's, or 16 where that is faster (gemm_amx.h). Forward products want them
 * all, but for logits: a unit that is nearly 0 turns whole gradients on or off. An infinite factor gives NAN or infinite sums,
 * but where a zero on the first side meets it on the second, which may be passed over (gemm_avx512.h). */
enum mat_bits { MAT_24, MAT_16 };
/* On this processor |c - exact| <= mat_error_bound(d, bits) |a_i| |b_j|, with norms of the two rows or columns, in any order of the
 * sum (Higham 2002, section 3.1); for factors above 2^-100, before scale and without what c held. */
double mat_error_bound(int d, enum mat_bits bits);

/* b[p x d], or b[d x p] when transposed, as products of n rows take it in that have it as their second factor, for many of them; they come out
 * the same to the bit. Wanted along with b itself, whole; left aside by a product of another shape or other bits. NULL: nothing is
 * gained, there is no memory, or it would take more than *room bytes, which become less. b NULL: zeros, for mat_repack(). masked: the
 * products have a relu_mask, and may leave out what it closes. Freed with free(). */
struct mat_packed *mat_pack(const float *b, int ldb, int transposed, int n, int p, int d, enum mat_bits bits, int masked,
			    size_t *room);
/* Another b of the same shape in its place. */
void mat_repack(struct mat_packed *packed, const float *b, int ldb, int transposed);

/* c[n x p] = a[n x d] b[p x d]^T (+ c when add) */
void mat_nt(float *c, int ldc, const float *a, int lda, const float *b, int ldb, int n, int p, int d, int add, enum mat_bits bits);
/* y[n x p] = x[n x d] w[p x d]^T + bias (none when NULL), negative numbers 0 when relu: a linear layer */
void mat_layer(float *y, int ldy, const float *x, const float *w, const struct mat_packed *packed, const float *bias, int n, int p, int d,
	       int relu, enum mat_bits bits);
/* c[n x p] = a[n x d] b[d x p], but 0 where relu_mask, which lies as c does, is not above 0 (NULL: nowhere): behind a relu */
void mat_nn(float *c, int ldc, const float *a, int lda, const float *b, int ldb, const struct mat_packed *packed, const float *relu_mask, int n,
	    int p, int d, enum mat_bits bits);
/* c[n x p] = scale a[d x n]^T b[d x p] (+ c when add) */
void mat_tn(float *c, int ldc, const float *a, int lda, const float *b, int ldb, const struct mat_packed *packed, int n, int p, int d,
	    float scale, int add, enum mat_bits bits);

/* c[n x n] = a[n x d] a^T */
void mat_gram(float *c, const float *a, int n, int d);

/* mat_nt() in double */
void mat_nt_double(double *c, int ldc, const double *a, int lda, const double *b, int ldb, int n, int p, int d);

/* n zeros, aligned for vectors; NULL without memory; freed with free(). */
float *mat_floats(size_t n);

/* sum_i a_i b_i, with partial sums in a fixed order, ended in double */
double dot(const float *a, const float *b, int n);
/* sum_i (a_i - b_i)^2 in double, with partial sums in a fixed order */
double squared_distance(const float *a, const float *b, size_t n);

#endif
