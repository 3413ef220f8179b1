/* rule.h - which records vae-drop selects: by rank, by a threshold, by an expression, by a list of keys, or because an earlier
 * record of the stream is in the same group. */
#ifndef VF_RULE_H
#define VF_RULE_H

#include "stream/expr.h"
#include "stream/keylist.h"
#include "stream/keyset.h"
#include "stream/record.h"

/* A number of records, or a percentage of them; the other member is NAN. */
struct quota {
	double count, percent;
};
/* Parses "100", "1%" or "0.5%"; fails for anything else. */
int quota_parse(struct quota *q, const char *text);
/* The number of records that a quota allows out of n. Percentages are rounded down. */
double quota_records(const struct quota *q, double n);

enum rule_kind { RULE_TOP, RULE_ABOVE, RULE_EXPR, RULE_KEYS, RULE_DUPLICATES };

/* What the command line says; exactly one of the first five is given. */
struct rule_options {
	const char *top, *expr, *keys, *duplicates;
	double above;      /* NAN: not given */
	const char *field; /* of top, above or duplicates; NULL: the default */
	const char *because; /* the description; NULL: the rule itself */
	int inverted;
};

struct rule {
	enum rule_kind kind;
	const char *field;       /* RULE_TOP: a rank, with FIELD_n beside it; RULE_ABOVE; RULE_DUPLICATES: a group; otherwise NULL. Borrowed */
	struct quota top;        /* RULE_TOP */
	double above;            /* RULE_ABOVE */
	struct expr *expr;       /* RULE_EXPR */
	struct keylist keys;     /* RULE_KEYS */
	struct keyset groups;    /* RULE_DUPLICATES: those that the stream has had */
	int inverted;            /* selects the records that do not match */
	uint64_t missing;        /* records that did not match because a name was missing */
	struct buf description;  /* what dropped_by says */
	struct buf key, scratch; /* used by rule_match() */
};

/* A failure is a usage error. Does not read the list of keys. Call rule_free() also after a failure. */
int rule_open(struct rule *u, const struct rule_options *o, struct fail *f);
/* Before a pass over the stream. */
void rule_begin(struct rule *u);
/* Whether the rule selects a record: 1, 0 or -1. *threshold becomes the rank or value that the field was compared
 * with, or NAN if there is none. */
int rule_match(struct rule *u, struct record *r, double *threshold, struct fail *f);
void rule_free(struct rule *u);

#endif
