/* vae-eval: how well fields find records that are known to be strangers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect.h"
#include "expr.h"
#include "flow.h"

enum { MAX_FIELDS = 32, CUTS = 7 };
static const double cuts[CUTS] = {0.5, 1, 2, 5, 10, 20, 50}; /* percent checked */

struct eval {
	char *field[MAX_FIELDS];
	struct detection d[MAX_FIELDS];
	int n;
	struct expr *positive;
	uint64_t positives, missing;
};

static int split(struct eval *e, char *list)
{
	for (char *p = strtok(list, ","); p; p = strtok(NULL, ",")) {
		if (e->n == MAX_FIELDS)
			return -1;
		e->field[e->n++] = p;
	}
	return e->n ? 0 : -1;
}

static int read_all(struct flow *w, struct eval *e, struct fail *f)
{
	struct record r = {.scores = -1};
	int got;
	while ((got = flow_next(w, &r, f)) > 0) {
		int missing = 0, positive = expr_match(e->positive, &r, &missing, f);
		if (positive < 0 || record_fields(&r, f)) {
			got = -1;
			break;
		}
		e->positives += (uint64_t)positive;
		e->missing += (uint64_t)(missing && !positive);
		for (int i = 0; i < e->n && !(got < 0); i++) {
			double v = NAN;
			fields_number(&r.fields, e->field[i], &v);
			if (detection_add(&e->d[i], v, positive, f))
				got = -1;
		}
		if (got < 0)
			break;
	}
	record_free(&r);
	return got;
}

/* The number checked at a cut, at least one. */
static uint64_t checked(const struct detection *d, double percent)
{
	uint64_t k = (uint64_t)(percent / 100 * (double)d->rank.scored + 0.5);
	return k ? k : 1;
}

static void print_table(const struct eval *e, uint64_t records)
{
	printf("%llu records, %llu positive (%.3g %%)\n", (unsigned long long)records, (unsigned long long)e->positives,
	       100 * (double)e->positives / (double)records);
	for (int i = 0; i < e->n; i++) {
		const struct detection *d = &e->d[i];
		double ceiling, se, auc = detection_auc(d, &ceiling), auroc = detection_auroc(d, &se);
		printf("\n%s\n", e->field[i]);
		printf("  AUC of the detection curve  %.4f (at best %.4f)\n  AUROC                       %.4f +- %.4f\n", auc, ceiling, auroc, se);
		if (d->rank.scored < records)
			printf("  without this field          %llu records, %llu of them positive\n", (unsigned long long)(records - d->rank.scored),
			       (unsigned long long)d->positives_unscored);
		printf("  %16s %8s %10s %8s\n", "checked", "found", "precision", "recall");
		for (int k = 0; k < CUTS; k++) {
			uint64_t n = checked(d, cuts[k]), found = detection_found(d, n);
			printf("  %9llu (%3g%%) %8llu %9.1f%% %7.1f%%\n", (unsigned long long)n, cuts[k], (unsigned long long)found,
			       100 * (double)found / (double)n, 100 * (double)found / (double)d->positives);
		}
	}
}

static int print_json(const struct eval *e, uint64_t records, struct fail *f)
{
	struct buf b = {0};
	int r = buf_addf(&b, f, "{\"records\":%llu,\"positives\":%llu,\"fields\":[", (unsigned long long)records, (unsigned long long)e->positives);
	for (int i = 0; i < e->n && !r; i++) {
		const struct detection *d = &e->d[i];
		double ceiling, se, auc = detection_auc(d, &ceiling), auroc = detection_auroc(d, &se);
		r = buf_addf(&b, f, "%s{\"field\":", i ? "," : "") || json_quote(&b, e->field[i], strlen(e->field[i]), f) ||
		    buf_addf(&b, f, ",\"scored\":%zu,\"positives_unscored\":%llu,\"detection_auc\":%.9g,\"detection_auc_ceiling\":%.9g,\"auroc\":%.9g,\"auroc_se\":%.9g,\"found\":[",
		             d->rank.scored, (unsigned long long)d->positives_unscored, auc, ceiling, auroc, se);
		for (int k = 0; k < CUTS && !r; k++) {
			uint64_t n = checked(d, cuts[k]);
			r = buf_addf(&b, f, "%s{\"percent\":%g,\"checked\":%llu,\"found\":%llu}", k ? "," : "", cuts[k], (unsigned long long)n,
			             (unsigned long long)detection_found(d, n));
		}
		r = r ? r : buf_addf(&b, f, "]}");
	}
	if (!r && !buf_addf(&b, f, "]}\n"))
		fputs(b.p, stdout);
	buf_free(&b);
	return r;
}

static int check(const struct eval *e, uint64_t records, const char *positive, struct fail *f)
{
	if (records == 0)
		return fail_set(f, "no records");
	if (e->positives == 0 || e->positives == records)
		return fail_set(f, "--positive '%s' matches %s of %llu records: there is nothing to tell apart", positive,
		                e->positives ? "all" : "none", (unsigned long long)records);
	for (int i = 0; i < e->n; i++)
		if (e->d[i].positives == 0 || e->d[i].positives == e->d[i].rank.scored)
			return fail_set(f, "field '%s': %zu records have it as a number, %llu of them positive: nothing to tell apart", e->field[i],
			                e->d[i].rank.scored, (unsigned long long)e->d[i].positives);
	return 0;
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct eval e = {.n = 0};
	const char *fields = "selfinf", *positive = NULL;
	int json = 0;
	const struct cli_opt opts[] = {
		{'k', "key", "FIELD,...", CLI_TEXT, &fields, "the fields to judge, high values suspected (default selfinf)"},
		{0, "positive", "EXPR", CLI_TEXT, &positive, "which records should be found, as in 'cls > 100'"},
		{0, "json", NULL, CLI_FLAG, &json, "JSON instead of a table"},
		CLI_INPUT(&c),
		CLI_BASE(&c),
	};
	int status = cli_begin(&c, "vae-eval", "[FILE ...]", "Says how well fields find records that are known.", opts, argc, argv);
	if (status >= 0)
		return status;
	if (!positive)
		return cli_usage(&c, "--positive EXPR is wanted: which records should be found");
	struct flow w = {.cli = &c};
	struct fail f = {{0}};
	char *list = strdup(fields);
	if (!list) {
		fail_set(&f, "out of memory");
		return cli_failed(&c, &f);
	}
	if (split(&e, list)) {
		free(list);
		return cli_usage(&c, "-k wants up to %d fields", MAX_FIELDS);
	}
	e.positive = expr_parse(positive, &f);
	if (!e.positive) {
		free(list);
		fail_add(&f, "--positive");
		return cli_refused(&c, &f);
	}
	int r = flow_open(&w, &c, FLOW_SINK, &f);
	if (!r)
		r = read_all(&w, &e, &f) || check(&e, w.records, positive, &f) ? -1 : 0;
	if (!r && e.missing)
		cli_note(&c, "%llu records lack a name of --positive and count as negative", (unsigned long long)e.missing);
	for (int i = 0; i < e.n; i++)
		detection_sort(&e.d[i]);
	if (!r && json)
		r = print_json(&e, w.records, &f);
	else if (!r)
		print_table(&e, w.records);
	for (int i = 0; i < e.n; i++)
		ranking_free(&e.d[i].rank);
	expr_free(e.positive);
	free(list);
	return flow_finish(&w, r, &f);
}
