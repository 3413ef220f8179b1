#include "report/influence_charts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/html.h"
#include "report/plot.h"

static void title_of(const struct influence_method *m, const char *what, char *out, size_t size) { snprintf(out, size, "%.30s%s%s", m->name, m->name[0] ? ": " : "", what); }

/* --- within and between classes --- */

enum { BINS = 60 };

static int by_value(const void *a, const void *b)
{
	float p = *(const float *)a, q = *(const float *)b;
	return (p > q) - (p < q);
}

/* The range from the quantile .001 to .999 of sorted values; if these are equal, the range of all values. */
static void middle(const float *v, size_t n, struct axis *x)
{
	x->low = (double)v[(size_t)(0.001 * (double)(n - 1))];
	x->high = (double)v[(size_t)ceil(0.999 * (double)(n - 1))];
	if (x->low == x->high) {
		x->low = (double)v[0];
		x->high = (double)v[n - 1];
	}
	if (x->low == x->high) {
		x->low -= 0.5;
		x->high += 0.5;
	}
}

static int counts(const struct influence_pair *p, int cls) { return p->same >= 0 && (cls < 0 || p->cls == cls); }

static int draw_classes(const struct influences *s, const struct influence_method *m, int cls, struct axis x, struct buf *out, struct fail *f)
{
	double count[2][BINS] = {{0}}, edge[BINS + 1], total[2] = {0}, top = 0, least = INFINITY;
	for (int i = 0; i <= BINS; i++)
		edge[i] = x.low + (x.high - x.low) * i / BINS;
	for (size_t i = 0; i < m->n; i++)
		if (counts(&m->pair[i], cls)) {
			double at = ((double)m->pair[i].influence - x.low) / (x.high - x.low) * BINS;
			count[m->pair[i].same][(int)fmin(fmax(at, 0), BINS - 1)]++;
			total[m->pair[i].same]++;
		}
	for (int k = 0; k < 2; k++)
		for (int b = 0; b < BINS; b++) {
			count[k][b] /= total[k] > 0 ? total[k] : 1;
			top = fmax(top, count[k][b]);
			least = count[k][b] > 0 ? fmin(least, count[k][b]) : least;
		}
	char title[160], what[100], text[300], legend[2][100];
	if (cls < 0)
		snprintf(what, sizeof what, "influence within and between classes");
	else
		snprintf(what, sizeof what, "influence over class %.40s", s->classes.name[cls]);
	title_of(m, what, title, sizeof title);
	snprintf(legend[1], sizeof legend[1], "record of the same class: %.0f pairs", total[1]);
	snprintf(legend[0], sizeof legend[0], "record of another class: %.0f pairs", total[0]);
	snprintf(text, sizeof text, "%s; %s; bars at the ends hold what is beyond %s%.4g and %s%.4g", legend[1], legend[0], HTML_SIGNED(x.low),
	         HTML_SIGNED(x.high));
	struct plot p = {.x = x, .y = {least * 0.7, top, 1, 1, "pairs of each kind"}, .title = title, .text = text, .legends = (total[0] > 0) + (total[1] > 0)};
	for (int k = 0; k < 2; k++)
		for (int b = 0; b < BINS; b++)
			count[k][b] = fmax(count[k][b], p.y.low);
	plot_begin(&p, out, f);
	if (total[0] > 0)
		plot_steps(&p, 0, edge, count[0], BINS);
	if (total[1] > 0)
		plot_steps(&p, PLOT_POSITIVE, edge, count[1], BINS);
	if (total[1] > 0)
		plot_legend(&p, PLOT_POSITIVE, legend[1]);
	if (total[0] > 0)
		plot_legend(&p, 0, legend[0]);
	return plot_end(&p) ? -1 : 1;
}

int influence_chart_classes(const struct influences *s, const struct influence_method *m, int cls, struct buf *out, struct fail *f)
{
	float *v = malloc((m->n + 1) * sizeof *v);
	size_t n = 0;
	struct axis x = {.label = "influence (bars at the ends: all beyond)"};
	if (!v)
		return fail_memory_for(f, "%zu pairs of records", m->n);
	for (size_t i = 0; i < m->n; i++)
		if (counts(&m->pair[i], cls))
			v[n++] = m->pair[i].influence;
	if (n) {
		qsort(v, n, sizeof *v, by_value);
		middle(v, n, &x);
	}
	free(v);
	return n ? draw_classes(s, m, cls, x, out, f) : 0;
}

/* --- against distance and norm --- */

int influence_chart_against(const struct influence_method *m, enum influence_measure which, struct buf *out, struct fail *f)
{
	const int distance = which == INFLUENCE_DISTANCE;
	double *x = malloc((m->n + 1) * sizeof *x), *y = malloc((m->n + 1) * sizeof *y);
	char *same = malloc(m->n + 1), title[160], text[200];
	size_t n = 0, classes = 0;
	int r = x && y && same ? 0 : fail_memory_for(f, "%zu pairs of records", m->n);
	struct axis ax = {INFINITY, -INFINITY, .label = distance ? "distance of the two records" : "norm of the record's latent mean"}, ay = {INFINITY, -INFINITY, .label = "influence"};
	for (size_t i = 0; !r && i < m->n; i++) {
		x[n] = (double)(distance ? m->pair[i].distance : m->pair[i].norm);
		y[n] = (double)m->pair[i].influence;
		if (isnan(x[n]))
			continue;
		ax.low = fmin(ax.low, x[n]);
		ax.high = fmax(ax.high, x[n]);
		ay.low = fmin(ay.low, y[n]);
		ay.high = fmax(ay.high, y[n]);
		classes += m->pair[i].same >= 0;
		same[n++] = m->pair[i].same == 1;
	}
	if (!r && n) {
		const struct correlation *c = &m->against[which];
		title_of(m, distance ? "influence against distance" : "influence against norm", title, sizeof title);
		if (isnan(c->spearman))
			snprintf(text, sizeof text, "%zu pairs of records", n);
		else
			snprintf(text, sizeof text, "%zu pairs of records, Spearman %s%.4f", n, HTML_SIGNED(c->spearman));
		struct plot p = {.x = ax, .y = ay, .title = title, .text = text, .legends = 1 + (classes > 0)};
		plot_begin(&p, out, f);
		plot_dots(&p, x, y, classes ? same : NULL, n);
		if (classes)
			plot_legend(&p, PLOT_POSITIVE, "records of the test record's class");
		plot_legend(&p, PLOT_DOTS, text);
		r = plot_end(&p) ? -1 : 1;
	}
	free(x);
	free(y);
	free(same);
	return r;
}
