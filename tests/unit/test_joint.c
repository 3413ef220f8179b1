/* The joint score of tails: by hand, against counting, and its invariances. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "rank/joint.h"
#include "tap.h"

enum { MAX_N = 30000, P = 5 };

static double values[MAX_N * P], score[MAX_N * P], other[MAX_N * P];
static struct fail f;
/* Scores of values [n][p] in out; 0 if joint_score(, NULL) of each record has the bits of the fit. */
static int fit(struct joint *j, int p, enum joint_kind kind, int n, double *out)
{
	*j = (struct joint){.p = p, .kind = kind};
	memcpy(out, values, sizeof *out * (size_t)(n * p));
	int bad = joint_fit(j, out, (size_t)n, NULL, &f);
	for (int i = 0; i < n && !bad && n <= QUANTILES_MAX; i++)
		bad = joint_score(j, values + i * p, NULL) != out[i];
	return bad;
}

static double naive_score(const double *v, int n, int p, const double *record)
{
	double sum = 0;
	for (int k = 0; k < p; k++) {
		int count = 0;
		for (int i = 0; i < n; i++)
			count += v[i * p + k] >= record[k];
		sum += log((double)n / (count ? count : 1));
	}
	return sum;
}

static void by_hand(void)
{
	struct joint j;
	memcpy(values, (double[]){1, 7, 2, -3, 3, 7, 2, 1e300}, sizeof(double) * 8);
	ok(!fit(&j, 2, JOINT_TAILS, 4, score), "four records");
	near(score[0], log(4.0 / 4) + log(4.0 / 3), 1e-15, "the lowest, and the second of a tie");
	near(score[1], log(4.0 / 3) + log(4.0 / 4), 1e-15, "a tie, and the lowest");
	near(score[2], log(4.0 / 1) + log(4.0 / 3), 1e-15, "the highest, and a tie");
	near(score[3], log(4.0 / 3) + log(4.0 / 1), 1e-15, "a tie, and the highest");
	near(joint_score(&j, (double[]){9, HUGE_VAL}, NULL), 2 * log(4), 1e-15, "above all records: 1/N");
	ok(joint_score(&j, (double[]){0, -9}, NULL) == 0 && !signbit(joint_score(&j, (double[]){0, -9}, NULL)), "below all records: 0");
	near(joint_score(&j, (double[]){2.5, 7.1}, NULL), log(4) + log(4), 1e-15, "between two records: as the higher one");
	joint_free(&j);
	values[0] = -7;
	ok(!fit(&j, 1, JOINT_TAILS, 1, score) && score[0] == 0 && joint_degenerate(&j, 0, JOINT_HARDER), "one record: 0");
	joint_free(&j);
	values[0] = -0.0;
	values[1] = 0.0;
	ok(!fit(&j, 1, JOINT_TAILS, 2, score) && score[0] == 0 && score[1] == 0, "zeros of both signs are a tie");
	joint_free(&j);
	j = (struct joint){.p = 2};
	f.msg[0] = 0;
	ok(joint_fit(&j, values, 0, NULL, &f) && strstr(f.msg, "no records"), "no records: '%s'", f.msg);
	ok(joint_kind_of("tails") == JOINT_TAILS && joint_kind_of("mahalanobis") == JOINT_MAHALANOBIS && joint_kind_of("sum") == JOINT_KINDS &&
	           joint_kind_of(NULL) == JOINT_KINDS, "kinds by name");
}

static double draw(int kind)
{
	return kind == 0 ? normal() : kind == 1 ? floor(5 * uniform()) : kind == 2 ? exp(300 * normal()) : kind == 3 ? (uniform() < 0.9 ? 0 : uniform()) : 4;
}

