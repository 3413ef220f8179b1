/* The influence functions of k-NN, KDE and the mixture against their definition: the estimator is fitted again without one point, in
 * plain loops. */
#include "gemm/mat.h"
#include "points.h"

/* --- the estimators, fitted to all points except `without`; n: to all --- */

static double at(const struct points *x, size_t i, int k)
{
	size_t j = i * (size_t)x->d + (size_t)k;
	return x->step * (x->u8 ? (double)x->u8[j] : (double)x->f4[j]);
}

static double plain_d2(const struct points *a, size_t i, const struct points *b, size_t j)
{
	double s = 0;
	for (int k = 0; k < a->d; k++)
		s += (at(a, i, k) - at(b, j, k)) * (at(a, i, k) - at(b, j, k));
	return s;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Distances from z_j to the points, sorted; returns how many. */
static size_t plain_sorted(const struct points *x, size_t without, const struct points *z, size_t j, double *out)
{
	size_t m = 0;
	for (size_t i = 0; i < x->n; i++)
		if (i != without)
			out[m++] = sqrt(plain_d2(x, i, z, j));
	qsort(out, m, sizeof *out, ascending);
	return m;
}

static double plain_knn(const struct points *x, size_t without, const struct points *z, size_t j, int k)
{
	double *r = malloc(x->n * sizeof *r);
	size_t m = plain_sorted(x, without, z, j, r);
	double nll = -log(k / ((double)m * pow(M_PI, x->d / 2.0) / tgamma(x->d / 2.0 + 1) * pow(r[k - 1], x->d)));
	free(r);
	return nll;
}

static double plain_kde(const struct points *x, size_t without, const struct points *z, size_t j, double sigma)
{
	long double p = 0;
	size_t m = 0;
	for (size_t i = 0; i < x->n; i++)
		if (i != without) {
			p += expl(-(long double)plain_d2(x, i, z, j) / 2 / sigma / sigma);
			m++;
		}
	return -(double)(logl(p / m) - x->d / 2.0L * logl(2 * 3.141592653589793238463L * sigma * sigma));
}

static double plain_gmm(const struct points *x, const uint32_t *cluster, uint32_t c, size_t without, const struct points *z, size_t j)
{
	double mean[64] = {0}, s2 = 0, vv = 0;
	size_t m = 0, all = 0;
	for (size_t i = 0; i < x->n; i++)
		all += i != without;
	for (size_t i = 0; i < x->n; i++)
		m += i != without && cluster[i] == c;
	for (int k = 0; k < x->d; k++) {
		for (size_t i = 0; i < x->n; i++)
			mean[k] += i != without && cluster[i] == c ? at(x, i, k) / (double)m : 0;
		for (size_t i = 0; i < x->n; i++)
			s2 += i != without && cluster[i] == c ? (at(x, i, k) - mean[k]) * (at(x, i, k) - mean[k]) / (double)m / x->d : 0;
		vv += (at(z, j, k) - mean[k]) * (at(z, j, k) - mean[k]);
	}
	return -log((double)m / (double)all) + x->d / 2.0 * log(2 * M_PI * s2) + vv / 2 / s2;
}

/* --- data --- */

static struct points floats(size_t n, int d, double scale, double offset, uint64_t seed)
{
	float *v = malloc(n * (size_t)d * sizeof *v);
	for (size_t i = 0; i < n * (size_t)d; i++)
		v[i] = (float)(offset + scale * naive_normal(&seed));
	return (struct points){NULL, v, n, d, 1};
}

/* Two groups so far apart that |a|^2 + |b|^2 - 2 a.b loses all digits within a group. */
static struct points groups(size_t n, int d, double spread, double apart, uint64_t seed)
{
	struct points x = floats(n, d, spread, 0, seed);
	for (size_t i = 0; i < n * (size_t)d; i++)
		((float *)x.f4)[i] += (float)(i / (size_t)d % 2 ? apart : -apart);
	return x;
}

static struct points samples(size_t n, int d, int levels, uint64_t seed)
{
	uint8_t *v = malloc(n * (size_t)d);
	for (size_t i = 0; i < n * (size_t)d; i++)
		v[i] = (uint8_t)(naive_uniform(&seed) * levels);
	return (struct points){v, NULL, n, d, 1 / 255.0};
}

/* --- k-NN --- */

static void radii_are_exact(struct points x, int k, int nthreads, const char *what)
{
	struct fail f = {{0}};
	double *r = malloc(2 * x.n * sizeof *r), *s = malloc(x.n * sizeof *s), worst = 0;
	set_threads(nthreads);
	int bad = knn_radii(&x, k, &exec, r, &f);
	for (size_t i = 0; i < x.n && !bad; i++) {
		plain_sorted(&x, x.n, &x, i, s);
		worst = fmax(worst, fabs(r[2 * i] - s[k - 1]) + fabs(r[2 * i + 1] - s[k]));
	}
	ok(!bad && worst <= 1e-12 * x.step * 255, "R_k and R_{k+1}, %s, %d threads (off by %.2g)", what, nthreads, worst);
	free(r);
	free(s);
	points_free(&x);
}

/* Two points far out, in the first tile, so that the squares of the others are the smallest floats, or underflow. */
static struct points with_outliers(size_t n, int d, double scale, double far, uint64_t seed)
{
	struct points x = floats(n, d, scale, 0, seed);
	((float *)x.f4)[0] = (float)far;
	((float *)x.f4)[d] = (float)-far;
	return x;
}

/* Relative errors: these R_k have no absolute scale. */
static void radii_of_any_size(struct points x, int k, const char *what)
{
	struct fail f = {{0}};
	double *r = malloc(2 * x.n * sizeof *r), *s = malloc(x.n * sizeof *s), worst = 0;
	set_threads(1);
	int bad = knn_radii(&x, k, &exec, r, &f);
	for (size_t i = 0; i < x.n && !bad; i++) {
		plain_sorted(&x, x.n, &x, i, s);
		worst = fmax(worst, fabs(r[2 * i] / s[k - 1] - 1) + fabs(r[2 * i + 1] / s[k] - 1));
	}
	ok(!bad && worst < 1e-12, "R_k and R_{k+1}, %s (off by %.2g)", what, worst);
	free(r);
	free(s);
	points_free(&x);
}

static void knn_equals_refitting(void)
{
	enum { K = 5 };
	struct fail f = {{0}};
	struct points x = floats(90, 3, 1, 0, 11), z = floats(12, 3, 1, 0, 12);
	double r[180], d2[90], inf[90], nll, self = 0, test = 0, likelihood = 0;
	struct rows rows;
	set_threads(1);
	rows_find(&rows, &x, 0, &f);
	ok(knn_radii(&x, K, &exec, r, &f) == 0, "k-NN of 90 points");
	for (size_t i = 0; i < x.n; i++) {
		double l = plain_knn(&x, x.n, &x, i, K);
		likelihood = larger_error(likelihood, knn_nll(x.n, 3, K, r[2 * i]), l);
		self = larger_error(self, knn_selfinf(x.n, 3, K, r[2 * i], r[2 * i + 1]), plain_knn(&x, i, &x, i, K) - l);
	}
	ok(likelihood < 1e-9, "k-NN: the likelihood (%.2g)", likelihood);
	ok(self < 1e-9, "k-NN: self influence equals refitting (%.2g)", self);
	likelihood = 0;
	for (size_t j = 0; j < z.n; j++) {
		squared_distances(&x, &z, j, &exec, d2, &f);
		int bad = knn_test_influence(&rows, d2, x.n, 3, K, inf, &nll, &f);
		likelihood = larger_error(likelihood, bad ? NAN : nll, plain_knn(&x, x.n, &z, j, K));
		for (size_t i = 0; i < x.n; i++)
			test = larger_error(test, inf[i], plain_knn(&x, i, &z, j, K) - plain_knn(&x, x.n, &z, j, K));
	}
	ok(likelihood < 1e-9, "k-NN: the likelihood of test points (%.2g)", likelihood);
	ok(test < 1e-9, "k-NN: influence over test points equals refitting (%.2g)", test);
	rows_free(&rows);
	points_free(&x);
	points_free(&z);
}

static void knn_without_neighbours(void)
{
	struct fail f = {{0}};
	uint8_t v[] = {7, 7, 7, 9, 20};
	struct points x = {v, NULL, 5, 1, 1 / 255.0};
	double r[10], d2[5], inf[5], nll;
	struct rows rows;
	set_threads(1);
	knn_radii(&x, 3, &exec, r, &f);
	ok(r[0] == 0 && r[1] > 0, "k-NN: k equal points have R_k = 0, counting themselves");
	ok(!isfinite(knn_nll(5, 1, 3, r[0])) && !isfinite(knn_selfinf(5, 1, 3, r[0], r[1])), "k-NN: such points have no score");
	knn_radii(&x, 5, &exec, r, &f);
	ok(isinf(r[1]) && isfinite(r[0]), "k-NN: of k points, the (k+1)-th neighbour does not exist");
	ok(knn_radii(&x, 2000000000, &exec, r, &f) == 0 && isinf(r[0]) && isinf(r[9]), "k-NN: no memory is used for neighbours that do not exist %s", f.msg);
	squared_distances(&x, &x, 0, &exec, d2, &f);
	rows_find(&rows, &x, 1, &f);
	ok(knn_test_influence(&rows, d2, 5, 1, 3, inf, &nll, &f) && strstr(f.msg, "same"), "k-NN: no influence over a test point on k equal points (%s)", f.msg);
	ok(knn_test_influence(&rows, d2, 5, 1, 5, inf, &nll, &f) && strstr(f.msg, "neighbour"), "k-NN: nor from too few points (%s)", f.msg);
	rows_free(&rows);
}

/* --- copies --- */

struct plain_row {
	double r, copies;
};

static int by_radius(const void *pa, const void *pb)
{
	const struct plain_row *a = pa, *b = pb;
	return a->r != b->r ? (a->r > b->r) - (a->r < b->r) : (a->copies > b->copies) - (a->copies < b->copies);
}

/* -log of W_k / (n V R_k^d), over the distinct rows of the points except `without`, found by comparing all pairs. */
static double plain_rows_knn(const struct points *x, size_t without, const struct points *z, size_t j, int k, struct plain_row *ball)
{
	struct plain_row *rows = malloc(x->n * sizeof *rows);
	size_t m = 0, n = 0;
	for (size_t i = 0; i < x->n; i++) {
		int first = i != without, copies = 0;
		for (size_t o = 0; o < x->n; o++) {
			int same = o != without && plain_d2(x, i, x, o) == 0;
			copies += same;
			first &= !(same && o < i);
		}
		n += i != without;
		if (first)
			rows[m++] = (struct plain_row){sqrt(plain_d2(x, i, z, j)), copies};
	}
	qsort(rows, m, sizeof *rows, by_radius);
	double w = 0;
	for (int i = 0; i < k; i++)
		w += rows[i].copies;
	*ball = (struct plain_row){rows[k - 1].r, w};
	free(rows);
	return -log(w / ((double)n * pow(M_PI, x->d / 2.0) / tgamma(x->d / 2.0 + 1) * pow(ball->r, x->d)));
}

static void copies_are_weights(struct points x, int k, const char *what)
{
	struct fail f = {{0}};
	x.step = 1; /* so that the plain distances of a tie are equal too */
	struct rows rows;
	struct plain_row ball;
	rows_find(&rows, &x, 0, &f);
	struct knn_ball *b = malloc(rows.x.n * sizeof *b);
	double radius = 0, weight = 0, likelihood = 0, self = 0, test = 0, *d2 = malloc(x.n * sizeof *d2), *inf = malloc(x.n * sizeof *inf), nll;
	size_t total = 0;
	set_threads(2);
	int bad = knn_balls(&rows, &k, 1, &exec, b, &f);
	for (size_t i = 0; i < rows.x.n; i++)
		total += rows.copies[i];
	ok(!bad && total == x.n && rows.x.n < x.n, "copies: %zu points are %zu rows, %s", x.n, rows.x.n, what);
	for (size_t i = 0; i < x.n; i++) {
		const struct knn_ball *own = &b[rows.of[i]];
		double l = plain_rows_knn(&x, x.n, &x, i, k, &ball), left;
		radius = larger_error(radius, own->r, ball.r);
		weight = larger_error(weight, own->records, ball.copies);
		likelihood = larger_error(likelihood, knn_nll(x.n, x.d, own->records, own->r), l);
		left = plain_rows_knn(&x, i, &x, i, k, &ball);
		self = larger_error(self, knn_influence(x.n, x.d, own, 1, rows.copies[rows.of[i]]), left - l);
	}
	ok(radius < 1e-12 && weight == 0, "copies: R_k and W_k, %s (%.2g, %.2g)", what, radius, weight);
	ok(likelihood < 1e-9 && self < 1e-9, "copies: likelihood and self influence equal refitting, %s (%.2g, %.2g)", what, likelihood, self);
	for (size_t j = 0; j < 6; j++) {
		struct points z = x;
		size_t at = (j * x.n / 6) * (size_t)x.d;
		z.u8 = x.u8 ? x.u8 + at : NULL;
		z.f4 = x.f4 ? x.f4 + at : NULL;
		squared_distances(&x, &z, 0, &exec, d2, &f);
		bad = knn_test_influence(&rows, d2, x.n, x.d, k, inf, &nll, &f);
		for (size_t i = 0; i < x.n; i++)
			test = larger_error(test, bad ? NAN : inf[i], plain_rows_knn(&x, i, &z, 0, k, &ball) - plain_rows_knn(&x, x.n, &z, 0, k, &ball));
	}
	ok(test < 1e-9, "copies: influence over test points equals refitting, %s (%.2g)", what, test);
	rows_free(&rows);
	free(b);
	free(d2);
	free(inf);
	points_free(&x);
}

/* Vectors of which some are equal, up to the sign of 0. */
static struct points copied_floats(size_t n, int d, uint64_t seed)
{
	struct points x = floats(n, d, 1, 0, seed);
	float *v = (float *)x.f4;
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < d; k++)
			v[i * (size_t)d + (size_t)k] = i % 3 == 0 ? (i % 2 ? -0.0f : 0.0f) : i % 5 == 0 ? v[5 * (size_t)d + (size_t)k] : v[i * (size_t)d + (size_t)k];
	return x;
}

