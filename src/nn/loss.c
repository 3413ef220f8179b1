/* exp and log1p are polynomials without branches, so that the compiler vectorises whole rows; the best of the builds for AVX2 and AVX-512
 * is selected at run time. The error of exp is below 2e-7 (relative), that of log(1 + exp) below 1.5e-7 (absolute), two rounding errors;
 * both are tested against libm. */
#include "nn/loss.h"

#include <math.h>
#include <string.h>

#include "base/simd.h"

/* exp(x) for x <= 0: 2^n * p(r), n = round(x/ln2) */
INLINE float exp_negative(float x)
{
	x = x < -87.0f ? -87.0f : x;
	float n = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: rounds to a whole number in the low bits */
	int k;
	memcpy(&k, &n, sizeof k);
	n -= 12582912.0f;
	float r = (x - n * 0.693145752f) - n * 1.42860677e-6f;
	float r2 = r * r;
	float p = (1.9875691500e-4f * r + 1.3981999507e-3f) * (r2 * r2) + ((8.3334519073e-3f * r + 4.1665795894e-2f) * r2 +
	          (1.6666665459e-1f * r + 5.0000001201e-1f));
	p = p * r2 + r + 1.0f;
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
	float q2 = q * q;
	float high = 2.0f / 13 * q2 + (2.0f / 11 * q + 2.0f / 9), low = (2.0f / 7 * q + 2.0f / 5) * q2 + (2.0f / 3 * q + 2.0f);
	return (high * (q2 * q2) + low) * s;
}

enum { LANES = 16, RUN = 256 };

struct term {
	float value, d, other;
};

/* For one logit: the term of a likelihood, its derivative, and the term of another likelihood, which shares the exp. */
INLINE struct term term(enum likelihood likelihood, enum likelihood other, float f, float x)
{
	struct term r = {0, 0, 0};
	if (likelihood == LINEAR && other == LINEAR)
		return (struct term){(f - x) * (f - x), 2 * (f - x), (f - x) * (f - x)};
	float a = f < 0 ? -f : f, e = exp_negative(-a), t = 1.0f / (1.0f + e), s = f < 0 ? e * t : t;
	float value[] = {[GAUSSIAN] = (s - x) * (s - x), [BERNOULLI] = 0, [LINEAR] = (f - x) * (f - x)};
	if (likelihood == BERNOULLI || other == BERNOULLI)
		value[BERNOULLI] = (f < 0 ? 0 : f) - x * f + log1p_unit(e);
	r.value = value[likelihood];
	r.other = value[other];
	/* t (e t) is s (1 - s) without cancellation near 0 and 1 */
	r.d = likelihood == GAUSSIAN ? 2 * (s - x) * (t * (e * t)) : likelihood == BERNOULLI ? s - x : 2 * (f - x);
	return r;
}

INLINE void add_lanes(double total[LANES], const float part[LANES])
{
	for (int k = 0; k < LANES; k++)
		total[k] += (double)part[k];
}

INLINE double total_of(const double lane[LANES])
{
	double total = 0;
	for (int k = 0; k < LANES; k++)
		total += lane[k];
	return total;
}

/* LANES partial sums in float of RUN / LANES terms each, in a fixed order, are added up in double. */
INLINE double row(enum likelihood likelihood, enum likelihood other, const float *f, const float *x, int n, float *d, double *nll)
{
	double total[LANES] = {0}, other_total[LANES] = {0};
	int i = 0;
	while (i + LANES <= n) {
		float part[LANES] = {0}, other_part[LANES] = {0};
		for (int end = n - i < RUN ? n : i + RUN; i + LANES <= end; i += LANES) {
			float g[LANES];
			for (int k = 0; k < LANES; k++) {
				struct term t = term(likelihood, other, f[i + k], x[i + k]);
				part[k] += t.value, other_part[k] += t.other, g[k] = t.d;
			}
			if (d)
				memcpy(d + i, g, sizeof g);
		}
		add_lanes(total, part);
		add_lanes(other_total, other_part);
	}
	for (int k = 0; i < n; i++, k++) {
		struct term t = term(likelihood, other, f[i], x[i]);
		total[k] += (double)t.value, other_total[k] += (double)t.other;
		if (d)
			d[i] = t.d;
	}
	if (nll)
		*nll = total_of(other_total);
	return total_of(total);
}

SIMD_VARIANTS(double, recon, (enum likelihood likelihood, const float *f, const float *x, int n, float *d), {
	if (likelihood == GAUSSIAN)
		return row(GAUSSIAN, GAUSSIAN, f, x, n, d, NULL);
	return likelihood == BERNOULLI ? row(BERNOULLI, BERNOULLI, f, x, n, d, NULL) : row(LINEAR, LINEAR, f, x, n, d, NULL);
})

/* in one pass for the published setting: trained with bernoulli, scored with gaussian */
SIMD_VARIANTS(double, recon_two, (const float *f, const float *x, int n, float *d, double *nll), {
	return row(GAUSSIAN, BERNOULLI, f, x, n, d, nll);
})

