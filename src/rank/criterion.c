#include "rank/criterion.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "stream/expr.h"
#include "stream/name.h"

static const char *const question_names[] = {[JOINT_HARDER] = "harder", [JOINT_UNLIKE] = "unlike", [JOINT_FAR] = "far"};

static int find_field(const struct criterion *c, const char *name)
{
	for (int i = 0; i < c->joint.p; i++)
		if (strcmp(c->field[i], name) == 0)
			return i;
	return -1;
}

/* Adds a field, which the records collected so far lack. */
static int add_field(struct criterion *c, const char *name, int question, struct fail *f)
{
	int k = find_field(c, name);
	if (k >= 0) {
		c->joint.use[k] |= (unsigned char)question;
		return 0;
	}
	if (c->joint.p == JOINT_MAX_FIELDS)
		return fail_set(f, "more than %d fields in '%s'", JOINT_MAX_FIELDS, c->label);
	size_t p = (size_t)c->joint.p;
	if (grow(&c->x, &c->cap, c->n * (p + 1), "values", f))
		return -1;
	if (!(c->field[p] = strdup(name)))
		return fail_memory(f);
	for (size_t i = c->n; i-- > 0;) {
		memmove(c->x + i * (p + 1), c->x + i * p, p * sizeof *c->x);
		c->x[i * (p + 1) + p] = NAN;
	}
	c->missing[p] = c->n;
	c->incomplete = c->n;
	c->joint.use[p] = (unsigned char)question;
	c->joint.p++;
	return 0;
}

/* Cuts a list into names. */
static int read_list(struct criterion *c, const char *list, char **copy, int question, struct fail *f)
{
	char shown[80];
	int first = c->names;
	if (!(*copy = strdup(list)))
		return fail_memory(f);
	for (char *next = *copy; next;) {
		char *name = next;
		next = strchr(next, ',');
		if (next)
			*next++ = 0;
		if (!*name)
			return fail_set(f, "empty field name in '%s'", name_show(shown, sizeof shown, list));
		for (int i = first; i < c->names; i++)
			if (strcmp(c->name[i].text, name) == 0)
				return fail_set(f, "the field '%s' is named twice", name_show(shown, sizeof shown, name));
		if (c->names - first == JOINT_MAX_FIELDS)
			return fail_set(f, "more than %d fields in '%s'", JOINT_MAX_FIELDS, name_show(shown, sizeof shown, list));
		int pattern = strpbrk(name, "*?") != NULL;
		c->name[c->names++] = (struct criterion_name){name, pattern, question};
		c->patterns += pattern;
		if (!pattern && add_field(c, name, question, f))
			return -1;
	}
	return 0;
}

int criterion_open(struct criterion *c, const struct criterion_lists *lists, enum joint_kind kind, struct fail *f)
{
	struct buf label = {0};
	*c = (struct criterion){.joint.kind = kind};
	int bad = buf_addf(&label, f, "%s", lists->list) || (lists->unlike && buf_addf(&label, f, "; unlike %s", lists->unlike)) ||
	          (lists->far && buf_addf(&label, f, "; far %s", lists->far));
	c->label = label.p;
	if (bad)
		return -1;
	c->list = strdup(lists->list);
	c->unlike = lists->unlike ? strdup(lists->unlike) : NULL;
	c->far = lists->far ? strdup(lists->far) : NULL;
	if (!c->list || (lists->unlike && !c->unlike) || (lists->far && !c->far))
		return fail_memory(f);
	int all = lists->unlike || lists->far ? JOINT_HARDER : JOINT_HARDER | JOINT_UNLIKE;
	if (read_list(c, c->list, &c->copy[0], all, f) || (c->unlike && read_list(c, c->unlike, &c->copy[1], JOINT_UNLIKE, f)) ||
	    (c->far && read_list(c, c->far, &c->copy[2], JOINT_FAR, f)))
		return -1;
	c->joint_wanted = c->names > 1 || c->patterns || kind == JOINT_BOTH;
	return 0;
}

int criterion_add_field(struct criterion *c, const char *name, struct fail *f)
{
	int matches = find_field(c, name) >= 0;
	for (int k = 0; k < c->names; k++)
		matches |= c->name[k].pattern && expr_like(c->name[k].text, name, strlen(name));
	return matches ? add_field(c, name, JOINT_HARDER, f) : fail_set(f, "'%s' is not a field of '%s'", name, c->label);
}

