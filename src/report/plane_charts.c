#include "report/plane_charts.h"

#include <math.h>
#include <stdio.h>

#include "report/html.h"
#include "report/plot.h"

enum { COLOURS = 6 }; /* and PLOT_GUIDE for all other classes */

static void widen(struct axis *a, double v)
{
	a->low = fmin(a->low, v);
	a->high = fmax(a->high, v);
}

/* The range of the points, with a margin for the discs. */
static void limits(const struct plane *p, struct plot *plot)
{
	struct axis *axis[2] = {&plot->x, &plot->y};
	plot->x = (struct axis){INFINITY, -INFINITY, .label = "first number"};
	plot->y = (struct axis){INFINITY, -INFINITY, .label = "second number"};
	for (size_t i = 0; i < p->n + p->ntests; i++) {
		const struct plane_point *v = i < p->n ? &p->v[i] : &p->test[i - p->n];
		if (isnan(v->x))
			continue;
		widen(&plot->x, v->x);
		widen(&plot->y, v->y);
	}
	for (int i = 0; i < 2; i++) {
		double margin = fmin(0.05 * (axis[i]->high - axis[i]->low), 1e300);
		axis[i]->low -= margin;
		axis[i]->high += margin;
	}
}

static void draw_tests(const struct plane *p, struct plot *plot)
{
	for (size_t i = 0; i < p->ntests; i++)
		plot_cross(plot, p->test[i].x, p->test[i].y);
	if (p->ntests)
		plot_legend(plot, PLOT_FIT, p->ntests > 1 ? "test records" : "the test record");
}

int plane_chart(const struct plane *p, const double *v, const char *field, struct buf *out, struct fail *f)
{
	double most = 0, low = INFINITY, high = -INFINITY;
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		if (!isnan(v[i]) && !isnan(p->v[i].x)) {
			low = fmin(low, v[i]);
			high = fmax(high, v[i]);
			most = fmax(most, fabs(v[i]));
			n++;
		}
	if (!n)
		return 0;
	char title[120], text[200], legend[2][100];
	snprintf(title, sizeof title, "%.60s in the plane", field);
	snprintf(text, sizeof text, "%zu records, from %s%.4g to %s%.4g", n, HTML_SIGNED(low), HTML_SIGNED(high));
	snprintf(legend[1], sizeof legend[1], "above 0: the area is the value, at most %.4g", high);
	snprintf(legend[0], sizeof legend[0], "0 or below: down to %s%.4g", HTML_SIGNED(low));
	struct plot plot = {.title = title, .text = text, .legends = (high > 0) + (low <= 0) + (p->ntests > 0), .discs = 1};
	limits(p, &plot);
	plot_begin(&plot, out, f);
	for (size_t i = 0; i < p->n; i++)
		if (!isnan(v[i]) && !isnan(p->v[i].x))
			plot_disc(&plot, v[i] > 0 ? PLOT_POSITIVE : 0, p->v[i].x, p->v[i].y, 1 + 7 * (most > 0 ? sqrt(fabs(v[i]) / most) : 0));
	if (high > 0)
		plot_legend(&plot, PLOT_POSITIVE, legend[1]);
	if (low <= 0)
		plot_legend(&plot, 0, legend[0]);
	draw_tests(p, &plot);
	return plot_end(&plot) ? -1 : 1;
}

static int series_of(int colour) { return colour < COLOURS ? colour : PLOT_GUIDE; }

static int colour_of(const struct plane_point *v) { return v->cls < 0 || v->cls >= COLOURS ? COLOURS : v->cls; }

int plane_chart_classes(const struct plane *p, struct buf *out, struct fail *f)
{
	size_t count[COLOURS + 1] = {0}, n = 0;
	int colours = 0;
	for (size_t i = 0; i < p->n; i++)
		if (!isnan(p->v[i].x)) {
			count[colour_of(&p->v[i])]++;
			n++;
		}
	for (int k = 0; k <= COLOURS; k++)
		colours += count[k] > 0;
	if (!n || !p->classes.n)
		return 0;
	char text[100], legend[120];
	snprintf(text, sizeof text, "%zu records of %zu classes", n, p->classes.n);
	struct plot plot = {.title = "Classes in the plane", .text = text, .legends = colours + (p->ntests > 0), .discs = 1};
	limits(p, &plot);
	plot_begin(&plot, out, f);
	for (size_t i = 0; i < p->n; i++)
		if (!isnan(p->v[i].x))
			plot_disc(&plot, series_of(colour_of(&p->v[i])), p->v[i].x, p->v[i].y, 3);
	for (int k = 0; k <= COLOURS; k++)
		if (count[k]) {
			if (k < COLOURS)
				snprintf(legend, sizeof legend, "class %.30s: %zu record%s", p->classes.name[k], count[k], count[k] == 1 ? "" : "s");
			else
				snprintf(legend, sizeof legend, "other classes, or none: %zu record%s", count[k], count[k] == 1 ? "" : "s");
			plot_legend(&plot, series_of(k), legend);
		}
	draw_tests(p, &plot);
	return plot_end(&plot) ? -1 : 1;
}
