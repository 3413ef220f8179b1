#include "report/curves.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/plot.h"

enum { SHOWN = 6 };

static const struct {
	const char *name, *title, *x, *y;
} about[CURVES] = {
	[CURVES_DETECTION] = {"detection", "Detection curve", "records checked, highest first", "positives found"},
	[CURVES_ROC] = {"roc", "Receiver operating characteristic", "false positives of all negatives", "positives found"},
	[CURVES_PRECISION_RECALL] = {"precision-recall", "Precision and recall", "recall", "precision"},
	[CURVES_SCATTER] = {"scatter", "Score against negative loss", "negative loss", "score"},
};

const char *curves_name(enum curves which) { return about[which].name; }

/* The series of a field: the baselines have theirs, whatever stands before them. */
static int series_of(const struct eval *e, int i)
{
	static const int asked[] = {0, 3, 4, 5};
	if (i == e->loss)
		return 1;
	return e->field[i].baseline ? 2 : asked[i % 4];
}

static const char *legend_of(const struct eval_field *v, enum curves which, char *t, size_t room)
{
	double number = which == CURVES_DETECTION ? v->auc : which == CURVES_ROC ? v->auroc : v->average_precision;
	snprintf(t, room, "%.36s  %s %.4f", v->name, which == CURVES_DETECTION ? "AUC" : which == CURVES_ROC ? "AUROC" : "AP", number);
	return t;
}

static int draw_labelled(const struct eval *e, enum curves which, const char *id, struct buf *out, struct fail *f)
{
	int which_of[SHOWN], n = 0;
	for (int i = 0; i < e->nfields; i++) /* the baselines always: the last of those asked for give way */
		if (e->field[i].baseline || i < SHOWN - (e->nfields - e->nrequested))
			which_of[n++] = i;
	struct buf text = {0};
	int r = 0;
	char line[200];
	for (int i = 0; i < n && !r; i++)
		r = buf_addf(&text, f, "%s%s", i ? "; " : "", legend_of(&e->field[which_of[i]], which, line, sizeof line));
	struct plot p = {
		.x = {0, 1, 0, 1, about[which].x}, .y = {0, 1, 0, 1, about[which].y}, .title = about[which].title, .text = text.p ? text.p : "", .id = id, .legends = n + 1,
	};
	if (!r) {
		const double two[] = {0, 1}, share = (double)e->positives / (double)e->records, level[] = {share, share};
		plot_begin(&p, out, f);
		plot_line(&p, PLOT_GUIDE, two, which == CURVES_PRECISION_RECALL ? level : two, 2);
		for (int i = n - 1; i >= 0 && !r; i--) {
			struct curve c;
			r = detection_curve(&e->field[which_of[i]].detection, which == CURVES_DETECTION ? CURVE_DETECTION : which == CURVES_ROC ? CURVE_ROC : CURVE_PRECISION_RECALL, &c, f);
			if (!r)
				plot_line(&p, series_of(e, which_of[i]), c.x, c.y, c.n);
			curve_free(&c);
		}
		for (int i = 0; i < n; i++)
			plot_legend(&p, series_of(e, which_of[i]), legend_of(&e->field[which_of[i]], which, line, sizeof line));
		plot_legend(&p, PLOT_GUIDE, "chance");
		r = r ? r : plot_end(&p);
	}
	buf_free(&text);
	return r ? -1 : 1;
}

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

/* The regression line, where it is inside the picture. */
static void draw_fit(struct plot *p, const struct correlation *c)
{
	double x[2] = {p->x.low, p->x.high}, y[2];
	if (isnan(c->r2) || c->slope == 0)
		return;
	for (int i = 0; i < 2; i++) {
		y[i] = c->intercept + c->slope * x[i];
		double inside = fmin(fmax(y[i], p->y.low), p->y.high);
		x[i] += (inside - y[i]) / c->slope;
		y[i] = inside;
	}
	plot_line(p, PLOT_FIT, x, y, 2);
}

static int draw_scatter(const struct eval *e, const char *id, struct buf *out, struct fail *f)
{
	const struct eval_field *v = &e->field[0];
	if (e->loss <= 0 || v->loss_fit.n < 2)
		return 0;
	double *x = eval_values(e, &e->field[e->loss], f), *y = eval_values(e, v, f);
	char *mark = eval_labels(e, f), text[300], name[80], fit[120] = "no line: one of them is constant";
	int r = x && y && mark ? 1 : -1;
	if (r > 0) {
		for (uint64_t i = 0; i < e->records; i++)
			x[i] = -x[i];
		if (!isnan(v->loss_fit.r2))
			snprintf(fit, sizeof fit, "least squares: R\xc2\xb2 %.4f, Spearman %.4f", v->loss_fit.r2, v->loss_fit.spearman);
		snprintf(text, sizeof text, "%zu records; %s", v->loss_fit.n, fit);
		snprintf(name, sizeof name, "%.40s", v->name);
		struct plot p = {.x = {.label = "negative loss"}, .y = {.label = name}, .title = about[CURVES_SCATTER].title, .text = text, .id = id, .legends = 1 + (e->positives > 0)};
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

int curves_draw(const struct eval *e, enum curves which, const char *id, struct buf *out, struct fail *f)
{
	if (which == CURVES_SCATTER)
		return draw_scatter(e, id, out, f);
	return e->positives && e->positives < e->records ? draw_labelled(e, which, id, out, f) : 0;
}

/* --- distributions --- */

enum { BINS = 48 };

int curves_histogram(const struct eval *e, const struct eval_field *v, const char *id, struct buf *out, struct fail *f)
{
	const struct ranking *r = &v->detection.rank;
	double count[2][BINS] = {{0}}, edge[BINS + 1], total[2] = {0}, top = 0;
	if (!r->scored)
		return 0;
	struct axis x = {fmax(r->v[r->scored - 1].value, -1e300), fmin(r->v[0].value, 1e300), 0, 0, v->name};
	double middle = eval_quantile(v, 0.5), spread = eval_quantile(v, 0.75) - eval_quantile(v, 0.25);
	/* a long tail: almost all would be one bar */
	x.log = x.low > 0 && x.high / x.low > 10 && x.high - middle > 8 * spread;
	if (x.low == x.high) {
		x.low -= x.low != 0 ? fabs(x.low) / 10 : 0.5;
		x.high += x.high != 0 ? fabs(x.high) / 10 : 0.5;
	}
	for (int i = 0; i <= BINS; i++)
		edge[i] = x.log ? exp(log(x.low) + (log(x.high) - log(x.low)) * i / BINS) : x.low + (x.high - x.low) * i / BINS;
	edge[0] = x.low;
	edge[BINS] = x.high;
	for (size_t i = 0; i < r->scored; i++) {
		int mark = detection_label(&r->v[i]);
		double s = x.log ? (log(r->v[i].value) - log(x.low)) / (log(x.high) - log(x.low)) : (r->v[i].value - x.low) / (x.high - x.low);
		count[mark][(int)fmin(fmax(s * BINS, 0), BINS - 1)]++;
		total[mark]++;
	}
	for (int m = 0; m < 2; m++)
		for (int b = 0; b < BINS; b++) {
			count[m][b] /= total[m] > 0 ? total[m] : 1;
			top = fmax(top, count[m][b]);
		}
	char text[300], title[120];
	snprintf(title, sizeof title, "Distribution of %.60s", v->name);
	snprintf(text, sizeof text, "%zu records from %.4g to %.4g, median %.4g, 99 %% below %.4g", r->scored, r->v[r->scored - 1].value, r->v[0].value,
	         middle, eval_quantile(v, 0.99));
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
