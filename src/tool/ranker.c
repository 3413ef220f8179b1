#include "tool/ranker.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/grow.h"

/* The fields that a run may append. */
static const char *const all_names[] = {"rank", "rank_n", "rank_by", "pct", "z", "joint", "joint_reason", "joint_tails", "joint_unlike", "joint_far", "learned", NULL};

/* Those of the questions of JOINT_BOTH. */
static const char *const part_names[] = {"joint_tails", "joint_unlike", "joint_far"};

/* Those that this run appends. */
static void choose_names(struct ranker *k, const struct criterion *c)
{
	int n = 0;
	for (int i = 0; i < 5; i++) /* rank to z */
		k->names[n++] = all_names[i];
	if (c->joint_wanted) {
		k->names[n++] = "joint";
		k->names[n++] = "joint_reason";
	}
	for (int i = 0; i < JOINT_QUESTIONS && c->joint_wanted && c->joint.kind == JOINT_BOTH; i++)
		if (criterion_asks(c, 1 << i))
			k->names[n++] = part_names[i];
	if (c->learns || c->learn.p)
		k->names[n++] = "learned";
	k->names[n] = NULL;
}

static int fail_none_scored(const struct criterion *c, uint64_t n, struct fail *f)
{
	return fail_set(f, c->joint_wanted ? "none of %llu records has a number in any of the fields '%s'"
	                                   : "none of %llu records has a number in the field '%s'", (unsigned long long)n, c->label);
}

/* --- the spool --- */

static int spool_record(struct ranker *k, struct record *r, struct fail *f)
{
	size_t n = k->spool.n, from_cap = k->spool.cap;
	if (grow(&k->spool.from, &from_cap, n + 1, "records", f) || grow(&k->spool.len, &k->spool.cap, n + 1, "records", f))
		return -1;
	k->spool.from[n] = writer_bytes(k->spool.out);
	if (writer_record(k->spool.out, r, WRITER_ALL, f))
		return -1;
	k->spool.len[n] = writer_bytes(k->spool.out) - k->spool.from[n];
	k->spool.n++;
	return 0;
}

/* Makes the flow read the spool in rank order. The caller frees *order when the flow has been read. */
static int read_spool(struct ranker *k, uint64_t **order, struct fail *f)
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

/* --- ranking --- */

/* Mixed provenance is an error for a reference; a ranking only warns. */
static int check_provenance(struct ranker *k, struct record *r, struct fail *f)
{
	if (k->mixed.msg[0] || !provenance_check(&k->provenance, &k->criterion, &r->fields, &k->mixed))
		return 0;
	record_fail(r, &k->mixed);
	if (!k->save.path && !k->mixed.memory)
		return 0;
	*f = k->mixed;
	return -1;
}

/* Looks up what was decided on a record. */
static int decide(struct ranker *k, struct record *r, int scored, struct fail *f)
{
	k->key.len = 0;
	if (record_text(r, "key", &k->reason, &k->key, f) < 0)
		return -1;
	enum decision d = keylist_decision(&k->decisions, k->key.p, k->key.len);
	k->decided += d != DECISION_NONE;
	if (!scored || (d != DECISION_KEEP && d != DECISION_DROP)) {
		k->undecided += d != DECISION_NONE;
		return 0;
	}
	return criterion_decide(&k->criterion, d == DECISION_DROP, f);
}

static int collect(void *ctx, struct record *r, struct fail *f)
{
	struct ranker *k = ctx;
	struct ranking *all = &k->ranking;
	if (flow_claim(&k->flow, r, k->names, f) || criterion_add(&k->criterion, r, all, f))
		return -1;
	if (!isnan(all->v[all->n - 1].value) && check_provenance(k, r, f))
		return -1;
	if (k->criterion.learns && decide(k, r, !isnan(all->v[all->n - 1].value), f))
		return -1;
	return k->sort ? spool_record(k, r, f) : 0;
}

