#include "report/runs_chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/plot.h"

enum { MAX_SERIES = 6 };

static const struct { const char *name, *title, *x, *measure; } about[RUNS_CURVES] = {
	{"detection", "Detection over runs", "records checked, highest first", "AUC"},
	{"roc", "ROC over runs", "false positives of all negatives", "AUROC"},
};

const char *runs_chart_name(int curve) { return about[curve].name; }

/* The last component of a path. */
static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

static void legend_of(const struct runs *r, int curve, const struct runs_set *s, const struct runs_field *v, char *out, size_t size)
{
	const struct mean *m = &v->measure[curve];
	const double se = mean_error(m);
	char error[40] = "";
	if (!isnan(se))
		snprintf(error, sizeof error, " \xc2\xb1 %.3f", se);
	snprintf(out, size, "%.12s%s%.16s  %s %.3f%s", r->n > 1 ? base(s->name) : "", r->n > 1 ? " " : "", v->name, about[curve].measure, m->mean, error);
}

static void draw(struct plot *p, int curve, int series, const struct runs_field *v)
{
	double x[RUNS_GRID + 2] = {0}, y[RUNS_GRID + 2] = {0}, low[RUNS_GRID + 2] = {0}, high[RUNS_GRID + 2] = {0};
	/* curves begin at 0, 0 */
	for (int i = 0; i <= RUNS_GRID; i++) {
		const struct mean *m = &v->curve[curve][i];
		double se = m->n > 1 ? mean_error(m) : 0;
		x[i + 1] = (double)i / RUNS_GRID;
		y[i + 1] = m->mean;
		low[i + 1] = fmax(m->mean - se, 0);
		high[i + 1] = fmin(m->mean + se, 1);
	}
	if (v->measure[0].n > 1)
		plot_band(p, series, x, low, high, RUNS_GRID + 2);
	plot_line(p, series, x, y, RUNS_GRID + 2);
}

int runs_chart(const struct runs *r, int curve, struct buf *out, struct fail *f)
{
	const struct runs_field *shown[MAX_SERIES];
	const struct runs_set *of[MAX_SERIES];
	const double diagonal[] = {0, 1};
	int n = 0, bad = 0;
	char line[200];
	struct buf text = {0};
	size_t most = 0;
	for (size_t i = 0; i < r->n; i++)
		most = r->set[i].nfields > most ? r->set[i].nfields : most;
	/* the first field of every set, then the second: */
	for (size_t k = 0; k < most; k++)
		for (size_t i = 0; i < r->n && n < MAX_SERIES; i++)
			if (k < r->set[i].nfields && !(r->n > 1 && r->set[i].field[k].baseline)) {
				of[n] = &r->set[i];
				shown[n++] = &r->set[i].field[k];
			}
	for (int i = 0; i < n && !bad; i++) {
		legend_of(r, curve, of[i], shown[i], line, sizeof line);
		bad = buf_addf(&text, f, "%s%s", i ? "; " : "", line);
	}
	if (!bad) {
		struct plot p = {.x = {0, 1, 0, 1, about[curve].x}, .y = {0, 1, 0, 1, "positives found"}, .title = about[curve].title, .text = text.p ? text.p : "", .legends = n + 1};
		plot_begin(&p, out, f);
		plot_line(&p, PLOT_GUIDE, diagonal, diagonal, 2);
		for (int i = n - 1; i >= 0; i--)
			draw(&p, curve, i, shown[i]);
		for (int i = 0; i < n; i++) {
			legend_of(r, curve, of[i], shown[i], line, sizeof line);
			plot_legend(&p, i, line);
		}
		plot_legend(&p, PLOT_GUIDE, "chance");
		bad = plot_end(&p);
	}
	buf_free(&text);
	return bad ? -1 : 0;
}
