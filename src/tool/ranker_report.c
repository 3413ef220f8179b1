/* The warnings of vae-rank, and the counts of its --summary. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "tool/ranker.h"

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

static void warn_distance(const struct cli *c, const struct criterion *by, const struct mcd *m, int question)
{
	const struct joint *j = &by->joint;
	if (j->too_few & question) {
		cli_note(c, "fewer than %d records have all the fields of the %s distance, so it adds nothing to the joint score", MCD_RECORDS_PER_FIELD * m->p,
		         question == JOINT_FAR ? "--far" : "--unlike");
		return;
	}
	for (int i = 0; i < j->p; i++)
		if (joint_uses(j, i, question) && joint_degenerate(j, i, question))
			cli_note(c, "the field '%s' has one value in more than half of the records, and is left out of the joint score", by->field[i]);
	for (int i = 0, k = 0, found = mcd_collinear(m); i < j->p && found >= 0; i++)
		if (joint_uses(j, i, question) && k++ == found)
			cli_note(c, "the field '%s' is collinear with the others, or nearly", by->field[i]);
}

static void warn_degenerate(const struct cli *c, const struct criterion *by)
{
	const struct joint *j = &by->joint;
	for (int i = 0; i < j->p; i++)
		if (joint_uses(j, i, JOINT_HARDER) && joint_degenerate(j, i, JOINT_HARDER))
			cli_note(c, "the field '%s' has one value in all records, and adds nothing to the joint score", by->field[i]);
	warn_distance(c, by, &j->mcd, JOINT_UNLIKE);
	warn_distance(c, by, &j->far, JOINT_FAR);
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
static int count_common(struct fields *counts, const struct ranker *k, const struct criterion *by, struct fail *f)
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

static int count_learned(struct fields *counts, const struct ranker *k, struct fail *f)
{
	const struct criterion *by = &k->criterion;
	const struct learn *l = &by->learn;
	char name[300];
	if (fields_set_int(counts, "decisions_keep", (int64_t)l->keep, f) || fields_set_int(counts, "decisions_drop", (int64_t)l->drop, f) ||
	    fields_set_int(counts, "decisions_unused", (int64_t)k->undecided, f) || fields_set_int(counts, "decisions_unknown", (int64_t)(k->decisions.all - k->decided), f))
		return -1;
	if (!isnan(l->auroc) && (fields_set_real(counts, "learn_auroc", l->auroc, f) || fields_set_real(counts, "learn_auroc_error", l->error, f) ||
	                         fields_set_real(counts, "learn_auroc_joint", l->joint_auroc, f)))
		return -1;
	if (l->p && fields_set_real(counts, "weight_joint", l->weight[0], f))
		return -1;
	for (int i = 0; i < l->p; i++) {
		snprintf(name, sizeof name, "weight_%.280s", by->field[i]);
		if (fields_set_real(counts, name, l->weight[1 + i], f))
			return -1;
		snprintf(name, sizeof name, "weight_size_%.275s", by->field[i]);
		if (fields_set_real(counts, name, l->weight[1 + l->p + i], f))
			return -1;
	}
	return 0;
}

/* The most important weights, by size. */
static void note_weights(const struct cli *c, const struct criterion *by)
{
	const struct learn *l = &by->learn;
	struct buf b = {0};
	struct fail f = {{0}};
	unsigned char used[LEARN_MAX_WEIGHTS] = {0};
	int bad = buf_addf(&b, &f, "joint %.3g", l->weight[0]), count = c->verbose ? 2 * l->p : 3;
	for (int i = 0; i < count && i < 2 * l->p && !bad; i++) {
		int most = 0;
		for (int k = 1; k <= 2 * l->p; k++)
			if (!used[k] && (!most || fabs(l->weight[k]) > fabs(l->weight[most])))
				most = k;
		used[most] = 1;
		int field = (most - 1) % l->p;
		bad = buf_addf(&b, &f, most > l->p ? ", |%s| %.3g" : ", %s %.3g", by->field[field], l->weight[most]);
	}
	if (!bad)
		cli_note(c, "learned weights: %s%s", b.p, c->verbose || 2 * l->p <= 3 ? "" : ", ... (-v: all)");
	buf_free(&b);
}

