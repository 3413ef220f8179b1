/* vae-drop: drops, quarantines or marks records, by rank, threshold, expression or a list of keys. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tool/flow.h"
#include "stream/name.h"
#include "rank/rule.h"

struct options {
	const char *field, *top, *expr, *keys, *max_drop;
	double above;
	int keep, mark, strip;
	struct quota most;
};

struct drop {
	struct flow flow;
	struct rule rule;
	uint64_t matched; /* records that go, or are marked */
};

static const char *const names[] = {"dropped_by", "dropped_threshold", NULL};

/* --- the rule --- */

static bool one_rule(struct cli *c, const struct options *o)
{
	int given = (o->top != NULL) + !isnan(o->above) + (o->expr != NULL) + (o->keys != NULL);
	if (given != 1)
		return cli_usage(c, "one of --top, --above, -e and --keys is wanted%s", given ? ", not more" : "");
	if (o->field && (o->expr || o->keys))
		return cli_usage(c, "-k names the field of --top and --above; -e names its own");
	if (o->mark && (c->rejects || o->strip || o->max_drop))
		return cli_usage(c, "--mark drops nothing: %s", c->rejects ? "-r has nothing to hold" : o->strip ? "--strip would take the marks away" : "--max-drop has nothing to guard");
	return true;
}

/* -e, whose errors are of the command line. */
static bool parse_expr(struct cli *c, const struct options *o, struct rule *u)
{
	struct fail f = {{0}};
	u->kind = RULE_EXPR;
	u->expr = expr_parse(o->expr, &f);
	if (u->expr)
		return true;
	fail_add(&f, "-e");
	return cli_invalid(c, &f);
}

static bool parse_rule(struct cli *c, struct options *o, struct rule *u)
{
	if (!one_rule(c, o))
		return false;
	*u = (struct rule){.kind = o->top ? RULE_TOP : o->keys ? RULE_KEYS : RULE_ABOVE, .above = o->above, .inverted = o->keep};
	if (o->top && quota_parse(&u->top, o->top))
		return cli_usage(c, "--top wants a number of records or a percentage, as in 100 or 1%%, not '%s'", o->top);
	if (o->max_drop && quota_parse(&o->most, o->max_drop))
		return cli_usage(c, "--max-drop wants a number of records or a percentage, as in 100 or 5%%, not '%s'", o->max_drop);
	if (!o->expr && !o->keys)
		u->field = o->field ? o->field : o->top ? "rank" : "selfinf";
	int standard = c->nfiles == 0;
	for (int i = 0; i < c->nfiles; i++)
		standard |= strcmp(c->files[i], "-") == 0;
	if (o->keys && strcmp(o->keys, "-") == 0 && standard)
		return cli_usage(c, "--keys - and the records cannot both come from standard input: name FILEs");
	return cli_check_overwrite(c, "--keys", o->keys) && (!o->expr || parse_expr(c, o, u));
}

static int describe(const struct options *o, struct rule *u, struct fail *f)
{
	struct buf *b = &u->description;
	int r = buf_addf(b, f, "%s", o->keep ? "not (" : "");
	if (!r && o->top)
		r = buf_addf(b, f, "top %s of %s", o->top, u->field);
	else if (!r && o->expr)
		r = buf_addf(b, f, "%s", o->expr);
	else if (!r && o->keys)
		r = buf_addf(b, f, "key in %s", strcmp(o->keys, "-") == 0 ? "standard input" : o->keys);
	else if (!r)
		r = buf_addf(b, f, "%s > %.9g", u->field, o->above);
	return r ? r : buf_addf(b, f, "%s", o->keep ? ")" : "");
}

/* --- the records --- */

/* Says why, in a record that goes; what an earlier run said is no more. */
static int annotate(struct drop *d, struct record *r, int goes, double threshold, struct fail *f)
{
	const struct cli *c = d->flow.cli;
	char name[256];
	if (flow_claim(&d->flow, r, names, f))
		return -1;
	flow_clear(&d->flow, r, names);
	if (!goes)
		return 0;
	if (fields_set_string(&r->fields, cli_field(c, name, "dropped_by"), d->rule.description.p, f))
		return -1;
	r->fields_changed = 1;
	cli_field(c, name, "dropped_threshold");
	if (isnan(threshold))
		return 0;
	return d->rule.kind == RULE_TOP ? fields_set_int(&r->fields, name, (int64_t)threshold, f) : fields_set_real(&r->fields, name, threshold, f);
}

