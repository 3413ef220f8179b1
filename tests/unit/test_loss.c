/* loss_recon() and loss_kl() against libm in double, for logits from -100 to 100. */
#include "nn/loss.h"

#include <math.h>
#include <string.h>

#include "naive.h"

static const char *const name[] = {"gaussian", "bernoulli", "linear"};

/* One element in double: value and gradient. slack: the error that two rounding errors of s make in the gradient, where s - x cancels
 * because the pixel is well reconstructed. */
static double exact(int likelihood, double f, double x, double *d, double *slack)
{
	double s = f < 0 ? exp(f) / (1 + exp(f)) : 1 / (1 + exp(-f)), c = exp(-fabs(f)) / (1 + exp(-fabs(f)));
	double rounding = 2e-7;
	if (likelihood == GAUSSIAN) {
		*d = 2 * (s - x) * c * (1 - c);
		*slack = rounding * 2 * c * (s > x ? s : x);
		return (s - x) * (s - x);
	}
	if (likelihood == BERNOULLI) {
		*d = s - x;
		*slack = rounding * (s > x ? s : x);
		return (f > 0 ? f : 0) - x * f + log1p(exp(-fabs(f)));
	}
	*d = 2 * (f - x);
	*slack = rounding * 2 * (fabs(f) + x);
	return (f - x) * (f - x);
}

/* Both loops over a row: a block of 16 equal elements, and a single element (the rest of a row). */
static void test_elements(int likelihood)
{
	double worst_value = 0, worst_d = 0, worst_single = 0;
	float worst_at = 0; /* the logit of worst_d */
	static const float targets[] = {0, 1, 0.5f, 1 / 255.0f, 254 / 255.0f, 0.3f};
	for (int i = -20000; i <= 20000; i++)
		for (size_t k = 0; k < sizeof targets / sizeof *targets; k++) {
			float f[16], x[16], d[16], d1, at = (float)i * 0.005f + (i % 7 ? 0.0001f * (float)(i % 13) : 0);
			for (int j = 0; j < 16; j++)
				f[j] = at, x[j] = targets[k];
			double want_d, slack, want = exact(likelihood, (double)at, (double)targets[k], &want_d, &slack);
			double got = loss_recon((enum likelihood)likelihood, f, x, 16, d) / 16;
			double one = loss_recon((enum likelihood)likelihood, f, x, 1, &d1);
			/* errors relative to the terms of a value: f - x f cancels for x near 1 */
			double size = likelihood == BERNOULLI ? want + fabs((double)at) * (double)targets[k] * (at > 0) : want + (double)targets[k];
			double e = fabs(got - want) / (size + 1e-30), off = max_error(fabs((double)d[0] - want_d), fabs((double)d[15] - want_d));
			double g = off / (3e-7 * fabs(want_d) + slack + 1e-37);
			worst_value = max_error(worst_value, e);
			worst_single = max_error(worst_single, fabs(one - want) / (size + 1e-30));
			if (g > worst_d)
				worst_d = g, worst_at = at;
			off = fabs((double)d1 - want_d) / (3e-7 * fabs(want_d) + slack + 1e-37);
			worst_d = max_error(worst_d, off);
		}
	ok(worst_value < 5e-7 && worst_single < 5e-7, "%s: the largest error of a value is %.2g (of a single element %.2g)", name[likelihood], worst_value, worst_single);
	ok(worst_d < 1, "%s: the largest error of a gradient is %.2g of the tolerance (at %g)", name[likelihood], worst_d, (double)worst_at);
}

/* The errors that loss.c claims for its polynomials. For x = 0 and f < 0 the bernoulli gradient is the sigmoid, and the value softplus. */
static void test_polynomials(void)
{
	double sigmoid = 0, softplus = 0;
	for (int i = 0; i <= 86000; i++) {
		float f = -(float)i * 0.001f, x = 0, d;
		double v = loss_recon(BERNOULLI, &f, &x, 1, &d), e = exp((double)f);
		sigmoid = max_error(sigmoid, fabs((double)d / (e / (1 + e)) - 1));
		softplus = max_error(softplus, fabs(v - log1p(e)));
	}
	ok(sigmoid < 3e-7, "the sigmoid of 0 to -86: relative error %.2g", sigmoid);
	ok(softplus < 1.5e-7, "softplus of 0 to -86: absolute error %.2g", softplus);
	float far = -100, x = 0, d;
	double v = loss_recon(BERNOULLI, &far, &x, 1, &d);
	ok(v >= 0 && v < 2e-38 && d >= 0 && d < 2e-38f, "below the smallest float the sigmoid goes to 0 (%g, %g)", v, (double)d);
}

