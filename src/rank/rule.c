#include "rank/rule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COUNT 1e15 /* a whole number in double and in int64_t */

int quota_parse(struct quota *q, const char *text)
{
	char *end;
	double v = strtod(text, &end);
	int percent = *end == '%' && !end[1];
	*q = (struct quota){NAN, NAN};
	if (end == text || !isfinite(v) || v < 0 || (!percent && (*end || v != floor(v) || v > MAX_COUNT)) || (percent && v > 100))
		return -1;
	*(percent ? &q->percent : &q->count) = v;
	return 0;
}

double quota_records(const struct quota *q, double n)
{
	return isnan(q->percent) ? q->count : fmin(fmax(floor(q->percent / 100 * n * (1 + 1e-12)), 0), MAX_COUNT);
}

/* The description: what dropped_by says. */
static int describe(struct rule *u, const struct rule_options *o, struct fail *f)
{
	struct buf *b = &u->description;
	if (o->because)
		return buf_addf(b, f, "%s", o->because);
	int r = buf_addf(b, f, "%s", u->inverted ? "not (" : "");
	if (!r && o->top)
		r = buf_addf(b, f, "top %s of %s", o->top, u->field);
	else if (!r && o->expr)
		r = buf_addf(b, f, "%s", o->expr);
	else if (!r && o->keys)
		r = buf_addf(b, f, "key in %s", strcmp(o->keys, "-") == 0 ? "standard input" : o->keys);
	else if (!r && o->duplicates)
		r = buf_addf(b, f, "an earlier record has the same %s", u->field);
	else if (!r)
		r = buf_addf(b, f, "%s > %.9g", u->field, u->above);
	return r || buf_addf(b, f, "%s", u->inverted ? ")" : "") ? -1 : 0;
}

int rule_open(struct rule *u, const struct rule_options *o, struct fail *f)
{
	int given = (o->top != NULL) + !isnan(o->above) + (o->expr != NULL) + (o->keys != NULL) + (o->duplicates != NULL);
	*u = (struct rule){.kind = o->top ? RULE_TOP : o->keys ? RULE_KEYS : o->expr ? RULE_EXPR : o->duplicates ? RULE_DUPLICATES : RULE_ABOVE, .above = o->above, .inverted = o->inverted};
	if (given != 1)
		return fail_set(f, given ? "only one of --top, --above, -e, --keys and --duplicates can be given" : "one of --top, --above, -e, --keys and --duplicates is required");
	if (o->field && (o->expr || o->keys))
		return fail_set(f, "-k is the field of --top, --above and --duplicates; %s does not use it", o->expr ? "-e" : "--keys");
	if (o->top && quota_parse(&u->top, o->top))
		return fail_set(f, "--top takes a number of records or a percentage, as in 100 or 1%%, not '%s'", o->top);
	if (o->duplicates && strcmp(o->duplicates, "keep-first") != 0)
		return fail_set(f, "--duplicates takes keep-first, not '%s'", o->duplicates);
	if (!o->expr && !o->keys)
		u->field = o->field ? o->field : o->top ? "rank" : o->duplicates ? "dup_group" : "selfinf";
	if (o->expr && !(u->expr = expr_parse(o->expr, f)))
		return fail_add(f, "-e");
	return describe(u, o, f);
}

/* Whether a record's rank or value matches. A record without one does not match, and is counted. */
static int match_number(struct rule *u, struct record *r, double *threshold, struct fail *f)
{
	double v, n = 0;
	char rank_n[256];
	int found = record_number(r, u->field, &v, f);
	if (found > 0 && u->kind == RULE_TOP) { /* a rank has the number of ranked records beside it */
		snprintf(rank_n, sizeof rank_n, "%.240s_n", u->field);
		found = fields_number(&r->fields, rank_n, &n);
	}
	if (found <= 0) {
		u->missing += !found;
		return found;
	}
	*threshold = u->kind == RULE_TOP ? quota_records(&u->top, n) : u->above;
	return u->kind == RULE_TOP ? v < *threshold : v > *threshold;
}

/* A record without a group is alone. */
static int match_group(struct rule *u, struct record *r, struct fail *f)
{
	u->key.len = 0;
	int found = record_value(r, u->field, &u->key, f);
	if (found <= 0) {
		u->missing += !found;
		return found;
	}
	int added = keyset_add(&u->groups, u->key.p, u->key.len, f);
	return added < 0 ? -1 : !added;
}

static int matches(struct rule *u, struct record *r, double *threshold, struct fail *f)
{
	int missing = 0, got;
	switch (u->kind) {
	case RULE_TOP:
	case RULE_ABOVE:
		return match_number(u, r, threshold, f);
	case RULE_DUPLICATES:
		return match_group(u, r, f);
	case RULE_EXPR:
		got = expr_match(u->expr, r, &missing, f);
		u->missing += missing == EXPR_COMPARED || (missing && u->inverted);
		return got;
	default:
		u->key.len = 0;
		if (record_text(r, "key", &u->scratch, &u->key, f) < 0)
			return -1;
		return keylist_has(&u->keys, u->key.p, u->key.len);
	}
}

void rule_begin(struct rule *u)
{
	u->missing = 0;
	keyset_clear(&u->groups);
}

int rule_match(struct rule *u, struct record *r, double *threshold, struct fail *f)
{
	*threshold = NAN;
	if (record_fields(r, f))
		return -1;
	int got = matches(u, r, threshold, f);
	return got < 0 ? -1 : got != u->inverted;
}

void rule_free(struct rule *u)
{
	expr_free(u->expr);
	keylist_free(&u->keys);
	keyset_free(&u->groups);
	buf_free(&u->description);
	buf_free(&u->key);
	buf_free(&u->scratch);
}
