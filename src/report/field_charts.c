#include "report/field_charts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/html.h"
#include "report/plot.h"

/* The unit of a field, in brackets; "" if the field has no fixed unit. */
static const char *unit_of(const char *name)
{
	static const char *const nats[] = {"memo", "logp", "logp_in", "logp_out", "nll", NULL};
	for (int i = 0; nats[i]; i++) {
		size_t n = strlen(name), k = strlen(nats[i]);
		if (n >= k && strcmp(name + n - k, nats[i]) == 0 && (n == k || name[n - k - 1] == '_'))
			return " (nats)";
	}
	return strcmp(name, EVAL_SIZE) == 0 ? " (bytes)" : "";
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

static int draw_against(const struct eval *e, int density, const double *x, const double *y, const char *mark, const char *id, struct buf *out, struct fail *f)
{
	const struct eval_field *v = &e->field[0];
	char text[300], name[100], axis[60], label[100], title[160], fit[120] = "no line: one of the two is constant";
	const int marked = !density && e->positives > 0;
	if (!isnan(v->fit.r2))
		snprintf(fit, sizeof fit, "least squares: R\xc2\xb2 %.4f, Spearman %s%.4f", v->fit.r2, HTML_SIGNED(v->fit.spearman));
	snprintf(text, sizeof text, "%zu records; %s", v->fit.n, fit);
	eval_axis_label(e, axis, sizeof axis);
	snprintf(label, sizeof label, "%.36s%s", axis, unit_of(axis));
	snprintf(name, sizeof name, "%.36s%s", v->name, unit_of(v->name));
	snprintf(title, sizeof title, "%.50s against %.50s%s", v->name, axis, density ? ", density" : "");
	struct plot p = {.x = {.label = label}, .y = {.label = name}, .title = title, .text = text, .id = id, .legends = 1 + (density || marked)};
	limits(x, y, e->records, &p.x);
	limits(y, x, e->records, &p.y);
	plot_begin(&p, out, f);
	if (density) {
		char shades[100];
		snprintf(shades, sizeof shades, "a cell with records; the darkest has %u", plot_density(&p, x, y, e->records));
		draw_fit(&p, &v->fit);
		plot_legend(&p, PLOT_FIT, fit);
		plot_legend(&p, PLOT_CELLS, shades);
	} else {
		plot_dots(&p, x, y, marked ? mark : NULL, e->records);
		draw_fit(&p, &v->fit);
		plot_legend(&p, PLOT_FIT, fit);
		if (marked)
			plot_legend(&p, PLOT_POSITIVE, "labelled positive");
	}
	return plot_end(&p) ? -1 : 1;
}

int chart_against(const struct eval *e, int density, const char *id, struct buf *out, struct fail *f)
{
	const struct eval_field *v = &e->field[0];
	if (eval_is_axis(e, v) || v->fit.n < 2)
		return 0;
	double *x = eval_axis_values(e, f), *y = eval_values(e, v, f);
	char *mark = eval_labels(e, f);
	int r = x && y && mark ? draw_against(e, density, x, y, mark, id, out, f) : -1;
	free(x);
	free(y);
	free(mark);
	return r;
}

/* --- histogram --- */

enum { BINS = 48 };

int chart_histogram(const struct eval_field *v, const char *id, struct buf *out, struct fail *f)
{
	const struct ranking *r = &v->detection.rank;
	double count[2][BINS] = {{0}}, edge[BINS + 1], total[2] = {0}, top = 0;
	if (!r->scored)
		return 0;
	char text[300], title[120], label[120];
	snprintf(label, sizeof label, "%.100s%s", v->name, unit_of(v->name));
	struct axis x = {fmax(r->v[r->scored - 1].value, -1e300), fmin(r->v[0].value, 1e300), 0, 0, label};
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
		int positive = detection_label(&r->v[i]);
		double s = x.log ? (log(r->v[i].value) - log(x.low)) / (log(x.high) - log(x.low)) : (r->v[i].value - x.low) / (x.high - x.low);
		count[positive][(int)fmin(fmax(s * BINS, 0), BINS - 1)]++;
		total[positive]++;
	}
	for (int m = 0; m < 2; m++)
		for (int b = 0; b < BINS; b++) {
			count[m][b] /= total[m] > 0 ? total[m] : 1;
			top = fmax(top, count[m][b]);
		}
	const double q[2] = {eval_quantile(v, 0.95), eval_quantile(v, 0.999)}, height[2] = {0, top};
	snprintf(title, sizeof title, "Distribution of %.60s", v->name);
	snprintf(text, sizeof text, "%zu records from %s%.4g to %s%.4g, median %s%.4g, 95 %% below %s%.4g, 99.9 %% below %s%.4g", r->scored,
	         HTML_SIGNED(r->v[r->scored - 1].value), HTML_SIGNED(r->v[0].value), HTML_SIGNED(median), HTML_SIGNED(q[0]), HTML_SIGNED(q[1]));
	int two = total[0] > 0 && total[1] > 0, plain = total[1] == 0;
	struct plot p = {.x = x, .y = {0, top, 0, 1, two ? "of each kind" : "records"}, .title = title, .text = text, .id = id, .legends = two ? 2 : plain};
	plot_begin(&p, out, f);
	plot_steps(&p, two || total[0] > 0 ? 0 : PLOT_POSITIVE, edge, count[!(total[0] > 0)], BINS);
	if (two) {
		plot_steps(&p, PLOT_POSITIVE, edge, count[1], BINS);
		snprintf(title, sizeof title, "%.0f others", total[0]);
		plot_legend(&p, 0, title);
		snprintf(title, sizeof title, "%.0f labelled positive", total[1]);
		plot_legend(&p, PLOT_POSITIVE, title);
	}
	for (int i = 0; i < 2 && plain; i++)
		plot_line(&p, PLOT_GUIDE, (double[]){q[i], q[i]}, height, 2);
	if (plain) {
		snprintf(title, sizeof title, "95 %% below %s%.4g, 99.9 %% below %s%.4g", HTML_SIGNED(q[0]), HTML_SIGNED(q[1]));
		plot_legend(&p, PLOT_GUIDE, title);
	}
	return plot_end(&p) ? -1 : 1;
}

