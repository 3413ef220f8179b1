/* vae-drop: drops, quarantines or marks records by rank or by a threshold. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "name.h"

struct options {
	const char *field, *top;
	double above;
	int mark;
	/* what --top said */
	double share; /* of the ranked records, or NAN */
	double count;
	uint64_t dropped, without; /* records; without the field */
	char rule[300];
};

static const char *const names[] = {"dropped_by", NULL};

static int parse_rule(struct cli *c, struct options *o)
{
	if ((o->top != NULL) == !isnan(o->above))
		return cli_usage(c, "one of --top and --above is wanted");
	o->share = NAN;
	if (o->top) {
		char *end;
		double v = strtod(o->top, &end);
		int percent = *end == '%' && !end[1];
		if (end == o->top || !isfinite(v) || v < 0 || (!percent && (*end || v != floor(v))) || (percent && v > 100))
			return cli_usage(c, "--top wants a number of records or a percentage, as in 100 or 1%%, not '%s'", o->top);
		*(percent ? &o->share : &o->count) = v;
		o->field = o->field ? o->field : "rank";
		snprintf(o->rule, sizeof o->rule, "top %.40s of %.200s", o->top, o->field);
	} else {
		o->field = o->field ? o->field : "selfinf";
		snprintf(o->rule, sizeof o->rule, "%.200s > %.9g", o->field, o->above);
	}
	return -1;
}

/* 1: goes; 0: stays; a record without the field stays and is counted. */
static int matches(struct options *o, const struct record *r)
{
	double v, n = 0;
	char total[256];
	if (!fields_number(&r->fields, o->field, &v)) {
		o->without++;
		return 0;
	}
	if (!o->top)
		return v > o->above;
	/* only a rank has a number of ranked records beside it */
	snprintf(total, sizeof total, "%.240s_n", o->field);
	if (!fields_number(&r->fields, total, &n)) {
		o->without++;
		return 0;
	}
	if (isnan(o->share))
		return v < o->count;
	/* at most this share: half a record is none */
	return v < floor(o->share / 100 * n * (1 + 1e-12));
}

static int drop(struct flow *w, struct options *o, struct fail *f)
{
	struct cli *c = w->cli;
	struct record r = {.scores = -1};
	char name[256], shown[256];
	int got;
	while ((got = flow_next(w, &r, f)) > 0) {
		if (record_fields(&r, f)) {
			got = -1;
			break;
		}
		if (!matches(o, &r)) {
			if (flow_pass(w, &r, f)) {
				got = -1;
				break;
			}
			continue;
		}
		o->dropped++;
		if (c->dry_run && c->verbose)
			cli_note(c, "would %s '%s': %s", o->mark ? "mark" : "drop", name_show(shown, sizeof shown, r.key.p), o->rule);
		if (o->mark || w->rejects) {
			if (flow_claim(w, &r, names, f) || fields_set_string(&r.fields, cli_field(c, name, "dropped_by"), o->rule, f)) {
				got = -1;
				break;
			}
			r.fields_changed = 1;
		}
		if (o->mark ? flow_pass(w, &r, f) : flow_reject(w, &r, f)) {
			got = -1;
			break;
		}
	}
	record_free(&r);
	if (!got && w->records && o->without == w->records)
		got = fail_set(f, o->top ? "none of %llu records has a rank in the fields '%s' and '%s_n', as vae-rank writes them"
		                      : "none of %llu records has a number in the field '%s'", (unsigned long long)w->records, o->field, o->field);
	return got;
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct options o = {.above = NAN};
	const struct cli_opt opts[] = {
		{0, "top", "N|P%", CLI_TEXT, &o.top, "the N records, or at most P percent, that rank highest"},
		{0, "above", "X", CLI_REAL, &o.above, "the records whose field is above X"},
		{'k', "key", "FIELD", CLI_TEXT, &o.field, "the field (default: rank with --top, selfinf with --above)"},
		{'r', "rejects", "FILE", CLI_TEXT, &c.rejects, "put what is dropped into FILE (zstd if it ends in .zst)"},
		{0, "mark", NULL, CLI_FLAG, &o.mark, "drop nothing, only append dropped_by to what would go"},
		{'n', "dry-run", NULL, CLI_FLAG, &c.dry_run, "write no records, only say how many would go (-v: which)"},
		CLI_NAMES(&c),
		CLI_OUTPUT(&c),
		CLI_BASE(&c),
	};
	int status = cli_begin(&c, "vae-drop", "[FILE ...]", "Drops, quarantines or marks records by rank or by a threshold.", opts, argc, argv);
	if (status >= 0 || (status = parse_rule(&c, &o)) >= 0)
		return status;
	if (o.mark && c.rejects)
		return cli_usage(&c, "--mark drops nothing, so -r has nothing to hold");
	struct flow w;
	struct fail f = {{0}};
	int r = flow_open(&w, &c, c.dry_run ? FLOW_SINK : 0, &f);
	if (!r)
		r = drop(&w, &o, &f);
	if (!r)
		r = fields_set_int(&c.counts, "dropped", o.mark ? 0 : (int64_t)o.dropped, &f) ||
		    fields_set_int(&c.counts, "matched", (int64_t)o.dropped, &f) ||
		    fields_set_int(&c.counts, "without_field", (int64_t)o.without, &f) ||
		    fields_set_string(&c.counts, "rule", o.rule, &f);
	if (!r && c.dry_run)
		cli_note(&c, "would %s %llu of %llu records (%s)", o.mark ? "mark" : "drop", (unsigned long long)o.dropped, (unsigned long long)w.records, o.rule);
	else if (!r && c.verbose)
		cli_note(&c, "%s %llu of %llu records (%s)", o.mark ? "marked" : "dropped", (unsigned long long)o.dropped, (unsigned long long)w.records, o.rule);
	if (!r && o.without)
		cli_note(&c, "%llu records without the field '%s' were kept", (unsigned long long)o.without, o.field);
	return flow_finish(&w, r, &f);
}
