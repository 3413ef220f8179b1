/* direct.h - products for direct convolution: the rows of A are read where they lie in pictures, not from a matrix that im2col makes.
 *
 * Rows are the positions (record d, column x) of one line of so many pictures. What the kernel covers at a position is a few segments of
 * contiguous numbers, one for each of its lines (Dukhan 2019, "The Indirect Convolution Algorithm", has pointers in place of strides).
 * Distances are in floats. Every number of C is one chain of fused multiply-adds in a fixed order, so its bits depend on its own row and
 * column alone. */
#ifndef VF_DIRECT_H
#define VF_DIRECT_H

#include <stddef.h>

/* From one record to the next, and from one column of the picture to the next. */
struct direct_strides {
	size_t record, column;
};

/* C (d, x, j) = sum over s and p of A (d, x, s line + p) B (first + s, skip + p, j), + bias[j], then max(0, .) when relu, then 0 where the mask is
 * not above 0. */
struct direct_product {
	int records, width;          /* rows */
	const float *a;
	struct direct_strides a_by;
	size_t line;                 /* from a segment to the next */
	int segments, length;        /* of A, and numbers in each */
	const float *b;              /* direct_pack() */
	int all_segments, all_length; /* of B */
	int first, skip;             /* of B: the segment, and the number in each, that the first of A meets */
	float *c;
	struct direct_strides c_by;
	int n;                       /* columns of B and C */
	const float *bias;           /* [n], or NULL */
	int relu;
	const float *relu_mask;      /* with the strides of C; or NULL */
};

/* C (i, j) = sum over (d, y, x) of A (d, y, x, i) B (d, y, x, j), added to C when add: the gradient of the product above. */
struct direct_gradient {
	int records, lines, width;
	const float *a, *b;
	struct direct_strides a_by, b_by;
	size_t a_line, b_line; /* from a line to the next */
	int m, n;
	float *c;
	size_t ldc;
	int add;
};

/* to (x, j) = first (j) + sum over q of from[q] (x, j), in this order, for x < count runs of n numbers, one behind the other in `to`, and `step` apart in
 * from[q]. Up to 16 numbers beyond each of these arrays are read, and beyond `to` overwritten. */
void direct_sum(float *to, int n, int count, const float *first, const float *const *from, int terms, size_t step);

/* Whether this processor has kernels for them; without them nothing below may be called. */
int direct_supported(void);
/* Floats of B [rows][n], packed. */
size_t direct_packed_size(int rows, int n);
/* Packs rows [at, at + some) of B [rows][n] into `to`, aligned to 64 bytes: number j of the first is b[j column], of the next one b[row + j column], and
 * so on; row or column is 1. */
void direct_pack(float *to, int rows, int n, int at, int some, const float *b, size_t row, size_t column);
void direct_product(const struct direct_product *g);
void direct_gradient(const struct direct_gradient *g);

#endif
