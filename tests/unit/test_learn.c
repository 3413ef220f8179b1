/* The ranking that learns: against scikit-learn, its prior, and that decisions help. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "rank/learn.h"
#include "rank/logistic.h"
#include "tap.h"

enum { N = 2000, P = 3 };

static struct fail f;

static void weights(void)
{
	static const struct { const char *name; int n, p; double x[200]; unsigned char y[40]; double mean[8], penalty[8], w[8]; } expected[] = {
#include "../data/rank/logistic.inc"
	};
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		double w[8], off = 0;
		int bad = logistic_fit(expected[i].x, expected[i].y, (size_t)expected[i].n, expected[i].p, expected[i].mean, expected[i].penalty, w, &f);
		for (int k = 0; k <= expected[i].p; k++)
			off = fmax(off, fabs(w[k] - expected[i].w[k]));
		ok(!bad && off < 1e-6, "%s: the weights of an independent program (%.2g)", expected[i].name, off);
	}
}

static void areas(void)
{
	const double s[] = {3, 1, 2, 2, 0};
	near(logistic_auroc(s, (const unsigned char[]){1, 0, 1, 0, 0}, 5), 5.5 / 6, 1e-15, "area, with a tie");
	ok(isnan(logistic_auroc(s, (const unsigned char[]){1, 1, 1, 1, 1}, 5)), "no pair: no area");
	near(logistic_auroc_error(0.893, 51, 58), 0.032, 0.02, "the error that Hanley and McNeil give as an example");
}

/* x[.][0] is high for outliers, x[.][1] low, x[.][2] noise; the joint score knows the first only. */
static void draw(double *x, double *joint, unsigned char *y)
{
	for (int i = 0; i < N; i++) {
		y[i] = i % 20 == 0;
		x[i * P] = exp(normal() + (y[i] ? 1 : 0));
		x[i * P + 1] = exp(normal() - (y[i] ? 2 : 0));
		x[i * P + 2] = normal();
		joint[i] = x[i * P];
	}
}

static double area(const struct learn *l, const double *x, const double *joint, const unsigned char *y)
{
	static double s[N];
	for (int i = 0; i < N; i++)
		s[i] = l->p ? learn_score(l, x + i * P, joint[i]) : joint[i];
	return logistic_auroc(s, y, N);
}

static void learning(void)
{
	static double x[N * P], joint[N];
	static unsigned char y[N];
	struct learn_decision d[N];
	struct learn l, again;
	draw(x, joint, y);
	double last = area(&(struct learn){.p = 0}, x, joint, y), first = last;
	for (size_t n = 20; n <= 500; n *= 5) {
		for (size_t i = 0; i < n; i++) { /* half of them outliers */
			size_t at = i % 2 ? 1 + i * 7 % 19 + 20 * (i * 13 % 100) : 20 * (i / 2 % 100);
			d[i] = (struct learn_decision){at, y[at]};
		}
		int bad = learn_fit(&l, P, x, joint, N, d, n, &f);
		double now = area(&l, x, joint, y);
		ok(!bad && l.keep + l.drop == n && now > last, "%zu decisions: AUROC %.4f, before %.4f", n, now, last);
		ok(fabs(l.auroc - now) < 4 * l.error && l.auroc > 0.5 && l.error > 0 && l.error < 0.15, "cross-validated %.3f +- %.3f", l.auroc, l.error);
		last = now;
		bad = learn_fit(&again, P, x, joint, N, d, n, &f);
		ok(!bad && memcmp(l.weight, again.weight, sizeof l.weight) == 0 && l.auroc == again.auroc, "again: the same bits");
		learn_free(&again);
		if (n < 500)
			learn_free(&l);
	}
	ok(last > first + 0.1 && l.weight[2] < 0 && l.weight[1] > -0.1 && fabs(l.weight[3]) < fabs(l.weight[2]) / 3, "a low field is learnt as low (%.3f to %.3f)", first, last);
	/* missing: as the mean of the other records, which changes no order */
	double v[P] = {1, NAN, NAN}, w[P] = {1, exp(-9), 0}, u[P] = {1, exp(9), 0};
	ok(learn_score(&l, v, 1) < learn_score(&l, w, 1) && learn_score(&l, v, 1) > learn_score(&l, u, 1), "a missing field is between low and high");
	learn_free(&l);
}

static void prior(void)
{
	static double x[N * P], joint[N];
	static unsigned char y[N];
	struct learn l;
	struct learn_decision d[2] = {{3, 1}, {5, 1}};
	draw(x, joint, y);
	ok(!learn_fit(&l, P, x, joint, N, d, 0, &f) && l.p == 0 && l.keep == 0 && l.drop == 0, "no decisions: nothing is learnt");
	learn_free(&l);
	ok(!learn_fit(&l, P, x, joint, N, d, 2, &f) && l.p == 0 && l.drop == 2, "nor from decisions of one kind");
	learn_free(&l);
	d[1].drop = 0;
	ok(!learn_fit(&l, P, x, joint, N, d, 2, &f) && l.p == P && isnan(l.auroc), "one of each: no cross-validation");
	int agree = 0, pairs = 0;
	for (int i = 0; i + 1 < N; i += 2, pairs++) /* the order of the joint score, nearly */
		agree += (learn_score(&l, x + i * P, joint[i]) > learn_score(&l, x + i * P + P, joint[i + 1])) == (joint[i] > joint[i + 1]);
	ok(agree > 0.8 * pairs && fabs(l.weight[0] - 1) < 0.5, "two decisions change little: %d of %d pairs keep their order, weight %.3f", agree, pairs, l.weight[0]);
	learn_free(&l);
	/* a constant field and one that every record lacks */
	for (int i = 0; i < N; i++) {
		x[i * P + 1] = 7;
		x[i * P + 2] = NAN;
	}
	ok(!learn_fit(&l, P, x, joint, N, d, 2, &f) && l.weight[2] == 0 && l.weight[3] == 0 && isfinite(learn_score(&l, x, joint[0])), "fields without spread have no weight");
	learn_free(&l);
}

int main(void)
{
	weights();
	areas();
	learning();
	prior();
	return done();
}
