/* vae-rank: ranks records by a field or by the joint score of several, or compares them with a reference. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rank/selection.h"
#include "tool/ranker.h"

struct options {
	const char *list, *unlike, *far, *ref_file, *decisions;
	int joint; /* enum joint_kind; -1: not given */
	int merge, columns;
	const char *top, *lists, *bindings;
	struct quota quota;
};

/* --merge-ref: the operands are references. */
static bool check_merge(struct cli *c, const struct options *o, const struct ranker *k)
{
	if (o->list || o->unlike || o->far || o->ref_file || o->decisions || o->columns || o->joint >= 0 || k->sort || c->save_ref)
		return cli_usage(c, "--merge-ref takes references and -o; options of ranking do not apply");
	if (!c->output || !c->nfiles)
		return cli_usage(c, "--merge-ref requires references, and -o FILE for the merged one");
	return true;
}

/* The options of --columns. */
static bool check_columns(struct cli *c, struct options *o, const struct ranker *k)
{
	if (!o->columns)
		return !(o->top || o->lists || o->bindings) || cli_usage(c, "%s is for --columns", o->top ? "--top (vae-drop has one for records)" : o->lists ? "--lists" : "--bindings");
	if (k->sort || c->save_ref || o->ref_file || o->decisions || c->output || c->key_prefix)
		return cli_usage(c, "--columns reads no records: it cannot be combined with --sort, --save-ref, --ref, --learn, -o and --key-prefix");
	if (!o->lists || !o->top || !c->nfiles)
		return cli_usage(c, "--columns requires %s", !o->lists ? "--lists DIR" : !o->top ? "--top N|P%" : "FILEs that vae-cut --columns has made");
	return !quota_parse(&o->quota, o->top) || cli_usage(c, "--top takes a number of records or a percentage, as in 100 or 1%%, not '%s'", o->top);
}

/* Selects from files of columns. */
static int run_columns(struct cli *c, const struct options *o, struct criterion *by, struct fail *f)
{
	struct selection s = {.criterion = by, .path = c->files, .files = c->nfiles, .top = o->quota, .bindings = o->bindings, .lists = o->lists, .keys_per_file = c->keys_by_file};
	struct fields *n = &c->counts;
	if (selection_run(&s, f))
		return -1;
	if (c->verbose)
		cli_note(c, "%llu of %llu records are listed (top %s of '%.700s')", (unsigned long long)s.selected, (unsigned long long)s.records, o->top, by->label);
	if (by->incomplete)
		cli_note(c, "%llu of %llu records have no number in some of the fields", (unsigned long long)by->incomplete, (unsigned long long)s.scored);
	if (fields_set_int(n, "files", s.files, f) || fields_set_int(n, "records", (int64_t)s.records, f) || fields_set_int(n, "ranked", (int64_t)s.scored, f) ||
	    fields_set_int(n, "listed", (int64_t)s.selected, f) || fields_set_string(n, "rank_by", by->label, f) || fields_set_string(n, "top", o->top, f))
		return -1;
	return !isnan(s.threshold) ? fields_set_real(n, "threshold", s.threshold, f) : 0;
}

