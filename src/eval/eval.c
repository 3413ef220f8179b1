#include "eval/eval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "input/decode.h"
#include "model/config.h"
#include "stream/name.h"

static int add_field(struct eval *e, const char *name, int baseline, struct fail *f)
{
	if (e->nfields == EVAL_MAX_FIELDS + 2 * baseline)
		return fail_set(f, "more than %d fields", EVAL_MAX_FIELDS);
	e->field[e->nfields++] = (struct eval_field){.name = name, .baseline = baseline};
	return 0;
}

static int parse_fields(struct eval *e, const char *fields, struct fail *f)
{
	e->names = strdup(fields);
	if (!e->names)
		return fail_memory(f);
	char *save = NULL;
	e->loss = -1;
	for (char *p = strtok_r(e->names, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		for (int i = 0; i < e->nfields; i++)
			if (strcmp(e->field[i].name, p) == 0)
				return fail_set(f, "field '%.100s' is named twice", p);
		if (strcmp(p, EVAL_LOSS) == 0)
			e->loss = e->nfields;
		if (add_field(e, p, 0, f))
			return -1;
	}
	e->nrequested = e->nfields;
	if (!e->nfields)
		return fail_set(f, "no field is named");
	if (e->loss < 0) {
		e->loss = e->nfields;
		add_field(e, EVAL_LOSS, 1, f);
	}
	return add_field(e, EVAL_SIZE, 1, f);
}

int eval_parse_cutoffs(struct eval_cutoff cutoff[EVAL_MAX_CUTOFFS], const char *list, struct fail *f)
{
	int n = 0;
	for (const char *p = list;; p++) {
		char *end;
		double amount = strtod(p, &end);
		int percent = *end == '%';
		if (end == p || (end[percent] && end[percent] != ',') || !(amount > 0) || (percent ? amount > 100 : amount > 1e15 || amount != floor(amount)))
			return fail_set(f, "a cutoff is a percentage or a number of records, as in 1%%,5%%,100, not '%.60s'", p);
		if (n == EVAL_MAX_CUTOFFS)
			return fail_set(f, "more than %d cutoffs", EVAL_MAX_CUTOFFS);
		cutoff[n++] = (struct eval_cutoff){amount, percent};
		p = end + percent;
		if (!*p)
			return n;
	}
}

uint64_t eval_cutoff_count(const struct eval_cutoff *c, uint64_t n)
{
	double k = c->percent ? floor(c->amount / 100 * (double)n + 0.5) : c->amount;
	return k < 1 ? 1 : k > (double)n ? n : (uint64_t)k;
}

int eval_open(struct eval *e, const char *fields, const char *cutoffs, const char *positive, struct fail *f)
{
	struct config cfg;
	config_defaults(&cfg);
	*e = (struct eval){.nfields = 0};
	strcpy(e->extensions, cfg.input_field);
	if (parse_fields(e, fields, f))
		return fail_add(f, "-k");
	e->ncutoffs = eval_parse_cutoffs(e->cutoff, cutoffs ? cutoffs : "0.5%,1%,2%,5%,10%,20%,50%", f);
	if (e->ncutoffs < 0)
		return e->ncutoffs = 0, fail_add(f, "--cut");
	e->positive = positive ? expr_parse(positive, f) : NULL;
	if (positive && !e->positive)
		return fail_add(f, "--positive");
	return eval_set_axis(e, NULL, f);
}

int eval_set_axis(struct eval *e, const char *axis, struct fail *f)
{
	const char *first = e->field[0].name;
	const int prefix = course_memo_prefix(first), negated = axis ? *axis == '-' : prefix < 0;
	size_t n = strlen(axis ? axis : first) + sizeof "logp_in";
	free(e->axis.name);
	e->axis.name = NULL;
	e->axis.negated = negated;
	e->axis.given = axis != NULL;
	if (axis && !axis[negated])
		return fail_set(f, "--against names no field");
	if ((axis && strcmp(axis, "-" EVAL_LOSS) == 0) || (!axis && prefix < 0))
		return 0;
	if (!(e->axis.name = malloc(n)))
		return fail_memory(f);
	if (axis)
		snprintf(e->axis.name, n, "%s", axis + negated);
	else
		snprintf(e->axis.name, n, "%.*slogp_in", prefix, first);
	return 0;
}

int eval_is_axis(const struct eval *e, const struct eval_field *v) { return strcmp(v->name, e->axis.name ? e->axis.name : EVAL_LOSS) == 0; }

const char *eval_axis_name(const struct eval *e, char *out, size_t size)
{
	snprintf(out, size, "%s%s", e->axis.negated ? "-" : "", e->axis.name ? e->axis.name : EVAL_LOSS);
	return out;
}

const char *eval_axis_label(const struct eval *e, char *out, size_t size)
{
	snprintf(out, size, "%s%s", e->axis.negated ? "negative " : "", e->axis.name ? e->axis.name : EVAL_LOSS);
	return out;
}

static int add_axis(struct eval *e, double v, struct fail *f)
{
	struct eval_axis *a = &e->axis;
	if (grow(&a->v, &a->cap, a->n + 1, "values", f))
		return -1;
	a->v[a->n++] = v;
	return 0;
}

int eval_set_fields(struct eval *e, const char *fields, struct fail *f)
{
	struct eval old = *e;
	e->nfields = 0;
	if (parse_fields(e, fields, f)) {
		free(e->names);
		*e = old;
		return -1;
	}
	/* the baselines keep their values; no record so far has a value of the new fields */
	int bad = 0;
	for (int i = e->nrequested; i < e->nfields; i++)
		e->field[i].detection = old.field[old.nfields - (e->nfields - i)].detection;
	const struct ranking *labels = &old.field[0].detection.rank;
	for (int i = 0; i < e->nrequested && !bad; i++)
		for (size_t k = 0; k < labels->n && !bad; k++)
			bad = detection_add(&e->field[i].detection, NAN, detection_label(&labels->v[k]), f);
	const int same = e->axis.given;
	bad = bad || (!same && eval_set_axis(e, NULL, f)) ? -1 : 0;
	for (size_t k = 0; k < labels->n && !bad && !same && e->axis.name; k++)
		bad = add_axis(e, NAN, f);
	ranking_free(&old.field[0].detection.rank);
	free(old.names);
	return bad;
}

/* The compressed size of the payload; NAN without one. */
static int payload_size(struct eval *e, const struct record *r, double *size, struct fail *f)
{
	struct fail why = {{0}};
	const struct member *m = record_payload(r, e->extensions, &why);
	*size = NAN;
	if (!m)
		return 0;
	uint64_t bytes = m->data.len;
	enum input_format format = input_format_of(m->data.p, m->data.len);
	int compressed = format == INPUT_PNG || format == INPUT_JPEG || format == INPUT_WEBP || format == INPUT_AVIF;
	if (!compressed && deflated_size(&e->deflated, m->data.p, m->data.len, &bytes, f))
		return -1;
	*size = (double)bytes;
	return 0;
}

int eval_add(struct eval *e, struct record *r, struct fail *f)
{
	int missing = 0, positive = e->positive ? expr_match(e->positive, r, &missing, f) : 0;
	if (positive < 0 || record_fields(r, f))
		return -1;
	e->records++;
	e->positives += (uint64_t)positive;
	e->missing += (uint64_t)(missing && !positive);
	for (int i = 0; i < e->nfields; i++) {
		double v = NAN;
		if (e->field[i].baseline && i != e->loss) {
			if (payload_size(e, r, &v, f))
				return -1;
		} else if (record_number(r, e->field[i].name, &v, f) < 0) {
			return -1;
		}
		if (detection_add(&e->field[i].detection, v, positive, f))
			return -1;
	}
	double axis = NAN;
	if (e->axis.name && (record_number(r, e->axis.name, &axis, f) < 0 || add_axis(e, axis, f)))
		return -1;
	return course_add(&e->course, e->field[0].name, &r->fields, f) ? -1 : positive;
}

static int has_both_labels(const struct eval_field *v) { return v->detection.positives && v->detection.positives < v->detection.rank.scored; }

int eval_check_labels(const struct eval *e, const char *positive, struct fail *f)
{
	if (e->records == 0)
		return fail_set(f, "the stream has no records");
	for (const struct eval_field *v = e->field; !e->positive && v < e->field + e->nrequested; v++)
		if (!v->detection.rank.scored)
			return fail_set(f, "none of %llu records has a number in the field '%s'", (unsigned long long)e->records, v->name);
	if (!e->positive)
		return 0;
	if (e->positives == 0 || e->positives == e->records)
		return fail_set(f, "--positive '%s' matches %s of %llu records: detection requires positive and negative records", positive,
		                e->positives ? "all" : "none", (unsigned long long)e->records);
	for (const struct eval_field *v = e->field; v < e->field + e->nrequested; v++)
		if (!has_both_labels(v))
			return fail_set(f, "the field '%s' is a number in %zu records, %llu of them positive: detection requires positive and negative records", v->name,
			                v->detection.rank.scored, (unsigned long long)v->detection.positives);
	return 0;
}

double *eval_values(const struct eval *e, const struct eval_field *v, struct fail *f)
{
	double *out = calloc(e->records + 1, sizeof *out);
	if (!out)
		fail_memory_for(f, "%llu values", (unsigned long long)e->records);
	const struct ranking *r = &v->detection.rank;
	for (size_t i = 0; out && i < r->n; i++)
		out[detection_position(&r->v[i])] = r->v[i].value;
	return out;
}

char *eval_labels(const struct eval *e, struct fail *f)
{
	char *out = calloc(e->records + 1, 1);
	if (!out)
		fail_memory_for(f, "%llu labels", (unsigned long long)e->records);
	const struct ranking *r = &e->field[0].detection.rank;
	for (size_t i = 0; out && i < r->n; i++)
		out[detection_position(&r->v[i])] = (char)detection_label(&r->v[i]);
	return out;
}

double *eval_axis_values(const struct eval *e, struct fail *f)
{
	const double *from = e->axis.v;
	double *out = !e->axis.name && e->loss >= 0 ? eval_values(e, &e->field[e->loss], f) : calloc(e->records + 1, sizeof *out);
	if (!out)
		fail_memory_for(f, "%llu values", (unsigned long long)e->records);
	for (uint64_t i = 0; out && i < e->records; i++) {
		double v = e->axis.name ? from[i] : e->loss >= 0 ? out[i] : NAN;
		out[i] = e->axis.negated ? -v : v;
	}
	return out;
}

/* An axis that the user named, and that no record has, is a typing error. */
static int check_axis(const struct eval *e, struct fail *f)
{
	char shown[100];
	size_t i = 0;
	while (e->axis.given && e->axis.name && i < e->axis.n && isnan(e->axis.v[i]))
		i++;
	if (!e->axis.given || !e->axis.name || !e->records || i < e->axis.n)
		return 0;
	return fail_set(f, "--against: none of %llu records has a number in the field '%s'", (unsigned long long)e->records, name_show(shown, sizeof shown, e->axis.name));
}

static int correlate_with_axis(struct eval *e, struct fail *f)
{
	double *x = eval_axis_values(e, f);
	int r = x ? 0 : -1;
	for (int i = 0; i < e->nfields && !r; i++) {
		e->field[i].fit = (struct correlation){.r2 = NAN, .spearman = NAN};
		if (eval_is_axis(e, &e->field[i]))
			continue;
		double *y = eval_values(e, &e->field[i], f);
		r = y ? correlate(x, y, e->records, &e->field[i].fit, f) : -1;
		free(y);
	}
	free(x);
	return r;
}

int eval_finish(struct eval *e, struct fail *f)
{
	for (struct eval_field *v = e->field; v < e->field + e->nfields; v++) {
		detection_sort(&v->detection);
		v->auc = v->ceiling = v->auroc = v->auroc_se = v->average_precision = NAN;
		if (!has_both_labels(v))
			continue;
		v->auc = detection_auc(&v->detection, &v->ceiling);
		v->auroc = detection_auroc(&v->detection, &v->auroc_se);
		v->average_precision = detection_average_precision(&v->detection);
	}
	course_finish(&e->course);
	if (check_axis(e, f) || correlate_with_axis(e, f))
		return -1;
	/* omits a baseline without values, or without both labels */
	int kept = e->nrequested;
	for (int i = e->nrequested; i < e->nfields; i++)
		if (e->field[i].detection.rank.scored == 0 || (e->positives && e->positives < e->records && !has_both_labels(&e->field[i]))) {
			e->omitted[e->nomitted++] = e->field[i].name;
			ranking_free(&e->field[i].detection.rank);
			e->loss = i == e->loss ? -1 : e->loss;
		} else {
			e->loss = i == e->loss ? kept : e->loss;
			e->field[kept++] = e->field[i];
		}
	e->nfields = kept;
	return 0;
}

uint64_t eval_cutoff_records(const struct eval *e, const struct eval_field *v, int cutoff)
{
	return eval_cutoff_count(&e->cutoff[cutoff], v->detection.rank.scored);
}

double eval_quantile(const struct eval_field *v, double q)
{
	const struct ranking *r = &v->detection.rank;
	size_t n = r->scored, i = (size_t)ceil(q * (double)n);
	if (!n)
		return NAN;
	if (q == 0.5)
		return r->median; /* the mean of the middle two, as vae-rank has it */
	return r->v[n - (i < 1 ? 1 : i > n ? n : i)].value; /* highest first */
}

void eval_free(struct eval *e)
{
	for (int i = 0; i < e->nfields; i++)
		ranking_free(&e->field[i].detection.rank);
	expr_free(e->positive);
	deflated_free(&e->deflated);
	course_free(&e->course);
	free(e->axis.name);
	free(e->axis.v);
	free(e->names);
	*e = (struct eval){.nfields = 0};
}
