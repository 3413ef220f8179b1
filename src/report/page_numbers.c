/* What is said in numbers: the model, the scores, their detection, the training. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/curves.h"
#include "report/html.h"
#include "report/page.h"
#include "report/plot.h"

static void term(struct page *p, const char *name) { put(p, "<div><dt>%s</dt><dd>", name); }
static void end_term(struct page *p) { put(p, "</dd></div>\n"); }

static void put_model(struct page *p)
{
	const struct report *r = p->r;
	if (!r->model)
		return;
	static const char *const likelihood[] = {"gaussian", "bernoulli", "linear"}, *const optimizer[] = {"Adam", "SGD"};
	const struct model *m = r->model;
	const struct config *c = &m->cfg;
	int known = 0;
	for (int i = 0; i < r->nmade; i++)
		known |= strcmp(r->made[i].text[0], r->model_id) == 0 || strcmp(r->made[i].text[0], r->all_id) == 0;
	term(p, "Network");
	if (c->input_kind == VECTOR_INPUT)
		put(p, "beta-VAE, input of %d numbers, %d latent variables, ", config_input_size(c), c->latent);
	else
		put(p, "beta-VAE, input %d\xc3\x97%d\xc3\x97%d, %d latent variables, ", c->input_shape[0], c->input_shape[1], c->input_shape[2], c->latent);
	put_count(p, m->nparams);
	put(p, " parameters");
	end_term(p);
	term(p, "Trained");
	put_count(p, (uint64_t)m->step);
	put(p, " steps of %d records, %s, \xce\xb2 %g, %s likelihood, learning rate %g", c->train.batch, optimizer[c->train.optimizer], c->train.beta,
	    likelihood[c->train.likelihood], m->lr);
	end_term(p);
	term(p, "Checkpoints");
	put(p, "%d", r->checkpoints);
	end_term(p);
	term(p, "Same model");
	put(p, "%s", known ? "yes: the scores carry its id" : r->nmade ? "<strong>no: the scores were made with another model, or other checkpoints</strong>" : "not known: the records name no model");
	end_term(p);
}

static void put_failed(struct page *p)
{
	const struct report *r = p->r;
	if (!r->unscored)
		return;
	put(p, "<h3>Not scored</h3>\n<p>");
	put_things(p, r->unscored, "record has", "records have");
	put(p, " no score, but an error%s:</p>\n<ul class=\"errors\">\n", r->unscored > REPORT_FAILED ? "; the first" : "");
	for (int i = 0; i < r->nfailed; i++) {
		put(p, "<li><bdi class=\"key\">");
		put_text(p, r->failed[i].key);
		put(p, "</bdi>: ");
		put_text(p, r->failed[i].why);
		put(p, "</li>\n");
	}
	put(p, "</ul>\n");
}

void put_scored(struct page *p)
{
	const struct report *r = p->r;
	put(p, "<section id=\"scored\" aria-labelledby=\"h-scored\"><h2 id=\"h-scored\">What was scored</h2>\n<dl class=\"facts\">\n");
	term(p, "Records");
	put_count(p, r->eval.records);
	end_term(p);
	for (int i = 0; i < r->nmade; i++) {
		term(p, "Model id");
		put(p, "<code>");
		put_text(p, r->made[i].text[0]);
		put(p, "</code>");
		if (r->made[i].text[1][0]) {
			put(p, ", options <code>");
			put_text(p, r->made[i].text[1]);
			put(p, "</code>");
		}
		put(p, ": ");
		put_things(p, r->made[i].n, "record", "records");
		end_term(p);
	}
	if (r->made_others) {
		term(p, "Other models");
		put_things(p, r->made_others, "record", "records");
		end_term(p);
	}
	if (!r->nmade && r->eval.records) {
		term(p, "Model id");
		put(p, "the records name none");
		end_term(p);
	}
	put_model(p);
	put(p, "</dl>\n");
	if (r->nmade > 1)
		put(p, "<p class=\"warn\"><strong>Scores of different models or options stand side by side here. They cannot be compared.</strong></p>\n");
	put_failed(p);
	if (r->model) {
		struct buf yaml = {0};
		put(p, "<details><summary>Configuration of the model</summary><pre>");
		if (!p->bad && (config_write(&r->model->cfg, &yaml, p->f) || html_lines(p->out, yaml.p, p->f)))
			p->bad = 1;
		put(p, "</pre></details>\n");
		buf_free(&yaml);
	}
	put(p, "</section>\n");
}

/* --- scores --- */

