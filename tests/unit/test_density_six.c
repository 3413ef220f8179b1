/* The findings of Kong & Chaudhuri 2021 on six clusters in the plane (appendix B.1, figures 8 and 9,
 * table 2), and k-means, which must find them. */
#include "gemm/mat.h"
#include "points.h"

/* --- the points --- */

enum { SIX = 100 };
static const int sizes[6] = {25, 15, 20, 25, 10, 5};
static uint32_t of[SIX];

static struct points six_clusters(double shrink3)
{
	static const double spread[6] = {.5, .5, .4, .4, .5, 1}, centre[6][2] = {{0, 0}, {9, 1}, {1, 10}, {10, 10}, {19, 2}, {20, 13}};
	uint64_t seed = 7;
	float *v = malloc(2 * SIX * sizeof *v);
	for (int c = 0, i = 0; c < 6; c++)
		for (int r = 0; r < sizes[c]; r++, i++) {
			of[i] = (uint32_t)c;
			for (int k = 0; k < 2; k++)
				v[2 * i + k] = (float)(centre[c][k] + (c == 3 ? shrink3 : 1) * spread[c] * naive_normal(&seed));
		}
	return (struct points){NULL, v, SIX, 2, 1};
}

static void gmm_self(const struct points *x, enum gmm_form form, double *self, double *radius2, double mean[6])
{
	struct gmm g;
	struct fail f;
	gmm_fit(&g, x, of, 6, &f);
	memset(mean, 0, 6 * sizeof *mean);
	for (size_t i = 0; i < SIX; i++) {
		uint32_t c = of[i];
		self[i] = gmm_influence(form, SIX, g.size[c], 2, g.var[c], g.radius2[i], g.radius2[i], 0);
		radius2[i] = g.radius2[i];
		mean[c] += self[i] / sizes[c];
	}
	gmm_free(&g);
}

static void six_self_influences(void)
{
	struct fail f;
	struct points x = six_clusters(1);
	double r[2 * SIX], others[SIX], nll[SIX], self[SIX], radius2[SIX], mean[6], lowest = INFINITY, highest = -INFINITY;
	set_threads(1);
	knn_radii(&x, 10, &exec, r, &f);
	for (size_t i = 0; i < SIX; i++) {
		double s = knn_selfinf(SIX, 2, 10, r[2 * i], r[2 * i + 1]);
		if (of[i] == 4)
			lowest = fmin(lowest, s);
		else
			highest = fmax(highest, s);
	}
	ok(lowest > highest, "figure 8: k-NN peaks on the cluster of exactly k (%.3g over %.3g)", lowest, highest);

	kde_leave_one_out(&x, 1, &exec, others, &f);
	int reversed = 1;
	lowest = INFINITY, highest = -INFINITY;
	for (size_t i = 0; i < SIX; i++) {
		nll[i] = kde_nll(SIX, 2, 1, logaddexp(0, others[i]));
		self[i] = kde_influence(SIX, 0, others[i]);
		for (size_t j = 0; j < i; j++)
			reversed &= (nll[i] > nll[j]) == (self[i] > self[j]);
		if (of[i] == 5)
			lowest = fmin(lowest, self[i]);
		else
			highest = fmax(highest, self[i]);
	}
	ok(reversed, "figure 8: KDE's self influence has the reverse order of the likelihood");
	ok(lowest > highest, "figure 8: KDE peaks on the smallest cluster (%.3g over %.3g)", lowest, highest);

	gmm_self(&x, GMM_EXACT, self, radius2, mean);
	int grows = 1;
	for (size_t i = 0; i < SIX; i++)
		for (size_t j = 0; j < i; j++)
			grows &= of[i] != of[j] || (radius2[i] > radius2[j]) == (self[i] > self[j]);
	ok(grows, "figure 8: the mixture's self influence grows with the distance to the centre");
	ok(mean[5] > mean[4] && mean[4] > fmax(fmax(mean[0], mean[1]), fmax(mean[2], mean[3])),
	   "table 2: and is largest in the smallest clusters (%.3g %.3g %.3g %.3g %.3g %.3g by size)", mean[5], mean[4], mean[1], mean[2],
	   mean[0], mean[3]);
	points_free(&x);
}

/* Figure 8 says that tight clusters have a larger self influence: that holds for equation 5 as printed only. */
static void six_tight_clusters(void)
{
	double self[SIX], small[SIX], radius2[SIX], mean[6], tight[6], worst = 0;
	struct points x = six_clusters(1), y = six_clusters(0.5);
	gmm_self(&x, GMM_EXACT, self, radius2, mean);
	gmm_self(&y, GMM_EXACT, small, radius2, tight);
	for (size_t i = 0; i < SIX; i++)
		worst = larger_error(worst, small[i], self[i]);
	ok(worst < 1e-5, "figure 8: shrinking a cluster changes no self influence (%.2g)", worst); /* coordinates are floats */
	gmm_self(&x, GMM_AS_PRINTED, self, radius2, mean);
	gmm_self(&y, GMM_AS_PRINTED, small, radius2, tight);
	ok(tight[3] > 2 * mean[3] && mean[2] > 1.2 * mean[0] && mean[3] > 1.2 * mean[0],
	   "figure 8: but it does by equation 5 as printed (%.3g to %.3g, and %.3g, %.3g over %.3g)", mean[3], tight[3], mean[2], mean[3], mean[0]);
	points_free(&x);
	points_free(&y);
}

