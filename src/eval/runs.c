#include "eval/runs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

static const enum curve_kind kind[RUNS_CURVES] = {CURVE_DETECTION, CURVE_ROC};
static const char *const measure_name[RUNS_MEASURES] = {"detection_auc", "auroc", "average_precision"};

/* --- sets and fields --- */

/* Finds or adds the set of a file; NULL with a message. */
static struct runs_set *find_set(struct runs *r, const char *path, struct fail *f)
{
	const char *slash = strrchr(path, '/');
	size_t len = !slash ? 1 : slash == path ? 1 : (size_t)(slash - path);
	const char *name = slash ? path : ".";
	for (size_t i = 0; i < r->n; i++)
		if (strlen(r->set[i].name) == len && memcmp(r->set[i].name, name, len) == 0)
			return &r->set[i];
	if (grow(&r->set, &r->cap, r->n + 1, "sets", f))
		return NULL;
	struct runs_set *set = &r->set[r->n];
	*set = (struct runs_set){.name = strndup(name, len)};
	if (!set->name) {
		fail_memory(f);
		return NULL;
	}
	r->n++;
	return set;
}

static struct runs_field *find_field(struct runs_set *s, const struct eval_field *v, struct fail *f)
{
	for (size_t i = 0; i < s->nfields; i++)
		if (strcmp(s->field[i].name, v->name) == 0)
			return &s->field[i];
	if (grow(&s->field, &s->cap, s->nfields + 1, "fields", f))
		return NULL;
	struct runs_field *field = &s->field[s->nfields];
	*field = (struct runs_field){.baseline = v->baseline, .name = strdup(v->name)};
	if (!field->name) {
		fail_memory(f);
		return NULL;
	}
	s->nfields++;
	return field;
}

/* --- runs --- */

static int begin(struct runs *r, struct fail *f)
{
	eval_free(&r->e);
	if (eval_open(&r->e, r->fields, NULL, r->positive, f))
		return -1;
	if (r->extensions[0])
		memcpy(r->e.extensions, r->extensions, sizeof r->e.extensions);
	return 0;
}

/* Adds the run that has been read to its set. */
static int end(struct runs *r, struct fail *f)
{
	const char *path = r->files[r->at];
	double y[RUNS_GRID + 1];
	if (eval_check_labels(&r->e, r->positive, f) || eval_finish(&r->e, f))
		return fail_add(f, "%s", path);
	struct runs_set *s = find_set(r, path, f);
	if (!s)
		return -1;
	s->runs++;
	for (const struct eval_field *v = r->e.field; v < r->e.field + r->e.nfields; v++) {
		struct runs_field *to = find_field(s, v, f);
		if (!to)
			return -1;
		const double measure[RUNS_MEASURES] = {v->auc, v->auroc, v->average_precision};
		for (int m = 0; m < RUNS_MEASURES; m++)
			mean_add(&to->measure[m], measure[m]);
		for (int c = 0; c < RUNS_CURVES; c++) {
			detection_heights(&v->detection, kind[c], y, RUNS_GRID);
			for (int i = 0; i <= RUNS_GRID; i++)
				mean_add(&to->curve[c][i], y[i]);
		}
	}
	r->records += r->e.records;
	r->missing += r->e.missing;
	return 0;
}

int runs_open(struct runs *r, struct fail *f)
{
	r->at = -1;
	return begin(r, f);
}

static int no_records(const struct runs *r, int file, struct fail *f) { return fail_set(f, "%s: no records: with --runs every file is a run", r->files[file]); }

int runs_record(struct runs *r, struct record *rec, struct fail *f)
{
	while (r->at < 0 || rec->file != r->files[r->at]) {
		if (r->at >= 0 && !r->e.records)
			return no_records(r, r->at, f);
		if (r->at >= 0 && (end(r, f) || begin(r, f)))
			return -1;
		if (++r->at == r->nfiles)
			return fail_set(f, "%s: not a file of --runs", rec->file);
	}
	return eval_add(&r->e, rec, f) < 0 ? -1 : 0;
}