static int first_pass(struct ranker *k, struct fail *f)
{
	struct writer *out = k->flow.out;
	if (!k->sort)
		k->flow.out = NULL; /* loose members are written in the second pass */
	int r = flow_each(&k->flow, collect, k, f);
	k->flow.out = out;
	if (!r && k->ranking.n && !k->ranking.scored)
		r = fail_none_scored(&k->criterion, k->ranking.n, f);
	return r ? r : criterion_fit(&k->criterion, &k->ranking, f);
}

/* Appends the joint score, its parts, its reason, and what was learnt. */
static int append_joint(struct ranker *k, struct criterion *c, struct record *r, const struct criterion_scores *s, struct fail *f)
{
	char name[256];
	k->reason.len = 0;
	if (fields_set_real(&r->fields, cli_field(k->cli, name, "joint"), s->joint, f) ||
	    (c->learn.p && fields_set_real(&r->fields, cli_field(k->cli, name, "learned"), s->score, f)))
		return record_fail(r, f);
	for (int i = 0; i < JOINT_QUESTIONS && c->joint.kind == JOINT_BOTH; i++)
		if (criterion_asks(c, 1 << i) && fields_set_real(&r->fields, cli_field(k->cli, name, part_names[i]), s->parts.of[i], f))
			return record_fail(r, f);
	if (criterion_explain(c, &k->reason, f))
		return -1;
	return k->reason.len && fields_set_string(&r->fields, cli_field(k->cli, name, "joint_reason"), k->reason.p, f) ? record_fail(r, f) : 0;
}

/* The values of the record are c->v. */
static int append_common(struct ranker *k, struct criterion *c, struct record *r, double pct, double z, const struct criterion_scores *s, struct fail *f)
{
	char name[256];
	r->fields_changed = 1;
	if (fields_set_string(&r->fields, cli_field(k->cli, name, "rank_by"), c->label, f) ||
	    fields_set_real(&r->fields, cli_field(k->cli, name, "pct"), pct, f) || fields_set_real(&r->fields, cli_field(k->cli, name, "z"), z, f))
		return record_fail(r, f);
	return c->joint_wanted ? append_joint(k, c, r, s, f) : 0;
}

/* position: of the record in the stream. */
static int append_rank(struct ranker *k, struct record *r, uint64_t rank, uint64_t position, double score, struct fail *f)
{
	const struct ranking *all = &k->ranking;
	struct criterion *c = &k->criterion;
	char name[256];
	if (record_fields(r, f) || (c->joint_wanted && criterion_values(c, r, f) < 0))
		return -1;
	flow_clear(&k->flow, r, all_names); /* those of an earlier ranking, joint included */
	if (rank >= all->scored)
		return 0;
	if (fields_set_int(&r->fields, cli_field(k->cli, name, "rank"), (int64_t)rank, f) ||
	    fields_set_int(&r->fields, cli_field(k->cli, name, "rank_n"), (int64_t)all->scored, f))
		return record_fail(r, f);
	struct criterion_scores s = {.score = score, .joint = c->joint_score ? c->joint_score[position] : score};
	if (c->parts)
		s.parts = c->parts[position];
	return append_common(k, c, r, 100 * (double)(all->scored - rank) / (double)all->scored, ranking_z(all, score), &s, f);
}

static int second_pass(struct ranker *k, struct fail *f)
{
	struct record r = {.fields_member = -1};
	struct writer *out = k->flow.out;
	uint64_t i = 0;
	int got = 0;
	k->flow.records = 0;
	while (!got) {
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
			got = fail_set(f, "more records than in the first pass: changed between two passes, run the tool again");
			break;
		}
		const struct ranked *entry = &k->ranking.v[i];
		uint64_t rank = k->sort ? i : entry->index, position = k->sort ? entry->index : i;
		got = append_rank(k, &r, rank, position, entry->value, f) ? -1 : writer_record(out, &r, WRITER_ALL, f);
		i++;
		k->flow.records++;
	}
	record_free(&r);
	return got;
}

