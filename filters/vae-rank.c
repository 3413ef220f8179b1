/* vae-rank: ranks records by a field, or by the joint score of several: two passes over the stream. Against a
 * reference, one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/flow.h"
#include "rank/reference.h"

struct spool { /* --sort: every record as tar, and where it lies */
	int fd;
	struct writer *out;
	uint64_t *from, *len;
	size_t n, cap;
};

struct rank {
	struct cli cli;
	const char *list, *joint, *ref_file;
	int sort;
	struct flow flow;
	struct criterion by;
	struct ranking ranking;
	struct spool spool;
	struct provenance origin;       /* of the records' scores */
	struct fail mixed;          /* the first that has another one */
	struct atomic_file save;    /* --save-ref, while it is written */
	struct reference reference; /* --ref */
};

/* what is appended; of several fields, the last too */
static const char *const all_names[] = {"rank", "rank_n", "rank_by", "pct", "z", "joint", NULL};
static const char *const field_names[] = {"rank", "rank_n", "rank_by", "pct", "z", NULL};

static const char *const *names(const struct criterion *by) { return by->joint.p > 1 ? all_names : field_names; }

static int spool_record(struct spool *s, struct record *r, struct fail *f)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 1024;
		uint64_t *from = realloc(s->from, cap * sizeof *from), *len = NULL;
		if (from)
			s->from = from;
		len = realloc(s->len, cap * sizeof *len);
		if (len)
			s->len = len;
		if (!from || !len)
			return fail_memory(f);
		s->cap = cap;
	}
	s->from[s->n] = writer_bytes(s->out);
	if (writer_record(s->out, r, WRITER_ALL, f))
		return -1;
	s->len[s->n] = writer_bytes(s->out) - s->from[s->n];
	s->n++;
	return 0;
}

static int none_scored(const struct criterion *by, uint64_t n, struct fail *f)
{
	return fail_set(f, by->joint.p > 1 ? "none of %llu records has numbers in all of the fields '%s'"
	                                   : "none of %llu records has a number in the field '%s'", (unsigned long long)n, by->list);
}

/* A reference wants scores of one model and one setting; ranks only say so. */
static int check_origin(struct rank *k, struct record *r, struct fail *f)
{
	if (k->mixed.msg[0] || !provenance_check(&k->origin, &k->by, &r->fields, &k->mixed))
		return 0;
	record_fail(r, &k->mixed);
	if (!k->save.path && !k->mixed.memory)
		return 0;
	*f = k->mixed;
	return -1;
}

static int first_record(struct rank *k, struct record *r, struct fail *f)
{
	struct ranking *all = &k->ranking;
	if (flow_claim(&k->flow, r, names(&k->by), f) || criterion_add(&k->by, &r->fields, all, f))
		return -1;
	if (!isnan(all->v[all->n - 1].value) && check_origin(k, r, f))
		return -1;
	return k->sort ? spool_record(&k->spool, r, f) : 0;
}

static int first_pass(struct rank *k, struct fail *f)
{
	struct record r = {.scores = -1};
	struct writer *out = k->flow.out;
	int got;
	if (!k->sort)
		k->flow.out = NULL; /* what stands between records comes with the second pass */
	while ((got = flow_next(&k->flow, &r, f)) > 0)
		if (first_record(k, &r, f)) {
			got = -1;
			break;
		}
	k->flow.out = out;
	record_free(&r);
	if (!got && k->ranking.n && !k->ranking.scored)
		got = none_scored(&k->by, k->ranking.n, f);
	return got ? got : criterion_fit(&k->by, &k->ranking, f);
}

static int set_common(const struct cli *c, const struct criterion *by, struct record *r, double pct, double z, double value, struct fail *f)
{
	char name[256];
	r->fields_changed = 1;
	return fields_set_string(&r->fields, cli_field(c, name, "rank_by"), by->list, f) ||
	                       fields_set_real(&r->fields, cli_field(c, name, "pct"), pct, f) ||
	                       fields_set_real(&r->fields, cli_field(c, name, "z"), z, f) ||
	                       (by->joint.p > 1 && fields_set_real(&r->fields, cli_field(c, name, "joint"), value, f))
	               ? record_fail(r, f) : 0;
}

static int annotate(const struct rank *k, struct record *r, uint64_t at, double v, struct fail *f)
{
	const struct ranking *all = &k->ranking;
	char name[256];
	if (record_fields(r, f))
		return -1;
	flow_clear(&k->flow, r, all_names); /* which would look like a part of this ranking */
	if (at >= all->scored)
		return 0;
	if (fields_set_int(&r->fields, cli_field(&k->cli, name, "rank"), (int64_t)at, f) ||
	    fields_set_int(&r->fields, cli_field(&k->cli, name, "rank_n"), (int64_t)all->scored, f))
		return record_fail(r, f);
	double pct = 100 * (double)(all->scored - at) / (double)all->scored;
	return set_common(&k->cli, &k->by, r, pct, ranking_z(all, v), v, f);
}