int runs_finish(struct runs *r, struct fail *f)
{
	const int last = r->at < 0 ? 0 : r->at;
	if (!r->e.records)
		return no_records(r, last, f);
	if (end(r, f))
		return -1;
	return last + 1 < r->nfiles ? no_records(r, last + 1, f) : 0;
}

void runs_free(struct runs *r)
{
	eval_free(&r->e);
	for (size_t i = 0; i < r->n; i++) {
		for (size_t k = 0; k < r->set[i].nfields; k++)
			free(r->set[i].field[k].name);
		free(r->set[i].field);
		free(r->set[i].name);
	}
	free(r->set);
	r->set = NULL;
	r->n = 0;
}

/* --- printing --- */

static const char *suffix(const struct runs_field *v) { return v->baseline ? " (baseline)" : ""; }

static int wider(const char *a, const char *b, int width)
{
	int n = (int)(strlen(a) + strlen(b));
	return n > width ? n : width;
}

int runs_table(const struct runs *r, struct buf *out, struct fail *f)
{
	int set = 3, field = 5;
	for (const struct runs_set *s = r->set; s < r->set + r->n; s++) {
		set = wider(s->name, "", set);
		for (const struct runs_field *v = s->field; v < s->field + s->nfields; v++)
			field = wider(v->name, suffix(v), field);
	}
	if (buf_addf(out, f, "%-*s  %-*s  %5s  %8s %8s  %8s %8s  %9s %8s\n", set, "set", field, "field", "runs", "AUC", "+-", "AUROC", "+-", "precision", "+-"))
		return -1;
	for (const struct runs_set *s = r->set; s < r->set + r->n; s++)
		for (const struct runs_field *v = s->field; v < s->field + s->nfields; v++) {
			if (buf_addf(out, f, "%-*s  %s%-*s  %5zu", set, s->name, v->name, field - (int)strlen(v->name), suffix(v), v->measure[0].n))
				return -1;
			for (int m = 0; m < RUNS_MEASURES; m++) {
				double se = mean_error(&v->measure[m]);
				if (buf_addf(out, f, m < 2 ? "  %8.4f" : "  %9.4f", v->measure[m].mean) || (isnan(se) ? buf_addf(out, f, " %8s", "-") : buf_addf(out, f, " %8.4f", se)))
					return -1;
			}
			if (buf_addf(out, f, "\n"))
				return -1;
		}
	return 0;
}

static int put_field(const struct runs_field *v, struct buf *out, struct fail *f)
{
	if (buf_addf(out, f, "{\"field\":") || json_quote(out, v->name, strlen(v->name), f) ||
	    buf_addf(out, f, ",\"baseline\":%s,\"runs\":%zu", v->baseline ? "true" : "false", v->measure[0].n))
		return -1;
	for (int m = 0; m < RUNS_MEASURES; m++) {
		double se = mean_error(&v->measure[m]);
		if (buf_addf(out, f, ",\"%s\":%.9g,\"%s_se\":", measure_name[m], v->measure[m].mean, measure_name[m]) ||
		    (isnan(se) ? buf_addf(out, f, "null") : buf_addf(out, f, "%.9g", se)))
			return -1;
	}
	return buf_addf(out, f, "}");
}

int runs_json(const struct runs *r, struct buf *out, struct fail *f)
{
	if (buf_addf(out, f, "{\"records\":%llu,\"sets\":[", (unsigned long long)r->records))
		return -1;
	for (size_t i = 0; i < r->n; i++) {
		const struct runs_set *s = &r->set[i];
		if (buf_addf(out, f, "%s{\"set\":", i ? "," : "") || json_quote(out, s->name, strlen(s->name), f) || buf_addf(out, f, ",\"runs\":%zu,\"fields\":[", s->runs))
			return -1;
		for (size_t k = 0; k < s->nfields; k++)
			if ((k && buf_add(out, ",", 1, f)) || put_field(&s->field[k], out, f))
				return -1;
		if (buf_addf(out, f, "]}"))
			return -1;
	}
	return buf_addf(out, f, "]}\n");
}
