#include "tool/dropper.h"

#include <math.h>
#include <string.h>

#include "stream/name.h"

static const char *const names[] = {"dropped_by", "dropped_threshold", NULL};

/* Replaces what an earlier run appended: says why a selected record is dropped. */
static int annotate(struct dropper *d, struct record *r, int selected, double threshold, struct fail *f)
{
	const struct cli *c = d->flow.cli;
	char name[256];
	if (flow_claim(&d->flow, r, names, f))
		return -1;
	flow_clear(&d->flow, r, names);
	if (!selected)
		return 0;
	if (fields_set_string(&r->fields, cli_field(c, name, "dropped_by"), d->rule.description.p, f))
		return -1;
	r->fields_changed = 1;
	cli_field(c, name, "dropped_threshold");
	if (isnan(threshold))
		return 0;
	return d->rule.kind == RULE_TOP ? fields_set_int(&r->fields, name, (int64_t)threshold, f) : fields_set_real(&r->fields, name, threshold, f);
}

/* Two records of one key in a row would become one: without their prefixes, those of two files may be. */
static int check_key(struct dropper *d, const struct record *r, struct fail *f)
{
	size_t own = 0;
	while (own < r->n && r->m[own].loose)
		own++;
	if (own == r->n)
		return 0;
	if (r->key.len == d->last_key.len && memcmp(r->key.p, d->last_key.p, r->key.len) == 0) {
		fail_set(f, "without its prefix, it has the key of the record before it: strip the records of each file alone, "
		            "as with -i -e 'key ~ \"PREFIX*\"'");
		return record_fail(r, f);
	}
	d->last_key.len = 0;
	return buf_add(&d->last_key, r->key.p, r->key.len, f);
}

static int drop_record(void *ctx, struct record *r, struct fail *f)
{
	struct dropper *d = ctx;
	const struct cli *c = d->flow.cli;
	double threshold;
	char shown[256];
	int selected = rule_match(&d->rule, r, &threshold, f);
	if (selected < 0)
		return -1;
	d->matched += (uint64_t)selected;
	if (selected && c->dry_run && c->verbose)
		cli_note(c, "would %s '%s': %s", d->mark ? "mark" : "drop", name_show(shown, sizeof shown, r->key.p), d->rule.description.p);
	if ((d->mark || (selected && d->flow.rejects)) && annotate(d, r, selected, threshold, f))
		return -1;
	if (selected && !d->mark)
		return flow_reject(&d->flow, r, f);
	if (d->strip && (record_remove_fields(r, f) || check_key(d, r, f)))
		return -1;
	return flow_pass(&d->flow, r, f);
}

static int drop_stream(struct dropper *d, struct fail *f)
{
	const struct rule *u = &d->rule;
	d->matched = d->last_key.len = 0;
	rule_begin(&d->rule);
	int r = flow_each(&d->flow, drop_record, d, f);
	uint64_t n = d->flow.records;
	if (!r && n && u->field && u->kind != RULE_DUPLICATES && u->missing == n)
		r = fail_set(f, u->kind == RULE_TOP ? "none of %llu records has a rank in the fields '%s' and '%s_n': rank them first, with vae-rank"
		                                    : "none of %llu records has a number in the field '%s'", (unsigned long long)n, u->field, u->field);
	return r;
}

/* Whether more records match than max_drop allows; then f says so. */
static int over_limit(const struct dropper *d, struct fail *f)
{
	if (!d->max_drop || (double)d->matched <= quota_records(&d->limit, (double)d->flow.records))
		return 0;
	fail_set(f, "%llu of %llu records would be dropped (%.600s), more than --max-drop %s: nothing was written", (unsigned long long)d->matched,
	         (unsigned long long)d->flow.records, d->rule.description.p, d->max_drop);
	return 1;
}

static int run(struct dropper *d, struct cli *c, struct fail *f)
{
	struct flow *w = &d->flow;
	if (flow_open(w, c, c->dry_run ? FLOW_SINK : d->max_drop ? FLOW_TWICE : 0, f))
		return -1;
	if (!d->max_drop || c->dry_run)
		return drop_stream(d, f) ? -1 : over_limit(d, f);
	struct writer *out = w->out, *rejects = w->rejects; /* the first pass only counts */
	w->out = w->rejects = NULL;
	int r = drop_stream(d, f);
	w->out = out;
	w->rejects = rejects;
	if (r || over_limit(d, f))
		return r ? -1 : 1;
	w->records = w->rejected = 0;
	if (reader_rewind(w->in, f) || drop_stream(d, f))
		return -1;
	return over_limit(d, f) ? fail_set(f, "the input changed between two passes: run the tool again") : 0;
}

int dropper_run(struct dropper *d, struct cli *c, struct fail *f)
{
	int r = run(d, c, f);
	buf_free(&d->last_key);
	return r;
}