/* Many neighbours are found by selection, few by sorted lists: both must agree with sorting all distances, on any number of threads. */
static void many_neighbours(struct points x, const int *k, const char *what)
{
	struct fail f = {{0}};
	double *r = malloc(2 * x.n * sizeof *r), *two = malloc(2 * x.n * sizeof *two), *s = malloc(x.n * sizeof *s), worst = 0;
	int same = 1, bad = 0;
	for (; *k; k++) {
		set_threads(2);
		bad |= knn_radii(&x, *k, &exec, two, &f);
		set_threads(1);
		bad |= knn_radii(&x, *k, &exec, r, &f);
		same &= memcmp(r, two, 2 * x.n * sizeof *r) == 0;
		for (size_t i = 0; i < x.n; i += 37) {
			plain_sorted(&x, x.n, &x, i, s);
			worst = fmax(worst, fabs(r[2 * i] / s[*k - 1] - 1) + fabs(r[2 * i + 1] / s[*k] - 1));
		}
	}
	ok(!bad && same && worst < 1e-12, "many neighbours: R_k and R_{k+1}, %s (off by %.2g)", what, worst);
	free(r);
	free(two);
	free(s);
	points_free(&x);
}

/* Several k in one call: the bits that each has alone, in any order of k, with more neighbours than there are rows too. */
static void several_neighbours(struct points x, const int *k, int nk, const char *what)
{
	struct fail f = {{0}};
	struct rows rows;
	rows_find(&rows, &x, 0, &f);
	size_t n = rows.x.n;
	struct knn_ball *all = malloc((size_t)nk * n * sizeof *all), *one = malloc(n * sizeof *one);
	set_threads(2);
	int bad = knn_balls(&rows, k, nk, &exec, all, &f), same = 1;
	for (int q = 0; q < nk && !bad; q++) {
		bad = knn_balls(&rows, k + q, 1, &exec, one, &f);
		for (size_t i = 0; i < n; i++) {
			const struct knn_ball *a = &all[(size_t)q * n + i], *b = &one[i];
			same &= a->r == b->r && a->next_r == b->next_r && a->records == b->records && a->next_copies == b->next_copies;
		}
	}
	ok(!bad && same, "%d numbers of neighbours in one search, %s", nk, what);
	rows_free(&rows);
	free(all);
	free(one);
	points_free(&x);
}