/* Points the flow at what the first pass spooled, in rank order. */
static int reread_sorted(struct rank *k, uint64_t **order, struct fail *f)
{
	size_t n = k->ranking.n;
	*order = malloc(2 * (n + 1) * sizeof **order);
	if (!*order)
		return fail_memory(f);
	uint64_t *from = *order, *len = *order + n;
	for (size_t i = 0; i < n; i++) {
		from[i] = k->spool.from[k->ranking.v[i].index];
		len[i] = k->spool.len[k->ranking.v[i].index];
	}
	struct writer *out = k->spool.out;
	k->spool.out = NULL;
	if (writer_close(out, f))
		return -1;
	struct reader *in = reader_open_ranges(k->spool.fd, from, len, n, f);
	if (!in)
		return -1;
	reader_close(k->flow.in);
	k->flow.in = in;
	return 0;
}

static int second_pass(struct rank *k, struct fail *f)
{
	struct record r = {.scores = -1};
	struct writer *out = k->flow.out;
	uint64_t i = 0;
	int got = 0;
	k->flow.records = 0;
	while (!got) {
		/* the first pass has let loose members between records out when sorting, else they come now */
		int item = reader_next(k->flow.in, &r, f);
		if (item == READER_LOOSE && !k->sort) {
			got = writer_record(out, &r, WRITER_ALL, f);
			continue;
		}
		if (item != READER_RECORD) {
			got = item;
			break;
		}
		if (i >= k->ranking.n) {
			got = fail_set(f, "more records than in the first pass: changed between two passes");
			break;
		}
		const struct ranked *this = &k->ranking.v[i];
		got = annotate(k, &r, k->sort ? i : this->index, this->value, f) ? -1 : writer_record(out, &r, WRITER_ALL, f);
		i++;
		k->flow.records++;
	}
	record_free(&r);
	return got;
}

static int rank_stream(struct rank *k, struct fail *f)
{
	uint64_t *order = NULL;
	if (first_pass(k, f))
		return -1;
	ranking_sort(&k->ranking);
	if (k->save.path && reference_write(&k->ranking, &k->by, &k->origin, &k->save, f))
		return fail_add(f, "--save-ref");
	if (!k->sort)
		ranking_invert(&k->ranking);
	int r = k->sort ? reread_sorted(k, &order, f) : reader_rewind(k->flow.in, f);
	if (!r)
		r = second_pass(k, f);
	free(order);
	return r;
}

/* --ref: every record for itself. */
static int compare_record(struct rank *k, struct record *r, struct fail *f)
{
	struct reference *ref = &k->reference;
	double v;
	if (flow_claim(&k->flow, r, names(&ref->criterion), f))
		return -1;
	int have = criterion_score(&ref->criterion, &r->fields, &v);
	if (have && provenance_check(&ref->provenance, &ref->criterion, &r->fields, f))
		return record_fail(r, f);
	flow_clear(&k->flow, r, all_names);
	k->ranking.scored += (size_t)have;
	if (have && set_common(&k->cli, &ref->criterion, r, reference_pct(ref, v), reference_z(ref, v), v, f))
		return -1;
	return flow_pass(&k->flow, r, f);
}

static int compare_stream(struct rank *k, struct fail *f)
{
	struct record r = {.scores = -1};
	int got;
	while ((got = flow_next(&k->flow, &r, f)) > 0)
		if (compare_record(k, &r, f)) {
			got = -1;
			break;
		}
	record_free(&r);
	return !got && k->flow.records && !k->ranking.scored ? none_scored(&k->reference.criterion, k->flow.records, f) : got;
}

static void remark(const struct rank *k, const struct criterion *by)
{
	const struct cli *c = &k->cli;
	const struct joint *j = &by->joint;
	unsigned long long n = k->flow.records, without = n - k->ranking.scored;
	if (without)
		cli_note(c, "%llu of %llu records have no number in '%s': they are not ranked", without, n, by->list);
	if (k->mixed.msg[0])
		cli_note(c, "scores of different origin are ranked together; the first: %s", k->mixed.msg);
	/* fields that a joint score can do nothing with */
	if (j->p == 1 || (j->kind == JOINT_TAILS ? !j->tail[0].n : !j->mcd.dim))
		return;
	for (int i = 0; i < j->p; i++)
		if (joint_degenerate(j, i))
			cli_note(c, j->kind == JOINT_TAILS ? "the field '%s' has one value in all records, and adds nothing to the joint score"
			                                   : "the field '%s' has one value in more than half of the records, and is left out of the joint score", by->field[i]);
	if (j->kind == JOINT_MAHALANOBIS && mcd_collinear(&j->mcd) >= 0)
		cli_note(c, "the field '%s' follows from the others, or nearly so", by->field[mcd_collinear(&j->mcd)]);
}

