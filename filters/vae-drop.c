/* vae-drop: drops, quarantines or marks records, by rank, threshold, expression, a list of keys, or as duplicates. */
#include <math.h>
#include <string.h>

#include "tool/dropper.h"

static bool check_options(struct cli *c, const struct rule_options *o, struct dropper *d)
{
	struct fail f = {{0}};
	if (rule_open(&d->rule, o, &f))
		return cli_invalid(c, &f);
	if (d->mark && (c->rejects || d->strip || d->max_drop))
		return cli_usage(c, "--mark drops nothing: it cannot be combined with %s", c->rejects ? "-r" : d->strip ? "--strip" : "--max-drop");
	if (d->max_drop && quota_parse(&d->limit, d->max_drop))
		return cli_usage(c, "--max-drop takes a number of records or a percentage, as in 100 or 5%%, not '%s'", d->max_drop);
	if (!cli_check_stdin(c, "--keys", o->keys))
		return false;
	return cli_check_overwrite(c, "--keys", o->keys);
}

static void warn_keys(const struct cli *c, const struct keylist *l)
{
	size_t at = 0;
	const char *key = keylist_next_unseen(l, &at); /* escaped */
	if (!key)
		return;
	cli_note(c, "%zu of %zu listed keys are not in the stream; the first: '%.600s'", l->n - l->seen, l->n, key);
	while (c->verbose && (key = keylist_next_unseen(l, &at)))
		cli_note(c, "also not in the stream: '%.900s'", key);
}

static void warn(const struct cli *c, const struct dropper *d)
{
	const struct rule *u = &d->rule;
	unsigned long long n = d->flow.records, matched = d->matched, missing = u->missing;
	const char *why = u->inverted ? "did not match and " : "", *was = missing == 1 ? "was" : "were";
	const char *done = !u->inverted ? "kept" : d->mark ? "marked" : "dropped";
	if (c->dry_run)
		cli_note(c, "would %s %llu of %llu records (%.700s)", d->mark ? "mark" : "drop", matched, n, u->description.p);
	else if (c->verbose)
		cli_note(c, "%s %llu of %llu records (%.700s)", d->mark ? "marked" : "dropped", matched, n, u->description.p);
	if (u->kind == RULE_DUPLICATES && n && missing == n)
		cli_note(c, "no record has the field '%s', by which vae-density --duplicates marks duplicates", u->field);
	else if (u->kind == RULE_DUPLICATES)
		return;
	else if (u->field)
		cli_note_count(c, missing, "record without the field '%s' %s%s %s", "records without the field '%s' %s%s %s", u->field, why, was, done);
	else
		cli_note_count(c, missing, "record lacks a name in the expression of -e: it %s%s %s",
		               "records lack a name in the expression of -e: they %s%s %s", why, was, done);
	if (u->kind == RULE_KEYS)
		warn_keys(c, &u->keys);
}

static int count(struct fields *s, const struct dropper *d, int stopped, struct fail *f)
{
	const struct rule *u = &d->rule;
	int r = fields_set_int(s, "dropped", d->mark || stopped ? 0 : (int64_t)d->matched, f) || fields_set_int(s, "matched", (int64_t)d->matched, f) ||
	        fields_set_int(s, "without_field", (int64_t)u->missing, f) || fields_set_string(s, "rule", u->description.p, f);
	if (!r && u->kind == RULE_KEYS)
		r = fields_set_int(s, "keys", (int64_t)u->keys.n, f) || fields_set_int(s, "keys_missing", (int64_t)(u->keys.n - u->keys.seen), f);
	if (!r && d->max_drop)
		r = fields_set_string(s, "max_drop", d->max_drop, f) || fields_set_int(s, "stopped", stopped, f);
	return r ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct rule_options o = {.above = NAN};
	struct dropper d = {.matched = 0};
	const struct cli_opt opts[] = {
		{0, "top", "N|P%", CLI_TEXT, &o.top, "select the N records, or at most P percent, that rank highest"},
		{0, "above", "X", CLI_REAL, &o.above, "select the records whose field is above X"},
		{'k', "key", "FIELD", CLI_TEXT, &o.field, "the field (default: rank with --top, selfinf with --above, dup_group with --duplicates)"},
		{'e', "expression", "EXPR", CLI_TEXT, &o.expr, "select the records that match, as in 'z > 5 && cls != 9'"},
		{0, "keys", "LIST", CLI_TEXT, &o.keys, "select the records whose keys are in the file LIST, one a line"},
		{0, "duplicates", "WHICH", CLI_TEXT, &o.duplicates, "keep-first: select all but the first of each group in dup_group"},
		{'i', "include", NULL, CLI_FLAG, &o.inverted, "keep the selected records, and drop all others"},
		{0, "because", "TEXT", CLI_TEXT, &o.because, "what dropped_by says (default: the rule)"},
		{0, "max-drop", "N|P%", CLI_TEXT, &d.max_drop, "write nothing and exit 3 if more than that would be dropped"},
		{'r', "rejects", "FILE", CLI_TEXT, &c.rejects, "write the dropped records to FILE (zstd if it ends in .zst)"},
		{0, "mark", NULL, CLI_FLAG, &d.mark, "drop nothing; append dropped_by to what would be dropped"},
		{0, "strip", NULL, CLI_FLAG, &d.strip, "remove the scores of kept records: all fields but source"},
		{'n', "dry-run", NULL, CLI_FLAG, &c.dry_run, "write no records; only say how many would be dropped (-v: which)"},
		CLI_NAMES(&c),
		CLI_OUTPUT(&c),
		CLI_KEYS(&c),
		CLI_RECORDS(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-drop", "[FILE ...]", "Drops, quarantines or marks records: by rank, threshold, expression or a list of keys.", opts, argc, argv))
		return c.status;
	if (!check_options(&c, &o, &d)) {
		rule_free(&d.rule);
		return c.status;
	}
	struct fail f = {{0}};
	d.flow.cli = &c;
	int r = o.keys && keylist_read(&d.rule.keys, o.keys, &f) ? -1 : dropper_run(&d, &c, &f);
	if (r >= 0 && count(&c.counts, &d, r, &f))
		r = -1;
	if (!r || (r > 0 && c.dry_run))
		warn(&c, &d);
	int status = r > 0 ? flow_stop(&d.flow, &f) : flow_finish(&d.flow, r, &f);
	rule_free(&d.rule);
	return status;
}
