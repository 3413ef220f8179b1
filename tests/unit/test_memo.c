/* Subsets of records, the files that tasks leave, and the memorization score against plain sums of probabilities. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memo/memorization.h"
#include "memo/numbers.h"
#include "memo/subsets.h"
#include "random.h"
#include "tap.h"

enum { RECORDS = 103 };

static void test_folds(void)
{
	struct fail f = {{0}};
	const struct subsets s = {.kind = SUBSETS_FOLDS, .records = RECORDS, .seed = 5, .folds = 7, .repeats = 3};
	uint32_t fold[3][RECORDS];
	uint8_t out[RECORDS], times[RECORDS];
	int counts_ok = 1, once = 1, agree = 1, same = 0;
	ok(!subsets_check(&s, &f) && subsets_models(&s) == 21, "3 repeats of 7 folds are 21 models");
	for (int r = 0; r < 3; r++) {
		int count[7] = {0};
		subsets_folds(&s, r, fold[r], &f);
		memset(times, 0, sizeof times);
		for (int i = 0; i < RECORDS; i++)
			count[fold[r][i]]++;
		for (int k = 0; k < 7; k++) {
			counts_ok &= count[k] == RECORDS / 7 || count[k] == RECORDS / 7 + 1;
			subsets_left_out(&s, r * 7 + k, out, &f);
			for (int i = 0; i < RECORDS; i++) {
				times[i] += out[i];
				agree &= out[i] == (fold[r][i] == (uint32_t)k);
			}
		}
		for (int i = 0; i < RECORDS; i++)
			once &= times[i] == 1;
	}
	for (int i = 0; i < RECORDS; i++)
		same += fold[0][i] == fold[1][i];
	ok(counts_ok, "folds differ by one record at most");
	ok(once && agree, "every record is left out of one model of each repeat, that of its fold");
	ok(same < RECORDS / 2, "repeats have other folds (%d of %d records in the same)", same, RECORDS);
}

static void test_others(void)
{
	struct fail f = {{0}};
	uint8_t out[RECORDS], other[RECORDS];
	const uint32_t leave[] = {4, 100};
	struct subsets s = {.kind = SUBSETS_HALVES, .records = RECORDS, .halves = 6};
	int n = 0, same = 0;
	subsets_left_out(&s, 0, out, &f);
	subsets_left_out(&s, 5, other, &f);
	for (int i = 0; i < RECORDS; i++) {
		n += out[i];
		same += out[i] == other[i];
	}
	ok(n == RECORDS / 2 && same > 25 && same < 80, "halves: half of the records, another half for every model");
	s = (struct subsets){.kind = SUBSETS_LEAVE, .records = RECORDS, .repeats = 2, .leave = leave, .nleave = 2};
	int right = subsets_models(&s) == 6;
	for (int m = 0; m < 6; m++) {
		subsets_left_out(&s, m, out, &f);
		for (uint32_t i = 0; i < RECORDS; i++)
			right &= out[i] == (m % 3 && i == leave[m % 3 - 1]);
	}
	ok(right, "leave: a model of all records, then one without each of the list");
	static const struct {
		struct subsets s;
		const char *word;
	} bad[] = {
		{{.kind = SUBSETS_FOLDS, .records = 9, .folds = 1, .repeats = 1}, "--folds"}, {{.kind = SUBSETS_FOLDS, .records = 9, .folds = 10, .repeats = 1}, "fewer"},
		{{.kind = SUBSETS_FOLDS, .records = 9, .folds = 9, .repeats = 1 << 20}, "models"}, {{.kind = SUBSETS_HALVES, .records = 1, .halves = 3}, "at least 2"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(subsets_check(&bad[i].s, &f) == -1 && strstr(f.msg, bad[i].word), "refused: %s", f.msg);
}

/* U and V by sums of probabilities, of numbers for which these do not underflow. */
static void test_memorization(void)
{
	enum { FOLDS = 5, REPEATS = 4 };
	double logp[FOLDS * REPEATS], se[FOLDS * REPEATS], worst = 0, far = 0;
	uint32_t fold[REPEATS];
	for (int t = 0; t < 200; t++) {
		struct memorization m, one;
		double in = 0, out = 0, error_in = 0, error_out = 0, of[REPEATS] = {0}, mean = 0, spread = 0;
		for (int r = 0; r < REPEATS; r++) {
			fold[r] = (uint32_t)(uniform() * FOLDS);
			double mine = 0, others = 0;
			for (int k = 0; k < FOLDS; k++) {
				double *l = &logp[r * FOLDS + k];
				*l = 6 * normal();
				se[r * FOLDS + k] = uniform();
				*((uint32_t)k == fold[r] ? &out : &in) += exp(*l);
				*((uint32_t)k == fold[r] ? &error_out : &error_in) += exp(*l) * se[r * FOLDS + k];
				*((uint32_t)k == fold[r] ? &mine : &others) += exp(*l);
			}
			of[r] = log(others / (FOLDS - 1)) - log(mine);
			mean += of[r] / REPEATS;
		}
		for (int r = 0; r < REPEATS; r++)
			spread += (of[r] - mean) * (of[r] - mean) / (REPEATS - 1);
		memorization_of(logp, se, fold, FOLDS, REPEATS, &m);
		double u = log(in / (REPEATS * (FOLDS - 1))), v = log(out / REPEATS);
		worst = fmax(worst, fabs(m.logp_in - u) + fabs(m.logp_out - v) + fabs(m.memo - (u - v)) + fabs(m.memo_se - sqrt(spread / REPEATS)) +
		                        fabs(m.logp_se - fmax(error_in / in, error_out / out)));
		/* one repeat: the jackknife over the models that saw the record */
		double left[FOLDS], left_mean = 0, squares = 0;
		memorization_of(logp, se, fold, FOLDS, 1, &one);
		for (int without = 0; without < FOLDS; without++) {
			double sum = 0;
			for (int k = 0; k < FOLDS; k++)
				sum += (uint32_t)k != fold[0] && k != without ? exp(logp[k]) : 0;
			left[without] = log(sum / (FOLDS - 2));
			left_mean += (uint32_t)without != fold[0] ? left[without] / (FOLDS - 1) : 0;
		}
		for (int without = 0; without < FOLDS; without++)
			squares += (uint32_t)without != fold[0] ? (left[without] - left_mean) * (left[without] - left_mean) : 0;
		worst = fmax(worst, fabs(one.memo_se - sqrt(squares * (FOLDS - 2) / (FOLDS - 1))));
		/* probabilities far below the smallest double */
		struct memorization low;
		for (int i = 0; i < FOLDS * REPEATS; i++)
			logp[i] -= 3000;
		memorization_of(logp, se, fold, FOLDS, REPEATS, &low);
		far = fmax(far, fabs(low.memo - m.memo) + fabs(low.logp_in + 3000 - m.logp_in));
	}
	ok(worst < 1e-9, "U, V, M and their errors are those of plain sums (%.2g)", worst);
	ok(far < 1e-9, "also where probabilities are below e^-3000 (%.2g)", far);
}

