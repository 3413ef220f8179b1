#include "eval/eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "input/decode.h"
#include "model/config.h"

static int add_field(struct eval *j, const char *name, int baseline, struct fail *f)
{
	if (j->n == EVAL_MAX_FIELDS + 2 * baseline)
		return fail_set(f, "more than %d fields", EVAL_MAX_FIELDS);
	j->v[j->n++] = (struct eval_field){.name = name, .baseline = baseline};
	return 0;
}

static int parse_fields(struct eval *j, const char *fields, struct fail *f)
{
	j->names = strdup(fields);
	if (!j->names)
		return fail_memory(f);
	char *save = NULL;
	j->loss = -1;
	for (char *p = strtok_r(j->names, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		for (int i = 0; i < j->n; i++)
			if (strcmp(j->v[i].name, p) == 0)
				return fail_set(f, "field '%.100s' is named twice", p);
		if (strcmp(p, EVAL_LOSS) == 0)
			j->loss = j->n;
		if (add_field(j, p, 0, f))
			return -1;
	}
	j->asked = j->n;
	if (!j->n)
		return fail_set(f, "no field is named");
	if (j->loss < 0) {
		j->loss = j->n;
		add_field(j, EVAL_LOSS, 1, f);
	}
	return add_field(j, EVAL_SIZE, 1, f);
}

static int parse_cuts(struct eval *j, const char *cuts, struct fail *f)
{
	for (const char *p = cuts ? cuts : "0.5%,1%,2%,5%,10%,20%,50%";; p++) {
		char *end;
		double amount = strtod(p, &end);
		int percent = *end == '%';
		if (end == p || (end[percent] && end[percent] != ',') || !(amount > 0) || (percent ? amount > 100 : amount > 1e15 || amount != floor(amount)))
			return fail_set(f, "cuts are such as 1%%,5%%,100: shares of the records or numbers of them, not '%.60s'", p);
		if (j->ncuts == EVAL_MAX_CUTOFFS)
			return fail_set(f, "more than %d cuts", EVAL_MAX_CUTOFFS);
		j->cut[j->ncuts].amount = amount;
		j->cut[j->ncuts++].percent = percent;
		p = end + percent;
		if (!*p)
			return 0;
	}
}

int eval_open(struct eval *j, const char *fields, const char *cuts, const char *positive, struct fail *f)
{
	struct config cfg;
	config_defaults(&cfg);
	*j = (struct eval){.n = 0};
	strcpy(j->extensions, cfg.input_field);
	if (parse_fields(j, fields, f))
		return fail_add(f, "-k");
	if (parse_cuts(j, cuts, f))
		return fail_add(f, "--cut");
	j->positive = positive ? expr_parse(positive, f) : NULL;
	return positive && !j->positive ? fail_add(f, "--positive") : 0;
}

int eval_set_fields(struct eval *j, const char *fields, struct fail *f)
{
	struct eval old = *j;
	j->n = 0;
	if (parse_fields(j, fields, f)) {
		free(j->names);
		*j = old;
		return -1;
	}
	/* the baselines keep what they have; others have had nothing, of which the labels are known */
	int bad = 0;
	for (int i = j->asked; i < j->n; i++)
		j->v[i].d = old.v[old.n - (j->n - i)].d;
	const struct detection *was = &old.v[0].d;
	for (int i = 0; i < j->asked && !bad; i++)
		for (size_t k = 0; k < was->rank.n && !bad; k++)
			bad = detection_add(&j->v[i].d, NAN, (int)(was->rank.v[k].index & 1), f);
	ranking_free(&old.v[0].d.rank);
	free(old.names);
	return bad;
}

/* The compressed size of a payload; NAN where there is none. */
static int payload_size(struct eval *j, const struct record *r, double *size, struct fail *f)
{
	struct fail why = {{0}};
	const struct member *m = record_payload(r, j->extensions, &why);
	*size = NAN;
	if (!m)
		return 0;
	uint64_t bytes = m->data.len;
	enum input_format kind = input_format_of(m->ext.p);
	if (kind != INPUT_PNG && kind != INPUT_JPEG && deflated_size(&j->deflated, m->data.p, m->data.len, &bytes, f))
		return -1;
	*size = (double)bytes;
	return 0;
}

int eval_add(struct eval *j, struct record *r, struct fail *f)
{
	int missing = 0, positive = j->positive ? expr_match(j->positive, r, &missing, f) : 0;
	if (positive < 0 || record_fields(r, f))
		return -1;
	j->records++;
	j->positives += (uint64_t)positive;
	j->missing += (uint64_t)(missing && !positive);
	for (int i = 0; i < j->n; i++) {
		double v = NAN;
		if (j->v[i].baseline && i != j->loss) {
			if (payload_size(j, r, &v, f))
				return -1;
		} else {
			fields_number(&r->fields, j->v[i].name, &v);
		}
		if (detection_add(&j->v[i].d, v, positive, f))
			return -1;
	}
	return positive;
}

static int tells_apart(const struct eval_field *v) { return v->d.positives && v->d.positives < v->d.rank.scored; }

int eval_check_labels(const struct eval *j, const char *positive, struct fail *f)
{
	if (j->records == 0)
		return fail_set(f, "no records");
	if (j->positives == 0 || j->positives == j->records)
		return fail_set(f, "--positive '%s' matches %s of %llu records: there is nothing to tell apart", positive,
		                j->positives ? "all" : "none", (unsigned long long)j->records);
	for (const struct eval_field *v = j->v; v < j->v + j->asked; v++)
		if (!tells_apart(v))
			return fail_set(f, "field '%s': %zu records have it as a number, %llu of them positive: nothing to tell apart", v->name,
			                v->d.rank.scored, (unsigned long long)v->d.positives);
	return 0;
}

double *eval_values(const struct eval *j, const struct eval_field *v, struct fail *f)
{
	double *out = calloc(j->records + 1, sizeof *out);
	if (!out)
		fail_memory_for(f, "%llu values", (unsigned long long)j->records);
	for (size_t i = 0; out && i < v->d.rank.n; i++)
		out[v->d.rank.v[i].index >> 1] = v->d.rank.v[i].value;
	return out;
}

char *eval_labels(const struct eval *j, struct fail *f)
{
	char *out = calloc(j->records + 1, 1);
	if (!out)
		fail_memory_for(f, "%llu labels", (unsigned long long)j->records);
	const struct ranking *r = &j->v[0].d.rank;
	for (size_t i = 0; out && i < r->n; i++)
		out[r->v[i].index >> 1] = (char)(r->v[i].index & 1);
	return out;
}

static int with_loss(struct eval *j, struct fail *f)
{
	double *x = eval_values(j, &j->v[j->loss], f);
	int r = x ? 0 : -1;
	for (uint64_t i = 0; i < j->records && !r; i++)
		x[i] = -x[i];
	for (int i = 0; i < j->n && !r; i++) {
		j->v[i].loss = (struct correlation){.r2 = NAN, .spearman = NAN};
		double *y = i == j->loss ? NULL : eval_values(j, &j->v[i], f);
		if (i != j->loss)
			r = y ? correlate(x, y, j->records, &j->v[i].loss, f) : -1;
		free(y);
	}
	free(x);
	return r;
}

int eval_finish(struct eval *j, struct fail *f)
{
	for (struct eval_field *v = j->v; v < j->v + j->n; v++) {
		detection_sort(&v->d);
		v->auc = v->ceiling = v->auroc = v->auroc_se = v->precision = NAN;
		if (!tells_apart(v))
			continue;
		v->auc = detection_auc(&v->d, &v->ceiling);
		v->auroc = detection_auroc(&v->d, &v->auroc_se);
		v->precision = detection_average_precision(&v->d);
	}
	if (with_loss(j, f))
		return -1;
	/* a baseline that says nothing is left out, and named */
	int kept = j->asked;
	for (int i = j->asked; i < j->n; i++)
		if (j->v[i].d.rank.scored == 0 || (j->positives && j->positives < j->records && !tells_apart(&j->v[i]))) {
			j->without[j->nwithout++] = j->v[i].name;
			ranking_free(&j->v[i].d.rank);
			j->loss = i == j->loss ? -1 : j->loss;
		} else {
			j->loss = i == j->loss ? kept : j->loss;
			j->v[kept++] = j->v[i];
		}
	j->n = kept;
	return 0;
}

uint64_t eval_cutoff_records(const struct eval *j, const struct eval_field *v, int cut)
{
	double n = (double)v->d.rank.scored, k = j->cut[cut].amount;
	if (j->cut[cut].percent)
		k = floor(k / 100 * n + 0.5);
	return k < 1 ? 1 : k > n ? (uint64_t)n : (uint64_t)k;
}

void eval_free(struct eval *j)
{
	for (int i = 0; i < j->n; i++)
		ranking_free(&j->v[i].d.rank);
	expr_free(j->positive);
	deflated_free(&j->deflated);
	free(j->names);
	*j = (struct eval){.n = 0};
}
