#include "eval/eval.h"

#include <math.h>
#include <string.h>

static const char *suffix(const struct eval_field *v) { return v->baseline ? " (baseline)" : ""; }

/* One field: its measures, and what is found at the cutoffs. */
static int put_table(const struct eval *e, const struct eval_field *v, struct buf *out, struct fail *f)
{
	const struct detection *d = &v->detection;
	if (buf_addf(out, f, "\n%s%s\n", v->name, suffix(v)) ||
	    buf_addf(out, f, "  AUC of the detection curve  %.4f (at best %.4f)\n  AUROC                       %.4f +- %.4f\n", v->auc, v->ceiling, v->auroc,
	             v->auroc_se) ||
	    buf_addf(out, f, "  average precision           %.4f (chance %.4f)\n", v->average_precision, (double)d->positives / (double)d->rank.scored))
		return -1;
	char axis[80];
	if (!isnan(v->fit.r2) && buf_addf(out, f, "  against %-18.60s  R2 %.4f, Spearman %.4f\n", eval_axis_name(e, axis, sizeof axis), v->fit.r2, v->fit.spearman))
		return -1;
	if (d->rank.scored < e->records &&
	    buf_addf(out, f, "  without this field          %llu records, %llu of them positive\n", (unsigned long long)(e->records - d->rank.scored),
	             (unsigned long long)d->positives_unscored))
		return -1;
	if (buf_addf(out, f, "  %16s %8s %10s %8s\n", "checked", "found", "precision", "recall"))
		return -1;
	for (int k = 0; k < e->ncutoffs; k++) {
		uint64_t n = eval_cutoff_records(e, v, k), found = detection_found(d, n);
		double percent = e->cutoff[k].percent ? e->cutoff[k].amount : 100 * (double)n / (double)d->rank.scored;
		if (buf_addf(out, f, "  %9llu (%3.3g%%) %8llu %9.1f%% %7.1f%%\n", (unsigned long long)n, percent, (unsigned long long)found,
		             100 * (double)found / (double)n, 100 * (double)found / (double)d->positives))
			return -1;
	}
	return 0;
}

/* --- without positives --- */

static const double quantile[] = {0.5, 0.95, 0.999};
enum { QUANTILES = sizeof quantile / sizeof *quantile };

static double lowest(const struct eval_field *v) { return v->detection.rank.scored ? v->detection.rank.v[v->detection.rank.scored - 1].value : NAN; }
static double highest(const struct eval_field *v) { return v->detection.rank.scored ? v->detection.rank.v[0].value : NAN; }

static int put_distributions(const struct eval *e, struct buf *out, struct fail *f)
{
	char axis[80];
	int width = 5;
	for (const struct eval_field *v = e->field; v < e->field + e->nfields; v++) {
		int n = (int)(strlen(v->name) + strlen(suffix(v)));
		width = n > width ? n : width;
	}
	if (buf_addf(out, f, "%llu records\n\n%-*s %10s %11s %11s %11s %11s %11s %8s %9s\n", (unsigned long long)e->records, width, "field", "records", "lowest", "median",
	             "95 %", "99.9 %", "highest", "R2", "Spearman"))
		return -1;
	for (const struct eval_field *v = e->field; v < e->field + e->nfields; v++) {
		if (buf_addf(out, f, "%s%-*s %10zu %11.5g", v->name, width - (int)strlen(v->name), suffix(v), v->detection.rank.scored, lowest(v)))
			return -1;
		for (int q = 0; q < QUANTILES; q++)
			if (buf_addf(out, f, " %11.5g", eval_quantile(v, quantile[q])))
				return -1;
		if (buf_addf(out, f, " %11.5g", highest(v)) ||
		    (isnan(v->fit.r2) ? buf_addf(out, f, " %8s %9s\n", "-", "-") : buf_addf(out, f, " %8.4f %9.4f\n", v->fit.r2, v->fit.spearman)))
			return -1;
	}
	return buf_addf(out, f, "\nR2 and Spearman: against %s\n", eval_axis_name(e, axis, sizeof axis));
}

/* --- the course over training --- */

static int put_cell(struct buf *out, double v, struct fail *f) { return isnan(v) ? buf_addf(out, f, " %12s", "-") : buf_addf(out, f, " %12.6g", v); }

static int put_course(const struct eval *e, struct buf *out, struct fail *f)
{
	const struct course *c = &e->course;
	const int means = course_has_means(c);
	if (!means && !course_has_quantiles(c))
		return 0;
	if (buf_addf(out, f, "\n%s over training\n%10s %12s %12s %12s%s\n", e->field[0].name, "step", "median", "95 %", "99.9 %", means ? "  mean logp_in mean logp_out" : ""))
		return -1;
	for (const struct course_step *s = c->step; s < c->step + c->n; s++) {
		if (buf_addf(out, f, "%10llu", (unsigned long long)s->step))
			return -1;
		for (int q = 0; q < COURSE_QUANTILES; q++)
			if (put_cell(out, s->quantile[q], f))
				return -1;
		for (int i = 0; means && i < 2; i++)
			if (put_cell(out, s->mean[i], f))
				return -1;
		if (buf_addf(out, f, "\n"))
			return -1;
	}
	return 0;
}