/* Other points than the rows, near and far from them: the distances of a plain search. */
static void other_points(struct points x, struct points z, int k, const char *what)
{
	struct fail f = {{0}};
	struct rows rows;
	rows_find(&rows, &x, 1, &f);
	struct knn_index *index = knn_index_open(&rows, &k, 1, &f);
	struct knn_ball *b = malloc(z.n * sizeof *b);
	double *s = malloc(x.n * sizeof *s), *sums = malloc(z.n * sizeof *sums), worst = 0, kde = 0, sigma = 0.7 * z.step;
	float *centre = calloc((size_t)x.d, sizeof *centre);
	int bad = !index || knn_search(index, &z, b, NULL, &f) || kde_search(&x, sigma, centre, &z, sums, &f);
	for (size_t j = 0; j < z.n && !bad; j++) {
		plain_sorted(&x, x.n, &z, j, s);
		worst = fmax(worst, fabs(b[j].r / s[k - 1] - 1) + (b[j].records != k));
		if (s[0] < 5 * sigma) /* where the plain sum does not underflow */
			kde = larger_error(kde, kde_nll(x.n, x.d, sigma, sums[j]), plain_kde(&x, x.n, &z, j, sigma));
		else
			kde = larger_error(kde, sums[j] < -12 || isinf(sums[j]), 1);
	}
	ok(!bad && worst < 1e-12, "k-NN of other points, %s (off by %.2g)", what, worst);
	ok(!bad && kde < 1e-9, "KDE at other points, %s (off by %.2g)", what, kde);
	knn_index_free(index);
	rows_free(&rows);
	free(b);
	free(s);
	free(sums);
	free(centre);
	points_free(&x);
	points_free(&z);
}