static int rank_stream(struct ranker *k, struct fail *f)
{
	uint64_t *order = NULL;
	if (first_pass(k, f))
		return -1;
	ranking_sort(&k->ranking);
	if (k->save.path && (reference_check_replace(k->cli->save_ref, &k->ranking, &k->criterion, &k->provenance, f) ||
	                     reference_write(&k->ranking, &k->criterion, &k->provenance, &k->save, f)))
		return fail_add(f, "--save-ref");
	if (!k->sort)
		ranking_invert(&k->ranking);
	int r = k->sort ? read_spool(k, &order, f) : reader_rewind(k->flow.in, f);
	if (!r)
		r = second_pass(k, f);
	free(order);
	return r;
}

/* --- comparing with a reference --- */

/* Counts how far the stream lies from the reference. */
static void count_drift(struct ranker *k, double score)
{
	const struct criterion *c = &k->reference.criterion;
	drift_add(&k->drift[0], score);
	for (int i = 0; i < c->joint.p && c->joint_wanted; i++)
		if (!isnan(c->v[i]))
			drift_add(&k->drift[1 + i], c->v[i]);
}

static int open_drift(struct ranker *k, struct fail *f)
{
	const struct criterion *c = &k->reference.criterion;
	int r = drift_open(&k->drift[0], &k->reference.score, f);
	for (int i = 0; i < c->joint.p && c->joint_wanted && !r; i++)
		r = drift_open(&k->drift[1 + i], &c->joint.tail[i], f);
	return r;
}

static int compare_record(void *ctx, struct record *r, struct fail *f)
{
	struct ranker *k = ctx;
	struct reference *ref = &k->reference;
	struct criterion_scores s;
	if (flow_claim(&k->flow, r, k->names, f))
		return -1;
	int scored = criterion_score(&ref->criterion, r, &s, f);
	if (scored < 0)
		return -1;
	if (scored && provenance_check(&ref->provenance, &ref->criterion, &r->fields, f))
		return record_fail(r, f);
	flow_clear(&k->flow, r, all_names);
	k->ranking.scored += (size_t)scored;
	if (scored)
		count_drift(k, s.score);
	if (scored && append_common(k, &ref->criterion, r, reference_pct(ref, s.score), reference_z(ref, s.score), &s, f))
		return -1;
	return flow_pass(&k->flow, r, f);
}

static int compare_stream(struct ranker *k, struct fail *f)
{
	int r = open_drift(k, f) || flow_each(&k->flow, compare_record, k, f) ? -1 : 0;
	return !r && k->flow.records && !k->ranking.scored ? fail_none_scored(&k->reference.criterion, k->flow.records, f) : r;
}

/* --- the whole --- */

int ranker_open(struct ranker *k, struct fail *f)
{
	k->provenance.holder = "earlier records have";
	choose_names(k, k->compare ? &k->reference.criterion : &k->criterion);
	if (k->cli->save_ref && atomic_open(&k->save, k->cli->save_ref, f))
		return fail_add(f, "--save-ref");
	if (flow_open(&k->flow, k->cli, k->sort || k->compare ? 0 : FLOW_TWICE, f))
		return -1;
	if (!k->sort)
		return 0;
	k->spool.fd = open_spool(f);
	k->spool.out = k->spool.fd >= 0 ? writer_open_spool(k->spool.fd, f) : NULL;
	return k->spool.out ? 0 : -1;
}

int ranker_run(struct ranker *k, struct fail *f) { return k->compare ? compare_stream(k, f) : rank_stream(k, f); }

int ranker_close(struct ranker *k, struct fail *f)
{
	if (flow_close(&k->flow, f))
		return -1;
	return k->save.path && atomic_commit(&k->save, f) ? fail_add(f, "--save-ref") : 0;
}

void ranker_free(struct ranker *k)
{
	flow_abort(&k->flow);
	atomic_abort(&k->save);
	writer_abort(k->spool.out);
	free(k->spool.from);
	free(k->spool.len);
	if (k->spool.fd >= 0)
		close(k->spool.fd);
	provenance_free(&k->provenance);
	buf_free(&k->reason);
	buf_free(&k->key);
	keylist_free(&k->decisions);
	for (int i = 0; i <= JOINT_MAX_FIELDS; i++)
		drift_free(&k->drift[i]);
	ranking_free(&k->ranking);
	criterion_free(&k->criterion);
	reference_free(&k->reference);
}
