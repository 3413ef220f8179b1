#include "eval/lds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "eval/correlate.h"
#include "input/npy_writer.h"
#include "memo/retrain.h"

enum { RESAMPLES = 200 }; /* of the bootstrap */
#define MAX_MATRIX ((size_t)16 << 30)

struct halves {
	struct subsets subsets;
	size_t tests;
	char plan[17];
	uint64_t payloads[2]; /* hashes of records and tests */
	double *loss;   /* [halves][tests] */
	double *sum;    /* [halves][tests]: g */
};

/* Adds the influences of the records of a half: record i is row[i] of the matrix. */
static int add_half(struct halves *h, int half, const struct npy *m, const size_t *row, struct fail *f)
{
	uint8_t *left_out = malloc(h->subsets.records);
	double *sum = h->sum + (size_t)half * h->tests;
	if (!left_out)
		return fail_memory(f);
	int bad = subsets_left_out(&h->subsets, half, left_out, f);
	for (size_t i = 0; !bad && i < h->subsets.records; i++)
		for (size_t t = 0; !left_out[i] && t < h->tests; t++)
			sum[t] += npy_value(m, row[i] * h->tests + t);
	free(left_out);
	return bad;
}

/* A matrix of vae-testinf has a note with hashes of its records, and a hash; one of an older version has the note; one of another program neither. */
static int check_note(const struct halves *h, const struct npy *m, struct fail *f)
{
	enum { NOTE = 16 + 1 + 16 };
	static const char digits[] = "0123456789abcdef";
	if (!*m->note)
		return 0;
	if (strspn(m->note, digits) != 16 || m->note[16] != ' ' || strspn(m->note + 17, digits) != 16)
		return fail_set(f, "damaged or edited: the comment in its header is not one of vae-testinf; make it again");
	if (npy_writer_verify(m, NOTE, f) < 0)
		return fail_advise(f, "make it again");
	if (strtoull(m->note, NULL, 16) != h->payloads[0])
		return fail_set(f, "the matrix is of other records, or of another order, than the halves: both need the same stream");
	return strtoull(m->note + 17, NULL, 16) == h->payloads[1] ? 0 : fail_set(f, "the matrix is of other test records, or of another order, than the halves: both need the same -t");
}

/* row [records]: the rows of the matrix that have influences. */
static int find_rows(const struct halves *h, const struct npy *m, size_t *row, struct fail *f)
{
	size_t n = 0;
	if (m->ndim != 2 || m->shape[1] != h->tests)
		return fail_set(f, "the matrix has %zu columns, and the halves were tested on %zu records: both need the same -t", m->ndim == 2 ? m->shape[1] : 0, h->tests);
	for (size_t i = 0; i < m->shape[0]; i++) {
		if (isnan(npy_value(m, i * h->tests)))
			continue;
		for (size_t t = 0; t < h->tests; t++)
			if (!isfinite(npy_value(m, i * h->tests + t)))
				return fail_set(f, "row %zu of the matrix has no finite number in column %zu", i + 1, t + 1);
		if (n < h->subsets.records)
			row[n] = i;
		n++;
	}
	return n == h->subsets.records ? 0 : fail_set(f, "the matrix has influences of %zu records, and the halves are of %zu: both need the same stream", n, h->subsets.records);
}

static int read_losses(struct halves *h, const char *memo, struct fail *f)
{
	for (int i = 0; i < h->subsets.halves; i++) {
		struct numbers n;
		int got = retrain_open_numbers(memo, h->plan, i, h->tests, 1, &n, f);
		if (got <= 0)
			return got < 0 ? -1 : retrain_fail_missing(memo, i, h->subsets.halves, f);
		int bad = numbers_read(&n, 0, h->tests, h->loss + (size_t)i * h->tests, f);
		numbers_close(&n);
		if (bad)
			return -1;
	}
	return 0;
}

/* The mean over the test records of the rank correlation over the halves which[n]. */
static int mean_correlation(const struct halves *h, const uint32_t *which, int n, double *x, double *y, double *mean, size_t *tests, struct fail *f)
{
	*mean = 0;
	*tests = 0;
	for (size_t t = 0; t < h->tests; t++) {
		struct correlation c;
		for (int i = 0; i < n; i++) {
			x[i] = -h->loss[which[i] * h->tests + t];
			y[i] = h->sum[which[i] * h->tests + t];
		}
		if (correlate(x, y, (size_t)n, &c, f))
			return -1;
		if (isnan(c.spearman))
			continue;
		*mean += c.spearman;
		++*tests;
	}
	*mean = *tests ? *mean / (double)*tests : NAN;
	return 0;
}

static int score(const struct halves *h, struct lds *l, struct fail *f)
{
	int n = h->subsets.halves, bad = 0;
	uint32_t *which = malloc((size_t)n * sizeof *which);
	double *x = malloc((size_t)n * sizeof *x), *y = malloc((size_t)n * sizeof *y), mean = 0, squares = 0;
	if (!which || !x || !y)
		bad = fail_memory(f);
	for (int i = 0; !bad && i < n; i++)
		which[i] = (uint32_t)i;
	l->halves = n;
	bad = bad || mean_correlation(h, which, n, x, y, &l->score, &l->tests, f);
	for (int b = 0; !bad && b < RESAMPLES; b++) {
		double resampled;
		size_t tests;
		for (int i = 0; i < n; i++)
			which[i] = rng_below((uint32_t)n, 0, ROLE_FOLDS, (uint64_t)b, (uint64_t)i);
		bad = mean_correlation(h, which, n, x, y, &resampled, &tests, f);
		mean += resampled / RESAMPLES;
		squares += resampled * resampled / RESAMPLES;
	}
	l->se = sqrt(fmax(squares - mean * mean, 0) * RESAMPLES / (RESAMPLES - 1));
	free(which);
	free(x);
	free(y);
	return bad ? -1 : 0;
}

int lds_of(const char *matrix, const char *memo, struct lds *l, struct fail *f)
{
	struct halves h;
	struct buf bytes = {0};
	struct npy m;
	size_t *row = NULL;
	if (retrain_read_halves(memo, &h.subsets, &h.tests, h.plan, h.payloads, f))
		return -1;
	size_t n = (size_t)h.subsets.halves * h.tests;
	h.loss = calloc(n, sizeof *h.loss);
	h.sum = calloc(n, sizeof *h.sum);
	row = calloc(h.subsets.records, sizeof *row);
	int bad = !h.loss || !h.sum || !row ? fail_memory(f) : 0;
	bad = bad || buf_read_file(&bytes, matrix, MAX_MATRIX, f) ? -1 : 0;
	if (!bad && (npy_parse(bytes.p, bytes.len, &m, f) || check_note(&h, &m, f) || find_rows(&h, &m, row, f)))
		bad = fail_add(f, "%s", matrix);
	bad = bad || read_losses(&h, memo, f) ? -1 : 0;
	for (int i = 0; !bad && i < h.subsets.halves; i++)
		bad = add_half(&h, i, &m, row, f);
	bad = bad || score(&h, l, f) ? -1 : 0;
	if (!bad && !l->tests)
		bad = fail_set(f, "no correlation: at least 3 halves are required, and influences that are not all equal");
	buf_free(&bytes);
	free(h.loss);
	free(h.sum);
	free(row);
	return bad;
}