static bool check_options(struct rank *k)
{
	struct cli *c = &k->cli;
	struct fail f = {{0}};
	enum joint_kind kind = k->joint ? joint_kind_of(k->joint) : JOINT_TAILS;
	if (kind == JOINT_KINDS)
		return cli_usage(c, "--joint is tails or mahalanobis, not '%s'", k->joint);
	if (k->ref_file && (k->sort || c->save_ref))
		return cli_usage(c, "--ref does not go with %s", k->sort ? "--sort" : "--save-ref");
	if (criterion_open(&k->by, k->list ? k->list : "selfinf", kind, &f)) {
		fail_add(&f, "-k");
		return cli_invalid(c, &f);
	}
	if (!cli_check_overwrite(c, "--ref", k->ref_file))
		return false;
	if (k->joint && k->by.joint.p == 1 && !k->ref_file)
		return cli_usage(c, "--joint is for the joint score of several fields (-k a,b)");
	return true;
}

/* The reference, which must be of what -k and --joint say, where they are given. */
static int open_reference(struct rank *k, struct fail *f)
{
	struct reference *ref = &k->reference;
	if (reference_read(ref, k->ref_file, f))
		return fail_add(f, "--ref");
	if (k->list && strcmp(k->list, ref->criterion.list) != 0)
		return fail_set(f, "%s: a reference of '%s', and -k is '%s'", k->ref_file, ref->criterion.list, k->list);
	if (k->joint && (ref->criterion.joint.p == 1 || k->by.joint.kind != ref->criterion.joint.kind))
		return fail_set(f, "%s: this reference was not made with --joint %s", k->ref_file, k->joint);
	return 0;
}

static int open_all(struct rank *k, struct fail *f)
{
	k->origin.holder = "earlier records have";
	if (k->ref_file && open_reference(k, f))
		return -1;
	if (k->cli.save_ref && atomic_open(&k->save, k->cli.save_ref, f))
		return fail_add(f, "--save-ref");
	if (flow_open(&k->flow, &k->cli, k->sort || k->ref_file ? 0 : FLOW_TWICE, f))
		return -1;
	if (!k->sort)
		return 0;
	k->spool.fd = open_spool(f);
	k->spool.out = k->spool.fd >= 0 ? writer_open_spool(k->spool.fd, f) : NULL;
	return k->spool.out ? 0 : -1;
}

/* The reference takes its place when the records are out: a stream that fails leaves the old one. */
static int close_all(struct rank *k, struct fail *f)
{
	const struct criterion *by = k->ref_file ? &k->reference.criterion : &k->by;
	remark(k, by);
	if (fields_set_int(&k->cli.counts, "ranked", (int64_t)k->ranking.scored, f) ||
	    fields_set_string(&k->cli.counts, "rank_by", by->list, f) || flow_close(&k->flow, f))
		return -1;
	return k->save.path && atomic_commit(&k->save, f) ? fail_add(f, "--save-ref") : 0;
}

static void free_all(struct rank *k)
{
	atomic_abort(&k->save);
	writer_abort(k->spool.out);
	free(k->spool.from);
	free(k->spool.len);
	if (k->spool.fd >= 0)
		close(k->spool.fd);
	provenance_free(&k->origin, k->by.joint.p);
	ranking_free(&k->ranking);
	criterion_free(&k->by);
	reference_free(&k->reference);
}

int main(int argc, char **argv)
{
	static struct rank k = {.spool.fd = -1, .save.fd = -1};
	struct cli *c = &k.cli;
	const struct cli_opt opts[] = {
		{'k', "key", "FIELDS", CLI_TEXT, &k.list, "the field to rank by, highest first (default selfinf); of a,b,c the joint score"},
		{0, "joint", "KIND", CLI_TEXT, &k.joint, "the joint score: tails, of high values (default), or mahalanobis, of high and low ones"},
		{0, "sort", NULL, CLI_FLAG, &k.sort, "emit the records in rank order, the unscored last"},
		{0, "save-ref", "FILE", CLI_TEXT, &c->save_ref, "keep the distribution of the score in FILE, for --ref"},
		{0, "ref", "FILE", CLI_TEXT, &k.ref_file, "no ranks: pct and z against the distribution in FILE, in one pass"},
		CLI_NAMES(c),
		CLI_OUTPUT(c),
		CLI_BASE(c),
	};
	if (!cli_begin(c, "vae-rank", "[FILE ...]", "Ranks records by a field, or several jointly: appends rank, rank_n, rank_by, pct, z.", opts, argc, argv) ||
	    !check_options(&k)) {
		criterion_free(&k.by);
		return c->status;
	}
	struct fail f = {{0}};
	int r = open_all(&k, &f);
	if (!r)
		r = k.ref_file ? compare_stream(&k, &f) : rank_stream(&k, &f);
	if (!r)
		r = close_all(&k, &f);
	if (r) {
		flow_abort(&k.flow);
		cli_failed(c, &f);
	}
	free_all(&k);
	return cli_end(c, r ? EXIT_FAILED : EXIT_OK);
}
