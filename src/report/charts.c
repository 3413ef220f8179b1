#include "report/charts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/plot.h"

enum { MAX_SERIES = 6 };

static const struct {
	const char *name, *title, *x, *y, *measure;
	enum curve_kind curve;
} about[CHARTS] = {
	[CHART_DETECTION] = {"detection", "Detection curve", "records checked, highest first", "positives found", "AUC", CURVE_DETECTION},
	[CHART_ROC] = {"roc", "Receiver operating characteristic", "false positives of all negatives", "positives found", "AUROC", CURVE_ROC},
	[CHART_PRECISION_RECALL] = {"precision-recall", "Precision and recall", "recall", "precision", "AP", CURVE_PRECISION_RECALL},
	[CHART_SCATTER] = {"scatter", "Score against negative loss", "negative loss", "score"},
};

const char *chart_name(enum chart which) { return about[which].name; }

/* The series of a field. The loss and the baselines have the same colours in all charts. */
static int series_of(const struct eval *e, int i)
{
	static const int requested[] = {0, 3, 4, 5};
	if (i == e->loss)
		return 1;
	return e->field[i].baseline ? 2 : requested[i % 4];
}

static const char *legend_of(const struct eval_field *v, enum chart which, char *t, size_t size)
{
	double value = which == CHART_DETECTION ? v->auc : which == CHART_ROC ? v->auroc : v->average_precision;
	snprintf(t, size, "%.36s  %s %.4f", v->name, about[which].measure, value);
	return t;
}

static int draw_curves(const struct eval *e, enum chart which, const char *id, struct buf *out, struct fail *f)
{
	int field[MAX_SERIES], n = 0, r = 0;
	for (int i = 0; i < e->nfields; i++) /* all baselines, and the first of the requested fields */
		if (e->field[i].baseline || i < MAX_SERIES - (e->nfields - e->nrequested))
			field[n++] = i;
	struct buf text = {0};
	char line[200];
	for (int i = 0; i < n && !r; i++)
		r = buf_addf(&text, f, "%s%s", i ? "; " : "", legend_of(&e->field[field[i]], which, line, sizeof line));
	struct plot p = {
		.x = {0, 1, 0, 1, about[which].x}, .y = {0, 1, 0, 1, about[which].y}, .title = about[which].title, .text = text.p ? text.p : "", .id = id, .legends = n + 1,
	};
	if (!r) {
		const double diagonal[] = {0, 1}, share = (double)e->positives / (double)e->records, level[] = {share, share};
		plot_begin(&p, out, f);
		plot_line(&p, PLOT_GUIDE, diagonal, which == CHART_PRECISION_RECALL ? level : diagonal, 2);
		for (int i = n - 1; i >= 0 && !r; i--) {
			struct curve c;
			r = detection_curve(&e->field[field[i]].detection, about[which].curve, &c, f);
			if (!r)
				plot_line(&p, series_of(e, field[i]), c.x, c.y, c.n);
			curve_free(&c);
		}
		for (int i = 0; i < n; i++)
			plot_legend(&p, series_of(e, field[i]), legend_of(&e->field[field[i]], which, line, sizeof line));
		plot_legend(&p, PLOT_GUIDE, "chance");
		r = r ? r : plot_end(&p);
	}
	buf_free(&text);
	return r ? -1 : 1;
}

/* The range of v over the records that have both values. */
static void limits(const double *v, const double *other, size_t n, struct axis *a)
{
	a->low = INFINITY;
	a->high = -INFINITY;
	for (size_t i = 0; i < n; i++)
		if (!isnan(v[i]) && !isnan(other[i])) {
			a->low = fmin(a->low, v[i]);
			a->high = fmax(a->high, v[i]);
		}
}

/* The regression line, clipped to the chart. */
static void draw_fit(struct plot *p, const struct correlation *c)
{
	double x[2] = {p->x.low, p->x.high}, y[2];
	if (isnan(c->r2) || c->slope == 0)
		return;
	for (int i = 0; i < 2; i++) {
		y[i] = c->intercept + c->slope * x[i];
		double clipped = fmin(fmax(y[i], p->y.low), p->y.high);
		x[i] += (clipped - y[i]) / c->slope;
		y[i] = clipped;
	}
	plot_line(p, PLOT_FIT, x, y, 2);
}