/* --- KDE --- */

static void kde_equals_refitting(void)
{
	struct fail f = {{0}};
	const double sigma = 0.8;
	struct points x = floats(80, 4, 1, 100, 21), z = floats(9, 4, 1, 100, 22);
	double others[80], d2[80], inf[80], nll, self = 0, test = 0, likelihood = 0;
	set_threads(2);
	ok(kde_leave_one_out(&x, sigma, &exec, others, &f) == 0, "KDE of 80 points, far from the origin");
	for (size_t i = 0; i < x.n; i++) {
		double l = plain_kde(&x, x.n, &x, i, sigma);
		likelihood = larger_error(likelihood, kde_nll(x.n, 4, sigma, logaddexp(0, others[i])), l);
		self = larger_error(self, kde_influence(x.n, 0, others[i]), plain_kde(&x, i, &x, i, sigma) - l);
	}
	ok(likelihood < 1e-9, "KDE: the likelihood (%.2g)", likelihood);
	ok(self < 1e-9, "KDE: self influence equals refitting (%.2g)", self);
	likelihood = 0;
	for (size_t j = 0; j < z.n; j++) {
		squared_distances(&x, &z, j, &exec, d2, &f);
		int bad = kde_test_influence(d2, x.n, 4, sigma, inf, &nll, &f);
		likelihood = larger_error(likelihood, bad ? NAN : nll, plain_kde(&x, x.n, &z, j, sigma));
		for (size_t i = 0; i < x.n; i++)
			test = larger_error(test, inf[i], plain_kde(&x, i, &z, j, sigma) - plain_kde(&x, x.n, &z, j, sigma));
	}
	ok(likelihood < 1e-9, "KDE: the likelihood of test points (%.2g)", likelihood);
	ok(test < 1e-9, "KDE: influence over test points equals refitting (%.2g)", test);
	points_free(&x);
	points_free(&z);
}