static void six_over_a_test_point(void)
{
	struct fail f;
	struct points x = six_clusters(1);
	float middle[2] = {0.1f, -0.1f};
	struct points z = {NULL, middle, 1, 2, 1};
	struct gmm g;
	struct top_point e[SIX];
	double d2[SIX], inf[SIX], nll;
	uint32_t c;
	set_threads(1);
	squared_distances(&x, &z, 0, &exec, d2, &f);

	struct rows rows;
	rows_find(&rows, &x, 0, &f);
	ok(knn_test_influence(&rows, d2, SIX, 2, 10, inf, &nll, &f) == 0, "k-NN over a test point in cluster 0");
	rows_free(&rows);
	size_t n = top_points(inf, d2, SIX, 0, SIX, e);
	int same = n == 10;
	for (size_t i = 0; i < n; i++)
		same &= of[e[i].i] == 0;
	ok(same, "figure 9: k-NN's proponents are the k nearest (%zu)", n);
	n = top_points(inf, d2, SIX, 1, SIX, e);
	ok(n == 90 && e[0].influence == log1p(-0.01) && e[89].influence == log1p(-0.01), "figure 9: all others have the same small influence");

	ok(kde_test_influence(d2, SIX, 2, 1, inf, &nll, &f) == 0, "KDE over the test point");
	int falls = 1, own = 1;
	for (size_t i = 0; i < SIX; i++) {
		own &= inf[i] <= 0 || of[i] == 0;
		for (size_t j = 0; j < SIX; j++) /* beyond 30 sigma terms underflow */
			falls &= d2[i] > 60 || d2[j] > 60 || (d2[i] < d2[j]) == (inf[i] > inf[j]);
	}
	ok(own, "figure 9: KDE's proponents are from its cluster");
	ok(falls, "figure 9: KDE's influence falls with the distance");
	top_points(inf, d2, SIX, 1, 1, e);
	double far = 0;
	for (size_t i = 0; i < SIX; i++)
		far = fmax(far, d2[i]);
	ok(d2[e[0].i] == far, "table 2: KDE's strongest opponents are the farthest");

	gmm_fit(&g, &x, of, 6, &f);
	ok(gmm_test_influence(&g, GMM_EXACT, d2, &z, 0, SIX, inf, &nll, &c, &f) == 0 && c == 0, "the mixture over the test point");
	n = top_points(inf, d2, SIX, 1, 3, e);
	ok(n == 3 && of[e[0].i] == 0 && of[e[1].i] == 0 && e[1].influence < log1p(-0.01),
	   "figure 9: the mixture's strong opponents are in the test point's cluster (%.3g, %.3g)", e[0].influence, e[1].influence);
	top_points(inf, d2, SIX, 0, 1, e);
	ok(of[e[0].i] == 0 && e[0].influence > 0, "table 2: and so is its strongest proponent");
	gmm_free(&g);
	points_free(&x);
}

/* --- clusters --- */

static void clusters_are_found(void)
{
	struct fail f = {{0}};
	struct points x = six_clusters(1);
	uint32_t found[SIX], again[SIX];
	static const uint32_t name[6] = {0, 3, 2, 1, 4, 5}; /* by size; of equal ones the one with the first point */
	set_threads(1);
	for (uint64_t seed = 0; seed < 5; seed++) {
		int bad = kmeans(&x, 6, seed, &exec, found, &f), same = 1;
		for (size_t i = 0; i < SIX && !bad; i++)
			same &= found[i] == name[of[i]];
		ok(!bad && same, "k-means finds the six clusters, seed %d", (int)seed);
	}
	set_threads(2);
	kmeans(&x, 6, 4, &exec, again, &f);
	ok(memcmp(found, again, sizeof found) == 0, "k-means: the same on two threads");
	points_free(&x);
	uint8_t v[] = {1, 1, 2, 2, 1, 2};
	struct points two = {v, NULL, 6, 1, 1};
	ok(kmeans(&two, 3, 0, &exec, found, &f) && strstr(f.msg, "only 2 different"), "k-means: fewer different points than clusters (%s)", f.msg);
	ok(kmeans(&two, 2, 0, &exec, found, &f) == 0 && found[0] == found[1] && found[2] == found[5] && found[0] != found[2],
	   "k-means: as many as there are");
}

int main(void)
{
	mat_thread_init();
	six_self_influences();
	six_tight_clusters();
	six_over_a_test_point();
	clusters_are_found();
	pool_close(exec.pool);
	return done();
}
