/* rule.h - which records vae-drop takes: by rank, by a threshold, by an expression or by a list of keys. */
#ifndef VF_RULE_H
#define VF_RULE_H

#include "stream/expr.h"
#include "stream/keylist.h"
#include "stream/record.h"

/* A number of records, or a share of them in percent. */
struct quota {
	double count, percent; /* one of them NAN */
};
/* "100", "1%", "0.5%"; 0, or -1 for anything else. */
int quota_parse(struct quota *q, const char *text);
/* How many of n that are: at most the share, so half a record is none. */
double quota_records(const struct quota *q, double n);

enum rule_kind { RULE_TOP, RULE_ABOVE, RULE_EXPR, RULE_KEYS };

struct rule {
	enum rule_kind kind;
	const char *field;  /* RULE_TOP: a rank, beside which FIELD_n stands; RULE_ABOVE; else NULL; borrowed */
	struct quota top;
	double above;
	struct expr *expr;
	struct keylist keys;
	int inverted;       /* what matches stays, all else goes */
	uint64_t without;   /* records that did not match because a name was missing */
	struct buf text;    /* in words, as dropped_by has it */
	struct buf line, scratch;
};

/* Whether a record goes: 1, 0, -1. *threshold becomes what the field was compared with, a rank or a
 * value, or NAN under rules that have none. */
int rule_match(struct rule *u, struct record *r, double *threshold, struct fail *f);
void rule_free(struct rule *u);

#endif