static void kde_of_many(void)
{
	struct fail f = {{0}};
	struct points x = samples(700, 20, 256, 31); /* more than one tile */
	double *one = malloc(700 * sizeof *one), *two = malloc(700 * sizeof *two), worst = 0;
	set_threads(1);
	kde_leave_one_out(&x, 0.5, &exec, one, &f);
	set_threads(2);
	kde_leave_one_out(&x, 0.5, &exec, two, &f);
	ok(memcmp(one, two, 700 * sizeof *one) == 0, "KDE: the same bits on two threads");
	for (size_t i = 0; i < x.n; i += 50)
		worst = larger_error(worst, kde_nll(x.n, 20, 0.5, logaddexp(0, one[i])), plain_kde(&x, x.n, &x, i, 0.5));
	ok(worst < 1e-9, "KDE: over several tiles of samples (%.2g)", worst);
	free(one);
	free(two);
	points_free(&x);
}

static void kde_of_groups(void)
{
	struct fail f = {{0}};
	struct points x = groups(60, 9, 0.01, 1000, 33);
	double others[60], worst = 0;
	set_threads(1);
	kde_leave_one_out(&x, 0.02, &exec, others, &f);
	for (size_t i = 0; i < x.n; i++)
		worst = larger_error(worst, kde_nll(x.n, 9, 0.02, logaddexp(0, others[i])), plain_kde(&x, x.n, &x, i, 0.02));
	ok(worst < 1e-12, "KDE: in groups far apart, where products cancel (%.2g)", worst);
	points_free(&x);
}