static int one_record(struct drop *d, const struct options *o, struct record *r, struct fail *f)
{
	const struct cli *c = d->flow.cli;
	double threshold;
	char shown[256];
	int goes = rule_match(&d->rule, r, &threshold, f);
	if (goes < 0)
		return -1;
	d->matched += (uint64_t)goes;
	if (goes && c->dry_run && c->verbose)
		cli_note(c, "would %s '%s': %s", o->mark ? "mark" : "drop", name_show(shown, sizeof shown, r->key.p), d->rule.description.p);
	if ((o->mark || (goes && d->flow.rejects)) && annotate(d, r, goes, threshold, f))
		return -1;
	if (goes && !o->mark)
		return flow_reject(&d->flow, r, f);
	if (o->strip && record_remove_scores(r, f))
		return -1;
	return flow_pass(&d->flow, r, f);
}

static int all_records(struct drop *d, const struct options *o, struct fail *f)
{
	struct record r = {.scores = -1};
	int got;
	d->matched = d->rule.missing = 0;
	while ((got = flow_next(&d->flow, &r, f)) > 0)
		if (one_record(d, o, &r, f)) {
			got = -1;
			break;
		}
	record_free(&r);
	uint64_t n = d->flow.records;
	if (!got && n && d->rule.field && d->rule.missing == n)
		got = fail_set(f, d->rule.kind == RULE_TOP ? "none of %llu records has a rank in the fields '%s' and '%s_n', as vae-rank writes them"
		                                           : "none of %llu records has a number in the field '%s'", (unsigned long long)n, d->rule.field, d->rule.field);
	return got;
}

/* 1 when more records would go than --max-drop allows; then f says so. */
static int too_many(const struct drop *d, const struct options *o, struct fail *f)
{
	if (!o->max_drop || (double)d->matched <= quota_records(&o->most, (double)d->flow.records))
		return 0;
	fail_set(f, "%llu of %llu records would go (%.600s), more than --max-drop %s: nothing was written", (unsigned long long)d->matched,
	         (unsigned long long)d->flow.records, d->rule.description.p, o->max_drop);
	return 1;
}

/* 1 when the guard stopped it. */
static int run(struct drop *d, const struct options *o, struct fail *f)
{
	struct flow *w = &d->flow;
	if (!o->max_drop || w->cli->dry_run)
		return all_records(d, o, f) ? -1 : too_many(d, o, f);
	/* a pass that only counts */
	struct writer *out = w->out, *rejects = w->rejects;
	w->out = w->rejects = NULL;
	int r = all_records(d, o, f);
	w->out = out;
	w->rejects = rejects;
	if (r || too_many(d, o, f))
		return r ? -1 : 1;
	w->records = w->rejected = 0;
	if (reader_rewind(w->in, f) || all_records(d, o, f))
		return -1;
	return too_many(d, o, f) ? fail_set(f, "the input has changed while it was read") : 0;
}

/* --- what is said --- */

static void remark(const struct drop *d, const struct options *o)
{
	const struct cli *c = d->flow.cli;
	unsigned long long n = d->flow.records, matched = d->matched, without = d->rule.missing;
	const char *rule = d->rule.description.p, *missing;
	size_t at = 0;
	if (c->dry_run)
		cli_note(c, "would %s %llu of %llu records (%.700s)", o->mark ? "mark" : "drop", matched, n, rule);
	else if (c->verbose)
		cli_note(c, "%s %llu of %llu records (%.700s)", o->mark ? "marked" : "dropped", matched, n, rule);
	if (without && d->rule.field)
		cli_note(c, "%llu records without the field '%s' %s", without, d->rule.field, o->keep ? "did not match and went" : "were kept");
	else if (without)
		cli_note(c, "%llu records lack a name that -e asks for: they %s", without, o->keep ? "did not match and went" : "were kept");
	if (d->rule.kind != RULE_KEYS || d->rule.keys.seen == d->rule.keys.n)
		return;
	missing = keylist_next_unseen(&d->rule.keys, &at);
	/* they are escaped as they are */
	cli_note(c, "%zu of %zu listed keys never came%s'%.600s'", d->rule.keys.n - d->rule.keys.seen, d->rule.keys.n, c->verbose ? ": " : "; the first: ", missing);
	while (c->verbose && (missing = keylist_next_unseen(&d->rule.keys, &at)))
		cli_note(c, "nor did '%.900s'", missing);
}

