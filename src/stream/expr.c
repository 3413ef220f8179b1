#include "stream/expr.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stream/name.h"

enum op { OR, AND, NOT, TRUTH /* a value alone */, EQ, NE, LT, LE, GT, GE, LIKE, UNLIKE, NAME, NUMBER, STRING };

struct expr {
	enum op op;
	struct expr *a, *b;
	char *text; /* NAME, NUMBER, STRING */
};

struct parser {
	const char *text, *p;
	int depth, terms;
	struct fail *f;
};

/* Limits on recursion: a chain of terms makes a tree as deep as the chain is long. */
enum { MAX_DEPTH = 100, MAX_TERMS = 5000 };

void expr_free(struct expr *e)
{
	if (!e)
		return;
	expr_free(e->a);
	expr_free(e->b);
	free(e->text);
	free(e);
}

static struct expr *fail_at(struct parser *p, const char *what)
{
	fail_set(p->f, "expression, column %d: %s", (int)(p->p - p->text) + 1, what);
	return NULL;
}

/* Takes ownership of a and b. NULL, and both are freed, when memory is out or an operand is NULL because it failed. */
static struct expr *make_node(struct parser *p, enum op op, struct expr *a, struct expr *b)
{
	int complete = a && (b || op == NOT || op == TRUTH);
	struct expr *e = complete ? calloc(1, sizeof *e) : NULL;
	if (!e) {
		if (complete)
			fail_memory(p->f);
		expr_free(a);
		expr_free(b);
		return NULL;
	}
	*e = (struct expr){op, a, b, NULL};
	return e;
}

/* Skips white space, then the word if it is next. */
static int accept(struct parser *p, const char *word)
{
	while (isspace((unsigned char)*p->p))
		p->p++;
	size_t n = strlen(word);
	if (strncmp(p->p, word, n) != 0)
		return 0;
	p->p += n;
	return 1;
}

static struct expr *make_leaf(struct parser *p, enum op op, const char *from, size_t n)
{
	if (++p->terms > MAX_TERMS)
		return fail_at(p, "too many terms");
	struct expr *e = calloc(1, sizeof *e);
	if (e)
		e->text = strndup(from, n);
	if (!e || !e->text) {
		free(e);
		fail_memory(p->f);
		return NULL;
	}
	e->op = op;
	return e;
}

/* strtod() of decimal numbers alone: the label 0x10 is a text. *end is s if there is none. */
static double decimal(const char *s, const char **end)
{
	char *stop;
	double v = strtod(s, &stop);
	*end = stop > s + strspn(s, "+-.0123456789eE") ? s : stop;
	return v;
}

static struct expr *parse_value(struct parser *p)
{
	accept(p, "");
	const char *from = p->p;
	if (*from == '"' || *from == '\'') {
		const char *end = strchr(from + 1, *from);
		if (!end)
			return fail_at(p, "a string without its closing quote");
		p->p = end + 1;
		return make_leaf(p, STRING, from + 1, (size_t)(end - from - 1));
	}
	const char *end;
	double number = decimal(from, &end);
	if ((isdigit((unsigned char)*from) || *from == '-' || *from == '+' || *from == '.') && end != from) {
		if (!isfinite(number))
			return fail_at(p, "a number out of range");
		p->p = end;
		return make_leaf(p, NUMBER, from, (size_t)(end - from));
	}
	while (isalnum((unsigned char)*p->p) || *p->p == '_' || *p->p == '.' || (*p->p == '-' && p->p > from))
		p->p++;
	return p->p == from ? fail_at(p, "expected a name, a number or a \"string\"") : make_leaf(p, NAME, from, (size_t)(p->p - from));
}

static struct expr *parse_pattern(struct parser *p)
{
	accept(p, "");
	return *p->p == '"' || *p->p == '\'' ? parse_value(p) : fail_at(p, "expected a \"pattern\" in quotes, as in \"cat/*\"");
}

static struct expr *parse_or(struct parser *p);

static struct expr *parse_not(struct parser *p)
{
	static const struct { const char *word; enum op op; } ops[] = {{"==", EQ}, {"!=", NE}, {"<=", LE}, {">=", GE}, {"<", LT}, {">", GT}, {"~", LIKE}, {"!~", UNLIKE}};
	enum { OPS = sizeof ops / sizeof *ops };
	struct expr *e;
	if (++p->depth > MAX_DEPTH)
		return fail_at(p, "nested too deeply");
	if (accept(p, "!")) {
		e = make_node(p, NOT, parse_not(p), NULL);
	} else if (accept(p, "(")) {
		e = parse_or(p);
		if (e && !accept(p, ")")) {
			expr_free(e);
			e = fail_at(p, "expected a closing parenthesis");
		}
	} else {
		struct expr *a = parse_value(p);
		size_t i = 0;
		while (a && i < OPS && !accept(p, ops[i].word))
			i++;
		if (!a || i == OPS)
			e = make_node(p, TRUTH, a, NULL);
		else
			e = make_node(p, ops[i].op, a, ops[i].op < LIKE ? parse_value(p) : parse_pattern(p));
	}
	p->depth--;
	return e;
}

static struct expr *parse_and(struct parser *p)
{
	struct expr *e = parse_not(p);
	while (e && accept(p, "&&"))
		e = make_node(p, AND, e, parse_not(p));
	return e;
}

static struct expr *parse_or(struct parser *p)
{
	struct expr *e = parse_and(p);
	while (e && accept(p, "||"))
		e = make_node(p, OR, e, parse_and(p));
	return e;
}

