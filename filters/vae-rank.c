/* vae-rank: ranks records by a field or by the joint score of several, or compares them with a reference. */
#include <stdio.h>
#include <string.h>

#include "tool/ranker.h"

struct options {
	const char *list, *unlike, *ref_file;
	int joint; /* enum joint_kind; -1: not given */
};

static bool check_options(struct cli *c, const struct options *o, struct ranker *k)
{
	struct fail f = {{0}};
	if (o->ref_file && (k->sort || c->save_ref))
		return cli_usage(c, "--ref cannot be combined with %s", k->sort ? "--sort" : "--save-ref");
	if (o->unlike && !o->ref_file && o->joint != JOINT_BOTH)
		return cli_usage(c, "--unlike requires --joint both");
	if (criterion_open(&k->criterion, o->list ? o->list : "selfinf", o->unlike, o->joint < 0 ? JOINT_TAILS : (enum joint_kind)o->joint, &f)) {
		fail_add(&f, o->unlike ? "-k, --unlike" : "-k");
		return cli_invalid(c, &f);
	}
	if (!cli_check_overwrite(c, "--ref", o->ref_file))
		return false;
	if (o->joint >= 0 && !k->criterion.joint_wanted && !o->ref_file)
		return cli_usage(c, "--joint requires several fields (-k a,b)");
	return true;
}

/* Reads the reference, which must agree with -k, --unlike and --joint where they are given. */
static int open_reference(const struct options *o, struct reference *ref, struct fail *f)
{
	const struct criterion *by = &ref->criterion;
	if (reference_read(ref, o->ref_file, f))
		return fail_add(f, "--ref");
	if (o->list && strcmp(o->list, by->list) != 0)
		return fail_set(f, "%s: a reference of '%s', but -k is '%s'", o->ref_file, by->list, o->list);
	if (o->unlike && (!by->unlike || strcmp(o->unlike, by->unlike) != 0))
		return fail_set(f, "%s: this reference was not made with --unlike '%s'", o->ref_file, o->unlike);
	if (o->joint >= 0 && (!by->joint_wanted || o->joint != (int)by->joint.kind))
		return fail_set(f, "%s: this reference was not made with --joint %s", o->ref_file, joint_names[o->joint]);
	return 0;
}

static void warn_incomplete(const struct cli *c, const struct criterion *by, unsigned long long n)
{
	struct buf b = {0};
	struct fail f;
	int bad = 0;
	for (int i = 0; i < by->joint.p; i++)
		if (by->missing[i])
			bad |= buf_addf(&b, &f, "%s'%s' (%llu)", b.len ? ", " : "", by->field[i], (unsigned long long)by->missing[i]);
	if (by->incomplete && !bad)
		cli_note(c, "%llu of %llu records have no number in some fields, which add nothing to their joint score: %s", (unsigned long long)by->incomplete, n, b.p);
	buf_free(&b);
}

static void warn_degenerate(const struct cli *c, const struct criterion *by)
{
	const struct joint *j = &by->joint;
	for (int i = 0; i < j->p; i++) {
		if (joint_uses(j, i, JOINT_HARDER) && joint_degenerate(j, i, JOINT_HARDER))
			cli_note(c, "the field '%s' has one value in all records, and adds nothing to the joint score", by->field[i]);
		if (joint_uses(j, i, JOINT_UNLIKE) && joint_degenerate(j, i, JOINT_UNLIKE))
			cli_note(c, "the field '%s' has one value in more than half of the records, and is left out of the joint score", by->field[i]);
	}
	for (int i = 0, k = 0, found = j->kind == JOINT_TAILS ? -1 : mcd_collinear(&j->mcd); i < j->p && found >= 0; i++)
		if (joint_uses(j, i, JOINT_UNLIKE) && k++ == found)
			cli_note(c, "the field '%s' is collinear with the others, or nearly", by->field[i]);
}

static void warn(const struct ranker *k, const struct criterion *by)
{
	const struct cli *c = k->cli;
	unsigned long long n = k->flow.records, unscored = n - k->ranking.scored;
	if (unscored)
		cli_note(c, "%llu of %llu records have no number in %s'%s': they are not ranked", unscored, n, by->joint_wanted ? "any of the fields " : "", by->label);
	if (k->mixed.msg[0])
		cli_note(c, "scores of different models or options are ranked together; the first: %s", k->mixed.msg);
	if (!by->joint_wanted || !k->ranking.scored) /* one field, or an empty stream */
		return;
	warn_incomplete(c, by, n);
	warn_degenerate(c, by);
}

/* The counts of --summary. */
static int count(struct fields *counts, const struct ranker *k, const struct criterion *by, struct fail *f)
{
	char name[300];
	int r = fields_set_int(counts, "ranked", (int64_t)k->ranking.scored, f) || fields_set_string(counts, "rank_by", by->label, f) ||
	        (by->joint_wanted && fields_set_int(counts, "incomplete", (int64_t)by->incomplete, f));
	for (int i = 0; i < by->joint.p && by->joint_wanted && !r; i++) {
		snprintf(name, sizeof name, "missing_%.280s", by->field[i]);
		r = by->missing[i] && fields_set_int(counts, name, (int64_t)by->missing[i], f);
	}
	return r ? -1 : 0;
}

static int run(struct ranker *k, const struct options *o, struct fail *f)
{
	k->compare = o->ref_file != NULL;
	if ((k->compare && open_reference(o, &k->reference, f)) || ranker_open(k, f) || ranker_run(k, f))
		return -1;
	const struct criterion *by = k->compare ? &k->reference.criterion : &k->criterion;
	warn(k, by);
	return count(&k->cli->counts, k, by, f) || ranker_close(k, f) ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct options o = {.joint = -1};
	static struct ranker k = RANKER_INIT;
	const struct cli_opt opts[] = {
		{'k', "key", "FIELDS", CLI_TEXT, &o.list, "rank by this field, highest first (default selfinf), or by the joint score of a,b,c_*"},
		{0, "joint", "KIND", CLI_CHOICE, &o.joint, "joint score: tails (high values; default), mahalanobis (high and low values) or both", joint_names},
		{0, "unlike", "FIELDS", CLI_TEXT, &o.unlike, "with --joint both: the fields whose low values count too (default: those of -k)"},
		{0, "sort", NULL, CLI_FLAG, &k.sort, "write the records in rank order, those without a rank last"},
		{0, "save-ref", "FILE", CLI_TEXT, &c.save_ref, "save the distribution of the score to FILE, for --ref"},
		{0, "ref", "FILE", CLI_TEXT, &o.ref_file, "compare with the distribution in FILE: pct and z, but no ranks; one pass"},
		CLI_NAMES(&c),
		CLI_OUTPUT(&c),
		CLI_KEYS(&c),
		CLI_RECORDS(&c),
		CLI_BASE(&c),
	};
	struct fail f = {{0}};
	k.cli = &c;
	if (!cli_begin(&c, "vae-rank", "[FILE ...]", "Ranks records by a field, or by several jointly: appends rank, rank_n, rank_by, pct, z.", opts, argc, argv) ||
	    !check_options(&c, &o, &k)) {
		ranker_free(&k);
		return c.status;
	}
	int r = run(&k, &o, &f);
	ranker_free(&k);
	if (r)
		cli_failed(&c, &f);
	return cli_end(&c, r ? EXIT_FAILED : EXIT_OK);
}
