/* exp and log1p as polynomials without branches, so that the compiler vectorises whole rows; an
 * AVX2 build of the same lines is chosen at run time. Errors are below 2e-7 relative for exp
 * and 1.5e-7 absolute, two roundings, for log(1 + exp) (tested against libm). */
#include "loss.h"

#include <math.h>
#include <string.h>

#include "simd.h"

/* exp(x) for x <= 0: 2^n * p(r), n = round(x/ln2) */
INLINE float exp_negative(float x)
{
	x = x < -87.0f ? -87.0f : x;
	float n = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: rounds to a whole number in the low bits */
	int k;
	memcpy(&k, &n, sizeof k);
	n -= 12582912.0f;
	float r = (x - n * 0.693145752f) - n * 1.42860677e-6f;
	float p = 1.9875691500e-4f;
	p = p * r + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	p = p * r * r + r + 1.0f;
	int bits = (int)((unsigned)(k + 127) << 23);
	float scale;
	memcpy(&scale, &bits, sizeof scale);
	return p * scale;
}

/* log(1 + e) for e in [0, 1] */
INLINE float log1p_unit(float e)
{
	/* log(1+e) = 2 atanh(s), s = e/(2+e) <= 1/3: odd powers, error below 1e-8 */
	float s = e / (2.0f + e), q = s * s;
	float p = 2.0f / 13;
	p = p * q + 2.0f / 11;
	p = p * q + 2.0f / 9;
	p = p * q + 2.0f / 7;
	p = p * q + 2.0f / 5;
	p = p * q + 2.0f / 3;
	p = p * q + 2.0f;
	return p * s;
}

enum { LANES = 16 };

INLINE float one(enum likelihood likelihood, float f, float x, float *d)
{
	if (likelihood == LINEAR) {
		*d = 2 * (f - x);
		return (f - x) * (f - x);
	}
	float a = f < 0 ? -f : f, e = exp_negative(-a), t = 1.0f / (1.0f + e), s = f < 0 ? e * t : t;
	if (likelihood == GAUSSIAN) {
		*d = 2 * (s - x) * (t * (e * t)); /* s (1-s), without cancelling near 0 and 1 */
		return (s - x) * (s - x);
	}
	*d = s - x;
	return (f < 0 ? 0 : f) - x * f + log1p_unit(e);
}

/* Partial sums in lanes, in a fixed order; blocks go into a double. */
INLINE double row(enum likelihood likelihood, const float *f, const float *x, int n, float *d)
{
	double total = 0;
	int i = 0;
	for (; i + LANES <= n; i += LANES) {
		float part[LANES], g[LANES];
		for (int k = 0; k < LANES; k++)
			part[k] = one(likelihood, f[i + k], x[i + k], &g[k]);
		if (d)
			memcpy(d + i, g, sizeof g);
		for (int h = LANES / 2; h; h /= 2)
			for (int k = 0; k < h; k++)
				part[k] += part[k + h];
		total += (double)part[0];
	}
	for (; i < n; i++) {
		float g;
		total += (double)one(likelihood, f[i], x[i], &g);
		if (d)
			d[i] = g;
	}
	return total;
}

AVX2_VARIANT(double, recon, (enum likelihood likelihood, const float *f, const float *x, int n, float *d), {
	if (likelihood == GAUSSIAN)
		return row(GAUSSIAN, f, x, n, d);
	return likelihood == BERNOULLI ? row(BERNOULLI, f, x, n, d) : row(LINEAR, f, x, n, d);
})

double loss_recon(enum likelihood likelihood, const float *f, const float *x, int n, float *d)
{
	return PICK(recon)(likelihood, f, x, n, d);
}

double loss_kl(const float *head, int latent)
{
	double kl = 0;
	for (int i = 0; i < latent; i++) {
		double mu = (double)head[i], logvar = (double)head[latent + i];
		kl += 0.5 * (mu * mu + exp(logvar) - 1 - logvar);
	}
	return kl;
}