double loss_recon(enum likelihood likelihood, const float *f, const float *x, int n, float *d)
{
	return SIMD_DISPATCH(recon)(likelihood, f, x, n, d);
}

double loss_recon_two(enum likelihood likelihood, enum likelihood other, const float *f, const float *x, int n, float *d, double *nll)
{
	if (likelihood == GAUSSIAN && other == BERNOULLI)
		return SIMD_DISPATCH(recon_two)(f, x, n, d, nll);
	*nll = likelihood == other ? 0 : loss_recon(other, f, x, n, NULL); /* before d, which may be f */
	double recon = loss_recon(likelihood, f, x, n, d);
	*nll = likelihood == other ? recon : *nll;
	return recon;
}

/* --- learnt variances --- */

/* n numbers, stride apart. */
static double recon_strided(enum likelihood likelihood, const float *f, const float *x, int n, int stride, float *d)
{
	float part_f[RUN], part_x[RUN], part_d[RUN] = {0};
	double total = 0;
	if (stride == 1)
		return loss_recon(likelihood, f, x, n, d);
	for (int from = 0, some; from < n; from += some) {
		some = n - from < RUN ? n - from : RUN;
		for (int i = 0; i < some; i++) {
			part_f[i] = f[(from + i) * stride];
			part_x[i] = x[(from + i) * stride];
		}
		total += loss_recon(likelihood, part_f, part_x, some, d ? part_d : NULL);
		for (int i = 0; d && i < some; i++)
			d[(from + i) * stride] = part_d[i];
	}
	return total;
}

double loss_recon_learnt(enum likelihood likelihood, const struct learnt_variance *v, const float *f, const float *x, int n, float *d, double *by_log_variance)
{
	if (!v->log_variance)
		return loss_recon(likelihood, f, x, n, d);
	const double log_2pi = 1.83787706640934548356;
	int area = n / v->channels, stride = v->channels_last ? v->channels : 1;
	double recon = 0;
	for (int c = 0; c < v->channels; c++) {
		int at = v->channels_last ? c : c * area;
		double log_v = (double)v->log_variance[c], half = 0.5 * exp(-log_v);
		double squares = recon_strided(likelihood, f + at, x + at, area, stride, d ? d + at : NULL);
		for (int i = 0; d && i < area; i++)
			d[at + i * stride] *= (float)half;
		recon += half * squares + 0.5 * area * (log_2pi + log_v);
		if (by_log_variance)
			by_log_variance[c] = 0.5 * area - half * squares;
	}
	return recon;
}

/* --- the gradient by the input --- */

INLINE void by_input(enum likelihood likelihood, const float *f, const float *x, int n, int stride, float share, float *d)
{
	for (int i = 0; i < n * stride; i += stride) {
		float a = f[i] < 0 ? -f[i] : f[i], e = exp_negative(-a), t = 1.0f / (1.0f + e), s = f[i] < 0 ? e * t : t;
		d[i] += share * (likelihood == GAUSSIAN ? 2 * (x[i] - s) : likelihood == BERNOULLI ? -f[i] : 2 * (x[i] - f[i]));
	}
}
SIMD_VARIANTS(void, recon_by_input, (enum likelihood likelihood, const float *f, const float *x, int n, int stride, float share, float *d), {
	if (stride == 1)
		by_input(likelihood, f, x, n, 1, share, d);
	else
		by_input(likelihood, f, x, n, stride, share, d);
})

void loss_recon_by_input(enum likelihood likelihood, const struct learnt_variance *v, const float *f, const float *x, int n, float share, float *d)
{
	if (!v->log_variance) {
		SIMD_DISPATCH(recon_by_input)(likelihood, f, x, n, 1, share, d);
		return;
	}
	int area = n / v->channels;
	for (int c = 0; c < v->channels; c++) {
		int at = v->channels_last ? c : c * area;
		SIMD_DISPATCH(recon_by_input)(likelihood, f + at, x + at, area, v->channels_last ? v->channels : 1, share * 0.5f * expf(-v->log_variance[c]), d + at);
	}
}

/* Magnitudes of floats compare like integers, whose maximum the compiler vectorises. */
INLINE void flush(float *d, int n)
{
	int most = 0;
	for (int i = 0; i < n; i++) {
		int size;
		memcpy(&size, d + i, sizeof size);
		size &= 0x7fffffff;
		size &= -(size <= 0x7f800000); /* without NAN */
		most = size > most ? size : most;
	}
	float least;
	memcpy(&least, &most, sizeof least);
	least *= 0x1p-25f / sqrtf((float)n);
	for (int i = 0; i < n; i++)
		d[i] = fabsf(d[i]) < least ? 0 : d[i]; /* keeps NAN */
}
SIMD_VARIANTS(void, flush, (float *d, int n), { flush(d, n); })

void loss_flush(float *d, int n) { SIMD_DISPATCH(flush)(d, n); }

double loss_kl(const float *head, int latent)
{
	double kl = 0;
	for (int i = 0; i < latent; i++) {
		double mu = (double)head[i], logvar = (double)head[latent + i];
		kl += 0.5 * (mu * mu + exp(logvar) - 1 - logvar);
	}
	return kl;
}