static void counting(void)
{
	struct joint j;
	int bad = 0, bad_new = 0, falls = 0;
	for (int round = 0; round < 200; round++) {
		int n = 1 + (int)(300 * uniform() * uniform()), p = 1 + round % P;
		for (int i = 0; i < n * p; i++)
			values[i] = draw((i % p + round) % 5);
		bad += fit(&j, p, JOINT_TAILS, n, score) != 0;
		for (int i = 0; i < n; i++)
			bad += score[i] != naive_score(values, n, p, values + i * p);
		for (int i = 0; i < 20; i++) {
			double v[P];
			for (int k = 0; k < p; k++)
				v[k] = draw((k + round) % 5);
			double before = joint_score(&j, v, NULL);
			bad_new += before != naive_score(values, n, p, v);
			v[i % p] += exp(3 * normal());
			falls += joint_score(&j, v, NULL) < before;
		}
		joint_free(&j);
	}
	ok(!bad, "200 streams with ties, constants and extreme values: as by counting, bit for bit (%d wrong)", bad);
	ok(!bad_new && !falls, "new records too (%d wrong), and no score falls when a field rises (%d)", bad_new, falls);
	/* more records than order statistics */
	enum { N = 3000 };
	for (int i = 0; i < MAX_N * 2; i++)
		values[i] = draw(i % 2);
	bad = fit(&j, 2, JOINT_TAILS, MAX_N, score);
	double off = 0;
	for (int i = 0; i < N; i++)
		bad += score[i] != naive_score(values, MAX_N, 2, values + 2 * i);
	ok(!bad, "%d records: still as by counting (%d wrong)", MAX_N, bad);
	for (int i = 0; i < MAX_N; i++) { /* the error of a share is at most the gap between kept values */
		double mine = joint_score(&j, values + 2 * i, NULL), least = exp(-score[i]) / 2;
		if (least > 0.01)
			off = fmax(off, fabs(mine - score[i]));
	}
	ok(j.tail[0].n == QUANTILES_MAX && j.tail[0].value[QUANTILES_MAX - 1] >= 3 && off > 0 && off < 0.02,
	   "from %d order statistics: approximately (%.2g)", QUANTILES_MAX, off);
	near(joint_score(&j, (double[]){99, 99}, NULL), 2 * log(MAX_N), 1e-15, "above all of them: 1/N");
	joint_free(&j);
}

/* Counts between kept values, where differences overflow or cannot be halved. */
static void quantiles(void)
{
	double kept[QUANTILES_MAX];
	int bad = 0;
	for (int i = 0; i < QUANTILES_MAX; i++)
		kept[i] = i < 5000 ? -1.7e308 : i == 5000 ? 0 : i == 5001 ? 5e-324 : 1.7e308;
	struct quantiles q = {kept, QUANTILES_MAX, 10 * (QUANTILES_MAX - 1) + 1};
	double at[] = {-1.7e308, -1e308, -1, -0.0, 0, 5e-324, 1e-323, 1, 1e308, 1.7e308}, low = -1, high = HUGE_VAL;
	for (int i = 0; i < 10; i++) {
		double l = quantiles_count_le(&q, at[i]), h = quantiles_count_ge(&q, at[i]);
		bad += !(l >= low && h <= high && l >= 0 && h <= (double)q.records && l + h >= (double)q.records);
		low = l;
		high = h;
	}
	ok(!bad && quantiles_count_le(&q, 0) == 50001 && quantiles_count_ge(&q, 0) == 50001 && low == (double)q.records && high == 1 + 10 * 4998,
	   "counts over the largest and the smallest numbers (%d wrong, %.9g, %.9g)", bad, low, high);
	struct quantiles two = {(double[]){0, 5e-324}, 2, 2};
	ok(quantiles_count_le(&two, 0) == 1 && quantiles_count_ge(&two, 5e-324) == 1 && quantiles_count_ge(&two, 0) == 2, "neighbours of 0");
}