int criterion_asks(const struct criterion *c, int question)
{
	int asks = 0;
	for (int i = 0; i < c->names; i++)
		asks |= c->name[i].question & question;
	return asks != 0;
}

/* Adds the record's fields that match a pattern. */
static int match_patterns(struct criterion *c, struct record *rec, struct fail *f)
{
	const struct fields *s = &rec->fields;
	if (record_fields(rec, f))
		return -1;
	for (size_t i = 0; i < s->n; i++)
		for (int k = 0; k < c->names && s->v[i].type == 'n'; k++) {
			const struct criterion_name *t = &c->name[k];
			char name[256];
			if (!t->pattern || s->v[i].name_len >= sizeof name || !expr_like(t->text, s->text.p + s->v[i].name, s->v[i].name_len))
				continue;
			snprintf(name, sizeof name, "%.*s", (int)s->v[i].name_len, s->text.p + s->v[i].name);
			if (add_field(c, name, t->question, f))
				return record_fail(rec, f);
		}
	return 0;
}

int criterion_values(struct criterion *c, struct record *rec, struct fail *f)
{
	int found = 0;
	for (int i = 0; i < c->joint.p; i++) {
		int got = record_number(rec, c->field[i], &c->v[i], f);
		if (got < 0)
			return -1;
		if (!got)
			c->v[i] = NAN;
		found += got;
	}
	return found;
}

static void count_missing(struct criterion *c, int found)
{
	if (found <= 0 || found == c->joint.p)
		return;
	c->incomplete++;
	for (int i = 0; i < c->joint.p; i++)
		c->missing[i] += isnan(c->v[i]);
}

/* The same, and counts what is missing. */
static int count_values(struct criterion *c, struct record *rec, struct fail *f)
{
	int found = criterion_values(c, rec, f);
	count_missing(c, found);
	return found;
}

/* Keeps c->v for the fit. */
static int keep_values(struct criterion *c, struct fail *f)
{
	size_t p = (size_t)c->joint.p;
	if (grow(&c->x, &c->cap, (c->n + 1) * p, "values", f))
		return -1;
	memcpy(c->x + p * c->n++, c->v, p * sizeof *c->v);
	return 0;
}

int criterion_add(struct criterion *c, struct record *rec, struct ranking *r, struct fail *f)
{
	if (c->patterns && match_patterns(c, rec, f))
		return -1;
	int found = count_values(c, rec, f);
	if (found < 0 || (found && c->joint_wanted && keep_values(c, f)))
		return -1;
	return ranking_add(r, !found ? NAN : c->joint_wanted ? 0 : c->v[0], f);
}

int criterion_add_column(struct criterion *c, const char *name, struct fail *f)
{
	for (int k = 0; k < c->names; k++)
		if (c->name[k].pattern && expr_like(c->name[k].text, name, strlen(name)) && add_field(c, name, c->name[k].question, f))
			return -1;
	return 0;
}

int criterion_field(const struct criterion *c, const char *name) { return find_field(c, name); }

int criterion_reserve(struct criterion *c, size_t n, struct fail *f)
{
	return grow(&c->x, &c->cap, n * (size_t)c->joint.p, "values", f);
}

int criterion_add_values(struct criterion *c, const double *v, struct fail *f)
{
	int found = 0;
	for (int i = 0; i < c->joint.p; i++) {
		c->v[i] = v[i];
		found += !isnan(v[i]);
	}
	count_missing(c, found);
	return found && keep_values(c, f) ? -1 : found;
}

int criterion_decide(struct criterion *c, int drop, struct fail *f)
{
	if (grow(&c->decision, &c->decisions_cap, c->decisions + 1, "decisions", f))
		return -1;
	c->decision[c->decisions++] = (struct learn_decision){c->n - 1, (unsigned char)drop};
	return 0;
}

int criterion_label_learned(struct criterion *c, struct fail *f)
{
	struct buf b = {0};
	if (buf_addf(&b, f, "%s; learned", c->label))
		return -1;
	free(c->label);
	c->label = b.p;
	return 0;
}