static void kde_of_far_points(void)
{
	struct fail f = {{0}};
	float v[] = {0, 0.5f, 3000, 3001};
	struct points x = {NULL, v, 4, 1, 1}, z = {NULL, v + 2, 1, 1, 1};
	double others[4], d2[3], inf[3], nll;
	set_threads(1);
	kde_leave_one_out(&x, 0.01, &exec, others, &f);
	near(kde_influence(4, 0, others[2]), log(0.75) + 5000, 1e-12, "KDE: the influence of a far point is its exponent, not infinite");
	near(others[0], -1250, 1e-12, "KDE: the logarithm of a sum that underflows");
	x.n = 2;
	squared_distances(&x, &z, 0, &exec, d2, &f);
	ok(kde_test_influence(d2, 2, 1, 0.5, inf, &nll, &f) == 0 && isfinite(nll), "KDE: a test point at 6000 sigma has a likelihood (%.9g)", -nll);
	near(inf[1], -log(2) + (3000.0 * 3000 - 2999.5 * 2999.5) / 2 / 0.25, 1e-12, "KDE: it depends on the nearest point alone");
	near(inf[0], -log(2), 1e-12, "KDE: and not on the other point");
	ok(kde_test_influence(d2, 2, 1, 1e-200, inf, &nll, &f) && strstr(f.msg, "too far"), "KDE: no likelihood if all exponents overflow (%s)", f.msg);
	x.n = 1;
	kde_leave_one_out(&x, 1, &exec, others, &f);
	ok(!isfinite(kde_influence(1, 0, others[0])), "KDE: one point cannot be left out");
}

/* --- the mixture --- */

static void gmm_equals_refitting(void)
{
	struct fail f = {{0}};
	struct points x = floats(60, 5, 1, 3, 41), z = floats(8, 5, 1.5, 3, 42);
	uint32_t cluster[60], c;
	struct gmm g;
	double d2[60], inf[60], nll, self = 0, test = 0, likelihood = 0;
	float *v = (float *)x.f4;
	for (size_t i = 0; i < 60; i++) {
		cluster[i] = i < 25 ? 0 : i < 55 ? 1 : 2; /* the last has five points */
		for (int k = 0; k < 5; k++)
			v[i * 5 + (size_t)k] += 30 * (float)cluster[i];
	}
	set_threads(1);
	ok(gmm_fit(&g, &x, cluster, 3, &f) == 0, "mixture: three clusters");
	for (size_t i = 0; i < x.n; i++) {
		c = cluster[i];
		double l = plain_gmm(&x, cluster, c, x.n, &x, i), s2 = g.var[c], uu = g.radius2[i];
		likelihood = larger_error(likelihood, gmm_nll(x.n, g.size[c], 5, s2, uu), l);
		self = larger_error(self, gmm_influence(GMM_EXACT, x.n, g.size[c], 5, s2, uu, uu, 0), plain_gmm(&x, cluster, c, i, &x, i) - l);
	}
	ok(likelihood < 1e-9, "mixture: the likelihood (%.2g)", likelihood);
	ok(self < 1e-9, "mixture: self influence equals refitting (%.2g)", self);
	likelihood = 0;
	for (size_t j = 0; j < z.n; j++) {
		squared_distances(&x, &z, j, &exec, d2, &f);
		int bad = gmm_test_influence(&g, GMM_EXACT, d2, &z, j, x.n, inf, &nll, &c, &f);
		likelihood = larger_error(likelihood, bad || c != 0 ? NAN : nll, plain_gmm(&x, cluster, 0, x.n, &z, j));
		for (size_t i = 0; i < x.n; i++)
			test = larger_error(test, inf[i], plain_gmm(&x, cluster, 0, i, &z, j) - plain_gmm(&x, cluster, 0, x.n, &z, j));
	}
	ok(likelihood < 1e-9, "mixture: the likelihood of test points (%.2g)", likelihood);
	ok(test < 1e-9, "mixture: influence over test points, also from other clusters, equals refitting (%.2g)", test);
	near(inf[59], log(59.0 / 60), 1e-14, "mixture: from another cluster it is log((N-1)/N)");
	gmm_free(&g);
	points_free(&x);
	points_free(&z);
}

