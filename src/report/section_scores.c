/* The scores in numbers and charts: distributions, and the detection of known positives. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/charts.h"
#include "report/field_charts.h"
#include "report/html.h"
#include "report/sections.h"

/* --- distributions --- */

static void put_quantiles(struct page *p)
{
	static const double q[] = {0, 0.01, 0.25, 0.5, 0.75, 0.99, 1};
	static const char *const column[] = {"score", "records", "lowest", "1 %", "25 %", "median", "75 %", "99 %", "highest", NULL};
	const struct eval *e = &p->r->eval;
	put_table(p, "quantiles", "Quantiles: this share of the records has at most this value", column);
	for (const struct eval_field *v = e->field; v < e->field + e->nfields; v++) {
		const struct ranking *r = &v->detection.rank;
		put(p, "<tr><th scope=\"row\"><bdi>");
		put_text(p, v->name);
		put(p, "</bdi></th><td class=\"n\">");
		put_count(p, r->scored);
		put(p, "</td>");
		for (size_t i = 0; i < sizeof q / sizeof *q; i++) {
			put(p, "<td class=\"n\">");
			put_number(p, q[i] == 0 && r->scored ? r->v[r->scored - 1].value : eval_quantile(v, q[i]));
			put(p, "</td>");
		}
		put(p, "</tr>\n");
	}
	put_table_end(p);
}

/* Puts a chart that returned drawn; 1 if there is one, and its <figure> is still open. */
static int begin_figure(struct page *p, int drawn, const struct buf *svg)
{
	if (drawn < 0)
		p->bad = 1;
	if (drawn > 0)
		put(p, "<figure>%s<figcaption>", svg->p);
	return drawn > 0;
}

static void end_figure(struct page *p) { put(p, "</figcaption></figure>\n"); }

void section_scores(struct page *p)
{
	const struct eval *e = &p->r->eval;
	char id[32];
	if (!e->field[0].detection.rank.scored && e->nfields == 1)
		return;
	put(p, "<section id=\"scores\" aria-labelledby=\"h-scores\"><h2 id=\"h-scores\">Scores</h2>\n");
	put_quantiles(p);
	put(p, "<div class=\"figs\">\n");
	static const struct { enum chart chart; const char *caption; } figure[] = {
		{CHART_SCATTER, "Each dot is a record; darker dots are several records."},
		{CHART_DENSITY, "The same values as a density: darker cells have more records."},
		{CHART_COURSE, "Quantiles over the records, at every checkpoint."},
		{CHART_LOSSES, "Where the loss of held-out records rises above that of records that the models saw, the models overfit."},
	};
	struct buf svg = {0};
	for (size_t i = 0; i < sizeof figure / sizeof *figure && !p->bad; i++) {
		svg.len = 0;
		snprintf(id, sizeof id, "g-%s", chart_name(figure[i].chart));
		if (!begin_figure(p, chart_draw(e, figure[i].chart, id, &svg, p->f), &svg))
			continue;
		put(p, "%s%s", figure[i].caption,
		    figure[i].chart == CHART_SCATTER && !e->axis.name ? " If all dots lie on a line, the score says no more than the loss."
		    : figure[i].chart == CHART_COURSE && course_has_means(&e->course) ? " If the high quantiles rise before the two losses separate, records are memorized before the models overfit." : "");
		end_figure(p);
	}
	for (int i = 0; i < e->nfields && !p->bad; i++) {
		svg.len = 0;
		snprintf(id, sizeof id, "g-dist%d", i);
		if (!begin_figure(p, chart_histogram(&e->field[i], id, &svg, p->f), &svg))
			continue;
		put(p, "Distribution of <bdi>");
		put_text(p, e->field[i].name);
		put(p, "</bdi>%s", strcmp(e->field[i].name, EVAL_SIZE) == 0 && e->field[i].baseline ? " of the payload, in bytes" : "");
		end_figure(p);
	}
	put(p, "</div></section>\n");
	buf_free(&svg);
}

/* --- detection --- */

static void put_cell(struct page *p, double v)
{
	if (isnan(v))
		put(p, "<td class=\"n\">\xe2\x80\x93</td>");
	else
		put(p, "<td class=\"n\">%s%.4f</td>", HTML_SIGNED(v));
}

