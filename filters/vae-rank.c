/* vae-rank: ranks records by a field or by the joint score of several, or compares them with a reference. */
#include <string.h>

#include "tool/ranker.h"

struct options {
	const char *list, *ref_file;
	int joint; /* enum joint_kind; -1: not given */
};

static bool check_options(struct cli *c, const struct options *o, struct ranker *k)
{
	struct fail f = {{0}};
	if (o->ref_file && (k->sort || c->save_ref))
		return cli_usage(c, "--ref cannot be combined with %s", k->sort ? "--sort" : "--save-ref");
	if (criterion_open(&k->criterion, o->list ? o->list : "selfinf", o->joint < 0 ? JOINT_TAILS : (enum joint_kind)o->joint, &f)) {
		fail_add(&f, "-k");
		return cli_invalid(c, &f);
	}
	if (!cli_check_overwrite(c, "--ref", o->ref_file))
		return false;
	if (o->joint >= 0 && k->criterion.joint.p == 1 && !o->ref_file)
		return cli_usage(c, "--joint requires several fields (-k a,b)");
	return true;
}

/* Reads the reference, which must agree with -k and --joint where they are given. */
static int open_reference(const struct options *o, struct reference *ref, struct fail *f)
{
	if (reference_read(ref, o->ref_file, f))
		return fail_add(f, "--ref");
	if (o->list && strcmp(o->list, ref->criterion.list) != 0)
		return fail_set(f, "%s: a reference of '%s', but -k is '%s'", o->ref_file, ref->criterion.list, o->list);
	if (o->joint >= 0 && (ref->criterion.joint.p == 1 || o->joint != (int)ref->criterion.joint.kind))
		return fail_set(f, "%s: this reference was not made with --joint %s", o->ref_file, joint_names[o->joint]);
	return 0;
}

static void warn(const struct ranker *k, const struct criterion *by)
{
	const struct cli *c = k->cli;
	const struct joint *j = &by->joint;
	unsigned long long n = k->flow.records, unscored = n - k->ranking.scored;
	if (unscored)
		cli_note(c, "%llu of %llu records have no number in '%s': they are not ranked", unscored, n, by->list);
	if (k->mixed.msg[0])
		cli_note(c, "scores of different models or options are ranked together; the first: %s", k->mixed.msg);
	if (j->p == 1 || (j->kind == JOINT_TAILS ? !j->tail[0].n : !j->mcd.dim)) /* one field, or an empty stream */
		return;
	for (int i = 0; i < j->p; i++)
		if (joint_degenerate(j, i))
			cli_note(c, j->kind == JOINT_TAILS ? "the field '%s' has one value in all records, and adds nothing to the joint score"
			                                   : "the field '%s' has one value in more than half of the records, and is left out of the joint score", by->field[i]);
	if (j->kind == JOINT_MAHALANOBIS && mcd_collinear(&j->mcd) >= 0)
		cli_note(c, "the field '%s' is collinear with the others, or nearly", by->field[mcd_collinear(&j->mcd)]);
}

static int run(struct ranker *k, const struct options *o, struct fail *f)
{
	struct fields *counts = &k->cli->counts;
	k->compare = o->ref_file != NULL;
	if ((k->compare && open_reference(o, &k->reference, f)) || ranker_open(k, f) || ranker_run(k, f))
		return -1;
	const struct criterion *by = k->compare ? &k->reference.criterion : &k->criterion;
	warn(k, by);
	return fields_set_int(counts, "ranked", (int64_t)k->ranking.scored, f) || fields_set_string(counts, "rank_by", by->list, f) || ranker_close(k, f) ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct options o = {.joint = -1};
	static struct ranker k = RANKER_INIT;
	const struct cli_opt opts[] = {
		{'k', "key", "FIELDS", CLI_TEXT, &o.list, "rank by this field, highest first (default selfinf), or by the joint score of a,b,c"},
		{0, "joint", "KIND", CLI_CHOICE, &o.joint, "joint score: tails (high values; default) or mahalanobis (high and low values)", joint_names},
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
