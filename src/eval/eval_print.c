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
	if (!isnan(v->loss_fit.r2) && buf_addf(out, f, "  against -loss               R2 %.4f, Spearman %.4f\n", v->loss_fit.r2, v->loss_fit.spearman))
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

int eval_table(const struct eval *e, struct buf *out, struct fail *f)
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

/* A number; null for NAN. */
static int put_real(struct buf *out, const char *name, double v, struct fail *f)
{
	return isnan(v) ? buf_addf(out, f, ",\"%s\":null", name) : buf_addf(out, f, ",\"%s\":%.9g", name, v);
}

static int put_json(const struct eval *e, const struct eval_field *v, struct buf *out, struct fail *f)
{
	const struct detection *d = &v->detection;
	if (buf_addf(out, f, "{\"field\":") || json_quote(out, v->name, strlen(v->name), f) ||
	    buf_addf(out, f, ",\"baseline\":%s,\"scored\":%zu,\"positives_unscored\":%llu", v->baseline ? "true" : "false", d->rank.scored,
	             (unsigned long long)d->positives_unscored) ||
	    put_real(out, "detection_auc", v->auc, f) || put_real(out, "detection_auc_ceiling", v->ceiling, f) || put_real(out, "auroc", v->auroc, f) ||
	    put_real(out, "auroc_se", v->auroc_se, f) || put_real(out, "average_precision", v->average_precision, f) || put_real(out, "loss_r2", v->loss_fit.r2, f) ||
	    put_real(out, "loss_spearman", v->loss_fit.spearman, f) || buf_addf(out, f, ",\"found\":["))
		return -1;
	for (int k = 0; k < e->ncutoffs; k++) {
		uint64_t n = eval_cutoff_records(e, v, k), found = detection_found(d, n);
		double percent = e->cutoff[k].percent ? e->cutoff[k].amount : 100 * (double)n / (double)d->rank.scored;
		if (buf_addf(out, f, "%s{\"percent\":%g,\"checked\":%llu,\"found\":%llu,\"precision\":%.9g,\"recall\":%.9g}", k ? "," : "", percent,
		             (unsigned long long)n, (unsigned long long)found, (double)found / (double)n, (double)found / (double)d->positives))
			return -1;
	}
	return buf_addf(out, f, "]}");
}

int eval_json(const struct eval *e, struct buf *out, struct fail *f)
{
	if (buf_addf(out, f, "{\"records\":%llu,\"positives\":%llu,\"fields\":[", (unsigned long long)e->records, (unsigned long long)e->positives))
		return -1;
	for (int i = 0; i < e->nfields; i++)
		if ((i && buf_add(out, ",", 1, f)) || put_json(e, &e->field[i], out, f))
			return -1;
	return buf_addf(out, f, "]}\n");
}
