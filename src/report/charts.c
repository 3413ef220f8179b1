#include "report/charts.h"

#include <math.h>
#include <stdio.h>

#include "report/field_charts.h"
#include "report/plot.h"

enum { MAX_SERIES = 6 };

static const struct {
	const char *name, *title, *x, *y, *measure;
	enum curve_kind curve;
} about[CHARTS] = {
	[CHART_DETECTION] = {"detection", "Detection curve", "records checked, highest first", "positives found", "AUC", CURVE_DETECTION},
	[CHART_ROC] = {"roc", "Receiver operating characteristic", "false positives of all negatives", "positives found", "AUROC", CURVE_ROC},
	[CHART_PRECISION_RECALL] = {"precision-recall", "Precision and recall", "recall", "precision", "AP", CURVE_PRECISION_RECALL},
	[CHART_SCATTER] = {.name = "scatter"},
	[CHART_DENSITY] = {.name = "density"},
	[CHART_HISTOGRAM] = {.name = "histogram"},
	[CHART_COURSE] = {.name = "course"},
	[CHART_LOSSES] = {.name = "losses"},
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

int chart_draw(const struct eval *e, enum chart which, const char *id, struct buf *out, struct fail *f)
{
	switch (which) {
	case CHART_SCATTER:
	case CHART_DENSITY:
		return chart_against(e, which == CHART_DENSITY, id, out, f);
	case CHART_HISTOGRAM:
		return chart_histogram(&e->field[0], id, out, f);
	case CHART_COURSE:
	case CHART_LOSSES:
		return chart_course(e, which == CHART_LOSSES, id, out, f);
	default:
		return e->positives && e->positives < e->records ? draw_curves(e, which, id, out, f) : 0;
	}
}
