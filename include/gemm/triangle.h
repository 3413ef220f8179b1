/* triangle.h - products of many rows with one matrix, of which the upper half may be zeros that are skipped, such as the inverse of a Cholesky
 * factor. They use the kernels of direct.h. */
#ifndef VF_TRIANGLE_H
#define VF_TRIANGLE_H

#include <stddef.h>

/* w [n][k], k <= n. Unless it is full, w[i][j] is 0 for j > i. */
struct triangle {
	const float *w;
	int n, k, full;
};

/* Whether this processor has kernels that are faster than those of mat.h, for such a size. Without them nothing below may be called. */
int triangle_supported(int n, int k);
/* Packs w for triangle_product(), or when back for triangle_product_back(). Without the pack they give the same bits, and take longer. Freed
 * with free(). NULL: memory is out, or it would take more than *budget bytes; else *budget is reduced. */
float *triangle_pack(const struct triangle *t, int back, size_t *budget);
/* y [rows][n] = x [rows][k] w^T + bias [n] (NULL: 0). panels: w packed, or NULL */
void triangle_product(float *y, const float *x, const struct triangle *t, const float *panels, const float *bias, int rows);
/* y [rows][k] = x [rows][n] w */
void triangle_product_back(float *y, const float *x, const struct triangle *t, const float *panels, int rows);
/* y [n][columns] = w x, x [k][columns]; turned: w^T, the rows of whose transpose are contiguous */
void triangle_left(float *y, const float *turned, const struct triangle *t, const float *x, int columns);
/* y [k][columns] = w^T x, x [n][columns] */
void triangle_left_back(float *y, const struct triangle *t, const float *x, int columns);

#endif
