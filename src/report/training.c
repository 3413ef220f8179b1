#include "report/training.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/grow.h"
#include "report/html.h"
#include "report/plot.h"
#include "stream/fields.h"
#include "train/log.h"

static int add_point(struct training *t, double step, double loss, double holdout, struct fail *f)
{
	size_t steps = t->cap, losses = steps;
	if (grow(&t->step, &steps, t->n + 1, "steps", f) || grow(&t->loss, &losses, t->n + 1, "losses", f) || grow(&t->holdout, &t->cap, t->n + 1, "losses", f))
		return -1;
	t->step[t->n] = step;
	t->loss[t->n] = loss;
	t->holdout[t->n++] = holdout;
	return 0;
}

int training_read(struct training *t, const char *model, struct fail *f)
{
	struct buf path = {0};
	struct fields line = {.n = 0};
	struct train_log log = {0};
	char *text = NULL;
	size_t size = 0;
	ssize_t len;
	int bad = buf_addf(&path, f, "%s/train.jsonl", model) || check_regular(path.p, f) ? -1 : 0;
	FILE *in = bad ? NULL : fopen(path.p, "re");
	if (!bad && !in && errno != ENOENT && errno != ENOTDIR)
		bad = fail_errno(f, "%s", path.p);
	for (int n = 1; in && !bad && (len = getline(&text, &size, in)) >= 0; n++) {
		double step, loss, holdout = NAN;
		bad = train_log_verify(&log, text, (size_t)len, f) ? fail_add(f, "%s: damaged", path.p) :
		      fields_parse(&line, text, (size_t)len, f) ? fail_add(f, "%s: line %d", path.p, n) : 0;
		if (bad)
			fail_advise(f, "remove it, and no training curve is drawn");
		if (!bad && fields_number(&line, "step", &step) && fields_number(&line, "loss", &loss)) {
			fields_number(&line, "holdout_loss", &holdout);
			bad = add_point(t, step, loss, holdout, f);
		}
	}
	if (in && !bad && !feof(in)) /* getline() does not set the stream's error when memory runs out */
		bad = fail_errno(f, "%s", path.p);
	if (in)
		fclose(in);
	free(text);
	fields_free(&line);
	buf_free(&path);
	return bad ? -1 : 0;
}

void training_free(struct training *t)
{
	free(t->step);
	free(t->loss);
	free(t->holdout);
	*t = (struct training){.n = 0};
}

const char *training_text(const struct training *t, char *out, size_t size)
{
	double held = NAN;
	for (size_t i = 0; i < t->n; i++)
		held = isnan(t->holdout[i]) ? held : t->holdout[i];
	int n = snprintf(out, size, "loss %s%.6g at step %.0f, %s%.6g at step %.0f", HTML_SIGNED(t->loss[0]), t->step[0],
	                 HTML_SIGNED(t->loss[t->n - 1]), t->step[t->n - 1]);
	if (!isnan(held) && n > 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, ", of records held out %s%.6g", HTML_SIGNED(held));
	return out;
}

int training_chart(const struct training *t, const char *id, struct buf *out, struct fail *f)
{
	const size_t n = t->n;
	size_t held = 0;
	double *x = malloc((2 * n + 1) * sizeof *x), *y = x ? x + n : NULL, low = INFINITY, high = -INFINITY;
	char text[300];
	if (!x)
		return fail_memory(f);
	for (size_t i = 0; i < n; i++) {
		low = fmin(low, t->loss[i]);
		high = fmax(high, t->loss[i]);
		if (isnan(t->holdout[i]))
			continue;
		x[held] = t->step[i];
		y[held++] = t->holdout[i];
		low = fmin(low, t->holdout[i]);
		high = fmax(high, t->holdout[i]);
	}
	int bad = 0;
	if (n >= 2) {
		struct plot plot = {.x = {0, t->step[n - 1], .label = "optimiser steps"}, .y = {low, high, .log = low > 0 && high > 4 * low, .label = "mean loss of a record"},
		                    .title = "Training curve", .text = training_text(t, text, sizeof text), .id = id, .legends = 1 + (held > 0)};
		plot_begin(&plot, out, f);
		plot_line(&plot, 0, t->step, t->loss, n);
		if (held)
			plot_line(&plot, 1, x, y, held);
		plot_legend(&plot, 0, "records trained on");
		if (held)
			plot_legend(&plot, 1, "records held out, at each checkpoint");
		bad = plot_end(&plot);
	}
	free(x);
	return bad ? -1 : n >= 2;
}