static void figure(struct page *p, int drawn, const char *caption)
{
	if (drawn < 0)
		p->bad = 1;
	put(p, "<figcaption>%s</figcaption></figure>\n", caption);
}

static void put_quantiles(struct page *p)
{
	static const double q[] = {0, 0.01, 0.25, 0.5, 0.75, 0.99, 1};
	const struct eval *e = &p->r->eval;
	put(p, "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"Quantiles\"><table><caption>Quantiles: the value that a share of the records does not exceed</caption><thead><tr>"
	       "<th scope=\"col\">score</th><th scope=\"col\" class=\"n\">records</th><th scope=\"col\" class=\"n\">lowest</th><th scope=\"col\" class=\"n\">1 %%</th><th scope=\"col\" class=\"n\">25 %%</th>"
	       "<th scope=\"col\" class=\"n\">median</th><th scope=\"col\" class=\"n\">75 %%</th><th scope=\"col\" class=\"n\">99 %%</th><th scope=\"col\" class=\"n\">highest</th></tr></thead><tbody>\n");
	for (const struct eval_field *v = e->field; v < e->field + e->nfields; v++) {
		put(p, "<tr><th scope=\"row\"><bdi>");
		put_text(p, v->name);
		put(p, "</bdi></th><td class=\"n\">");
		put_count(p, v->detection.rank.scored);
		put(p, "</td>");
		for (int i = 0; i < 7; i++) {
			put(p, "<td class=\"n\">");
			put_number(p, q[i] == 0 && v->detection.rank.scored ? v->detection.rank.v[v->detection.rank.scored - 1].value : eval_quantile(v, q[i]));
			put(p, "</td>");
		}
		put(p, "</tr>\n");
	}
	put(p, "</tbody></table></div>\n");
}

void put_scores(struct page *p)
{
	const struct eval *e = &p->r->eval;
	char id[32];
	if (!e->field[0].detection.rank.scored && e->nfields == 1)
		return;
	put(p, "<section id=\"scores\" aria-labelledby=\"h-scores\"><h2 id=\"h-scores\">Scores</h2>\n");
	put_quantiles(p);
	put(p, "<div class=\"figs\">\n");
	struct buf svg = {0};
	int drawn = p->bad ? 0 : curves_draw(e, CURVES_SCATTER, "g-scatter", &svg, p->f);
	if (drawn) {
		put(p, "<figure id=\"scatter\">%s", svg.p ? svg.p : "");
		figure(p, drawn, "Each dot is a record, stronger where there are more. Where all dots lie on a line, the loss alone says as much.");
	}
	for (int i = 0; i < e->nfields; i++) {
		svg.len = 0;
		snprintf(id, sizeof id, "g-dist%d", i);
		drawn = p->bad ? 0 : curves_histogram(e, &e->field[i], id, &svg, p->f);
		if (!drawn)
			continue;
		put(p, "<figure>%s", svg.p ? svg.p : "");
		if (drawn < 0)
			p->bad = 1;
		put(p, "<figcaption>Distribution of <bdi>");
		put_text(p, e->field[i].name);
		put(p, "</bdi>%s</figcaption></figure>\n", strcmp(e->field[i].name, EVAL_SIZE) == 0 && e->field[i].baseline ? " of the payload, in bytes" : "");
	}
	put(p, "</div></section>\n");
	buf_free(&svg);
}

/* --- detection --- */

static void cell(struct page *p, double v)
{
	if (isnan(v))
		put(p, "<td class=\"n\">\xe2\x80\x93</td>");
	else
		put(p, "<td class=\"n\">%.4f</td>", v);
}

