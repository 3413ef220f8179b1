#include "rank/cholesky.h"

#include <math.h>

double cholesky(const double *s, double *l, int p, double least)
{
	double logdet = 0;
	for (int i = 0; i < p; i++)
		for (int j = 0; j <= i; j++) {
			double t = s[i * p + j];
			for (int k = 0; k < j; k++)
				t -= l[i * p + k] * l[j * p + k];
			if (i > j) {
				l[i * p + j] = t / l[j * p + j];
				continue;
			}
			t = fmax(t, least);
			if (!(t > 0))
				return NAN;
			l[i * p + i] = sqrt(t);
			logdet += log(t);
		}
	return logdet;
}

void cholesky_forward(const double *l, double *y, int p)
{
	for (int i = 0; i < p; i++) {
		for (int k = 0; k < i; k++)
			y[i] -= l[i * p + k] * y[k];
		y[i] /= l[i * p + i];
	}
}

void cholesky_solve(const double *l, double *y, int p)
{
	cholesky_forward(l, y, p);
	for (int i = p; i-- > 0;) {
		for (int k = i + 1; k < p; k++)
			y[i] -= l[k * p + i] * y[k];
		y[i] /= l[i * p + i];
	}
}