static void gmm_expansions(void)
{
	const double d = 7, s2 = 0.3, uu = 4, vv = 1.7, zx = 3.1;
	double right[3], printed[3];
	for (int i = 0; i < 3; i++) {
		size_t n0 = (size_t)1000 << i;
		double e = gmm_influence(GMM_EXACT, 3 * n0, n0, (int)d, s2, uu, vv, zx);
		right[i] = gmm_influence(GMM_FIRST_ORDER, 3 * n0, n0, (int)d, s2, uu, vv, zx) - e;
		printed[i] = gmm_influence(GMM_AS_PRINTED, 3 * n0, n0, (int)d, s2, uu, vv, zx) - e;
	}
	for (int i = 0; i < 2; i++) {
		near(right[i] / right[i + 1], 4, 0.05, "mixture: twice the points, a quarter of the error of first order");
		near(printed[i] / printed[i + 1], 2, 0.05, "mixture: as printed, half of the error: it is of first order itself");
	}
	near(gmm_influence(GMM_FIRST_ORDER, 90, 30, 7, s2, uu, vv, zx), 9 / 60.0 + (uu * vv / 7 / s2 - zx) / 60 / s2 - 1 / 90.0, 1e-14,
	     "mixture: first order, the formula");
	near(gmm_influence(GMM_AS_PRINTED, 90, 30, 7, s2, uu, vv, zx), 9 / 60.0 + (vv / s2 - zx) / 60 / s2 - 1 / 90.0, 1e-14,
	     "mixture: equation 4 as printed");
	near(gmm_influence_other_cluster(GMM_FIRST_ORDER, 90), -1 / 90.0, 1e-14, "mixture: first order, over another cluster");
	ok(isnan(gmm_influence(GMM_EXACT, 90, 2, 7, s2, uu, vv, zx)) && isnan(gmm_influence(GMM_FIRST_ORDER, 90, 2, 7, s2, uu, vv, zx)),
	   "mixture: a cluster of two has no influence");
	ok(isnan(gmm_influence(GMM_EXACT, 90, 4, 1, 1.0 / 8, 9.0 / 24, 9.0 / 24, 0)), "mixture: nor has a point without which its cluster has no spread");
}

/* How many points have a self influence; *spread: variance of cluster 0. */
static int scored(const struct points *x, const uint32_t *cluster, int k, double *spread)
{
	struct fail f;
	struct gmm g;
	int n = 0;
	gmm_fit(&g, x, cluster, k, &f);
	*spread = g.var[0];
	for (size_t i = 0; i < x->n; i++) {
		double uu = g.radius2[i];
		n += !isnan(gmm_influence(GMM_EXACT, x->n, g.size[cluster[i]], x->d, g.var[cluster[i]], uu, uu, 0));
	}
	gmm_free(&g);
	return n;
}

static void gmm_of_equal_points(void)
{
	struct fail f = {{0}};
	enum { N = 30 };
	struct points x = samples(N, 64, 256, 51), y = floats(N, 3, 1, 0, 52);
	const uint8_t *u = x.u8;
	float *v = (float *)y.f4;
	uint32_t one[N] = {0}, two[N];
	double spread, d2[N], inf[N], nll;
	int as_expected = 1;
	for (size_t i = 1; i < N; i++)
		memcpy((uint8_t *)x.u8 + i * 64, u, 64);
	int n = scored(&x, one, 1, &spread);
	ok(n == 0 && spread == 0, "mixture: the variance of equal pictures is exactly 0 (%.2g)", spread);
	struct gmm g;
	struct points z = samples(1, 64, 256, 53);
	uint32_t c;
	set_threads(1);
	gmm_fit(&g, &x, one, 1, &f);
	squared_distances(&x, &z, 0, &exec, d2, &f);
	ok(gmm_test_influence(&g, GMM_EXACT, d2, &z, 0, N, inf, &nll, &c, &f) && strstr(f.msg, "no spread"), "mixture: no influence of equal pictures over a test point (%s)", f.msg);
	gmm_free(&g);
	for (size_t i = 0; i < N; i++) {
		two[i] = i >= 20; /* the last ten differ */
		for (size_t k = 0; k < 3; k++)
			v[i * 3 + k] = i < 20 ? (k == 1 ? 2 : k ? -2 : 1) * (float)(1 / 3.0) : v[i * 3 + k];
	}
	ok(scored(&y, two, 2, &spread) == 10 && spread == 0, "mixture: the variance of equal vectors is 0, in one of two clusters");
	for (size_t at = 0; at < N; at += N - 1) { /* the different one is first, or last */
		for (size_t i = 0; i < N; i++)
			for (size_t k = 0; k < 3; k++)
				v[i * 3 + k] = (k == 1 ? 2 : k ? -2 : i == at ? 1.0001f : 1) * (float)(1 / 3.0);
		as_expected &= scored(&y, one, 1, &spread) == N - 1 && spread > 0;
	}
	ok(as_expected, "mixture: if all vectors but one are equal, that one has no self influence and the others do");
	points_free(&x);
	points_free(&y);
	points_free(&z);
}