static void put_judged(struct page *p)
{
	const struct eval *e = &p->r->eval;
	put(p, "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"Detection in numbers\"><table id=\"judged\"><caption>How well each finds the positives, beside the baselines; half is chance for the first two</caption><thead><tr>"
	       "<th scope=\"col\">score</th><th scope=\"col\" class=\"n\">detection AUC</th><th scope=\"col\" class=\"n\">at best</th><th scope=\"col\" class=\"n\">AUROC</th><th scope=\"col\" class=\"n\">\xc2\xb1</th>"
	       "<th scope=\"col\" class=\"n\">average precision</th><th scope=\"col\" class=\"n\">R\xc2\xb2 with \xe2\x88\x92loss</th><th scope=\"col\" class=\"n\">Spearman</th></tr></thead><tbody>\n");
	for (const struct eval_field *v = e->field; v < e->field + e->nfields; v++) {
		put(p, "<tr><th scope=\"row\"><bdi>");
		put_text(p, v->name);
		put(p, "</bdi>%s</th>", v->baseline ? " <span class=\"lab\">baseline</span>" : "");
		cell(p, v->auc);
		cell(p, v->ceiling);
		cell(p, v->auroc);
		cell(p, v->auroc_se);
		cell(p, v->average_precision);
		cell(p, v->loss_fit.r2);
		cell(p, v->loss_fit.spearman);
		put(p, "</tr>\n");
	}
	put(p, "</tbody></table></div>\n");
}

static void put_cuts(struct page *p)
{
	const struct eval *e = &p->r->eval;
	const struct eval_field *v = &e->field[0];
	if (isnan(v->auc))
		return;
	put(p, "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"What is found\"><table id=\"found\"><caption>What is found when the highest <bdi>");
	put_text(p, v->name);
	put(p, "</bdi> are checked first</caption><thead><tr><th scope=\"col\" class=\"n\">checked</th><th scope=\"col\" class=\"n\">of all</th>"
	       "<th scope=\"col\" class=\"n\">found</th><th scope=\"col\" class=\"n\">precision</th><th scope=\"col\" class=\"n\">recall</th></tr></thead><tbody>\n");
	for (int k = 0; k < e->ncutoffs; k++) {
		uint64_t n = eval_cutoff_records(e, v, k), found = detection_found(&v->detection, n);
		put(p, "<tr><th scope=\"row\" class=\"n\">");
		put_count(p, n);
		put(p, "</th><td class=\"n\">%.3g %%</td><td class=\"n\">", 100 * (double)n / (double)v->detection.rank.scored);
		put_count(p, found);
		put(p, "</td><td class=\"n\">%.1f %%</td><td class=\"n\">%.1f %%</td></tr>\n", 100 * (double)found / (double)n, 100 * (double)found / (double)v->detection.positives);
	}
	put(p, "</tbody></table></div>\n");
}

/* What the curves come to: whether the first score is worth its time. */
static void put_verdict(struct page *p)
{
	const struct eval *e = &p->r->eval;
	const struct eval_field *lead = &e->field[0], *best = NULL;
	for (const struct eval_field *v = e->field + e->nrequested; v < e->field + e->nfields; v++)
		if (!isnan(v->auc) && (!best || v->auc > best->auc))
			best = v;
	if (isnan(lead->auc))
		return;
	put(p, "<p>Checked by <strong>");
	put_text(p, lead->name);
	put(p, "</strong>, they are found with an AUC of <strong>%.4f</strong>, where half is chance and %.4f the most there is.", lead->auc, lead->ceiling);
	if (best)
		put(p, " %s <strong>%s</strong> alone comes to <strong>%.4f</strong>.", best->auc >= lead->auc ? "The simpler" : "The better of the baselines,", best->name, best->auc);
	put(p, "</p>\n");
}