/* --- the course over training --- */

enum { LINES = COURSE_QUANTILES }; /* at most; the means are two */

static double course_value(const struct course_step *s, int losses, int line) { return losses ? -s->mean[line] : s->quantile[line]; }

static int draw_course(const struct eval *e, int losses, int lines, double *x, double *y, const char *id, struct buf *out, struct fail *f)
{
	static const char *const quantile[] = {"median", "95 % of the records are below", "99.9 % of the records are below"};
	static const char *const loss[] = {"records that the models saw", "records that were held out"};
	const struct course *c = &e->course;
	const char *name = e->field[0].name;
	const struct course_step *last = &c->step[c->n - 1];
	char title[120], label[100], text[300];
	double low = INFINITY, high = -INFINITY;
	for (size_t i = 0; i < c->n; i++)
		for (int k = 0; k < lines; k++) {
			double v = course_value(&c->step[i], losses, k);
			low = isnan(v) ? low : fmin(low, v);
			high = isnan(v) ? high : fmax(high, v);
		}
	if (!losses) {
		snprintf(title, sizeof title, "Quantiles of %.60s over training", name);
		snprintf(label, sizeof label, "%.36s%s", name, unit_of(name));
		snprintf(text, sizeof text, "at step %llu: median %s%.4g, 95 %% below %s%.4g, 99.9 %% below %s%.4g", (unsigned long long)last->step,
		         HTML_SIGNED(last->quantile[0]), HTML_SIGNED(last->quantile[1]), HTML_SIGNED(last->quantile[2]));
	} else {
		snprintf(title, sizeof title, "Losses over training");
		snprintf(label, sizeof label, "mean of " HTML_MINUS "log p(x) (nats)");
		snprintf(text, sizeof text, "at step %llu: %s%.5g of records that the models saw, %s%.5g of records that were held out",
		         (unsigned long long)last->step, HTML_SIGNED(-last->mean[0]), HTML_SIGNED(-last->mean[1]));
	}
	struct plot p = {.x = {0, (double)last->step, .label = "optimiser steps"}, .y = {low, high, .label = label}, .title = title, .text = text, .id = id, .legends = lines};
	plot_begin(&p, out, f);
	for (int k = lines - 1; k >= 0; k--) {
		size_t n = 0;
		for (size_t i = 0; i < c->n; i++) {
			y[n] = course_value(&c->step[i], losses, k);
			x[n] = (double)c->step[i].step;
			n += !isnan(y[n]);
		}
		plot_line(&p, k == 2 ? 3 : k, x, y, n);
	}
	for (int k = 0; k < lines; k++)
		plot_legend(&p, k == 2 ? 3 : k, (losses ? loss : quantile)[k]);
	return plot_end(&p) ? -1 : 1;
}

int chart_course(const struct eval *e, int losses, const char *id, struct buf *out, struct fail *f)
{
	const struct course *c = &e->course;
	if (losses ? !course_has_means(c) : !course_has_quantiles(c))
		return 0;
	double *x = calloc(2 * c->n, sizeof *x);
	if (!x)
		return fail_memory(f);
	int r = draw_course(e, losses, losses ? 2 : LINES, x, x + c->n, id, out, f);
	free(x);
	return r;
}