static void test_numbers(void)
{
	char dir[] = "/tmp/test-memo-XXXXXX", path[80];
	struct fail f = {{0}};
	double v[6] = {1, -2, 3e300, NAN, 5, 6}, got[4];
	struct numbers n = {.plan = "0123456789abcdef", .model = 7, .rows = 3, .columns = 2, .fd = -1}, back;
	if (!mkdtemp(dir))
		exit(1);
	snprintf(path, sizeof path, "%s/n", dir);
	ok(numbers_open(&back, path, &f) == 0, "no file: 0");
	ok(!numbers_write(path, &n, v, &f) && numbers_open(&back, path, &f) == 1 && back.rows == 3 && back.columns == 2 && back.model == 7 && !strcmp(back.plan, n.plan),
	   "a file of numbers is read again %s", f.msg);
	ok(!numbers_read(&back, 1, 2, got, &f) && got[0] == 3e300 && isnan(got[1]) && got[3] == 6, "from any row on");
	ok(numbers_read(&back, 2, 2, got, &f) == -1, "and not after the last");
	numbers_close(&back);
	/* every changed byte, and every shorter file, is refused */
	FILE *file = fopen(path, "r+");
	int refused = 0, size = NUMBERS_HEADER + 48;
	for (int i = 0; i < size; i++) {
		fseek(file, i, SEEK_SET);
		int c = fgetc(file);
		for (int bit = 0; bit < 8; bit++) {
			fseek(file, i, SEEK_SET);
			fputc(c ^ 1 << bit, file);
			fflush(file);
			int r = numbers_open(&back, path, &f);
			refused += r == -1;
			if (r == 1)
				numbers_close(&back);
		}
		fseek(file, i, SEEK_SET);
		fputc(c, file);
		fflush(file);
	}
	ok(refused == 8 * size, "%d of %d changes of a bit are refused", refused, 8 * size);
	int cuts = 0;
	for (int i = size - 1; i >= 0; i--) {
		if (ftruncate(fileno(file), i))
			break;
		cuts += numbers_open(&back, path, &f) == -1;
	}
	ok(cuts == size, "every shorter file is refused");
	fclose(file);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	test_folds();
	test_others();
	test_memorization();
	test_numbers();
	return done();
}
