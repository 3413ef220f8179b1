#include "rank/chi2.h"

#include <math.h>

/* The logarithm of x^a e^-x / Gamma(a). */
static double log_front(double a, double x)
{
	int sign;
	return a * log(x) - x - lgamma_r(a, &sign);
}

/* P(chi-squared with p degrees of freedom <= x), by the series of the incomplete gamma function. */
static double chi2_cdf(int p, double x)
{
	double a = 0.5 * p, term = 1 / a, sum = term;
	for (int k = 1; k < 10000 && term > 1e-17 * sum; k++) {
		term *= 0.5 * x / (a + k);
		sum += term;
	}
	return x > 0 ? sum * exp(log_front(a, 0.5 * x)) : 0;
}

double chi2_log_tail(int p, double x)
{
	double a = 0.5 * p, t = 0.5 * x;
	if (t < a + 1)
		return log1p(-chi2_cdf(p, x));
	/* the continued fraction, by the modified Lentz method */
	double b = t + 1 - a, c = 1e300, d = 1 / b, h = d;
	for (int i = 1; i < 10000; i++) {
		double n = -i * (i - a);
		b += 2;
		d = 1 / (n * d + b);
		c = b + n / c;
		h *= c * d;
		if (fabs(c * d - 1) < 1e-16)
			break;
	}
	return log_front(a, t) + log(h);
}

double chi2_quantile(int p, double share)
{
	double low = 0, high = 20 + 5 * p;
	for (int i = 0; i < 100; i++) {
		double x = 0.5 * (low + high);
		*(chi2_cdf(p, x) < share ? &low : &high) = x;
	}
	return 0.5 * (low + high);
}

double chi2_convert(int from, double x, int to)
{
	if (from == to || !(x > 0) || x > 1e12) /* there the two differ by less than 1e-9 of x */
		return x;
	double tail = chi2_log_tail(from, x), low = 0, high = x + 1;
	while (chi2_log_tail(to, high) > tail)
		high *= 2;
	for (int i = 0; i < 100; i++) {
		double y = 0.5 * (low + high);
		*(chi2_log_tail(to, y) > tail ? &low : &high) = y;
	}
	return 0.5 * (low + high);
}