static int draw_scatter(const struct eval *e, const char *id, struct buf *out, struct fail *f)
{
	const struct eval_field *v = &e->field[0];
	if (e->loss <= 0 || v->loss_fit.n < 2)
		return 0;
	double *x = eval_values(e, &e->field[e->loss], f), *y = eval_values(e, v, f);
	char *mark = eval_labels(e, f), text[300], name[80], fit[120] = "no line: one of the two is constant";
	int r = x && y && mark ? 1 : -1;
	if (r > 0) {
		for (uint64_t i = 0; i < e->records; i++)
			x[i] = -x[i];
		if (!isnan(v->loss_fit.r2))
			snprintf(fit, sizeof fit, "least squares: R\xc2\xb2 %.4f, Spearman %.4f", v->loss_fit.r2, v->loss_fit.spearman);
		snprintf(text, sizeof text, "%zu records; %s", v->loss_fit.n, fit);
		snprintf(name, sizeof name, "%.40s", v->name);
		struct plot p = {.x = {.label = "negative loss"}, .y = {.label = name}, .title = about[CHART_SCATTER].title, .text = text, .id = id, .legends = 1 + (e->positives > 0)};
		limits(x, y, e->records, &p.x);
		limits(y, x, e->records, &p.y);
		plot_begin(&p, out, f);
		plot_dots(&p, x, y, e->positives ? mark : NULL, e->records);
		draw_fit(&p, &v->loss_fit);
		plot_legend(&p, PLOT_FIT, fit);
		if (e->positives)
			plot_legend(&p, PLOT_POSITIVE, "labelled positive");
		r = plot_end(&p) ? -1 : 1;
	}
	free(x);
	free(y);
	free(mark);
	return r;
}

int chart_draw(const struct eval *e, enum chart which, const char *id, struct buf *out, struct fail *f)
{
	if (which == CHART_SCATTER)
		return draw_scatter(e, id, out, f);
	return e->positives && e->positives < e->records ? draw_curves(e, which, id, out, f) : 0;
}

enum { BINS = 48 };

int chart_histogram(const struct eval_field *v, const char *id, struct buf *out, struct fail *f)
{
	const struct ranking *r = &v->detection.rank;
	double count[2][BINS] = {{0}}, edge[BINS + 1], total[2] = {0}, top = 0;
	if (!r->scored)
		return 0;
	struct axis x = {fmax(r->v[r->scored - 1].value, -1e300), fmin(r->v[0].value, 1e300), 0, 0, v->name};
	double median = eval_quantile(v, 0.5), spread = eval_quantile(v, 0.75) - eval_quantile(v, 0.25);
	/* with a long tail, a linear axis would put almost all records into one bin */
	x.log = x.low > 0 && x.high / x.low > 10 && x.high - median > 8 * spread;
	if (x.low == x.high) {
		x.low -= x.low != 0 ? fabs(x.low) / 10 : 0.5;
		x.high += x.high != 0 ? fabs(x.high) / 10 : 0.5;
	}
	for (int i = 0; i <= BINS; i++)
		edge[i] = x.log ? exp(log(x.low) + (log(x.high) - log(x.low)) * i / BINS) : x.low + (x.high - x.low) * i / BINS;
	edge[0] = x.low;
	edge[BINS] = x.high;
	for (size_t i = 0; i < r->scored; i++) {
		int label = detection_label(&r->v[i]);
		double s = x.log ? (log(r->v[i].value) - log(x.low)) / (log(x.high) - log(x.low)) : (r->v[i].value - x.low) / (x.high - x.low);
		count[label][(int)fmin(fmax(s * BINS, 0), BINS - 1)]++;
		total[label]++;
	}
	for (int m = 0; m < 2; m++)
		for (int b = 0; b < BINS; b++) {
			count[m][b] /= total[m] > 0 ? total[m] : 1;
			top = fmax(top, count[m][b]);
		}
	char text[300], title[120];
	snprintf(title, sizeof title, "Distribution of %.60s", v->name);
	snprintf(text, sizeof text, "%zu records from %.4g to %.4g, median %.4g, 99 %% below %.4g", r->scored, r->v[r->scored - 1].value, r->v[0].value,
	         median, eval_quantile(v, 0.99));
	int two = total[0] > 0 && total[1] > 0;
	struct plot p = {.x = x, .y = {0, top, 0, 1, two ? "of each kind" : "records"}, .title = title, .text = text, .id = id, .legends = two ? 2 : 0};
	plot_begin(&p, out, f);
	plot_steps(&p, two || total[0] > 0 ? 0 : PLOT_POSITIVE, edge, count[!(total[0] > 0)], BINS);
	if (two) {
		plot_steps(&p, PLOT_POSITIVE, edge, count[1], BINS);
		snprintf(title, sizeof title, "%.0f others", total[0]);
		plot_legend(&p, 0, title);
		snprintf(title, sizeof title, "%.0f labelled positive", total[1]);
		plot_legend(&p, PLOT_POSITIVE, title);
	}
	return plot_end(&p) ? -1 : 1;
}