static void test_rows(int likelihood)
{
	enum { MOST = 67 };
	uint64_t state = 11;
	double worst = 0;
	int same = 1, clean = 1;
	for (int n = 0; n <= MOST; n++)
		for (int again = 0; again < 20; again++) {
			float f[MOST], x[MOST], d[MOST + 1], g[MOST];
			double want = 0;
			naive_fill(f, MOST, 1, again + 1, &state);
			naive_fill(x, MOST, 0, 1, &state);
			d[n] = 77;
			for (int i = 0; i < n; i++) {
				double by, slack;
				want += exact(likelihood, (double)f[i], (double)x[i], &by, &slack);
			}
			double got = loss_recon((enum likelihood)likelihood, f, x, n, d);
			worst = max_error(worst, n ? fabs(got - want) / want : fabs(got));
			clean &= d[n] == 77;
			same &= got == loss_recon((enum likelihood)likelihood, f, x, n, NULL);
			memcpy(g, f, sizeof g);
			same &= got == loss_recon((enum likelihood)likelihood, g, x, n, g) && !memcmp(g, d, (size_t)n * sizeof *g);
		}
	ok(worst < 1e-6, "%s: rows of 0 to %d elements, relative error at most %.2g", name[likelihood], MOST, worst);
	ok(same, "%s: without a gradient, or with the gradient written over the logits: the same bits", name[likelihood]);
	ok(clean, "%s: nothing is written after the row", name[likelihood]);
}

static void test_not_finite(void)
{
	for (int likelihood = 0; likelihood < 3; likelihood++) {
		float f[17] = {0}, x[17] = {0}, d[17];
		f[16] = NAN;
		int tail = !isfinite(loss_recon((enum likelihood)likelihood, f, x, 17, d));
		f[16] = 0, f[3] = NAN;
		ok(tail && !isfinite(loss_recon((enum likelihood)likelihood, f, x, 17, d)), "%s: with a NAN logit the loss is not finite",
		   name[likelihood]);
	}
}

/* Two likelihoods in one pass against each alone, for all pairs. */
static void test_two(void)
{
	enum { MOST = 70 };
	uint64_t state = 11;
	int same = 1;
	for (int first = 0; first < 3; first++)
		for (int second = 0; second < 3; second++)
			for (int n = 0; n <= MOST; n++) {
				float f[MOST], x[MOST], d[MOST], g[MOST];
				double nll;
				naive_fill(f, MOST, 1, 4, &state);
				for (int i = 0; i < MOST; i++)
					x[i] = (float)(i % 7) / 6.0f;
				double alone = loss_recon((enum likelihood)first, f, x, n, d), other = loss_recon((enum likelihood)second, f, x, n, NULL);
				memcpy(g, f, sizeof g);
				same &= alone == loss_recon_two((enum likelihood)first, (enum likelihood)second, g, x, n, g, &nll) && nll == other;
				same &= !memcmp(g, d, (size_t)n * sizeof *g);
			}
	ok(same, "two likelihoods in one pass: the same bits as each alone");
}

/* Flushed numbers are together too small to change a product by half a rounding error; all others keep their bits. */
static void test_flush(void)
{
	enum { MOST = 1000 };
	uint64_t state = 17;
	double worst = 0;
	int same = 1, flushed = 0, kept = 0;
	for (int n = 0; n <= MOST; n += n < 40 ? 1 : 37) {
		float d[MOST + 1], was[MOST + 1];
		double all = 0, lost = 0;
		naive_fill(d, MOST, 0, 1, &state);
		for (int i = 0; i < n; i++)
			d[i] = ldexpf(d[i], -(i * 7 % 60));
		d[n] = 1e-30f; /* after the row */
		memcpy(was, d, sizeof was);
		loss_flush(d, n);
		for (int i = 0; i < n; i++) {
			all += (double)was[i] * (double)was[i];
			lost += d[i] == 0 ? (double)was[i] * (double)was[i] : 0;
			flushed += d[i] == 0 && was[i] != 0, kept += d[i] != 0;
			same &= d[i] == 0 || d[i] == was[i];
		}
		same &= d[n] == was[n];
		worst = max_error(worst, all > 0 ? sqrt(lost / all) : 0);
	}
	ok(worst > 0 && worst <= 0x1p-25, "the flushed numbers have at most 2^%.1f of a row's norm", log2(worst));
	ok(same && flushed > 1000 && kept > 1000, "%d numbers are flushed, %d keep their bits, as does the number after the row", flushed, kept);
	float odd[3] = {NAN, 1e-20f, -1}, far[2] = {1, INFINITY}, none[20] = {0};
	loss_flush(odd, 3);
	loss_flush(far, 2);
	loss_flush(none, 20);
	ok(isnan(odd[0]) && odd[1] == 0 && odd[2] == -1 && isinf(far[1]) && none[0] == 0, "NAN, infinity and a row of zeros stay as they are");
}

static void test_kl(void)
{
	uint64_t state = 5;
	double worst = 0;
	for (int n = 1; n < 300; n += 7) {
		float head[600];
		double want = 0;
		naive_fill(head, 600, 1, 3, &state);
		for (int i = 0; i < n; i++) {
			/* KL(N(mu, s^2) || N(0, 1)) = log(1/s) + (s^2 + mu^2)/2 - 1/2 */
			double mu = (double)head[i], s = exp((double)head[n + i] / 2);
			want += -log(s) + (s * s + mu * mu) / 2 - 0.5;
		}
		worst = max_error(worst, fabs(loss_kl(head, n) - want) / want);
	}
	ok(worst < 1e-12, "the KL term: relative error %.2g", worst);
	float none[4] = {0};
	ok(loss_kl(none, 2) == 0, "the KL term of the prior is 0");
}

int main(void)
{
	for (int likelihood = 0; likelihood < 3; likelihood++) {
		test_elements(likelihood);
		test_rows(likelihood);
	}
	test_polynomials();
	test_not_finite();
	test_two();
	test_flush();
	test_kl();
	return done();
}