void put_detection(struct page *p)
{
	const struct eval *e = &p->r->eval;
	static const char *const caption[] = {
		"Checked from the highest score on: the share of the positives found. The area below is the AUC.",
		"The same without the number of positives: what is checked in vain against what is found.",
		"How much of what is checked is positive, while more and more are found. Steps; the area below is the average precision.",
	};
	struct buf svg = {0};
	if (!e->positive)
		return;
	put(p, "<section id=\"detection\" aria-labelledby=\"h-detection\"><h2 id=\"h-detection\">Detection</h2>\n<p>");
	put_things(p, e->positives, "record is", "records are");
	put(p, " labelled positive by <code>");
	put_text(p, p->r->positive);
	put(p, "</code>");
	if (e->missing) {
		put(p, "; ");
		put_things(p, e->missing, "record lacks", "records lack");
		put(p, " a name of it");
	}
	put(p, ".</p>\n");
	if (e->positives == 0 || e->positives == e->records) {
		put(p, "<p>There is nothing to tell apart, and no curve.</p>\n</section>\n");
		return;
	}
	put_verdict(p);
	put_judged(p);
	for (int i = 0; i < e->nomitted; i++)
		put(p, "<p class=\"lab\">No baseline %s: too few records have it.</p>\n", e->omitted[i]);
	put(p, "<div class=\"figs\">\n");
	for (int i = CURVES_DETECTION; i <= CURVES_PRECISION_RECALL && !p->bad; i++) {
		char id[32];
		svg.len = 0;
		snprintf(id, sizeof id, "g-%s", curves_name((enum curves)i));
		int drawn = curves_draw(e, (enum curves)i, id, &svg, p->f);
		put(p, "<figure>%s", svg.p ? svg.p : "");
		figure(p, drawn, caption[i]);
	}
	put(p, "</div>\n");
	put_cuts(p);
	put(p, "</section>\n");
	buf_free(&svg);
}

/* --- training --- */

void put_training(struct page *p)
{
	const struct report *r = p->r;
	size_t n = r->curve.n, held = 0;
	if (n < 2)
		return;
	double *x = malloc((n + 1) * sizeof *x), *y = malloc((n + 1) * sizeof *y), low = INFINITY, high = -INFINITY;
	if (!x || !y) {
		free(x);
		free(y);
		if (!p->bad)
			p->bad = fail_memory(p->f) != 0;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		low = fmin(low, r->curve.loss[i]);
		high = fmax(high, r->curve.loss[i]);
		if (!isnan(r->curve.holdout[i])) {
			x[held] = r->curve.step[i];
			y[held++] = r->curve.holdout[i];
			low = fmin(low, r->curve.holdout[i]);
			high = fmax(high, r->curve.holdout[i]);
		}
	}
	char text[300], said[120] = "";
	if (held)
		snprintf(said, sizeof said, ", of records held out %.6g", y[held - 1]);
	snprintf(text, sizeof text, "loss %.6g at step %.0f, %.6g at step %.0f%s", r->curve.loss[0], r->curve.step[0], r->curve.loss[n - 1], r->curve.step[n - 1], said);
	struct plot plot = {.x = {0, r->curve.step[n - 1], .label = "optimiser steps"}, .y = {low, high, .log = low > 0 && high > 4 * low, .label = "mean loss of a record"},
	                    .title = "Training curve", .text = text, .id = "g-training", .legends = 1 + (held > 0)};
	put(p, "<section id=\"training\" aria-labelledby=\"h-training\"><h2 id=\"h-training\">Training</h2>\n<div class=\"figs\"><figure>");
	if (!p->bad) {
		plot_begin(&plot, p->out, p->f);
		plot_line(&plot, 0, r->curve.step, r->curve.loss, n);
		if (held)
			plot_line(&plot, 1, x, y, held);
		plot_legend(&plot, 0, "records trained on");
		if (held)
			plot_legend(&plot, 1, "records held out, at each checkpoint");
		p->bad = plot_end(&plot) != 0;
	}
	put(p, "<figcaption>Mean loss while training: %s.</figcaption></figure></div></section>\n", text);
	free(x);
	free(y);
}