static int put_detections(const struct eval *e, struct buf *out, struct fail *f)
{
	if (buf_addf(out, f, "%llu records, %llu positive (%.3g %%)\n", (unsigned long long)e->records, (unsigned long long)e->positives,
	             100 * (double)e->positives / (double)e->records))
		return -1;
	int width = 5;
	for (const struct eval_field *v = e->field; v < e->field + e->nfields; v++) {
		int n = (int)(strlen(v->name) + strlen(suffix(v)));
		width = n > width ? n : width;
		if (put_table(e, v, out, f))
			return -1;
	}
	if (e->nfields > 1 && buf_addf(out, f, "\n%-*s  %7s  %7s %9s  %9s\n", width, "side by side", "AUC", "AUROC", "+-", "precision"))
		return -1;
	for (const struct eval_field *v = e->field; e->nfields > 1 && v < e->field + e->nfields; v++)
		if (buf_addf(out, f, "%s%-*s  %7.4f  %7.4f %9.4f  %9.4f\n", v->name, width - (int)strlen(v->name), suffix(v), v->auc, v->auroc, v->auroc_se,
		             v->average_precision))
			return -1;
	for (int i = 0; i < e->nomitted; i++)
		if (buf_addf(out, f, "%sno baseline %s: %s\n", i ? "" : "\n", e->omitted[i],
		             strcmp(e->omitted[i], EVAL_LOSS) == 0 ? "too few records have that field" : "too few records have a payload"))
			return -1;
	return 0;
}

int eval_table(const struct eval *e, struct buf *out, struct fail *f)
{
	return (e->positive ? put_detections(e, out, f) : put_distributions(e, out, f)) || put_course(e, out, f) ? -1 : 0;
}

/* --- JSON --- */

/* A number; null for NAN. */
static int put_real(struct buf *out, const char *name, double v, struct fail *f)
{
	return isnan(v) ? buf_addf(out, f, ",\"%s\":null", name) : buf_addf(out, f, ",\"%s\":%.9g", name, v);
}

static int put_json_detection(const struct eval *e, const struct eval_field *v, struct buf *out, struct fail *f)
{
	const struct detection *d = &v->detection;
	if (buf_addf(out, f, ",\"positives_unscored\":%llu", (unsigned long long)d->positives_unscored) || put_real(out, "detection_auc", v->auc, f) ||
	    put_real(out, "detection_auc_ceiling", v->ceiling, f) || put_real(out, "auroc", v->auroc, f) || put_real(out, "auroc_se", v->auroc_se, f) ||
	    put_real(out, "average_precision", v->average_precision, f))
		return -1;
	if (buf_addf(out, f, ",\"found\":["))
		return -1;
	for (int k = 0; k < e->ncutoffs; k++) {
		uint64_t n = eval_cutoff_records(e, v, k), found = detection_found(d, n);
		double percent = e->cutoff[k].percent ? e->cutoff[k].amount : 100 * (double)n / (double)d->rank.scored;
		if (buf_addf(out, f, "%s{\"percent\":%g,\"checked\":%llu,\"found\":%llu,\"precision\":%.9g,\"recall\":%.9g}", k ? "," : "", percent,
		             (unsigned long long)n, (unsigned long long)found, (double)found / (double)n, (double)found / (double)d->positives))
			return -1;
	}
	return buf_addf(out, f, "]");
}

static int put_json(const struct eval *e, const struct eval_field *v, struct buf *out, struct fail *f)
{
	static const char *const name[QUANTILES] = {"median", "q95", "q999"};
	const int loss = !e->axis.name && e->axis.negated;
	if (buf_addf(out, f, "{\"field\":") || json_quote(out, v->name, strlen(v->name), f) ||
	    buf_addf(out, f, ",\"baseline\":%s,\"scored\":%zu", v->baseline ? "true" : "false", v->detection.rank.scored) ||
	    (e->positive && put_json_detection(e, v, out, f)) || put_real(out, loss ? "loss_r2" : "against_r2", v->fit.r2, f) ||
	    put_real(out, loss ? "loss_spearman" : "against_spearman", v->fit.spearman, f) || put_real(out, "lowest", lowest(v), f))
		return -1;
	for (int q = 0; q < QUANTILES; q++)
		if (put_real(out, name[q], eval_quantile(v, quantile[q]), f))
			return -1;
	return put_real(out, "highest", highest(v), f) || buf_addf(out, f, "}") ? -1 : 0;
}

static int put_json_course(const struct eval *e, struct buf *out, struct fail *f)
{
	static const char *const name[] = {"median", "q95", "q999"}, *const mean[] = {"logp_in", "logp_out"};
	const struct course *c = &e->course;
	if (!course_has_means(c) && !course_has_quantiles(c))
		return 0;
	if (buf_addf(out, f, ",\"course\":["))
		return -1;
	for (size_t i = 0; i < c->n; i++) {
		if (buf_addf(out, f, "%s{\"step\":%llu", i ? "," : "", (unsigned long long)c->step[i].step))
			return -1;
		for (int q = 0; q < COURSE_QUANTILES; q++)
			if (put_real(out, name[q], c->step[i].quantile[q], f))
				return -1;
		for (int m = 0; m < 2; m++)
			if (put_real(out, mean[m], c->step[i].mean[m], f))
				return -1;
		if (buf_addf(out, f, "}"))
			return -1;
	}
	return buf_addf(out, f, "]");
}

int eval_json(const struct eval *e, struct buf *out, struct fail *f)
{
	char axis[300];
	if (buf_addf(out, f, "{\"records\":%llu", (unsigned long long)e->records) ||
	    (e->positive && buf_addf(out, f, ",\"positives\":%llu", (unsigned long long)e->positives)) || buf_addf(out, f, ",\"against\":"))
		return -1;
	eval_axis_name(e, axis, sizeof axis);
	if (json_quote(out, axis, strlen(axis), f) || buf_addf(out, f, ",\"fields\":["))
		return -1;
	for (int i = 0; i < e->nfields; i++)
		if ((i && buf_add(out, ",", 1, f)) || put_json(e, &e->field[i], out, f))
			return -1;
	return buf_addf(out, f, "]") || put_json_course(e, out, f) || buf_addf(out, f, "}\n") ? -1 : 0;
}