/* Every field has a value in some record, and every pattern a field. */
static int check_fields(const struct criterion *c, struct fail *f)
{
	char shown[80];
	for (int k = 0; k < c->joint.p; k++)
		if (c->missing[k] == c->n)
			return fail_set(f, "no record has a number in the field '%s'", name_show(shown, sizeof shown, c->field[k]));
	for (int k = 0; k < c->names; k++) {
		int used = 0;
		for (int i = 0; i < c->joint.p; i++)
			used |= (c->joint.use[i] & c->name[k].question) && expr_like(c->name[k].text, c->field[i], strlen(c->field[i]));
		if (c->name[k].pattern && !used)
			return fail_set(f, "no record has a number in a field that matches '%s'", name_show(shown, sizeof shown, c->name[k].text));
	}
	return 0;
}

/* Fits the joint score, which replaces the first values of x. Where there are decisions, learned [n] becomes the learned score. */
static int fit_scores(struct criterion *c, double *learned, struct fail *f)
{
	size_t p = (size_t)c->joint.p, size = c->n * p * sizeof *c->x;
	double *copy = c->learns ? malloc(size) : NULL;
	if (c->learns && !copy)
		return fail_memory_for(f, "%zu fields of %zu records", p, c->n);
	if (copy)
		memcpy(copy, c->x, size);
	int r = joint_fit(&c->joint, c->x, c->n, c->parts, f);
	if (copy && !r)
		r = learn_fit(&c->learn, c->joint.p, copy, c->x, c->n, c->decision, c->decisions, f);
	for (size_t i = 0; i < c->n && !r && c->learn.p && learned; i++)
		learned[i] = learn_score(&c->learn, copy + i * p, c->x[i]);
	free(copy);
	return r;
}

int criterion_fit_values(struct criterion *c, struct fail *f)
{
	if (!c->joint_wanted || !c->n)
		return 0;
	return check_fields(c, f) || fit_scores(c, NULL, f) ? -1 : 0;
}

int criterion_fit(struct criterion *c, struct ranking *r, struct fail *f)
{
	if (!c->joint_wanted || !r->n)
		return 0;
	if (check_fields(c, f))
		return -1;
	c->parts = c->joint.kind == JOINT_BOTH ? malloc(r->n * sizeof *c->parts) : NULL;
	c->joint_score = c->learns ? malloc(r->n * sizeof *c->joint_score) : NULL;
	if ((c->joint.kind == JOINT_BOTH && !c->parts) || (c->learns && !c->joint_score))
		return fail_memory_for(f, "the joint score of %zu records", c->n);
	if (fit_scores(c, c->joint_score, f) || (c->learn.p && criterion_label_learned(c, f)))
		return -1;
	for (size_t i = r->n, k = c->n; i-- > 0;) { /* from the end, so that arrays of the records with a score move in place */
		if (isnan(r->v[i].value))
			continue;
		k--;
		r->v[i].value = c->learn.p ? c->joint_score[k] : c->x[k];
		if (c->learns)
			c->joint_score[i] = c->x[k];
		if (c->parts)
			c->parts[i] = c->parts[k];
	}
	free(c->x);
	c->x = NULL;
	c->cap = 0;
	return 0;
}

int criterion_score(struct criterion *c, struct record *rec, struct criterion_scores *s, struct fail *f)
{
	int found = count_values(c, rec, f);
	if (found <= 0)
		return found;
	s->score = s->joint = c->joint_wanted ? joint_score(&c->joint, c->v, &s->parts) : c->v[0];
	if (c->learn.p)
		s->score = learn_score(&c->learn, c->v, s->joint);
	return 1;
}

int criterion_explain(const struct criterion *c, struct buf *out, struct fail *f)
{
	struct joint_reason r = joint_explain(&c->joint, c->v);
	if (r.field < 0)
		return 0;
	return (c->joint.kind == JOINT_BOTH && buf_addf(out, f, "%s: ", question_names[r.question])) ||
	                       buf_addf(out, f, "%s %s", c->field[r.field], r.low ? "low" : "high") ? -1 : 0;
}

void criterion_free(struct criterion *c)
{
	free(c->list);
	free(c->unlike);
	free(c->far);
	free(c->label);
	for (int i = 0; i < JOINT_QUESTIONS; i++)
		free(c->copy[i]);
	for (int i = 0; i < c->joint.p; i++)
		free(c->field[i]);
	free(c->x);
	free(c->parts);
	free(c->decision);
	free(c->joint_score);
	learn_free(&c->learn);
	joint_free(&c->joint);
	*c = (struct criterion){.list = NULL};
}