static void report_learned(const struct ranker *k)
{
	const struct cli *c = k->cli;
	const struct learn *l = &k->criterion.learn;
	size_t unknown = k->decisions.all - k->decided;
	if (unknown)
		cli_note(c, "%zu of %zu decisions are on keys that are not in the stream", unknown, k->decisions.all);
	if (!l->p) {
		cli_note(c, "%zu decisions to keep and %zu to drop: nothing can be learned without both, so the records are ranked by their joint score", l->keep, l->drop);
		return;
	}
	if (isnan(l->auroc))
		cli_note(c, "learned from %zu decisions to keep and %zu to drop: too few for a cross-validation", l->keep, l->drop);
	else
		cli_note(c, "learned from %zu decisions to keep and %zu to drop: cross-validated AUROC %.3f +- %.3f, that of the joint score %.3f", l->keep,
		         l->drop, l->auroc, l->error, l->joint_auroc);
	note_weights(c, &k->criterion);
}

/* --- the distance from the reference --- */

/* What is compared: the score at 0, then the fields of a joint score. */
static const char *drift_name(const struct criterion *by, int i) { return i ? by->field[i - 1] : by->learn.p ? "learned" : by->joint_wanted ? "joint" : by->label; }

static int count_drift(struct fields *counts, const struct ranker *k, struct fail *f)
{
	const struct criterion *by = &k->reference.criterion;
	char name[300];
	int far = 0, n = by->joint_wanted ? by->joint.p : 0;
	for (int i = 0; i <= n; i++) {
		struct drift_result d = drift_measure(&k->drift[i]);
		const char *before = i ? "_" : "", *field = i ? by->field[i - 1] : "";
		if (!k->drift[i].records)
			continue;
		far += d.far;
		snprintf(name, sizeof name, "drift_ks%s%.280s", before, field);
		int r = fields_set_real(counts, name, d.ks, f);
		snprintf(name, sizeof name, "drift_p%s%.280s", before, field);
		r = r || fields_set_real(counts, name, d.p, f);
		snprintf(name, sizeof name, "drift_above%s%.280s", before, field);
		if (r || fields_set_real(counts, name, d.above, f))
			return -1;
	}
	return fields_set_int(counts, "drift_far", far, f);
}

/* One line on what lies far from the reference: the score and the three farthest fields. */
static void note_drift(const struct ranker *k)
{
	const struct criterion *by = &k->reference.criterion;
	struct buf b = {0};
	struct fail f = {{0}};
	struct drift_result d[1 + JOINT_MAX_FIELDS];
	int n = by->joint_wanted ? by->joint.p : 0, bad = 0, far = 0;
	for (int i = 0; i <= n; i++) {
		d[i] = drift_measure(&k->drift[i]);
		far += d[i].far;
	}
	for (int shown = 0; shown < far && shown < 4; shown++) {
		int most = -1;
		for (int i = 0; i <= n; i++)
			if (d[i].far && (most < 0 || (most && d[i].ks > d[most].ks)))
				most = i;
		if (most < 0)
			break;
		d[most].far = 0;
		bad |= buf_addf(&b, &f, "%s'%s' by %.2g, p %.2g, %.3g %% above its 99.5 %%", b.len ? "; " : "", drift_name(by, most), d[most].ks, d[most].p, 100 * d[most].above);
	}
	if (far > 4)
		bad |= buf_addf(&b, &f, "; and %d more", far - 4);
	if (far && !bad)
		cli_note(k->cli, "the stream lies far from the reference (Kolmogorov-Smirnov distance): %s", b.p);
	buf_free(&b);
}

int ranker_report(struct ranker *k, struct fail *f)
{
	const struct criterion *by = k->compare ? &k->reference.criterion : &k->criterion;
	warn(k, by);
	if (k->criterion.learns)
		report_learned(k);
	if (k->compare)
		note_drift(k);
	struct fields *counts = &k->cli->counts;
	return count_common(counts, k, by, f) || (k->criterion.learns && count_learned(counts, k, f)) || (k->compare && count_drift(counts, k, f)) ? -1 : 0;
}
