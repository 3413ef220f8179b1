#include "memo/memorization.h"

#include <math.h>

/* A running log sum exp: highest + log(sum). */
struct total {
	double highest, sum, errors; /* errors: weighted by the same terms */
	int n;
};

static void add(struct total *t, double logp, double se)
{
	if (t->n++ == 0 || logp > t->highest) {
		double scale = t->n > 1 ? exp(t->highest - logp) : 0;
		t->highest = logp;
		t->sum *= scale;
		t->errors *= scale;
	}
	double e = exp(logp - t->highest);
	t->sum += e;
	t->errors += e * se;
}

static double log_mean(const struct total *t) { return t->highest + log(t->sum / t->n); }
/* Every model is given the same draws, so errors are added, not their squares. */
static double error_of(const struct total *t) { return t->errors / t->sum; }

/* Of the log mean over the models of one repeat that saw the record, leaving out one at a time. */
static double jackknife(const double *logp, int fold, int folds)
{
	double mean = 0, squares = 0;
	int n = folds - 1;
	for (int left_out = 0; left_out < folds; left_out++) {
		struct total t = {0};
		for (int k = 0; k < folds; k++)
			if (k != fold && k != left_out)
				add(&t, logp[k], 0);
		if (left_out == fold || !t.n)
			continue;
		double u = log_mean(&t);
		mean += u / n;
		squares += u * u / n;
	}
	return n > 1 ? sqrt((n - 1) * fmax(squares - mean * mean, 0)) : NAN;
}

void memorization_of(const double *logp, const double *se, const uint32_t *fold, int folds, int repeats, struct memorization *m)
{
	struct total in = {0}, out = {0};
	double mean = 0, squares = 0;
	for (int r = 0; r < repeats; r++) {
		struct total in_repeat = {0};
		int own = (int)fold[r];
		for (int k = 0; k < folds; k++) {
			int i = r * folds + k;
			add(k == own ? &out : &in, logp[i], se[i]);
			if (k != own)
				add(&in_repeat, logp[i], 0);
		}
		double of_repeat = log_mean(&in_repeat) - logp[r * folds + own];
		mean += of_repeat / repeats;
		squares += of_repeat * of_repeat / repeats;
	}
	m->logp_in = log_mean(&in);
	m->logp_out = log_mean(&out);
	m->memo = m->logp_in - m->logp_out;
	m->memo_se = repeats > 1 ? sqrt(fmax(squares - mean * mean, 0) / (repeats - 1)) : jackknife(logp, (int)fold[0], folds);
	m->logp_se = fmax(error_of(&in), error_of(&out));
}
