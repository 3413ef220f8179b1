#include <stdlib.h>
#include <string.h>

#include "rank/reference.h"

/* What differs between two references that must be of the same scores; NULL: nothing. */
static const char *difference(const struct reference *a, const struct reference *b)
{
	const struct criterion *c = &a->criterion, *d = &b->criterion;
	if (strcmp(c->label, d->label) != 0 || c->joint.p != d->joint.p || c->joint_wanted != d->joint_wanted || c->joint.kind != d->joint.kind)
		return "fields or joint score";
	for (int i = 0; i < c->joint.p; i++) {
		if (strcmp(c->field[i], d->field[i]) != 0)
			return "fields or joint score";
		if (!provenance_same(a->provenance.model[i], b->provenance.model[i]))
			return "model";
		if (!provenance_same(a->provenance.options[i], b->provenance.options[i]))
			return "options";
	}
	return NULL;
}

static int check_parts(const struct reference *parts, char *const *names, size_t n, struct fail *f)
{
	const struct criterion *c = &parts[0].criterion;
	if (c->learn.p)
		return fail_set(f, "%s: what was learned cannot be merged; merge the references without --learn", names[0]);
	if (c->joint_wanted && c->joint.kind != JOINT_TAILS)
		return fail_set(f, "%s: references of --joint %s cannot be merged, because each has a centre and scatter of its own: rank the records of all as one stream",
		                names[0], joint_names[c->joint.kind]);
	for (size_t i = 1; i < n; i++) {
		const char *what = difference(&parts[0], &parts[i]);
		if (what)
			return fail_set(f, "%s and %s have different %s: they cannot be merged", names[0], names[i], what);
	}
	return 0;
}

static int copy_provenance(struct provenance *to, const struct provenance *from, int p, struct fail *f)
{
	for (int i = 0; i < p; i++) {
		to->model[i] = from->model[i] ? strdup(from->model[i]) : NULL;
		to->options[i] = from->options[i] ? strdup(from->options[i]) : NULL;
		if ((from->model[i] && !to->model[i]) || (from->options[i] && !to->options[i]))
			return fail_memory(f);
	}
	return 0;
}

/* Median and spread of the merged values, as a ranking has them. */
static int fit_scale(struct reference *all, struct fail *f)
{
	struct ranking r = {.v = NULL};
	int bad = 0;
	for (size_t i = 0; i < all->score.n && !bad; i++)
		bad = ranking_add(&r, all->score.value[i], f);
	if (!bad)
		ranking_sort(&r);
	all->median = r.median;
	all->spread = r.spread;
	ranking_free(&r);
	return bad;
}

int reference_merge(struct reference *all, const struct reference *parts, char *const *names, size_t n, struct fail *f)
{
	const struct criterion *c = &parts[0].criterion;
	*all = (struct reference){.spread = 0};
	if (check_parts(parts, names, n, f) || criterion_open(&all->criterion, &(struct criterion_lists){.list = c->list}, JOINT_TAILS, f) ||
	    copy_provenance(&all->provenance, &parts[0].provenance, c->joint.p, f))
		return -1;
	const struct quantiles **q = calloc(n, sizeof(const struct quantiles *));
	if (!q)
		return fail_memory(f);
	int r = 0;
	for (int i = 0; i < c->joint.p && !r; i++) {
		r = criterion_add_field(&all->criterion, c->field[i], f);
		for (size_t k = 0; k < n; k++)
			q[k] = &parts[k].criterion.joint.tail[i];
		if (!r && c->joint_wanted)
			r = quantiles_merge(&all->criterion.joint.tail[i], q, n, f);
	}
	for (size_t k = 0; k < n; k++)
		q[k] = &parts[k].score;
	r = r || quantiles_merge(&all->score, q, n, f) || fit_scale(all, f) ? -1 : 0;
	free(q);
	return r;
}
