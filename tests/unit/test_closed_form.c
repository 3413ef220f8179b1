/* Self influence of a model small enough to compute by hand.
 *
 * Input x = (1/2, 1); one latent number; encoder and decoder are one linear layer each.
 * Encoder weights (1, -1; 2, -1), biases (1, b): mu = 1/2 - 1 + 1 = 1/2, logvar = 1 - 1 + b = b.
 * Two draws, with eps chosen so that xi = mu + sigma eps is 1, then -1.
 * Decoder weights u = (1, 2), biases (0, -1): f = (1, 1), then (-1, -3). Linear likelihood, so
 * d = 2 (f - x) = (1, 0), then (-3, -8); recon = 1/4, then 9/4 + 16 = 18 1/4: 9.25 in the mean.
 *
 * Decoder, weights: d xi = (1, 0), then (3, 8); mean (2, 4), squared 20; crosswise 1*3 + 0*8 = 3.
 *          biases:  d; mean (-1, -4), squared 17; crosswise -3.
 * By xi: d.u = 1, then -3 - 16 = -19. With beta = 4, by mu: 4/2 + 1 = 3, then 2 - 19 = -17; mean -7.
 * By logvar: 4 (sigma^2 - 1)/2 + (d.u) sigma eps/2.
 *  A: b = 0, sigma = 1, eps = 1/2, then -3/2: 1/4, then 57/4; mean 29/4.
 *     kl = (1/4 + 1 - 1 - 0)/2 = 1/8
 *     encoder biases: 49 + 841/16 = 101.5625; weights |x|^2 = 5/4 times that: 126.953125
 *     crosswise: -51 + 57/16 = -47.4375; times 5/4: -59.296875
 *     <g_1, mean> = 2 - 1 + 9/4 (3 (-7) + 29/16) = -42.171875
 *     <g_2, mean> = 38 + 35 + 9/4 (119 + 1653/16) = 573.203125
 *  B: b = 2 log 2, sigma = 2, eps = 1/4, then -3/4: 6 + 1/4, then 6 + 57/4; mean 53/4.
 *     kl = (1/4 + 4 - 1 - 2 log 2)/2 = 13/8 - log 2
 *     biases 49 + 2809/16 = 224.5625; weights 280.703125
 *  C: A under eq. 9: log Q/P = (xi^2 - eps^2)/2 = 3/8, then -5/8; 4 times that + recon: 7/4, then 63/4.
 *     By mu: eps times that = 7/8, then -189/8; mean -91/8. By logvar: (eps^2 - 1)/2 times that = -21/32,
 *     then 315/32; mean 147/32. Biases 129.390625 + 21.1025390625; weights 5/4 of it.
 *  D: A with u = (0, 0) and biases (0, 0), gaussian: sigmoid(f) = 1/2, d = 2 (1/2 - x)/4 = (0, -1/4) both times;
 *     recon = 1/4. Weights: the mean of xi is 0; biases 1/16. By mu: 2; by logvar: 0. Biases 4, weights 5.
 *  E: D, bernoulli: d = (0, -1/2); recon = 2 log 2; biases 1/4. */
#include "influence/influence.h"
#include "gemm/mat.h"
#include "naive.h"

static const char yaml[] = "input: {shape: [1, 1, 2]}\nmodel:\n  latent: 1\n  encoder: [flatten, {linear: 2}]\n  decoder: [{linear: 2}]\n"
			   "score: {draws: 2, beta: 4, likelihood: linear}\ntrain: {likelihood: linear}\n";

struct expected {
	const char *name;
	float b, eps[2], decoder[4]; /* weights, biases */
	int likelihood, estimator, gradient;
	double recon, kl, part[4];   /* encoder weight and bias, decoder weight and bias */
	double h[2];                 /* <g_j, mean>; 0: not computed by hand */
};

static void test_case(const struct expected *e)
{
	struct model m;
	struct score s;
	struct fail f;
	double part[4], total = 0;
	uint64_t id = 0, state = 1;
	const float x[2] = {0.5f, 1}, encoder[6] = {1, -1, 2, -1, 1, e->b};
	naive_model(&m, yaml, 1, &state);
	memcpy(m.params, encoder, sizeof encoder);
	memcpy(m.params + 6, e->decoder, sizeof e->decoder);
	m.cfg.score.likelihood = e->likelihood;
	m.cfg.score.estimator = e->estimator;
	m.cfg.score.gradient = e->gradient;
	struct influence *inf = influence_open(&m, 1, 1, 0, &f);
	if (!inf)
		BAIL(&f);
	influence_score(inf, 1, x, &id, e->eps, &s, part);
	printf("# %s\n", e->name);
	near(s.recon, e->recon, 1e-5, "recon");
	near(s.kl, e->kl, 1e-5, "kl");
	near(s.loss, e->recon + 4 * e->kl, 1e-5, "loss");
	near(s.mu_norm, 0.5, 1e-6, "mu_norm");
	near(s.sigma_norm, exp((double)e->b / 2), 1e-6, "sigma_norm");
	for (int i = 0; i < 4; i++) {
		char what[80];
		snprintf(what, sizeof what, "part of %s", m.tensor[i].name);
		near(part[i], e->part[i], 1e-5, what);
		total += e->part[i];
	}
	near(s.selfinf, total, 1e-5, "selfinf");
	if (e->h[0] < 0) {
		near((e->h[0] + e->h[1]) / 2, total, 1e-12, "h_j by hand: their mean is the score");
		/* 2 sd/sqrt(2), where the sd of two numbers is their distance/sqrt(2) */
		near(s.selfinf_se, e->h[1] - e->h[0], 1e-5, "selfinf_se");
	}
	influence_close(inf);
	model_free(&m);
}

int main(void)
{
	static const struct expected cases[] = {
		{"A", 0, {0.5f, -1.5f}, {1, 2, 0, -1}, LINEAR, PLUGIN, PATHWISE, 9.25, 0.125, {126.953125, 101.5625, 20, 17}, {-42.171875, 573.203125}},
		{"A, cross", 0, {0.5f, -1.5f}, {1, 2, 0, -1}, LINEAR, CROSS, PATHWISE, 9.25, 0.125, {-59.296875, -47.4375, 3, -3}, {0, 0}},
		{"B", 1.38629436f, {0.25f, -0.75f}, {1, 2, 0, -1}, LINEAR, PLUGIN, PATHWISE, 9.25, 1.625 - 0.69314718056, {280.703125, 224.5625, 20, 17}, {0, 0}},
		{"C", 0, {0.5f, -1.5f}, {1, 2, 0, -1}, LINEAR, PLUGIN, SCORE, 9.25, 0.125, {188.116455078125, 150.4931640625, 20, 17}, {0, 0}},
		{"D", 0, {0.5f, -1.5f}, {0, 0, 0, 0}, GAUSSIAN, PLUGIN, PATHWISE, 0.25, 0.125, {5, 4, 0, 0.0625}, {0, 0}},
		{"E", 0, {0.5f, -1.5f}, {0, 0, 0, 0}, BERNOULLI, PLUGIN, PATHWISE, 2 * 0.69314718056, 0.125, {5, 4, 0, 0.25}, {0, 0}},
	};
	mat_thread_init();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		test_case(&cases[i]);
	return done();
}
