#include "stream/expr.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum op { OR, AND, NOT, TRUTH /* a value alone */, EQ, NE, LT, LE, GT, GE, NAME, NUMBER, STRING };

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
	char *end;
	double number = strtod(from, &end);
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

static struct expr *parse_or(struct parser *p);

static struct expr *parse_not(struct parser *p)
{
	static const struct { const char *word; enum op op; } ops[] = {{"==", EQ}, {"!=", NE}, {"<=", LE}, {">=", GE}, {"<", LT}, {">", GT}};
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
		while (a && i < 6 && !accept(p, ops[i].word))
			i++;
		e = a && i < 6 ? make_node(p, ops[i].op, a, parse_value(p)) : make_node(p, TRUTH, a, NULL);
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
		return fail_at(&p, "syntax error (comparisons are == != < <= > >=, joined by && and ||)");
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
	char *end;
	if (!b->len)
		return 0;
	*out = strtod(b->p, &end);
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

enum { UNKNOWN = 2 };

/* 1, 0, UNKNOWN or -1 */
static int evaluate(const struct expr *e, struct record *r, struct fail *f)
{
	if (e->op == OR || e->op == AND || e->op == NOT) {
		int a = evaluate(e->a, r, f), decides = e->op == OR;
		if (a < 0 || e->op == NOT)
			return a < 0 || a == UNKNOWN ? a : !a;
		if (a == decides)
			return a;
		int b = evaluate(e->b, r, f);
		return a == UNKNOWN && b == !decides ? UNKNOWN : b;
	}
	struct buf a = {0}, b = {0};
	int got = get_text(e->a, r, &a, f), quoted = e->a->op == STRING || (e->b && e->b->op == STRING);
	if (got > 0 && e->b)
		got = get_text(e->b, r, &b, f);
	if (got == 0)
		got = UNKNOWN;
	else if (got > 0)
		got = e->op == TRUTH ? is_true(&a) : compare(e->op, quoted, &a, &b);
	buf_free(&a);
	buf_free(&b);
	return got;
}

int expr_match(const struct expr *e, struct record *r, int *missing, struct fail *f)
{
	int got = evaluate(e, r, f);
	*missing |= got == UNKNOWN;
	return got == UNKNOWN ? 0 : got;
}