static void put_measures(struct page *p)
{
	const struct eval *e = &p->r->eval;
	char axis[100];
	struct buf r2 = {0}; /* columns are markup */
	if (!p->bad && (buf_addf(&r2, p->f, "R\xc2\xb2 with %s", e->axis.negated ? HTML_MINUS : "") || html_short(&r2, eval_axis_name(e, axis, sizeof axis) + e->axis.negated, 40, p->f)))
		p->bad = 1;
	const char *const column[] = {"score", "detection AUC", "at best", "AUROC", "\xc2\xb1", "average precision", r2.p ? r2.p : "", "Spearman", NULL};
	put_table(p, "measures", "How well each score detects the positives, and the baselines. For detection AUC and AUROC, chance is 0.5.", column);
	for (const struct eval_field *v = e->field; v < e->field + e->nfields; v++) {
		put(p, "<tr><th scope=\"row\"><bdi>");
		put_text(p, v->name);
		put(p, "</bdi>%s</th>", v->baseline ? " <span class=\"lab\">baseline</span>" : "");
		put_cell(p, v->auc);
		put_cell(p, v->ceiling);
		put_cell(p, v->auroc);
		put_cell(p, v->auroc_se);
		put_cell(p, v->average_precision);
		put_cell(p, v->fit.r2);
		put_cell(p, v->fit.spearman);
		put(p, "</tr>\n");
	}
	put_table_end(p);
	buf_free(&r2);
	for (int i = 0; i < e->nomitted; i++)
		put(p, "<p class=\"lab\">No baseline %s: too few records have it.</p>\n", e->omitted[i]);
}

static void put_cutoffs(struct page *p)
{
	static const char *const column[] = {"checked", "of all", "found", "precision", "recall", NULL};
	const struct eval *e = &p->r->eval;
	const struct eval_field *v = &e->field[0];
	if (isnan(v->auc))
		return;
	put_table(p, "found", "Positives found when records are checked from the highest score on", column);
	for (int k = 0; k < e->ncutoffs; k++) {
		uint64_t n = eval_cutoff_records(e, v, k), found = detection_found(&v->detection, n);
		put(p, "<tr><th scope=\"row\">");
		put_count(p, n);
		put(p, "</th><td class=\"n\">%.3g %%</td><td class=\"n\">", 100 * (double)n / (double)v->detection.rank.scored);
		put_count(p, found);
		put(p, "</td><td class=\"n\">%.1f %%</td><td class=\"n\">%.1f %%</td></tr>\n", 100 * (double)found / (double)n, 100 * (double)found / (double)v->detection.positives);
	}
	put_table_end(p);
}

/* Whether the first score is better than the baselines. */
static void put_comparison(struct page *p)
{
	const struct eval *e = &p->r->eval;
	const struct eval_field *lead = &e->field[0], *best = NULL;
	for (const struct eval_field *v = e->field + e->nrequested; v < e->field + e->nfields; v++)
		if (!isnan(v->auc) && (!best || v->auc > best->auc))
			best = v;
	if (isnan(lead->auc))
		return;
	put(p, "<p>The detection AUC of <strong>");
	put_text(p, lead->name);
	put(p, "</strong> is <strong>%.4f</strong>; 0.5 is chance, %.4f is perfect.", lead->auc, lead->ceiling);
	if (best)
		put(p, " The baseline <strong>%s</strong> alone %s <strong>%.4f</strong>.", best->name, best->auc >= lead->auc ? "is as good or better:" : "has", best->auc);
	put(p, "</p>\n");
}

void section_detection(struct page *p)
{
	const struct eval *e = &p->r->eval;
	static const char *const caption[] = {
		"The share of positives found while records are checked from the highest score on. The area below is the detection AUC.",
		"The share of negatives checked in vain against the share of positives found. The area below is the AUROC.",
		"The share of positives among the checked records while more of them are found. The area below is the average precision.",
	};
	struct buf svg = {0};
	if (!e->positive)
		return;
	put(p, "<section id=\"detection\" aria-labelledby=\"h-detection\"><h2 id=\"h-detection\">Detection</h2>\n<p>");
	put_plural(p, e->positives, "record is", "records are");
	put(p, " labelled positive by <code>");
	put_text(p, p->r->positive);
	put(p, "</code>");
	if (e->missing) {
		put(p, "; ");
		put_plural(p, e->missing, "record lacks", "records lack");
		put(p, " a name of this expression");
	}
	put(p, ".</p>\n");
	if (e->positives == 0 || e->positives == e->records) {
		put(p, "<p>There is no detection curve: it requires positive and negative records.</p>\n</section>\n");
		return;
	}
	put_comparison(p);
	put_measures(p);
	put(p, "<div class=\"figs\">\n");
	for (int i = CHART_DETECTION; i <= CHART_PRECISION_RECALL && !p->bad; i++) {
		char id[32];
		svg.len = 0;
		snprintf(id, sizeof id, "g-%s", chart_name((enum chart)i));
		if (begin_figure(p, chart_draw(e, (enum chart)i, id, &svg, p->f), &svg)) {
			put(p, "%s", caption[i]);
			end_figure(p);
		}
	}
	put(p, "</div>\n");
	put_cutoffs(p);
	put(p, "</section>\n");
	buf_free(&svg);
}