/* --- proponents and opponents --- */

static void top_points_are_sorted(void)
{
	const double inf[] = {1, -2, NAN, 3, 1, 0, -2, 3}, d2[] = {5, 1, 0, 2, 4, 9, 7, 2};
	struct top_point e[8];
	ok(top_points(inf, d2, 8, 0, 3, e) == 3 && e[0].i == 3 && e[1].i == 7 && e[2].i == 4, "proponents: highest, then nearest, then first");
	ok(top_points(inf, d2, 8, 1, 8, e) == 3 && e[0].i == 6 && e[1].i == 1 && e[2].i == 5, "opponents: lowest, then farthest; an influence of 0 counts");
	ok(top_points(inf, d2, 8, 0, 0, e) == 0, "proponents: k = 0");
}

int main(void)
{
	mat_thread_init();
	for (int t = 1; t < 3; t++) {
		radii_are_exact(samples(1500, 6, 4, 1), 10, t, "samples with many ties, two tiles");
		radii_are_exact(samples(300, 500, 256, 2), 7, t, "samples of many dimensions");
		radii_are_exact(floats(1200, 9, 1, 1000, 3), 4, t, "vectors far from the origin");
		radii_are_exact(groups(300, 9, 0.01, 1000, 5), 4, t, "two groups far apart");
		radii_are_exact(floats(64, 2, 1e25, 0, 4), 1, t, "vectors whose squares overflow floats");
	}
	radii_of_any_size(floats(200, 5, 3e-23, 0, 6), 5, "vectors whose squares are too small for floats");
	radii_of_any_size(floats(200, 5, 1e-22, 0, 7), 5, "vectors whose squares have few digits");
	radii_of_any_size(floats(200, 5, 1e19, 0, 8), 5, "vectors whose squares are too large for floats");
	radii_of_any_size(floats(200, 5, 1e-40, 0, 9), 5, "denormal vectors");
	radii_of_any_size(with_outliers(1200, 5, 2e-17, 1e19, 10), 5, "vectors with two outliers, whose squares have few digits");
	radii_of_any_size(with_outliers(1200, 5, 1e-20, 1e19, 12), 5, "vectors with two farther outliers, whose squares underflow");
	knn_equals_refitting();
	knn_without_neighbours();
	copies_are_weights(samples(160, 2, 8, 61), 5, "samples with many copies and ties");
	copies_are_weights(samples(140, 1, 60, 62), 4, "samples on a line");
	copies_are_weights(copied_floats(120, 3, 63), 6, "vectors with zeros of both signs");
	const int ks[] = {128, 129, 300, 1000, 2098, 0};
	many_neighbours(floats(2100, 3, 1, 0, 64), ks, "vectors");
	many_neighbours(groups(2100, 5, 0.01, 1000, 65), ks, "two groups far apart");
	many_neighbours(samples(2100, 8, 4, 66), ks + 2, "samples with many ties");
	many_neighbours(floats(2100, 3, 1e-40, 0, 67), ks + 2, "denormal vectors");
	many_neighbours(with_outliers(2100, 3, 1e-20, 1e19, 68), ks + 1, "vectors with two far outliers");
	several_neighbours(floats(700, 3, 1, 0, 71), (const int[]){10, 3, 128, 9}, 4, "few");
	several_neighbours(floats(700, 3, 1, 0, 72), (const int[]){10, 300, 299, 700, 2, 301, 5000, 129}, 8, "few and many");
	several_neighbours(samples(900, 3, 6, 73), (const int[]){5, 140, 20, 139}, 4, "samples with copies and ties");
	other_points(floats(1500, 3, 1, 0, 81), floats(90, 3, 2, 0, 82), 7, "vectors");
	other_points(floats(400, 3, 1, 0, 83), floats(300, 3, 1e30, 0, 84), 130, "vectors far from all");
	other_points(floats(300, 2, 1e-20, 0, 85), floats(40, 2, 1, 0, 86), 3, "small vectors");
	other_points(samples(1200, 5, 9, 87), samples(70, 5, 12, 88), 4, "samples");
	kde_equals_refitting();
	kde_of_many();
	kde_of_groups();
	kde_of_far_points();
	gmm_equals_refitting();
	gmm_expansions();
	gmm_of_equal_points();
	top_points_are_sorted();
	pool_close(exec.pool);
	return done();
}
