#include "eval/influences.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "stream/name.h"

static const char *const measure_name[] = {"same_class", "distance", "norm"};

static const char *cutoff_name(const struct influences *s, int k, char *out, size_t size)
{
	if (k == s->ncutoffs)
		snprintf(out, size, "all");
	else
		snprintf(out, size, "%.6g%s", s->cutoff[k].amount, s->cutoff[k].percent ? "%" : "");
	return out;
}

/* --- tables --- */

static int put_number(struct buf *out, double v, struct fail *f) { return isnan(v) ? buf_addf(out, f, " %10s", "-") : buf_addf(out, f, " %10.4g", v); }

static double mean_of(const struct mean *m) { return m->n ? m->mean : NAN; }

static int put_row(const char *kind, const char *cut, const struct influence_group *g, struct buf *out, struct fail *f)
{
	const double same = mean_of(&g->measure[INFLUENCE_SAME_CLASS]);
	if (buf_addf(out, f, "%-10s %8s %10zu", kind, cut, g->pairs) || (isnan(same) ? buf_addf(out, f, " %10s", "-") : buf_addf(out, f, " %10.4f", same)))
		return -1;
	for (int k = INFLUENCE_DISTANCE; k < INFLUENCE_MEASURES; k++)
		if (put_number(out, mean_of(&g->measure[k]), f) || put_number(out, influence_sd(&g->measure[k]), f))
			return -1;
	return buf_addf(out, f, "\n");
}

int influences_table(const struct influences *s, struct buf *out, struct fail *f)
{
	char cut[40];
	for (const struct influence_method *m = s->method; m < s->method + s->n; m++) {
		char shown[100] = "";
		name_show(shown, sizeof shown, m->name);
		if (buf_addf(out, f, "%s%s%s%zu test records, %zu pairs\n%-10s %8s %10s %10s %10s %10s %10s %10s\n", m > s->method ? "\n" : "", shown, shown[0] ? ": " : "", m->tests, m->n, "", "strongest", "pairs",
		             "same class", "distance", "sd", "norm", "sd"))
			return -1;
		for (int kind = 0; kind < INFLUENCE_KINDS; kind++)
			for (int k = 0; k <= s->ncutoffs; k++)
				if (put_row(influence_kind_name[kind], cutoff_name(s, k, cut, sizeof cut), &m->of[kind][k], out, f))
					return -1;
		if (put_row("both", "all", &m->all, out, f))
			return -1;
		for (int k = INFLUENCE_DISTANCE; k < INFLUENCE_MEASURES; k++)
			if (!isnan(m->against[k].spearman) && buf_addf(out, f, "influence against %s: R2 %.4f, Spearman %.4f\n", measure_name[k], m->against[k].r2, m->against[k].spearman))
				return -1;
	}
	return 0;
}

/* --- JSON --- */

static int put_real(struct buf *out, const char *name, const char *of, double v, struct fail *f)
{
	return isnan(v) ? buf_addf(out, f, ",\"%s%s\":null", name, of) : buf_addf(out, f, ",\"%s%s\":%.9g", name, of, v);
}

static int put_group(const char *kind, const char *cut, const struct influence_group *g, struct buf *out, struct fail *f)
{
	const struct mean *same = &g->measure[INFLUENCE_SAME_CLASS];
	if (buf_addf(out, f, "{\"kind\":\"%s\",\"strongest\":\"%s\",\"pairs\":%zu,\"with_class\":%zu", kind, cut, g->pairs, same->n) ||
	    put_real(out, "same_class", "", mean_of(same), f))
		return -1;
	for (int k = INFLUENCE_DISTANCE; k < INFLUENCE_MEASURES; k++)
		if (put_real(out, measure_name[k], "", mean_of(&g->measure[k]), f) || put_real(out, measure_name[k], "_sd", influence_sd(&g->measure[k]), f))
			return -1;
	return buf_addf(out, f, "}");
}

static int put_method(const struct influences *s, const struct influence_method *m, struct buf *out, struct fail *f)
{
	char cut[40];
	if (buf_addf(out, f, "{\"method\":") || json_quote(out, m->name, strlen(m->name), f) || buf_addf(out, f, ",\"tests\":%zu,\"pairs\":%zu,\"groups\":[", m->tests, m->n))
		return -1;
	for (int kind = 0; kind < INFLUENCE_KINDS; kind++)
		for (int k = 0; k <= s->ncutoffs; k++)
			if (put_group(influence_kind_name[kind], cutoff_name(s, k, cut, sizeof cut), &m->of[kind][k], out, f) || buf_addf(out, f, ","))
				return -1;
	if (put_group("both", "all", &m->all, out, f) || buf_addf(out, f, "]"))
		return -1;
	for (int k = INFLUENCE_DISTANCE; k < INFLUENCE_MEASURES; k++)
		if (put_real(out, measure_name[k], "_r2", m->against[k].r2, f) || put_real(out, measure_name[k], "_spearman", m->against[k].spearman, f))
			return -1;
	return buf_addf(out, f, "}");
}

int influences_json(const struct influences *s, struct buf *out, struct fail *f)
{
	if (buf_addf(out, f, "{\"tests_unread\":%zu,\"methods\":[", s->unread))
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if ((i && buf_addf(out, f, ",")) || put_method(s, &s->method[i], out, f))
			return -1;
	return buf_addf(out, f, "]}\n");
}