static int summary(struct drop *d, const struct options *o, int stopped, struct fail *f)
{
	struct fields *s = &d->flow.cli->counts;
	int r = fields_set_int(s, "dropped", o->mark || stopped ? 0 : (int64_t)d->matched, f) || fields_set_int(s, "matched", (int64_t)d->matched, f) ||
	        fields_set_int(s, "without_field", (int64_t)d->rule.missing, f) || fields_set_string(s, "rule", d->rule.description.p, f);
	if (!r && d->rule.kind == RULE_KEYS)
		r = fields_set_int(s, "keys", (int64_t)d->rule.keys.n, f) ||
		    fields_set_int(s, "keys_missing", (int64_t)(d->rule.keys.n - d->rule.keys.seen), f);
	if (!r && o->max_drop)
		r = fields_set_string(s, "max_drop", o->max_drop, f) || fields_set_int(s, "stopped", stopped, f);
	return r ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct options o = {.above = NAN};
	struct drop d = {.matched = 0};
	const struct cli_opt opts[] = {
		{0, "top", "N|P%", CLI_TEXT, &o.top, "the N records, or at most P percent, that rank highest"},
		{0, "above", "X", CLI_REAL, &o.above, "the records whose field is above X"},
		{'k', "key", "FIELD", CLI_TEXT, &o.field, "the field (default: rank with --top, selfinf with --above)"},
		{'e', "expression", "EXPR", CLI_TEXT, &o.expr, "the records that match, as in 'z > 5 && cls != 9'"},
		{0, "keys", "LIST", CLI_TEXT, &o.keys, "the records whose keys are in the file LIST, one a line"},
		{'i', "include", NULL, CLI_FLAG, &o.keep, "keep these, and drop all others"},
		{0, "max-drop", "N|P%", CLI_TEXT, &o.max_drop, "write nothing and exit 3 if more than that would go"},
		{'r', "rejects", "FILE", CLI_TEXT, &c.rejects, "put what is dropped into FILE (zstd if it ends in .zst)"},
		{0, "mark", NULL, CLI_FLAG, &o.mark, "drop nothing, only append dropped_by to what would go"},
		{0, "strip", NULL, CLI_FLAG, &o.strip, "take the scores off what passes: all fields but source"},
		{'n', "dry-run", NULL, CLI_FLAG, &c.dry_run, "write no records, only say how many would go (-v: which)"},
		CLI_NAMES(&c),
		CLI_OUTPUT(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-drop", "[FILE ...]", "Drops, quarantines or marks records: by rank, threshold, expression or a list of keys.", opts, argc, argv))
		return c.status;
	if (!parse_rule(&c, &o, &d.rule)) {
		rule_free(&d.rule);
		return c.status;
	}
	struct fail f = {{0}};
	int r = describe(&o, &d.rule, &f) || (o.keys && keylist_read(&d.rule.keys, o.keys, &f)) ? -1 : 0;
	d.flow.cli = &c;
	if (!r)
		r = flow_open(&d.flow, &c, c.dry_run ? FLOW_SINK : o.max_drop ? FLOW_TWICE : 0, &f);
	if (!r)
		r = run(&d, &o, &f);
	if (r >= 0 && summary(&d, &o, r, &f))
		r = -1;
	if (!r || (r > 0 && c.dry_run))
		remark(&d, &o);
	int status = r > 0 ? flow_stop(&d.flow, &f) : flow_finish(&d.flow, r, &f);
	rule_free(&d.rule);
	return status;
}
