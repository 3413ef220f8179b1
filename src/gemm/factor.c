/* Moments, and factorisations of symmetric matrices in double by LAPACK, which OpenBLAS contains. LAPACK stores columns: what it calls the
 * upper triangle is the lower one here, and an eigenvector in a column is a row here. */
#include <cblas.h>
#include <stdlib.h>

#include "gemm/kernels.h"
#include "gemm/mat.h"

extern void dpotrf_(const char *triangle, const int *n, double *a, const int *lda, int *info);
extern void dtrtri_(const char *triangle, const char *diagonal, const int *n, double *a, const int *lda, int *info);
extern void dsyevd_(const char *what, const char *triangle, const int *n, double *a, const int *lda, double *value, double *work, const int *lwork,
                    int *iwork, const int *liwork, int *info);

void mat_add_moments(float *c, int ldc, const float *a, int lda, int m, int n)
{
	enter_openblas();
	cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, n, m, 1, a, lda, 1, c, ldc);
	leave_openblas();
}

int mat_inverse_cholesky(double *a, int n)
{
	int bad = 0;
	enter_openblas();
	dpotrf_("U", &n, a, &n, &bad);
	if (!bad)
		dtrtri_("U", "N", &n, a, &n, &bad);
	leave_openblas();
	for (int i = 0; i < n; i++)
		for (int j = i + 1; j < n; j++)
			a[(size_t)i * (size_t)n + (size_t)j] = 0;
	return bad ? -1 : 0;
}

int mat_eigenvectors(double *a, double *value, int n)
{
	int lwork = -1, liwork = -1, bad = 0, few;
	double size;
	enter_openblas();
	dsyevd_("V", "U", &n, a, &n, value, &size, &lwork, &few, &liwork, &bad);
	lwork = (int)size, liwork = few;
	double *work = malloc((size_t)lwork * sizeof *work);
	int *iwork = malloc((size_t)liwork * sizeof *iwork);
	bad = !work || !iwork;
	if (!bad)
		dsyevd_("V", "U", &n, a, &n, value, work, &lwork, iwork, &liwork, &bad);
	leave_openblas();
	free(work);
	free(iwork);
	return bad ? -1 : 0;
}
