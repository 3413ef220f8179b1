/* cholesky.h - small systems in double: matrices of as many rows as a joint score has fields.
 */
#ifndef VF_CHOLESKY_H
#define VF_CHOLESKY_H

/* The lower Cholesky factor l of s, both [p][p]; the lower triangle alone is read and written, and l may be s. A pivot below `least` counts as
 * least. Returns the log determinant, or NAN if a pivot is not above 0 (least 0). */
double cholesky(const double *s, double *l, int p, double least);
/* y becomes l^-1 y. */
void cholesky_forward(const double *l, double *y, int p);
/* y becomes (l l^T)^-1 y. */
void cholesky_solve(const double *l, double *y, int p);

#endif
