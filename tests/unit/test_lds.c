/* The linear datamodeling score against ranks counted one by one, on losses that are made of known influences. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/atomic.h"
#include "eval/lds.h"
#include "input/npy.h"
#include "memo/numbers.h"
#include "memo/subsets.h"
#include "random.h"
#include "tap.h"

enum { RECORDS = 40, TESTS = 5, HALVES = 24 };

static char dir[] = "/tmp/test-lds-XXXXXX", matrix[80];
static float influence[RECORDS][TESTS];
static double loss[HALVES][TESTS], sum[HALVES][TESTS];

static void write_matrix(size_t rows, size_t columns, float sign)
{
	struct buf b = {0};
	struct fail f;
	float row[TESTS];
	npy_header(&b, NPY_F4, 2, (size_t[]){rows + 1, columns}, &f);
	for (size_t i = 0; i <= rows; i++) { /* row 3 is of a record that could not be read */
		for (size_t t = 0; t < columns; t++)
			row[t] = i == 3 ? NAN : sign * influence[i < 3 ? i : i - 1][t];
		buf_add(&b, row, columns * sizeof *row, &f);
	}
	atomic_write(matrix, b.p, b.len, &f);
	buf_free(&b);
}

/* noise: of the losses, beside the influences */
static void write_halves(double noise)
{
	const struct subsets s = {.kind = SUBSETS_HALVES, .records = RECORDS, .seed = 9, .halves = HALVES};
	struct fail f = {{0}};
	char path[100], plan[200];
	uint8_t out[RECORDS];
	int n = snprintf(plan, sizeof plan, "format 1\nkind halves\nrecords %d\nseed 9\ndata 00000000000000aa\nhalves %d\ntests %d 00000000000000bb\n", RECORDS, HALVES, TESTS);
	snprintf(path, sizeof path, "%s/plan", dir);
	atomic_write(path, plan, (size_t)n, &f);
	for (int m = 0; m < HALVES; m++) {
		struct numbers header = {.model = m, .rows = TESTS, .columns = 1, .fd = -1};
		snprintf(header.plan, sizeof header.plan, "%016llx", (unsigned long long)XXH3_64bits(plan, (size_t)n));
		subsets_left_out(&s, m, out, &f);
		for (int t = 0; t < TESTS; t++) {
			sum[m][t] = 0;
			for (int i = 0; i < RECORDS; i++)
				sum[m][t] += out[i] ? 0 : (double)influence[i][t];
			loss[m][t] = 100 - sum[m][t] + noise * normal();
		}
		snprintf(path, sizeof path, "%s/model-%06d.numbers", dir, m);
		numbers_write(path, &header, loss[m], &f);
	}
}

/* Spearman of a and b [HALVES] for values without ties: 1 - 6 sum d^2 / (n (n^2 - 1)) */
static double spearman(const double *a, const double *b)
{
	double squares = 0;
	for (int i = 0; i < HALVES; i++) {
		int above = 0;
		for (int k = 0; k < HALVES; k++)
			above += (a[k] > a[i]) - (b[k] > b[i]);
		squares += above * above;
	}
	return 1 - 6 * squares / (HALVES * (HALVES * HALVES - 1.0));
}

static double expected(void)
{
	double mean = 0;
	for (int t = 0; t < TESTS; t++) {
		double a[HALVES], b[HALVES];
		for (int m = 0; m < HALVES; m++) {
			a[m] = -loss[m][t];
			b[m] = sum[m][t];
		}
		mean += spearman(a, b) / TESTS;
	}
	return mean;
}

int main(void)
{
	struct fail f = {{0}};
	struct lds l;
	if (!mkdtemp(dir))
		return 1;
	snprintf(matrix, sizeof matrix, "%s/m.npy", dir);
	for (int i = 0; i < RECORDS; i++)
		for (int t = 0; t < TESTS; t++)
			influence[i][t] = (float)normal();
	write_matrix(RECORDS, TESTS, 1);
	write_halves(0);
	ok(!lds_of(matrix, dir, &l, &f) && l.score > 0.999 && l.se < 1e-6 && l.tests == TESTS && l.halves == HALVES, "losses that influences explain: 1 (%.6f) %s", l.score, f.msg);
	write_halves(4);
	ok(!lds_of(matrix, dir, &l, &f), "with noise %s", f.msg);
	near(l.score, expected(), 1e-9, "the mean of rank correlations");
	ok(l.score < 0.95 && l.se > 0.01 && l.se < 0.3, "and its error over the halves (%.3f)", l.se);
	double right = l.score;
	write_matrix(RECORDS, TESTS, -1);
	ok(!lds_of(matrix, dir, &l, &f) && fabs(l.score + right) < 1e-9, "influences of the wrong sign: the negative");
	write_matrix(RECORDS - 1, TESTS, 1);
	ok(lds_of(matrix, dir, &l, &f) == -1 && strstr(f.msg, "39 records"), "a matrix of other records: %s", f.msg);
	write_matrix(RECORDS, TESTS - 1, 1);
	ok(lds_of(matrix, dir, &l, &f) == -1 && strstr(f.msg, "4 columns"), "of other tests: %s", f.msg);
	write_matrix(RECORDS, TESTS, 0);
	ok(lds_of(matrix, dir, &l, &f) == -1 && strstr(f.msg, "no correlation"), "influences that are all 0: %s", f.msg);
	char path[100];
	snprintf(path, sizeof path, "%s/model-000007.numbers", dir);
	unlink(path);
	ok(lds_of(matrix, dir, &l, &f) == -1 && strstr(f.msg, "model 8 of 24"), "a model that is missing: %s", f.msg);
	snprintf(path, sizeof path, "rm -rf %s", dir);
	return system(path) || done();
}