struct expr *expr_parse(const char *text, struct fail *f)
{
	struct parser p = {.text = text, .p = text, .f = f};
	struct expr *e = parse_or(&p);
	if (e && (accept(&p, ""), *p.p)) {
		expr_free(e);
		return fail_at(&p, "syntax error (comparisons are == != < <= > >= ~ !~, joined by && and ||)");
	}
	return e;
}

/* Appends the text of a value to b: 1, 0 missing, -1. */
static int get_text(const struct expr *e, struct record *r, struct buf *b, struct fail *f)
{
	if (e->op == NAME)
		return record_value(r, e->text, b, f);
	return buf_add(b, e->text, strlen(e->text), f) ? -1 : 1;
}

/* Whether the whole text is a finite number. */
static int get_number(const struct buf *b, double *out)
{
	const char *end;
	if (!b->len)
		return 0;
	*out = decimal(b->p, &end);
	return end == b->p + b->len && isfinite(*out);
}

/* Byte by byte: a field's text may contain a NUL. */
static int compare_text(const struct buf *a, const struct buf *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int c = n ? memcmp(a->p, b->p, n) : 0;
	return c ? c : (a->len > b->len) - (a->len < b->len);
}

/* quoted: compares as text, since keys such as 0e12 and 0e34 are equal as numbers. */
static int compare(enum op op, int quoted, const struct buf *a, const struct buf *b)
{
	double x, y;
	int c;
	if (!quoted && get_number(a, &x) && get_number(b, &y))
		c = (x > y) - (x < y);
	else
		c = compare_text(a, b);
	switch (op) {
	case EQ: return c == 0;
	case NE: return c != 0;
	case LT: return c < 0;
	case LE: return c <= 0;
	case GT: return c > 0;
	default: return c >= 0;
	}
}

static int is_true(const struct buf *a)
{
	double x;
	if (get_number(a, &x))
		return x != 0;
	return a->len && strcmp(a->p, "false") != 0 && strcmp(a->p, "null") != 0;
}

/* Whether the set that begins at *p, behind its [, has the byte; *p moves behind its ]. -1: it has no end. */
static int in_set(const char **p, char c)
{
	const char *q = *p;
	int inverted = *q == '!', has = 0;
	q += inverted;
	const char *first = q;
	for (; *q && (*q != ']' || q == first); q++) {
		unsigned char from = (unsigned char)*q, to = from;
		if (q[1] == '-' && q[2] && q[2] != ']') {
			q += 2;
			to = (unsigned char)*q;
		}
		has |= from <= (unsigned char)c && (unsigned char)c <= to;
	}
	if (!*q)
		return -1;
	*p = q + 1;
	return has != inverted;
}

/* Whether one element of the pattern (not *) matches the beginning of the text: the bytes it takes, or 0. *p moves behind it. */
static size_t match_one(const char **p, const char *text, size_t n)
{
	const char *q = *p + 1;
	int has = n && **p == '[' ? in_set(&q, *text) : -1;
	char c = **p;
	*p = q;
	if (!n || !c || has == 0)
		return 0;
	if (c == '?') {
		int len = utf8_length(text, n);
		return len ? (size_t)len : 1;
	}
	return has > 0 || c == *text;
}

/* After a mismatch only the last * takes more: time is at most the product of the lengths. */
int expr_like(const char *pattern, const char *text, size_t n)
{
	const char *star = NULL, *end = text + n, *from = text;
	while (text < end || *pattern) {
		if (*pattern == '*') {
			star = ++pattern;
			from = text;
			continue;
		}
		size_t len = match_one(&pattern, text, (size_t)(end - text));
		text += len;
		if (len)
			continue;
		if (!star || from == end)
			return 0;
		pattern = star;
		text = ++from;
	}
	return 1;
}

/* ABSENT: unknown, since a name alone is missing. */
enum { UNKNOWN = 2, ABSENT = 3 };

/* 1, 0, UNKNOWN, ABSENT or -1 */
static int evaluate(const struct expr *e, struct record *r, struct fail *f)
{
	if (e->op == OR || e->op == AND || e->op == NOT) {
		int a = evaluate(e->a, r, f), decides = e->op == OR;
		if (a < 0)
			return a;
		if (e->op == NOT)
			return a >= UNKNOWN ? UNKNOWN : !a;
		if (a == decides)
			return a;
		int b = evaluate(e->b, r, f);
		if (b < 0 || b == decides)
			return b;
		return a == UNKNOWN || b == UNKNOWN ? UNKNOWN : a == ABSENT ? ABSENT : b;
	}
	struct buf a = {0}, b = {0};
	int got = get_text(e->a, r, &a, f), quoted = e->a->op == STRING || (e->b && e->b->op == STRING);
	if (got > 0 && e->b)
		got = get_text(e->b, r, &b, f);
	if (got == 0)
		got = e->op == TRUTH ? ABSENT : UNKNOWN;
	else if (got > 0 && e->op >= LIKE && e->op <= UNLIKE)
		got = expr_like(b.p ? b.p : "", a.p ? a.p : "", a.len) == (e->op == LIKE);
	else if (got > 0)
		got = e->op == TRUTH ? is_true(&a) : compare(e->op, quoted, &a, &b);
	buf_free(&a);
	buf_free(&b);
	return got;
}

int expr_match(const struct expr *e, struct record *r, int *missing, struct fail *f)
{
	int got = evaluate(e, r, f);
	*missing = got == UNKNOWN ? EXPR_COMPARED : got == ABSENT ? EXPR_ALONE : *missing;
	return got >= UNKNOWN ? 0 : got;
}