static void invariance(void)
{
	struct joint j;
	enum { N = 500, Q = 3 };
	for (int i = 0; i < N * Q; i++)
		values[i] = i % Q == 1 ? floor(20 * uniform()) : normal();
	int bad = fit(&j, Q, JOINT_TAILS, N, other);
	joint_free(&j);
	for (int i = 0; i < N; i++) {
		values[i * Q] = exp(50 * values[i * Q]);
		values[i * Q + 1] = -1 / (1 + values[i * Q + 1]);
		values[i * Q + 2] = 1e-300 * (values[i * Q + 2] + 4);
	}
	bad |= fit(&j, Q, JOINT_TAILS, N, score);
	joint_free(&j);
	ok(!bad && memcmp(score, other, N * sizeof *score) == 0, "increasing maps of the fields change no bit");
	for (int i = 0; i < N * Q; i++)
		score[i] = values[i];
	for (int i = 0; i < N; i++)
		memcpy(values + (N - 1 - i) * Q, score + i * Q, Q * sizeof *values);
	bad |= fit(&j, Q, JOINT_TAILS, N, score);
	joint_free(&j);
	for (int i = 0; i < N; i++)
		bad += score[i] != other[N - 1 - i];
	ok(!bad, "nor does the order of the records");
	/* the same field twice */
	for (int i = 0; i < N; i++)
		values[2 * i] = values[2 * i + 1] = normal();
	bad = fit(&j, 2, JOINT_TAILS, N, score);
	joint_free(&j);
	for (int i = 0; i < N; i++)
		bad += score[i] != 2 * log((double)N / round(N / exp(score[i] / 2)));
	ok(!bad, "a field twice counts twice");
}

/* The probability that an outlier (the first m of n) scores above an inlier. */
static double auroc(const double *s, int m, int n)
{
	double above = 0;
	for (int i = 0; i < m; i++)
		for (int k = m; k < n; k++)
			above += s[i] > s[k] ? 1 : s[i] == s[k] ? 0.5 : 0;
	return above / m / (n - m);
}

/* Four fields in which outliers are high, and one that is noise, or in which they are low. */
static void detection(void)
{
	struct joint j;
	enum { N = 4000, M = 400 };
	double with[3], single = 0;
	for (int kind = 0; kind < 3; kind++) {
		int p = kind ? 5 : 4;
		random_state = 99;
		for (int i = 0; i < N; i++) {
			double v[5], noise = normal();
			for (int k = 0; k < 4; k++)
				v[k] = exp(normal() + (i < M ? 1.5 : 0));
			v[4] = kind == 2 && i < M ? noise - 1 : noise;
			memcpy(values + i * p, v, sizeof *v * (size_t)p);
			other[i] = v[0];
		}
		single = auroc(other, M, N);
		with[kind] = fit(&j, p, JOINT_TAILS, N, score) ? 0 : auroc(score, M, N);
		if (!kind) {
			double mean = 0; /* half of chi-squared with 2p degrees of freedom: mean p, variance p */
			for (int i = M; i < N; i++)
				mean += naive_score(values + M * p, N - M, p, values + i * p) / (N - M);
			ok(fabs(mean - p) < 4 * sqrt((double)p / (N - M)), "independent fields: half the mean of chi-squared (%.3f)", mean);
		}
		joint_free(&j);
	}
	ok(with[0] > 0.96 && with[0] > single + 0.08, "four fields together are better than one (%.3f, %.3f)", with[0], single);
	ok(with[1] > with[0] - 0.02 && with[2] > with[0] - 0.04, "a field of noise costs little (%.3f), and so does one where outliers are low (%.3f)",
	   with[1], with[2]);
}

static void mahalanobis(void)
{
	struct joint j;
	struct mcd m = {.p = 3};
	enum { N = 200 };
	for (int i = 0; i < 3 * N; i++)
		values[i] = i % 3 == 1 ? 4 : exp(normal());
	memcpy(other, values, sizeof(double) * 3 * N);
	int bad = fit(&j, 3, JOINT_MAHALANOBIS, N, score) || mcd_fit(&m, other, N, &f);
	ok(!bad && memcmp(score, other, N * sizeof *score) == 0 && !joint_degenerate(&j, 0, JOINT_UNLIKE) && joint_degenerate(&j, 1, JOINT_UNLIKE), "mahalanobis is the distance of mcd.h");
	joint_free(&j);
	ok(fit(&j, 3, JOINT_MAHALANOBIS, 14, score) && strstr(f.msg, "15 records"), "it requires enough records: '%s'", f.msg);
	joint_free(&j);
}

int main(void)
{
	by_hand();
	counting();
	quantiles();
	invariance();
	detection();
	mahalanobis();
	return done();
}