static bool check_options(struct cli *c, struct options *o, struct ranker *k)
{
	struct fail f = {{0}};
	if (o->merge)
		return check_merge(c, o, k);
	if (!check_columns(c, o, k))
		return false;
	if (o->ref_file && (k->sort || c->save_ref || o->decisions))
		return cli_usage(c, "--ref cannot be combined with %s", k->sort ? "--sort" : c->save_ref ? "--save-ref" : "--learn");
	if (!cli_check_stdin(c, "--learn", o->decisions))
		return false;
	if ((o->unlike || o->far) && !o->ref_file && o->joint != JOINT_BOTH)
		return cli_usage(c, "%s requires --joint both", o->unlike ? "--unlike" : "--far");
	const struct criterion_lists lists = {o->list ? o->list : "selfinf", o->unlike, o->far};
	if (criterion_open(&k->criterion, &lists, o->joint < 0 ? JOINT_TAILS : (enum joint_kind)o->joint, &f)) {
		fail_add(&f, o->unlike || o->far ? "-k, --unlike, --far" : "-k");
		return cli_invalid(c, &f);
	}
	if (!cli_check_overwrite(c, "--ref", o->ref_file) || !cli_check_overwrite(c, "--bindings", o->bindings) || !cli_check_overwrite(c, "--learn", o->decisions))
		return false;
	k->criterion.learns = o->decisions != NULL;
	k->criterion.joint_wanted |= k->criterion.learns;
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
	if (o->far && (!by->far || strcmp(o->far, by->far) != 0))
		return fail_set(f, "%s: this reference was not made with --far '%s'", o->ref_file, o->far);
	if (o->joint >= 0 && (!by->joint_wanted || o->joint != (int)by->joint.kind))
		return fail_set(f, "%s: this reference was not made with --joint %s", o->ref_file, joint_names[o->joint]);
	return 0;
}

static int merge(const struct cli *c, struct fail *f)
{
	struct reference all, *parts = calloc((size_t)c->nfiles, sizeof *parts);
	struct atomic_file to;
	size_t n = 0;
	if (!parts)
		return fail_memory(f);
	int r = 0;
	while (n < (size_t)c->nfiles && !r) {
		r = reference_read(&parts[n], c->files[n], f);
		n++;
	}
	if (!r) {
		r = reference_merge(&all, parts, c->files, n, f) || atomic_open(&to, c->output, f) ? -1 : 0;
		if (!r && reference_save(&all, &to, f)) {
			atomic_abort(&to);
			r = fail_add(f, "%s", c->output);
		} else if (!r) {
			r = atomic_commit(&to, f);
		}
		reference_free(&all);
	}
	while (n-- > 0)
		reference_free(&parts[n]);
	free(parts);
	return r;
}

static int run(struct ranker *k, const struct options *o, struct fail *f)
{
	k->compare = o->ref_file != NULL;
	if (o->decisions && keylist_read_decisions(&k->decisions, o->decisions, f))
		return fail_add(f, "--learn");
	if ((k->compare && open_reference(o, &k->reference, f)) || ranker_open(k, f) || ranker_run(k, f))
		return -1;
	return ranker_report(k, f) || ranker_close(k, f) ? -1 : 0;
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
		{0, "far", "FIELDS", CLI_TEXT, &o.far, "with --joint both: fields that count only if the record is far from the rest in them"},
		{0, "learn", "FILE", CLI_TEXT, &o.decisions, "learn from decisions: lines of a key, a tab, and keep, drop or unsure"},
		{0, "sort", NULL, CLI_FLAG, &k.sort, "write the records in rank order, those without a rank last"},
		{0, "save-ref", "FILE", CLI_TEXT, &c.save_ref, "save the distribution of the score to FILE, for --ref"},
		{0, "ref", "FILE", CLI_TEXT, &o.ref_file, "compare with the distribution in FILE: pct and z, but no ranks; one pass"},
		{0, "merge-ref", NULL, CLI_FLAG, &o.merge, "merge the references FILE ... into that of all their records, and write it to -o"},
		{0, "columns", NULL, CLI_FLAG, &o.columns, "FILEs are of vae-cut --columns: write no records, but lists of the highest of all"},
		{0, "top", "N|P%", CLI_TEXT, &o.top, "with --columns: list the N records, or at most P percent, that rank highest"},
		{0, "lists", "DIR", CLI_TEXT, &o.lists, "with --columns: write the keys of A.col that are listed to DIR/A.keys"},
		{0, "bindings", "FILE", CLI_TEXT, &o.bindings, "with --columns: line I is the --bind that the I-th FILE must have"},
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
	int r = o.merge ? merge(&c, &f) : o.columns ? run_columns(&c, &o, &k.criterion, &f) : run(&k, &o, &f);
	ranker_free(&k);
	if (r)
		cli_failed(&c, &f);
	return cli_end(&c, r ? EXIT_FAILED : EXIT_OK);
}
