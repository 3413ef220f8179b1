#include "rank/rule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 1e15 /* records: a whole number in any type */

int quota_parse(struct quota *q, const char *text)
{
	char *end;
	double v = strtod(text, &end);
	int percent = *end == '%' && !end[1];
	*q = (struct quota){NAN, NAN};
	if (end == text || !isfinite(v) || v < 0 || (!percent && (*end || v != floor(v) || v > MOST)) || (percent && v > 100))
		return -1;
	*(percent ? &q->percent : &q->count) = v;
	return 0;
}

double quota_records(const struct quota *q, double n)
{
	return isnan(q->percent) ? q->count : fmin(fmax(floor(q->percent / 100 * n * (1 + 1e-12)), 0), MOST);
}

/* 1 matches, 0 does not, -1; a record that lacks the field does not, and is counted. */
static int by_number(struct rule *u, const struct record *r, double *threshold)
{
	double v, n = 0;
	char total[256];
	int there = fields_number(&r->fields, u->field, &v);
	if (there && u->kind == RULE_TOP) { /* only a rank has a number of ranked records beside it */
		snprintf(total, sizeof total, "%.240s_n", u->field);
		there = fields_number(&r->fields, total, &n);
	}
	if (!there) {
		u->without++;
		return 0;
	}
	*threshold = u->kind == RULE_TOP ? quota_records(&u->top, n) : u->above;
	return u->kind == RULE_TOP ? v < *threshold : v > *threshold;
}

static int matches(struct rule *u, struct record *r, double *threshold, struct fail *f)
{
	int missing = 0, got;
	switch (u->kind) {
	case RULE_TOP:
	case RULE_ABOVE:
		return by_number(u, r, threshold);
	case RULE_EXPR:
		got = expr_match(u->expr, r, &missing, f);
		u->without += missing != 0;
		return got;
	default:
		u->line.len = 0;
		if (record_text(r, "key", &u->scratch, &u->line, f) < 0)
			return -1;
		return keylist_has(&u->keys, u->line.p, u->line.len);
	}
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
	buf_free(&u->text);
	buf_free(&u->line);
	buf_free(&u->scratch);
}
